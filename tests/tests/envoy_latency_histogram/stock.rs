//! The same requests by Istio's stock buckets, by our exact buckets and by our gauges, next to what each of them took: the table of
//! `docs/latency-percentiles.md`.

use std::time::Duration;

use fairlead_tests::modules;
use fairlead_tests::prometheus::Prometheus;
use fairlead_tests::proxy::Lab;
use serde_json::{Value, json};

use crate::FILTER;
use crate::load::{Group, Seen, bimodal, drive, lognormal, quantile, uniform};
use crate::quantiles::{ERROR, PERCENTS, WIDTH, by_tag, of_buckets, scraping};
use crate::service::{Service, counted};

/// The page, and where its table begins and ends.
const PAGE: &str = "docs/latency-percentiles.md";
const BEGIN: &str = "<!-- measured -->\n";
const END: &str = "<!-- /measured -->\n";

/// What the page is about: by how much stock buckets are off, somewhere.
const MISLEADING: f64 = 0.15;

/// What the upstream takes: how it is called, its path, the times.
fn distributions() -> [(&'static str, &'static str, Vec<Duration>); 5] {
    const COUNT: usize = 1000;
    [
        (
            "log-normal, median 20 ms",
            "/lognormal",
            lognormal(COUNT, 20.0, 0.6),
        ),
        ("12 ms ± 10 %", "/twelve", uniform(COUNT, 10.8, 13.2)),
        ("60 ms ± 5 %", "/sixty", uniform(COUNT, 57.0, 63.0)),
        (
            "5 ms, one in ten 160 ms",
            "/bimodal",
            bimodal(COUNT, 5.0, 160.0, 0.1),
        ),
        ("10 to 90 ms, evenly", "/even", uniform(COUNT, 10.0, 90.0)),
    ]
}

fn config(paths: &[&str]) -> Value {
    json!({
        "labels": {"route": {"templates": paths}},
        // Whole milliseconds in the proxy's default buckets, as istio_request_duration_milliseconds.
        "unit": "ms",
        "buckets": {"scale": 3, "from": "1ms", "to": "10s"},
        "quantiles": {"of": ["50%", "95%", "99%"], "window": "1h", "by": ["route"], "scale": 3},
    })
}

/// Bounds of the proxy's default buckets, as far as they are met here.
const STOCK: [f64; 12] = [
    0.0, 0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0,
];

/// The stock bucket of a value: above the first, up to the second.
fn stock_bucket(millis: f64) -> (f64, f64) {
    let upper = STOCK.partition_point(|bound| *bound < millis);
    (STOCK[upper - 1], STOCK[upper])
}

/// A line of the table, in milliseconds.
struct Row {
    what: String,
    exact: f64,
    stock: f64,
    buckets: f64,
    gauge: f64,
}

impl Row {
    fn stock_is_off_by(&self) -> f64 {
        self.stock / self.exact - 1.0
    }

    fn to_markdown(&self) -> String {
        let cell = |value: f64| format!("{value:.1} | {:+.1} %", (value / self.exact - 1.0) * 100.0);
        let [stock, buckets, gauge] = [self.stock, self.buckets, self.gauge].map(cell);
        format!(
            "| {} | {:.1} | {stock} | {buckets} | {gauge} |\n",
            self.what, self.exact
        )
    }

