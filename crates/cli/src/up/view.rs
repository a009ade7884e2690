//! What the user sees: how to try the proxy, then the numbers of each rule.
//!
//! On a terminal the numbers stand still and change in place; anywhere else they are printed anew every few seconds.

use super::mesh::Mesh;
use super::metrics::Tallies;
use super::policy::{Policy, Rule};
use super::stop::Stop;
use super::table::{self, Side};
use anyhow::Context as _;
use console::Term;
use std::time::{Duration, Instant};

/// Between two looks, on a terminal.
const REFRESH: Duration = Duration::from_millis(500);
/// Between two looks, anywhere else.
const REPEAT: Duration = Duration::from_secs(3);
/// Rates are means over at least this long: shorter ones jump.
const WINDOW: Duration = Duration::from_secs(2);
/// Ctrl-C reaches Envoy as well; the wish to end may be a moment later than Envoy's end.
const GRACE: Duration = Duration::from_secs(1);

/// How to try the proxy by hand.
pub(super) fn how_to_try(mesh: &Mesh, policy: &Policy) -> Vec<String> {
    let proxy = mesh.address;
    let admin = mesh.envoy.admin_address();
    let [v1, v2] = &mesh.upstreams;
    let located = &mesh.located;
    let mut lines = vec![
        format!(
            "proxy      http://{proxy}   Envoy {} from {}",
            located.version, located.source
        ),
        format!("admin      http://{admin}"),
        format!(
            "upstreams  v1 http://{}   v2 http://{}",
            v1.address(),
            v2.address()
        ),
        String::new(),
        "Try:".to_owned(),
    ];
    if policy.is_demo {
        let many = |n: u32, header: &str| {
            format!(
                "  curl -s -o /dev/null -w '%{{http_code}}\\n' {header}'http://{proxy}/api/orders?n=[1-{n}]' | sort | uniq -c"
            )
        };
        lines.extend([
            "  # 40 requests with one key: 20 at once, then 20 a second".to_owned(),
            many(40, "-H 'x-api-key: me' "),
            "  # what one answer says about its limit".to_owned(),
            format!("  curl -si -H 'x-api-key: me' http://{proxy}/api/orders"),
            "  # no key: by address, and a forged first entry changes nothing".to_owned(),
            many(10, "-H 'X-Forwarded-For: 1.2.3.4, 198.51.100.7' "),
        ]);
    }
    lines.extend([
        "  # the other version".to_owned(),
        format!("  curl -s -H 'x-version: v2' http://{proxy}/"),
        "  # the numbers below, as Prometheus reads them".to_owned(),
        format!("  curl -s http://{admin}/stats/prometheus | grep '^fairlead_.*_requests_total'"),
        String::new(),
    ]);
    lines
}

/// Shows the numbers until it is time to end.
///
/// # Errors
/// Envoy has ended, or stdout is gone.
pub(super) fn watch(mesh: &Mesh, rules: &[Rule], stop: &Stop, lost: impl Fn() -> u64) -> anyhow::Result<()> {
    let term = Term::stdout();
    let live = term.is_term();
    let mut window = Window::default();
    let mut drawn = 0;
    loop {
        let tallies = match Tallies::read(&mesh.envoy) {
            Ok(tallies) => tallies,
            Err(_) if stop.within(GRACE) => return Ok(()),
            Err(_) if !mesh.envoy.is_running() => {
                let last = mesh.envoy.logs().pop().unwrap_or_default();
                anyhow::bail!("Envoy has ended: {last}")
            }
            Err(error) => return Err(error.into()),
        };
        window.push(Instant::now(), tallies);
        let mut lines = table(rules, &window);
        if lost() > 0 {
            lines.push(format!(
                "{} requests of the background traffic got no answer",
                lost()
            ));
        }
        if live {
            lines.push("Ctrl-C ends it.".to_owned());
            let (height, width) = term.size();
            lines.truncate(usize::from(height).saturating_sub(1));
            term.clear_last_lines(drawn).context("terminal")?;
            drawn = lines.len();
            for line in lines {
                term.write_line(&console::truncate_str(&line, usize::from(width), ""))
                    .context("terminal")?;
            }
        } else {
            lines.push(String::new());
            term.write_line(&lines.join("\n")).context("standard output")?;
        }
        if stop.within(if live { REFRESH } else { REPEAT }) {
            return Ok(());
        }
    }
}

