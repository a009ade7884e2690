//! The results as a page: a chart for each question, then the table.

use fairlead_report::{Axis, Bars, Interval, Page};

use super::{Results, Row};

impl Results {
    /// One HTML page with everything.
    pub fn page(&self) -> Page {
        let mut page = Page::new("What a filter costs");
        for note in self.notes() {
            page = page.text(note);
        }
        let charts = [
            self.instructions_chart(),
            self.cpu_chart(),
            self.latency_chart(),
            self.memory_chart(),
        ];
        for chart in charts.into_iter().flatten() {
            page = page.chart(chart);
        }
        page.heading("All numbers").table(self.table())
    }

    /// All rows but the one that the others are compared with.
    fn compared(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.is_origin())
    }

    fn instructions_chart(&self) -> Option<Bars> {
        let axis = Axis::linear("added to a request", "thousand instructions");
        let mut chart = Bars::new("Instructions", axis);
        if let Some(none) = self.row("none").and_then(|row| row.instructions) {
            chart = chart.note(format!(
                "A request without filters takes {:.0} thousand, answered by Envoy itself.",
                none.total / 1e3
            ));
        }
        for row in self.compared() {
            if let Some(found) = row.instructions {
                let half = found.spread / 2.0;
                let value = Interval {
                    median: found.added,
                    low: found.added - half,
                    high: found.added + half,
                };
                chart.bar(row.group.title(), row.marked(), value.scale(1e-3));
            }
        }
        filled(chart)
    }

    fn cpu_chart(&self) -> Option<Bars> {
        let mut chart = Bars::new("CPU time", Axis::linear("added to a request", "microseconds"));
        let base = |of: fn(&Row) -> Option<f64>| self.row("none").and_then(of);
        if let (Some(bare), Some(proxied)) = (
            base(|row| Some(row.cpu_us?.total.median)),
            base(|row| Some(row.cpu_us_proxied?.total.median)),
        ) {
            chart = chart.note(format!(
                "A request without filters takes {bare:.1} us bare and {proxied:.1} us proxied. Error bars: 95 %."
            ));
        }
        for row in self.compared() {
            for (series, cost) in [("bare", row.cpu_us), ("proxied", row.cpu_us_proxied)] {
                if let Some(cost) = cost {
                    chart.bar(series, row.marked(), cost.added);
                }
            }
        }
        filled(chart)
    }

    fn latency_chart(&self) -> Option<Bars> {
        let mut chart = Bars::new("Latency", Axis::linear("added, proxied", "microseconds"));
        for row in self.compared() {
            if let Some(latency) = row.latency_us {
                chart.bar("p50", row.marked(), latency.p50.added);
                chart.bar("p99", row.marked(), latency.p99.added);
            }
        }
        filled(chart)
    }

    fn memory_chart(&self) -> Option<Bars> {
        let mut chart = Bars::new("Memory", Axis::linear("resident after a short load", "MiB"));
        for row in &self.rows {
            for (workers, memory) in row.footprint.iter().flat_map(|found| &found.memory) {
                let series = match workers {
                    1 => "1 worker".to_owned(),
                    more => format!("{more} workers"),
                };
                chart.bar(
                    &series,
                    row.marked(),
                    Interval::exact(memory.rss_kib as f64 / 1024.0),
                );
            }
        }
        filled(chart)
    }
}

fn filled(chart: Bars) -> Option<Bars> {
    (!chart.series.is_empty()).then_some(chart)
}
