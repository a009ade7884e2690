//! What a latency histogram says, beside what clients measured with their own clock.
//!
//! A client's clock starts before the filter's and stops after it; the upstream was asked for a delay, and it lies between the
//! filter's two looks at the clock. So a request took the filter at least the delay and at most what its client measured, and
//! the same holds for any quantile of many requests. To this comes the error of the histogram, which its scale states. Nothing
//! is allowed for beyond that, and on a machine that is busy with other things the clients' clocks themselves say by how much.

use crate::up::histogram::{Histogram, label_set, value};
use crate::up::metrics::{Exact, Latency};
use crate::up::table::{self, Side};
use crate::up::timings::quantile;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What one request took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::up) struct Measured {
    /// What the upstream was asked for.
    pub(in crate::up) delay: u64,
    /// What its client measured.
    pub(in crate::up) took: u64,
}

/// What was measured, by route and variant.
pub(in crate::up) type Groups = BTreeMap<(String, &'static str), Vec<Measured>>;

/// All that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::up) struct Comparison {
    pub(in crate::up) rows: Vec<Row>,
    /// By how much a quantile of the filter's may be off, in parts per million.
    pub(in crate::up) error_ppm: u32,
}

/// A route and a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::up) struct Row {
    pub(in crate::up) route: String,
    pub(in crate::up) variant: &'static str,
    /// Requests of the clients, and of the filter's window.
    pub(in crate::up) requests: u64,
    pub(in crate::up) window: u64,
    pub(in crate::up) quantiles: Vec<Quantile>,
    /// What exact buckets say, and between what their sum must be.
    pub(in crate::up) exact: Exact,
    pub(in crate::up) sums: [u64; 2],
}

/// A quantile, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::up) struct Quantile {
    /// `p50`
    pub(in crate::up) name: String,
    /// What the filter says, if anything.
    pub(in crate::up) filter: Option<u64>,
    /// What clients measured.
    pub(in crate::up) clients: u64,
    /// What the upstream was asked for.
    pub(in crate::up) delay: u64,
    /// What the filter may say.
    pub(in crate::up) least: u64,
    pub(in crate::up) most: u64,
}

impl Quantile {
    pub(in crate::up) fn holds(&self) -> bool {
        self.filter
            .is_some_and(|filter| (self.least..=self.most).contains(&filter))
    }
}

impl Row {
    /// Whether exact buckets have counted these requests, and nothing else.
    pub(in crate::up) fn is_exact(&self) -> bool {
        let [least, most] = self.sums;
        self.exact.requests == self.requests && (least..=most).contains(&self.exact.micros)
    }
}

