//! What the checks came to, as tables for people and as JSON for programs.

use super::comparison::Comparison;
use crate::up::breaker::Breaker;
use crate::up::histogram::Histogram;
use crate::up::mesh::REVIEWS;
use crate::up::metrics::{Standing, State, Tallies, Window};
use crate::up::policy::Rule;
use crate::up::release::Release;
use crate::up::table::{self, Side};
use crate::up::timeline::{self, Row};
use crate::up::view;
use serde_json::{Value, json};

/// One promise, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::up) struct Check {
    pub(in crate::up) what: String,
    pub(in crate::up) expected: String,
    pub(in crate::up) seen: String,
    pub(in crate::up) ok: bool,
}

/// All checks, and what the filters have counted at their end.
#[derive(Clone, Debug)]
pub(in crate::up) struct Report {
    /// The version of Envoy.
    pub(in crate::up) envoy: String,
    /// How long the checks took.
    pub(in crate::up) seconds: f64,
    pub(in crate::up) checks: Vec<Check>,
    /// What has become of the reviews.
    pub(in crate::up) timeline: Vec<Row>,
    /// What latencies were measured, and counted.
    pub(in crate::up) comparison: Option<Comparison>,
    pub(in crate::up) rules: Vec<Rule>,
    pub(in crate::up) releases: Vec<Release>,
    pub(in crate::up) breakers: Vec<Breaker>,
    pub(in crate::up) histograms: Vec<Histogram>,
    pub(in crate::up) counted: Tallies,
}

impl Report {
    /// Whether every check held.
    pub(in crate::up) fn ok(&self) -> bool {
        self.failed().next().is_none()
    }

    fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.ok)
    }

    /// All tables and a last line that names what failed.
    pub(in crate::up) fn text(&self) -> String {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![row(["", "check", "expected", "seen"])];
        rows.extend(self.checks.iter().map(|check| {
            row([
                if check.ok { "ok" } else { "FAILED" },
                &check.what,
                &check.expected,
                &check.seen,
            ])
        }));
        let mut lines = table::lines(&[Side::Left; 4], &rows);
        lines.push(String::new());
        if !self.timeline.is_empty() {
            lines.extend(timeline::lines(REVIEWS, &self.timeline, timeline::seconds));
            lines.push(String::new());
        }
        if let Some(comparison) = &self.comparison {
            lines.extend(comparison.lines());
            lines.push(String::new());
        }
        if !self.rules.is_empty() {
            lines.extend(view::rules(&self.rules, &self.counted));
            lines.push(String::new());
        }
        for release in &self.releases {
            lines.extend(view::release(release, &self.counted));
            lines.push(String::new());
        }
        if !self.breakers.is_empty() {
            lines.extend(view::breakers(&self.breakers, &self.counted));
            lines.push(String::new());
        }
        // What was compared is in its table.
        for histogram in self.histograms.iter().filter(|_| self.comparison.is_none()) {
            let latency = self.counted.latency(histogram);
            if !latency.window.is_empty() {
                lines.extend(view::quantiles(histogram, &latency));
                lines.push(String::new());
            }
        }
        if self
            .histograms
            .iter()
            .any(|histogram| !histogram.objectives().is_empty())
        {
            lines.extend(view::objectives(&self.histograms, &self.counted));
            lines.push(String::new());
        }
        let count = self.checks.len();
        let failed: Vec<&str> = self.failed().map(|check| check.what.as_str()).collect();
        let (envoy, seconds) = (&self.envoy, self.seconds);
        lines.push(match failed.len() {
            0 => format!("All {count} checks held on Envoy {envoy}, in {seconds:.1} s."),
            some => format!(
                "{some} of {count} checks failed on Envoy {envoy}: {}",
                failed.join("; ")
            ),
        });
        lines.join("\n")
    }

    /// The same for programs.
    pub(in crate::up) fn json(&self) -> Value {
        let check = |check: &Check| json!({"what": check.what, "expected": check.expected, "seen": check.seen, "ok": check.ok});
        let rule = |rule: &Rule| {
            let tally = self.counted.of_rule(rule);
            json!({
                "plugin": rule.plugin,
                "rule": rule.name,
                "mode": rule.mode,
                "quota": rule.quota,
                "admitted": tally.admitted,
                "denied": tally.denied,
                "would_deny": tally.would_deny,
                "undecided": tally.undecided,
            })
        };
        let variants = self.releases.iter().flat_map(|release| {
            release.names().map(|name| {
                let variant = self.counted.variant(release, name);
                json!({
                    "plugin": release.plugin,
                    "release": release.name(),
                    "variant": name,
                    "weight_ppm": variant.weight.ppm(),
                    "guard": variant.guard.map(Standing::name),
                    "trips": variant.trips,
                    "exposures": variant.exposures,
                    "succeeded": variant.succeeded,
                    "failed": variant.failed,
                })
            })
        });
        let breaker = |breaker: &Breaker| {
            let counted = self.counted.breaker(breaker);
            json!({
                "plugin": breaker.plugin,
                "breaker": breaker.name(),
                "mode": breaker.mode,
                "state": counted.state.map(State::name),
                "success": counted.succeeded,
                "failure": counted.failed,
                "ignored": counted.ignored,
                "late": counted.late,
                "rejected": counted.rejected,
                "would_reject": counted.would_reject,
                "stale": counted.stale,
                "opened": counted.opened,
            })
        };
        let windows = |histogram: &Histogram| {
            let window = |(set, shown): (String, Window)| {
                json!({
                    "plugin": histogram.plugin,
                    "labels": set,
                    "requests": shown.requests,
                    "quantiles_us": shown.micros,
                })
            };
            let latency = self.counted.latency(histogram);
            latency.window.into_iter().map(window).collect::<Vec<_>>()
        };
        let objectives = self.histograms.iter().flat_map(|histogram| {
            let latency = self.counted.latency(histogram);
            histogram.objectives().iter().map(move |slo| {
                let counted = latency.objective(&slo.name);
                json!({
                    "plugin": histogram.plugin,
                    "slo": slo.name,
                    "threshold_us": u64::try_from(slo.threshold.as_micros()).unwrap_or(u64::MAX),
                    "objective_ppm": slo.objective.ppm(),
                    "requests": counted.requests,
                    "good": counted.good,
                })
            })
        });
        json!({
            "ok": self.ok(),
            "envoy": self.envoy,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "rules": self.rules.iter().map(rule).collect::<Vec<_>>(),
            "variants": variants.collect::<Vec<_>>(),
            "breakers": self.breakers.iter().map(breaker).collect::<Vec<_>>(),
            "quantiles": self.histograms.iter().flat_map(windows).collect::<Vec<_>>(),
            "slos": objectives.collect::<Vec<_>>(),
            "latencies": self.comparison.as_ref().map_or_else(|| json!([]), Comparison::json),
            "timeline": self.timeline.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparison::Measured;
    use super::*;
    use crate::up::policy::Policy;
    use crate::up::timeline::Seen;
    use std::time::Duration;

    fn report(ok: bool) -> Report {
        let check = |what: &str, ok| Check {
            what: what.into(),
            expected: "1".into(),
            seen: "2".into(),
            ok,
        };
        let rule = Rule {
            plugin: "p".into(),
            name: "r".into(),
            mode: "enforce",
            quota: "1/s burst 1".into(),
        };
        let row = Row {
            at: Duration::from_millis(1500),
            what: "open".into(),
            clients: Seen {
                stale: 7,
                ..Seen::default()
            },
            upstream: 0,
            state: "open".into(),
        };
        let demo = Policy::demo().unwrap();
        let text = r#"
fairlead_rate_limit_requests_total{cache="admitted",component="p",tag="r"} 3
fairlead_rate_limit_requests_total{cache="denied",component="p",tag="r"} 1
fairlead_canary_exposures_total{cache="sticky",component="canary",tag="v2"} 5
fairlead_canary_weight_ppm{component="canary",tag="v2"} 100000
fairlead_canary_weight_ppm{component="canary",tag="stable"} 900000
fairlead_canary_guard_state{component="canary",tag="v2"} 1
fairlead_circuit_breaker_requests_total{cache="rejected",component="circuit-breaker",tag="reviews"} 7
fairlead_circuit_breaker_state{component="circuit-breaker",tag="reviews"} 2
fairlead_latency_histogram_window_requests{component="latency-histogram",tag="route=/shop/,variant=v2"} 5
fairlead_latency_histogram_request_quantile_microseconds{cache="p50",component="latency-histogram",tag="route=/shop/,variant=v2"} 7000
fairlead_latency_histogram_slo_requests_total{component="latency-histogram",tag="pay"} 20
fairlead_latency_histogram_slo_good_total{component="latency-histogram",tag="pay"} 19
"#;
        let measured = Measured {
            delay: 30_000,
            took: 31_000,
        };
        let groups = [(("/shop/pay".to_owned(), "v2"), vec![measured])].into();
        let counted = Tallies::parse(text);
        let histogram = demo.histograms.first().unwrap();
        let comparison = Comparison::new(&groups, histogram, &counted.latency(histogram));
        Report {
            envoy: "1.40.0".into(),
            seconds: 5.06,
            checks: vec![check("one thing", true), check("another thing", ok)],
            timeline: vec![row],
            comparison: Some(comparison),
            rules: vec![rule],
            releases: demo.releases,
            breakers: demo.breakers,
            histograms: demo.histograms,
            counted,
        }
    }

    #[test]
    fn the_last_line_names_what_failed() {
        let text = report(false).text();
        assert!(
            text.ends_with("\n1 of 2 checks failed on Envoy 1.40.0: another thing"),
            "{text}"
        );
        assert!(text.contains("\nFAILED  another thing  1         2\n"), "{text}");
        assert!(
            report(true)
                .text()
                .ends_with("\nAll 2 checks held on Envoy 1.40.0, in 5.1 s.")
        );
    }

    #[test]
    fn both_forms_say_the_same() {
        let json = report(false).json();
        assert_eq!(
            (&json["ok"], &json["checks"][1]["ok"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(
            (&json["rules"][0]["rule"], &json["rules"][0]["admitted"]),
            (&json!("r"), &json!(3))
        );
        let text = report(false).text();
        assert!(
            text.contains("r     enforce  1/s burst 1         3       1           0"),
            "{text}"
        );
        let v2 = &json["variants"][0];
        assert_eq!(
            (
                &v2["variant"],
                &v2["guard"],
                &v2["weight_ppm"],
                &v2["exposures"]["sticky"]
            ),
            (&json!("v2"), &json!("held"), &json!(100_000), &json!(5))
        );
        assert!(text.contains("v2       10 %    held"), "{text}");
        let reviews = &json["breakers"][0];
        assert_eq!(
            (&reviews["breaker"], &reviews["state"], &reviews["rejected"]),
            (&json!("reviews"), &json!("open"), &json!(7))
        );
        assert!(text.contains("\nreviews  enforce  open "), "{text}");
        let row = &json["timeline"][0];
        assert_eq!(
            (&row["at_ms"], &row["clients"]["stale"]),
            (&json!(1500), &json!(7))
        );
        assert!(text.contains("\n1.50 s  open "), "{text}");
        let pay = &json["slos"][0];
        assert_eq!(
            (&pay["slo"], &pay["objective_ppm"], &pay["requests"], &pay["good"]),
            (&json!("pay"), &json!(950_000), &json!(20), &json!(19))
        );
        assert!(
            text.contains("\npay        95 % within 100ms        20    19  95.0 %\n"),
            "{text}"
        );
        assert_eq!(json["latencies"][0]["quantiles"][0]["clients_us"], 31_000);
        assert!(
            text.contains("\n/shop/pay  v2              1        0  p50            -  31.0 ms"),
            "{text}"
        );
        let window = &json["quantiles"][0];
        assert_eq!(
            (
                &window["labels"],
                &window["requests"],
                &window["quantiles_us"]["p50"]
            ),
            (&json!("route=/shop/,variant=v2"), &json!(5), &json!(7000))
        );
        let without = Report {
            comparison: None,
            ..report(false)
        };
        let text = without.text();
        assert!(
            text.contains("\n/shop/  v2              5     7.0       -       -  ###"),
            "{text}"
        );
        assert_eq!(without.json()["latencies"], json!([]));
        assert!(report(true).ok() && report(true).json()["ok"] == true);
    }
}
