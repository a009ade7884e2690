//! The results as a table: the first row in absolute numbers, all others as what they add.

use fairlead_report::{Column, Interval, Table};

use super::{Results, Row};
use crate::rounds::Cost;

impl Results {
    /// The table. Columns of what was not measured are left out.
    pub fn table(&self) -> Table {
        let mut columns = vec![Column::left("over no filter")];
        let plan = &self.plan;
        if plan.instructions.is_some() {
            columns.extend(["instructions", "of bare", "of proxied"].map(Column::right));
        }
        if plan.cpu.is_some() {
            columns.extend(["CPU us, bare", "share", "CPU us, proxied", "share"].map(Column::right));
        }
        if plan.latency.is_some() {
            columns.extend(["p50 us", "p99 us"].map(Column::right));
        }
        if let Some(effort) = &plan.footprint {
            let workers: Vec<String> = effort.workers.iter().map(u32::to_string).collect();
            columns.push(Column::right(format!("RSS MiB, {} workers", workers.join("/"))));
            columns.extend(["start CPU ms", ".wasm KB"].map(Column::right));
        }
        let mut table = Table::new(columns);
        let mut group = None;
        for row in &self.rows {
            if group.replace(row.group) != Some(row.group) {
                table.row([format!("{}:", row.group.title())]);
            }
            table.row(self.cells(row));
        }
        table
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let mut cells = vec![format!("  {}", row.marked())];
        let plan = &self.plan;
        if plan.instructions.is_some() {
            let value = row.instructions.map(|found| match row.is_origin() {
                true => thousands(found.total),
                false => format!("+{}", thousands(found.added)),
            });
            cells.push(value.unwrap_or_default());
            let shares = self.instruction_shares(row).filter(|_| !row.is_origin());
            let (bare, proxied) = shares.map_or_else(Default::default, |(bare, proxied)| {
                (percent(bare), percent(proxied))
            });
            cells.extend([bare, proxied]);
        }
        if plan.cpu.is_some() {
            for cost in [row.cpu_us, row.cpu_us_proxied] {
                cells.push(micros(row, cost, 2));
                let share = cost.filter(|_| !row.is_origin());
                cells.push(share.map_or_else(String::new, |cost| percent(cost.share.median)));
            }
        }
        if plan.latency.is_some() {
            cells.push(micros(row, row.latency_us.map(|latency| latency.p50), 0));
            cells.push(micros(row, row.latency_us.map(|latency| latency.p99), 0));
        }
        if plan.footprint.is_some() {
            let footprint = row.footprint.as_ref();
            let rss = footprint.map(|found| {
                let mib = found
                    .memory
                    .values()
                    .map(|memory| format!("{:.1}", memory.rss_kib as f64 / 1024.0));
                mib.collect::<Vec<_>>().join("/")
            });
            cells.push(rss.unwrap_or_default());
            cells.push(footprint.map_or_else(String::new, |found| format!("{:.0}", found.start.cpu_ms)));
            cells.push(match row.module_bytes {
                0 => String::new(),
                bytes => format!("{:.1}", bytes as f64 / 1000.0),
            });
        }
        cells
    }
}

fn micros(row: &Row, cost: Option<Cost>, digits: usize) -> String {
    let text = |interval: Interval| format!("{interval:.digits$}");
    match cost {
        None => String::new(),
        Some(cost) if row.is_origin() => text(cost.total),
        Some(cost) => text(cost.added),
    }
}

/// 36,573 as `36.6k`.
fn thousands(value: f64) -> String {
    format!("{:.1}k", value / 1000.0)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
