//! The numbers as tables: of rules, and of the variants of a release; totals, or with rates.

use super::window::Window;
use crate::percent;
use crate::up::metrics::{Standing, Tallies, Tally, Variant};
use crate::up::policy::Rule;
use crate::up::release::Release;
use crate::up::table::{self, Side};
use fairlead_rollout::Reason;

/// The table of all rules, with rates.
pub(super) fn live_rules(rules: &[Rule], window: &Window) -> Vec<String> {
    let mut rows = vec![heading(
        RULE,
        &["admitted", "/s", "denied", "/s", "would deny", "/s"],
    )];
    for rule in rules {
        let mut row = vec![rule.name.clone(), rule.mode.to_owned(), rule.quota.clone()];
        let counts: [fn(Tally) -> u64; 3] = [
            |tally| tally.admitted,
            |tally| tally.denied,
            |tally| tally.would_deny,
        ];
        for count in counts {
            row.extend(rated(window.measure(|tallies| count(tallies.of_rule(rule)))));
        }
        rows.push(row);
    }
    lines(&rows, RULE.len())
}

/// The same, totals only.
pub(in crate::up) fn rules(rules: &[Rule], tallies: &Tallies) -> Vec<String> {
    let mut rows = vec![heading(RULE, &["admitted", "denied", "would deny", "undecided"])];
    rows.extend(rules.iter().map(|rule| {
        let tally = tallies.of_rule(rule);
        let mut row = vec![rule.name.clone(), rule.mode.to_owned(), rule.quota.clone()];
        row.extend([tally.admitted, tally.denied, tally.would_deny, tally.undecided].map(|n| n.to_string()));
        row
    }));
    lines(&rows, RULE.len())
}

/// The table of a release's variants, with rates.
pub(super) fn live_release(release: &Release, window: &Window) -> Vec<String> {
    let empty = Tallies::default();
    let now = window.last().unwrap_or(&empty);
    let reasons = reasons(release, now);
    let mut rows = vec![with_reasons(
        heading(VARIANT, &["trips", "requests", "/s", "failed", "/s"]),
        reasons.iter().map(|reason| reason.name().to_owned()),
    )];
    for name in release.names() {
        let variant = now.variant(release, name);
        let mut row = standing(release, name, &variant, now.has_weights(release));
        let counts: [fn(&Variant) -> u64; 2] = [Variant::requests, |variant| variant.failed];
        for count in counts {
            row.extend(rated(
                window.measure(|tallies| count(&tallies.variant(release, name))),
            ));
        }
        rows.push(with_reasons(row, exposed(&variant, &reasons)));
    }
    lines(&rows, VARIANT.len())
}

/// The same, totals only.
pub(in crate::up) fn release(release: &Release, tallies: &Tallies) -> Vec<String> {
    let reasons = reasons(release, tallies);
    let mut rows = vec![with_reasons(
        heading(VARIANT, &["trips", "requests", "failed"]),
        reasons.iter().map(|reason| reason.name().to_owned()),
    )];
    for name in release.names() {
        let variant = tallies.variant(release, name);
        let mut row = standing(release, name, &variant, tallies.has_weights(release));
        row.extend([variant.requests(), variant.failed].map(|n| n.to_string()));
        rows.push(with_reasons(row, exposed(&variant, &reasons)));
    }
    lines(&rows, VARIANT.len())
}

/// The columns of words; numbers follow.
const RULE: &[&str] = &["rule", "mode", "quota"];
const VARIANT: &[&str] = &["variant", "weight", "guard"];

/// The reasons for which some request has got some variant.
fn reasons(release: &Release, tallies: &Tallies) -> Vec<Reason> {
    let counted = |reason: &Reason| {
        let mut names = release.names();
        names.any(|name| tallies.variant(release, name).exposed(*reason) > 0)
    };
    Reason::ALL.into_iter().filter(counted).collect()
}

fn exposed<'a>(variant: &'a Variant, reasons: &'a [Reason]) -> impl Iterator<Item = String> {
    reasons.iter().map(|reason| variant.exposed(*reason).to_string())
}