    /// Asserts that ours is as good as the page says. What was measured between upstream and client lies between these two.
    fn check(&self, seen: &Seen, percent: usize) {
        let millis = |list: &[u64]| quantile(list, percent) as f64 / 1000.0;
        let (least, most) = (millis(&seen.upstream), millis(&seen.client));
        let check = |how: &str, value: f64, lower: f64, upper: f64| {
            // Values are whole microseconds.
            let allowed = (least * lower - 0.001)..=(most * upper + 0.001);
            assert!(
                allowed.contains(&value),
                "{} {how}: {value}, measured {least} to {most}",
                self.what
            );
        };
        check("exact", self.exact, 1.0, 1.0);
        check("gauge", self.gauge, 1.0 - ERROR, 1.0 + ERROR);
        // The right bucket of whole milliseconds, and nothing more. What is at a bound may be above it.
        let [least_stock, most_stock] = [least - 0.5, most + 1.0].map(|millis| stock_bucket(millis.round()));
        let allowed = least_stock.0..=most_stock.1;
        assert!(
            allowed.contains(&self.stock),
            "{}: {}, {least} to {most}",
            self.what,
            self.stock
        );
        check("buckets", self.buckets, 1.0 / (1.0 + WIDTH), 1.0 + WIDTH);
    }
}

#[test]
fn stock_buckets_mislead_where_exact_ones_and_gauges_do_not_scraped_by_prometheus() {
    let (Some(lab), Some(program)) = (Lab::enter(FILTER), Prometheus::locate()) else {
        return;
    };
    let distributions = distributions();
    let service = Service::open(&lab, &config(&distributions.each_ref().map(|(_, path, _)| *path)));
    let prometheus = scraping(&program, &service.envoy);
    let groups = distributions
        .clone()
        .map(|(_, path, delays)| Group::new(path, delays));
    let sent: usize = groups.iter().map(Group::len).sum();
    let seen = drive(&service, &groups, 48);
    for name in ["window_requests", "request_duration_milliseconds_count"] {
        counted(&service.envoy, name, sent as u64);
    }
    let prefix = "fairlead_latency_histogram_request";
    for end in ["exact_microseconds_count", "duration_milliseconds_count"] {
        prometheus.wait_for(
            &format!("sum({prefix}_{end})"),
            |sum| matches!(sum, [(_, sum)] if *sum == sent as f64),
        );
    }
    let mut rows = Vec::new();
    for ((name, path, _), seen) in distributions.iter().zip(&seen) {
        for percent in PERCENTS {
            let ask = |promql: &str| by_tag(&prometheus, promql)(&format!("route={path}"));
            let stock = format!("{prefix}_duration_milliseconds_bucket");
            let row = Row {
                what: format!("{name} | p{percent}"),
                exact: quantile(&seen.proxy, percent) as f64 / 1000.0,
                stock: ask(&format!(
                    "histogram_quantile(0.{percent:02}, sum by (tag, le) ({stock}))"
                )),
                buckets: ask(&of_buckets("request", percent)) / 1000.0,
                gauge: ask(&format!("{prefix}_quantile_microseconds{{cache=\"p{percent}\"}}")) / 1000.0,
            };
            row.check(seen, percent);
            rows.push(row);
        }
    }
    let misleading = |row: &&Row| row.stock_is_off_by().abs() > MISLEADING;
    let table: String = rows.iter().map(Row::to_markdown).collect();
    assert!(
        rows.iter().filter(misleading).count() >= distributions.len() / 2,
        "{table}"
    );
    keep(&rows, &table);
}

/// Writes the table into the page where that is asked for, else makes sure that the page has these rows.
fn keep(rows: &[Row], table: &str) {
    let path = modules::workspace().join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (head, rest) = page
        .split_once(BEGIN)
        .expect("the page has a place for the table");
    let (old, tail) = rest.split_once(END).expect("and an end of it");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let columns = "| what the upstream takes | | exact ms | stock buckets | | exact buckets | | gauge | |\n\
                       |---|---|--:|--:|--:|--:|--:|--:|--:|\n";
        std::fs::write(path, [head, BEGIN, columns, table, END, tail].concat()).expect("the page");
        return;
    }
    let known: Vec<&str> = old.lines().skip(2).collect();
    let stale = known.len() != rows.len()
        || known
            .iter()
            .zip(rows)
            .any(|(line, row)| !line.starts_with(&format!("| {} |", row.what)));
    assert!(
        !stale,
        "{PAGE} is not current: run this test with UPDATE_DOCS=1 in the environment"
    );
}
