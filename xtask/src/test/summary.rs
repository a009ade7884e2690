//! The table at the end of a test run.

use super::counts::Counts;
use crate::tiers::Tier;
use anyhow::Context as _;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// One step that ran or was skipped.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    tier: Tier,
    /// The step, or the test binary where each has a row.
    pub(crate) what: String,
    /// Its tests, or itself when it is a check.
    pub(crate) counts: Counts,
    time: Duration,
    /// Why it was skipped or failed, where its output does not say so.
    note: String,
}

impl Row {
    /// A line of the table.
    pub(crate) fn new(tier: Tier, what: String, counts: Counts, time: Duration, note: String) -> Self {
        Self {
            tier,
            what,
            counts,
            time,
            note,
        }
    }

    /// The same under another name.
    pub(crate) fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        self.what = name(&self.what);
        self
    }
}

/// Prints the table, or JSON.
///
/// # Errors
/// JSON could not be written.
pub(crate) fn print(rows: &[Row], json: bool) -> anyhow::Result<()> {
    if json {
        let steps: Vec<_> = (rows.iter())
            .map(|row| {
                json!({
                    "tier": row.tier.name(),
                    "what": row.what,
                    "counts": row.counts,
                    "seconds": row.time.as_secs_f64(),
                    "note": row.note,
                })
            })
            .collect();
        let result = json!({"steps": steps, "total": total(rows)});
        println!(
            "{}",
            serde_json::to_string_pretty(&result).context("cannot write JSON")?
        );
    } else {
        print!("{}", table(rows));
    }
    Ok(())
}

fn total(rows: &[Row]) -> Counts {
    let mut total = Counts::default();
    for row in rows {
        total += row.counts;
    }
    total
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "\n{:<9} {:<34} {:>6} {:>6} {:>7} {:>8}\n",
        "tier", "what", "passed", "failed", "skipped", "seconds"
    );
    for Row {
        tier,
        what,
        counts,
        time,
        note,
    } in rows
    {
        let Counts {
            passed,
            failed,
            skipped,
        } = counts;
        let seconds = time.as_secs_f64();
        let line = format!(
            "{:<9} {what:<34} {passed:>6} {failed:>6} {skipped:>7} {seconds:>8.1}  {note}",
            tier.name()
        );
        let _ = writeln!(text, "{}", line.lines().next().unwrap_or_default().trim_end());
    }
    let Counts {
        passed,
        failed,
        skipped,
    } = total(rows);
    let _ = writeln!(text, "\n{passed} passed, {failed} failed, {skipped} skipped");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_sum_of_all_rows() {
        let counts = Counts {
            passed: 7,
            failed: 1,
            skipped: 2,
        };
        let time = Duration::from_millis(1500);
        let rows = [
            Row::new(Tier::Unit, "xtask".into(), counts, time, String::new()),
            Row::new(
                Tier::Wasm,
                "wasm32".into(),
                Counts::skipped(),
                time,
                "node is missing: install it".into(),
            ),
        ];
        let table = table(&rows);
        assert!(table.lines().nth(2).unwrap().ends_with("1.5"), "{table}");
        assert!(
            table
                .lines()
                .nth(3)
                .unwrap()
                .ends_with("node is missing: install it"),
            "{table}"
        );
        assert_eq!(table.lines().last(), Some("7 passed, 1 failed, 3 skipped"));
    }
}