/// The last looks, as far back as rates need them.
#[derive(Debug, Default)]
struct Window(Vec<(Instant, Tallies)>);

impl Window {
    fn push(&mut self, now: Instant, tallies: Tallies) {
        self.0.push((now, tallies));
        // The oldest look is the last one that lies at least a window back.
        let old = |look: &(Instant, Tallies)| now.saturating_duration_since(look.0) >= WINDOW;
        while self.0.get(1).is_some_and(old) {
            self.0.remove(0);
        }
    }

    /// Total and rate a second of some count.
    fn measure(&self, count: impl Fn(&Tallies) -> u64) -> (u64, f64) {
        let (Some((then, before)), Some((now, after))) = (self.0.first(), self.0.last()) else {
            return (0, 0.0);
        };
        let total = count(after);
        let seconds = now.saturating_duration_since(*then).as_secs_f64();
        let more = u32::try_from(total.saturating_sub(count(before))).unwrap_or(u32::MAX);
        (
            total,
            if seconds > 0.0 {
                f64::from(more) / seconds
            } else {
                0.0
            },
        )
    }
}

/// The table of all rules, with rates.
fn table(rules: &[Rule], window: &Window) -> Vec<String> {
    let mut rows = vec![heading(["admitted", "/s", "denied", "/s", "would deny", "/s"])];
    for rule in rules {
        let mut row = vec![rule.name.clone(), rule.mode.to_owned(), rule.quota.clone()];
        let counts: [fn(super::metrics::Tally) -> u64; 3] = [
            |tally| tally.admitted,
            |tally| tally.denied,
            |tally| tally.would_deny,
        ];
        for count in counts {
            let (total, rate) = window.measure(|tallies| count(tallies.of_rule(rule)));
            row.extend([total.to_string(), format!("{rate:.1}")]);
        }
        rows.push(row);
    }
    lines(&rows, 6)
}

/// The table of all rules, totals only.
pub(super) fn totals(rules: &[Rule], tallies: &Tallies) -> Vec<String> {
    let mut rows = vec![heading(["admitted", "denied", "would deny", "undecided"])];
    rows.extend(rules.iter().map(|rule| {
        let tally = tallies.of_rule(rule);
        let mut row = vec![rule.name.clone(), rule.mode.to_owned(), rule.quota.clone()];
        row.extend([tally.admitted, tally.denied, tally.would_deny, tally.undecided].map(|n| n.to_string()));
        row
    }));
    lines(&rows, 4)
}

fn heading<const N: usize>(numbers: [&str; N]) -> Vec<String> {
    ["rule", "mode", "quota"]
        .into_iter()
        .chain(numbers)
        .map(str::to_owned)
        .collect()
}

fn lines(rows: &[Vec<String>], numbers: usize) -> Vec<String> {
    let sides = [vec![Side::Left; 3], vec![Side::Right; numbers]].concat();
    table::lines(&sides, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_over_the_last_two_seconds() {
        let start = Instant::now();
        let mut window = Window::default();
        assert_eq!(window.measure(|_| 7), (0, 0.0));
        // Ten a second from the first second on; the number of looks stands for the count.
        for look in 0..=10_u64 {
            window.push(
                start + Duration::from_millis(look * 500),
                Tallies::admitted("p", "r", look * 5),
            );
        }
        assert_eq!(
            window.measure(|tallies| tallies.of("p", "r").admitted),
            (50, 10.0)
        );
        assert_eq!(window.0.len(), 5);
        window.push(start + Duration::from_secs(60), Tallies::admitted("p", "r", 50));
        assert_eq!(window.0.len(), 2);
    }

    #[test]
    fn the_table_has_a_line_for_every_rule_counted_or_not() {
        let rules = Policy::demo().unwrap().rules;
        let tallies = Tallies::admitted("rate-limit", "per-key", 12);
        let expected = [
            "rule          mode     quota          admitted  denied  would deny  undecided",
            "per-key       enforce  20/s burst 20        12       0           0          0",
            "anonymous     enforce  60/m burst 5          0       0           0          0",
            "search-trial  shadow   1/s burst 2           0       0           0          0",
        ];
        assert_eq!(totals(&rules, &tallies), expected);
    }
}