impl Comparison {
    /// Of the groups that clients have measured.
    pub(in crate::up) fn new(groups: &Groups, histogram: &Histogram, said: &Latency) -> Self {
        let error_ppm = histogram
            .quantiles()
            .map_or(0, |quantiles| quantiles.scale.relative_error_ppm());
        let row = |((route, variant), measured): (&(String, &'static str), &Vec<Measured>)| {
            let sorted = |of: fn(&Measured) -> u64| {
                let mut micros: Vec<u64> = measured.iter().map(of).collect();
                micros.sort_unstable();
                micros
            };
            let (delays, took) = (sorted(|one| one.delay), sorted(|one| one.took));
            let shown = said.window.get(&label_set(route, variant));
            let quantiles = histogram.shares().into_iter().map(|(share, name)| {
                let of = |sorted: &[u64]| quantile(sorted, share).unwrap_or(0);
                let (delay, clients) = (of(&delays), of(&took));
                Quantile {
                    filter: shown.and_then(|shown| shown.micros.get(&name)).copied(),
                    name,
                    clients,
                    delay,
                    least: delay.saturating_sub(error_of(delay, error_ppm)),
                    most: clients.saturating_add(error_of(clients, error_ppm)),
                }
            });
            Row {
                route: route.clone(),
                variant,
                requests: u64::try_from(measured.len()).unwrap_or(u64::MAX),
                window: shown.map_or(0, |shown| shown.requests),
                quantiles: quantiles.collect(),
                exact: exact(said, route, variant),
                sums: [delays, took].map(|all| all.iter().fold(0_u64, |sum, one| sum.saturating_add(*one))),
            }
        };
        let mut rows: Vec<Row> = groups.iter().map(row).collect();
        rows.sort_by_key(|row| (histogram.place(&row.route), row.variant));
        Self { rows, error_ppm }
    }

    /// Whether all of it agrees.
    pub(in crate::up) fn holds(&self) -> bool {
        let fine = |row: &Row| {
            row.window == row.requests && row.is_exact() && row.quantiles.iter().all(Quantile::holds)
        };
        self.rows.iter().all(fine)
    }

    /// The error that the scale states: `4.33 %`.
    pub(in crate::up) fn error(&self) -> String {
        format!("{:.2} %", f64::from(self.error_ppm) / 10_000.0)
    }

    /// By how much clients measured more than the upstream was asked for, at most, at these quantiles.
    pub(in crate::up) fn between(&self) -> u64 {
        let quantiles = self.rows.iter().flat_map(|row| &row.quantiles);
        let between = quantiles.map(|one| one.clients.saturating_sub(one.delay));
        between.max().unwrap_or(0)
    }

    /// As a table, and below it what is allowed.
    pub(in crate::up) fn lines(&self) -> Vec<String> {
        const SIDES: [Side; 9] = [
            Side::Left,
            Side::Left,
            Side::Right,
            Side::Right,
            Side::Left,
            Side::Right,
            Side::Right,
            Side::Right,
            Side::Right,
        ];
        const NAMES: [&str; 9] = [
            "route",
            "variant",
            "requests",
            "counted",
            "quantile",
            "filter",
            "clients",
            "difference",
            "allowed",
        ];
        let mut lines = vec![NAMES.map(str::to_owned).to_vec()];
        for row in &self.rows {
            let mut head = [
                row.route.clone(),
                row.variant.to_owned(),
                row.requests.to_string(),
                row.window.to_string(),
            ];
            for one in &row.quantiles {
                let mut line = head.to_vec();
                line.push(one.name.clone());
                line.push(one.filter.map_or("-".to_owned(), ms));
                line.push(ms(one.clients));
                // Rounded first, and no zero has a sign.
                let differs = |to: u64| ((to as f64 - one.clients as f64) / 100.0).round() / 10.0 + 0.0;
                line.push(
                    one.filter
                        .map_or("-".to_owned(), |filter| format!("{:+.1} ms", differs(filter))),
                );
                line.push(format!(
                    "{:+.1} to {:+.1} ms",
                    differs(one.least),
                    differs(one.most)
                ));
                lines.push(line);
                head = std::array::from_fn(|_| String::new());
            }
        }
        let mut lines = table::lines(&SIDES, &lines);
        lines.push(format!(
            "allowed: {}, the error of the histogram, up and down; and downwards what clients measured beyond the upstream's \
             delay, here up to {}, as the filter looks at its clock between the two",
            self.error(),
            ms(self.between())
        ));
        lines
    }

    /// The same for programs.
    pub(in crate::up) fn json(&self) -> Value {
        let quantile = |one: &Quantile| {
            json!({
                "quantile": one.name,
                "filter_us": one.filter,
                "clients_us": one.clients,
                "delay_us": one.delay,
                "least_us": one.least,
                "most_us": one.most,
            })
        };
        let row = |row: &Row| {
            json!({
                "route": row.route,
                "variant": row.variant,
                "requests": row.requests,
                "counted": row.window,
                "quantiles": row.quantiles.iter().map(quantile).collect::<Vec<_>>(),
            })
        };
        json!(self.rows.iter().map(row).collect::<Vec<_>>())
    }
}

/// What exact buckets say of a route and a variant, whatever the other labels.
fn exact(said: &Latency, route: &str, variant: &str) -> Exact {
    let is_it = |set: &str| value(set, "route") == Some(route) && value(set, "variant") == Some(variant);
    let found = said.exact.iter().filter(|(set, _)| is_it(set));
    found.fold(Exact::default(), |sum, (_, one)| Exact {
        requests: sum.requests.saturating_add(one.requests),
        micros: sum.micros.saturating_add(one.micros),
    })
}

/// A part of a time, rounded up.
fn error_of(micros: u64, ppm: u32) -> u64 {
    micros.saturating_mul(ppm.into()).div_ceil(1_000_000)
}

/// `30.4 ms`
pub(in crate::up) fn ms(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::metrics::Tallies;
    use crate::up::policy::Policy;

    /// A hundred requests that were to take 20 to 119 ms, and took their clients 2 ms more.
    fn groups() -> Groups {
        let one = |n: u64| Measured {
            delay: (n + 20) * 1000,
            took: (n + 22) * 1000,
        };
        [(("/shop/pay".to_owned(), "v2"), (0..100).map(one).collect())].into()
    }

    fn compare(requests: u64, p50: u64, sum: u64) -> Comparison {
        let text = format!(
            r#"
fairlead_latency_histogram_window_requests{{component="latency-histogram",tag="route=/shop/pay,variant=v2"}} {requests}
fairlead_latency_histogram_request_quantile_microseconds{{cache="p50",component="latency-histogram",tag="route=/shop/pay,variant=v2"}} {p50}
fairlead_latency_histogram_request_quantile_microseconds{{cache="p95",component="latency-histogram",tag="route=/shop/pay,variant=v2"}} 115000
fairlead_latency_histogram_request_quantile_microseconds{{cache="p99",component="latency-histogram",tag="route=/shop/pay,variant=v2"}} 119000
fairlead_latency_histogram_request_exact_microseconds_count{{component="latency-histogram",tag="route=/shop/pay,status=2xx,variant=v2"}} 90
fairlead_latency_histogram_request_exact_microseconds_count{{component="latency-histogram",tag="route=/shop/pay,status=5xx,variant=v2"}} 10
fairlead_latency_histogram_request_exact_microseconds_count{{component="latency-histogram",tag="route=/shop/pay,status=2xx,variant=stable"}} 7
fairlead_latency_histogram_request_exact_microseconds_sum{{component="latency-histogram",tag="route=/shop/pay,status=2xx,variant=v2"}} {sum}
"#
        );
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        Comparison::new(&groups(), &histogram, &Tallies::parse(&text).latency(&histogram))
    }

    #[test]
    fn the_filter_may_say_anything_from_the_delay_to_what_clients_measured_and_its_error_beyond() {
        // The fiftieth was to take 69 ms, and took 71 ms. 4.3295 % of them are 2.988 and 3.074 ms.
        assert_eq!(
            compare(100, 70_000, 7_000_000).rows[0].quantiles[0].least,
            69_000 - 2_988
        );
        for (p50, holds) in [
            (66_011, false),
            (66_012, true),
            (70_000, true),
            (74_074, true),
            (74_075, false),
            (140_000, false),
        ] {
            assert_eq!(compare(100, p50, 7_000_000).holds(), holds, "{p50}");
        }
    }

    #[test]
    fn counts_are_to_be_equal_and_the_sum_between_those_of_delays_and_of_clients() {
        assert!(!compare(99, 70_000, 7_000_000).holds() && !compare(101, 70_000, 7_000_000).holds());
        for (sum, holds) in [
            (6_949_999, false),
            (6_950_000, true),
            (7_150_000, true),
            (7_150_001, false),
        ] {
            assert_eq!(compare(100, 70_000, sum).holds(), holds, "{sum}");
        }
    }

    #[test]
    fn a_filter_that_says_nothing_does_not_agree() {
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        let nothing = Comparison::new(&groups(), &histogram, &Latency::default());
        assert!(!nothing.holds() && !nothing.rows[0].quantiles[0].holds() && !nothing.rows[0].is_exact());
    }

    #[test]
    fn table_and_json_say_the_same() {
        let comparison = compare(99, 70_000, 7_000_000);
        let lines = comparison.lines();
        assert_eq!(
            lines[..3],
            [
                "route      variant  requests  counted  quantile    filter   clients  difference          allowed",
                "/shop/pay  v2            100       99  p50        70.0 ms   71.0 ms     -1.0 ms  -5.0 to +3.1 ms",
                "                                       p95       115.0 ms  116.0 ms     -1.0 ms  -6.9 to +5.0 ms",
            ]
        );
        assert!(
            lines[4].contains("4.33 %, the error") && lines[4].contains("here up to 2.0 ms"),
            "{lines:?}"
        );
        let json = comparison.json();
        assert_eq!(
            (&json[0]["requests"], &json[0]["counted"]),
            (&json!(100), &json!(99))
        );
        let p50 = json!({
            "quantile": "p50", "filter_us": 70_000, "clients_us": 71_000, "delay_us": 69_000, "least_us": 66_012,
            "most_us": 74_074,
        });
        assert_eq!(json[0]["quantiles"][0], p50);
    }
}
