//! Quantiles, as gauges and by PromQL on exact buckets, against those of all requests as Envoy's access log and the client have
//! measured them.

use std::path::Path;
use std::time::Duration;

use fairlead_envoy::Envoy;
use fairlead_tests::prometheus::{Prometheus, Scrape};
use fairlead_tests::proxy::{Lab, assert_alive};
use serde_json::{Value, json};

use crate::FILTER;
use crate::load::{Group, Seen, bimodal, drive, lognormal, quantile, uniform};
use crate::series::{Scraped, label_of};
use crate::service::{Service, counted};

/// By how much a gauge may be off at scale 3, as the README says; besides, values are whole microseconds.
pub(crate) const ERROR: f64 = 0.0433;
/// How wide a bucket is at scale 3: PromQL puts a quantile anywhere in the right one.
pub(crate) const WIDTH: f64 = 0.0906;
/// Which quantiles, in percent.
pub(crate) const PERCENTS: [usize; 3] = [50, 95, 99];
/// Makes of buckets what `histogram_quantile` reads: their bound is in the label `cache`.
pub(crate) const LE: &str = r#""le", "$1", "cache", "(.+)""#;

/// By route and variant, with quantiles of a phase, and buckets as fine as they.
fn config(phase: &str) -> Value {
    json!({
        "labels": {
            "route": {"templates": ["/users/{id}", "/orders/{id}"]},
            "variant": {"header": "x-canary", "values": ["v2"], "default": "stable"},
        },
        "phases": ["total", "upstream", "filter"],
        "buckets": {"scale": 3, "from": "1ms", "to": "10s"},
        "quantiles": {"of": ["50%", "95%", "99%"], "window": "1h", "by": ["route", "variant"], "phase": phase, "scale": 3},
    })
}