/// Name, weight, guard and trips. Weights are not there at first, and nobody watches the default variant.
fn standing(release: &Release, name: &str, variant: &Variant, has_weights: bool) -> Vec<String> {
    let is_watched = release.variants().any(|(watched, _)| watched == name);
    let guard = variant.guard.filter(|_| is_watched);
    let trips = guard.map_or_else(String::new, |_| variant.trips.to_string());
    vec![
        name.to_owned(),
        if has_weights {
            percent::weight(variant.weight)
        } else {
            "-".to_owned()
        },
        guard.map_or("-", Standing::name).to_owned(),
        trips,
    ]
}

pub(super) fn rated((total, rate): (u64, f64)) -> [String; 2] {
    [total.to_string(), format!("{rate:.1}")]
}

pub(super) fn heading(words: &[&str], numbers: &[&str]) -> Vec<String> {
    words.iter().chain(numbers).copied().map(str::to_owned).collect()
}

fn with_reasons(mut row: Vec<String>, more: impl Iterator<Item = String>) -> Vec<String> {
    row.extend(more);
    row
}

pub(super) fn lines(rows: &[Vec<String>], words: usize) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let sides = [
        vec![Side::Left; words],
        vec![Side::Right; columns.saturating_sub(words)],
    ]
    .concat();
    table::lines(&sides, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;
    use std::time::{Duration, Instant};

    #[test]
    fn the_table_has_a_line_for_every_rule_counted_or_not() {
        let policy = Policy::demo().unwrap();
        let tallies = Tallies::admitted("rate-limit", "per-key", 12);
        let expected = [
            "rule          mode     quota          admitted  denied  would deny  undecided",
            "per-key       enforce  20/s burst 20        12       0           0          0",
            "anonymous     enforce  60/m burst 5          0       0           0          0",
            "search-trial  shadow   1/s burst 2           0       0           0          0",
        ];
        assert_eq!(rules(&policy.rules, &tallies), expected);
    }

    /// `n` requests were drawn for v2, and so many failed.
    fn tallies(n: u64, failed: u64) -> Tallies {
        Tallies::parse(&format!(
            r#"
fairlead_canary_exposures_total{{cache="sticky",component="canary",tag="v2"}} {n}
fairlead_canary_exposures_total{{cache="force_header",component="canary",tag="v2"}} 3
fairlead_canary_exposures_total{{cache="sticky",component="canary",tag="stable"}} 80
fairlead_canary_outcomes_total{{cache="failure",component="canary",tag="v2"}} {failed}
fairlead_canary_guard_state{{component="canary",tag="v2"}} 0
fairlead_canary_guard_state{{component="canary",tag="stable"}} 0
fairlead_canary_guard_trips_total{{cache="error_rate",component="canary",tag="v2"}} 1
fairlead_canary_weight_ppm{{component="canary",tag="v2"}} 125000
fairlead_canary_weight_ppm{{component="canary",tag="stable"}} 875000
"#
        ))
    }

    #[test]
    fn variants_show_weight_guard_and_the_reasons_there_were() {
        let demo = Policy::demo().unwrap().releases.remove(0);
        let expected = [
            "variant  weight  guard     trips  requests  failed  force_header  sticky",
            "v2       12.5 %  watching      1        20       4             3      17",
            "stable   87.5 %  -                      80       0             0      80",
        ];
        assert_eq!(release(&demo, &tallies(17, 4)), expected);
        let expected = [
            "variant  weight  guard  trips  requests  failed",
            "v2       -       -                    0       0",
            "stable   -       -                    0       0",
        ];
        assert_eq!(release(&demo, &Tallies::default()), expected);
    }

    #[test]
    fn the_live_table_has_rates_too() {
        let demo = Policy::demo().unwrap().releases.remove(0);
        let mut window = Window::default();
        let start = Instant::now();
        window.push(start, tallies(10, 0));
        window.push(start + Duration::from_secs(2), tallies(37, 5));
        let expected = [
            "variant  weight  guard     trips  requests    /s  failed   /s  force_header  sticky",
            "v2       12.5 %  watching      1        40  13.5       5  2.5             3      37",
            "stable   87.5 %  -                      80   0.0       0  0.0             0      80",
        ];
        assert_eq!(live_release(&demo, &window), expected);
    }
}