/// What is asked, and the label set that it is counted under.
fn groups() -> [(&'static str, Group); 4] {
    const COUNT: usize = 400;
    [
        (
            "route=/users/{id},variant=stable",
            Group::new("/users/7?page=2", uniform(COUNT, 5.0, 45.0)),
        ),
        (
            "route=/users/{id},variant=v2",
            Group::new("/users/8", bimodal(COUNT, 5.0, 80.0, 0.1)).header("x-canary", "v2"),
        ),
        (
            "route=/orders/{id},variant=stable",
            Group::new("/orders/1", uniform(COUNT, 29.0, 31.0)),
        ),
        (
            "route=/orders/{id},variant=v2",
            Group::new("/orders/2", lognormal(COUNT, 15.0, 0.6)).header("x-canary", "v2"),
        ),
    ]
}

/// Starts a Prometheus that scrapes Envoy and its gauges.
pub(crate) fn scraping(program: &Path, envoy: &Envoy) -> Prometheus {
    let scrape = Scrape::of("envoy", envoy.admin_address()).every(Duration::from_millis(500));
    Prometheus::start(program, &scrape)
}

/// What a query says of each tag.
pub(crate) fn by_tag(prometheus: &Prometheus, promql: &str) -> impl Fn(&str) -> f64 + use<> {
    let result = prometheus.query(promql);
    let promql = promql.to_owned();
    move |tag| {
        let mut of_tag = result
            .iter()
            .filter(|(labels, _)| labels.get("tag").is_some_and(|it| it == tag));
        let (Some((_, value)), None) = (of_tag.next(), of_tag.next()) else {
            panic!("{promql} is not one for {tag}: {result:?}")
        };
        *value
    }
}

/// A quantile of exact buckets by PromQL: of all that was ever counted, which is what was sent.
pub(crate) fn of_buckets(phase: &str, percent: usize) -> String {
    let buckets = format!("fairlead_latency_histogram_{phase}_exact_microseconds_bucket");
    format!("histogram_quantile(0.{percent:02}, sum by (tag, le) (label_replace({buckets}, {LE})))")
}

/// The bounds of exact buckets in ascending order, and 0 before them.
pub(crate) fn bounds(scraped: &Scraped, name: &str) -> Vec<f64> {
    let mut bounds: Vec<f64> = scraped
        .named(name)
        .map(|sample| {
            label_of(sample, "cache")
                .replace("+Inf", "inf")
                .parse()
                .expect("a bound")
        })
        .chain([0.0])
        .collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

/// The bucket of a value: above the first, up to the second.
fn bucket(bounds: &[f64], value: u64) -> (f64, f64) {
    let upper = bounds.partition_point(|bound| *bound < value as f64);
    (bounds[upper - 1], bounds[upper])
}

/// Asserts that gauge and PromQL are right if the request of that rank took from `least` to `most`.
fn assert_quantile(what: &str, (least, most): (u64, u64), gauge: u64, promql: f64, bounds: &[f64]) {
    let allowed = (least as f64 * (1.0 - ERROR) - 1.0)..=(most as f64 * (1.0 + ERROR) + 1.0);
    assert!(
        allowed.contains(&(gauge as f64)),
        "{what}: gauge {gauge}, measured {least} to {most}"
    );
    let allowed = bucket(bounds, least).0..=bucket(bounds, most).1;
    assert!(
        allowed.contains(&promql),
        "{what}: PromQL {promql}, measured {least} to {most}"
    );
}

/// Sends everything, and holds the quantiles of a phase against what `measured` says of a group, by the metric's name for the phase.
fn check(phase: &str, name: &str, measured: impl Fn(&Seen, usize) -> (u64, u64)) {
    let (Some(lab), Some(program)) = (Lab::enter(FILTER), Prometheus::locate()) else {
        return;
    };
    let service = Service::open(&lab, &config(phase));
    let prometheus = scraping(&program, &service.envoy);
    let (tags, groups): (Vec<_>, Vec<_>) = groups().into_iter().unzip();
    let sent: usize = groups.iter().map(Group::len).sum();
    let seen = drive(&service, &groups, 24);
    let scraped = counted(&service.envoy, "window_requests", sent as u64);
    prometheus.wait_for(
        &format!("sum(fairlead_latency_histogram_{name}_exact_microseconds_count)"),
        |sum| matches!(sum, [(_, sum)] if *sum == sent as f64),
    );
    let bounds = bounds(&scraped, &format!("{name}_exact_microseconds_bucket"));
    for percent in PERCENTS {
        let gauge = by_tag(
            &prometheus,
            &format!("fairlead_latency_histogram_{name}_quantile_microseconds{{cache=\"p{percent}\"}}"),
        );
        let promql = by_tag(&prometheus, &of_buckets(name, percent));
        for (tag, seen) in tags.iter().zip(&seen) {
            let what = format!("{tag} p{percent}");
            assert_quantile(
                &what,
                measured(seen, percent),
                gauge(tag) as u64,
                promql(tag),
                &bounds,
            );
        }
    }
    if name == "upstream" {
        for (tag, seen) in tags.iter().zip(&seen) {
            assert_buckets(&scraped, tag, &seen.upstream);
        }
    }
    assert_alive(&service.envoy);
}

/// Asserts that each exact bucket holds as many as it should: values are whole microseconds, as in the access log.
fn assert_buckets(scraped: &Scraped, tag: &str, ascending: &[u64]) {
    for sample in scraped.named("upstream_exact_microseconds_bucket") {
        if label_of(sample, "tag") == tag {
            let bound: f64 = label_of(sample, "cache").replace("+Inf", "inf").parse().unwrap();
            let expected = ascending.partition_point(|value| *value as f64 <= bound);
            assert_eq!(sample.value, expected as f64, "{tag}: up to {bound}");
        }
    }
    let of_tag = |name: &str| scraped.value(name, "tag", tag);
    assert_eq!(
        of_tag("upstream_exact_microseconds_count"),
        ascending.len() as u64
    );
    assert_eq!(
        of_tag("upstream_exact_microseconds_sum"),
        ascending.iter().sum::<u64>()
    );
}

#[test]
fn whole_requests_took_what_lies_between_upstream_and_client_scraped_by_prometheus() {
    check("total", "request", |seen, percent| {
        (quantile(&seen.upstream, percent), quantile(&seen.client, percent))
    });
}

#[test]
fn upstreams_took_exactly_what_envoy_says_scraped_by_prometheus() {
    check("upstream", "upstream", |seen, percent| {
        let exact = quantile(&seen.upstream, percent);
        (exact, exact)
    });
}
