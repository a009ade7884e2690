//! Envoy's own histogram and exact buckets in a real Prometheus: as native histograms, under bounds of one's own, with a proper `le`.

use std::time::Duration;

use fairlead_tests::modules;
use fairlead_tests::prometheus::{Prometheus, Scrape};
use fairlead_tests::proxy::{Lab, bootstrap};
use fairlead_tests::versions::NATIVE;
use serde_json::{Value, json};

use crate::load::{Group, Seen, drive, quantile, uniform};
use crate::quantiles::{PERCENTS, by_tag, of_buckets, scraping};
use crate::series::PREFIX;
use crate::service::{Service, listener};
use crate::{FILTER, PLUGIN};

/// One distribution, whole requests.
fn one_group() -> [Group; 1] {
    [Group::new("/", uniform(800, 5.0, 95.0))]
}

/// Asserts that a quantile in microseconds is off by at most `error`, whatever lies between client and upstream aside.
fn assert_near(what: &str, value: f64, seen: &Seen, percent: usize, error: f64) {
    let (least, most) = (quantile(&seen.upstream, percent), quantile(&seen.client, percent));
    let allowed = (least as f64 * (1.0 - error))..=(most as f64 * (1.0 + error));
    assert!(
        allowed.contains(&value),
        "{what} p{percent}: {value}, measured {least} to {most}"
    );
}

#[test]
fn envoys_own_histogram_becomes_a_native_one_scraped_by_prometheus() {
    let (Some(lab), Some(program)) = (Lab::enter(FILTER), Prometheus::locate()) else {
        return;
    };
    if !lab.since(38, NATIVE) {
        return;
    }
    let config = json!({"labels": {"method": true}, "unit": "us"});
    let service = Service::open(&lab, &config);
    let scrape = Scrape::of("envoy", service.envoy.admin_address())
        .every(Duration::from_millis(500))
        .param("histogram_buckets", "prometheusnative")
        // Envoy's default of 20 makes buckets as wide as it takes: here 19 %.
        .param("native_histogram_max_buckets", "160")
        .native_histograms();
    let prometheus = Prometheus::start(&program, &scrape);
    let groups = one_group();
    let seen = drive(&service, &groups, 24);
    let name = format!("{PREFIX}request_duration_microseconds");
    prometheus.wait_for(&format!("histogram_count({name})"), |now| {
        matches!(now, [(labels, count)] if labels["tag"] == "method=GET" && *count == groups[0].len() as f64)
    });
    for percent in PERCENTS {
        let value = by_tag(
            &prometheus,
            &format!("histogram_quantile(0.{percent:02}, {name})"),
        )("method=GET");
        assert_near("native", value, &seen[0], percent, 0.1);
    }
}

/// What Envoy's settings for histograms and the annotation `sidecar.istio.io/statsHistogramBuckets` make of a bootstrap: the first that
/// fits counts.
fn with_bounds(durations: &[f64], all: &[f64]) -> Value {
    let mut config = bootstrap([]).to_json()["stats_config"].clone();
    config["histogram_bucket_settings"] = json!([
        {"match": {"suffix": "_duration_microseconds"}, "buckets": durations},
        {"match": {"prefix": "wasmcustom.wasm_filter.latency_histogram"}, "buckets": all},
    ]);
    config
}

/// The finite bounds that Prometheus knows of a histogram.
fn bounds_of(prometheus: &Prometheus, name: &str) -> Vec<f64> {
    let mut bounds: Vec<f64> = (prometheus.query(&format!("{PREFIX}{name}_bucket")).iter())
        .filter_map(|(labels, _)| labels["le"].parse().ok())
        .filter(|le: &f64| le.is_finite())
        .collect();
    bounds.sort_by(f64::total_cmp);
    bounds
}

#[test]
fn microseconds_with_bounds_of_ones_own_scraped_by_prometheus() {
    let (Some(lab), Some(program)) = (Lab::enter(FILTER), Prometheus::locate()) else {
        return;
    };
    // 10 % apart.
    let bounds: Vec<f64> = (0..60).map(|n| (1000.0 * 1.1_f64.powi(n)).round()).collect();
    let config = json!({"labels": {"method": true}, "unit": "us", "sizes": {"request": true}});
    let service = Service::with(
        &lab,
        2,
        listener(lab.plugin(PLUGIN, &config)),
        |cluster| cluster,
        |bootstrap| bootstrap.with("stats_config", with_bounds(&bounds, &[100.0, 10_000.0])),
    );
    let prometheus = scraping(&program, &service.envoy);
    let groups = one_group();
    let seen = drive(&service, &groups, 24);
    let name = format!("{PREFIX}request_duration_microseconds");
    let sent = groups[0].len() as f64;
    prometheus.wait_for(
        &format!("{name}_count"),
        |now| matches!(now, [(_, count)] if *count == sent),
    );
    assert_eq!(bounds_of(&prometheus, "request_duration_microseconds"), bounds);
    assert_eq!(bounds_of(&prometheus, "request_size_bytes"), [100.0, 10_000.0]);
    for percent in PERCENTS {
        let promql = format!("histogram_quantile(0.{percent:02}, sum by (tag, le) ({name}_bucket))");
        // A bucket, and what Envoy's own bins of 10 % add to it.
        assert_near(
            "classic",
            by_tag(&prometheus, &promql)("method=GET"),
            &seen[0],
            percent,
            0.2,
        );
    }
}

/// The rules by which pages of ours give exact buckets their `le`, and routes a label of their own; the README's with one for
/// variants, as it shows.
fn rules() -> [String; 2] {
    ["filters/latency-histogram/README.md", "docs/metrics.md"].map(|page| {
        let text = std::fs::read_to_string(modules::workspace().join(page)).expect("the page");
        let (_, rules) = text
            .split_once("```yaml\nmetric_relabel_configs:\n")
            .expect("it has rules");
        let (rules, _) = rules.split_once("```").expect("and an end of them");
        match rules.contains("target_label: variant") {
            true => rules.to_owned(),
            false => format!("{rules}{VARIANT}"),
        }
    })
}

const VARIANT: &str = "\
- source_labels: [__name__, tag]
  regex: fairlead_latency_histogram_.+;(?:.+,)?variant=([^,]+).*
  target_label: variant
";

#[test]
fn buckets_get_their_le_by_query_or_by_relabelling_scraped_by_prometheus() {
    let (Some(lab), Some(program)) = (Lab::enter(FILTER), Prometheus::locate()) else {
        return;
    };
    let config = json!({
        "labels": {
            "route": {"templates": ["/users/{id}"]},
            "variant": {"header": "x-canary", "values": ["v2"], "default": "stable"},
        },
        "buckets": {"scale": 3, "from": "1ms", "to": "1s"},
    });
    let service = Service::open(&lab, &config);
    let groups = [
        Group::new("/users/1", uniform(150, 5.0, 20.0)),
        Group::new("/users/2", uniform(150, 30.0, 60.0)).header("x-canary", "v2"),
    ];
    // All at once: each takes 5 s until it scrapes for the first time.
    let plain = scraping(&program, &service.envoy);
    let relabelled = rules().map(|rules| {
        let scrape = Scrape::of("envoy", service.envoy.admin_address())
            .every(Duration::from_millis(500))
            .metric_relabel(rules);
        Prometheus::start(&program, &scrape)
    });
    drive(&service, &groups, 12);
    let all_are_there = |prometheus: &Prometheus| {
        let sum = format!("sum({PREFIX}request_exact_microseconds_count)");
        prometheus.wait_for(&sum, |sum| matches!(sum, [(_, sum)] if *sum == 300.0));
    };
    all_are_there(&plain);
    let by_query = PERCENTS.map(|percent| by_tag(&plain, &of_buckets("request", percent)));
    let bucket = format!("{PREFIX}request_exact_microseconds_bucket");
    for relabelled in &relabelled {
        all_are_there(relabelled);
        for (percent, by_query) in PERCENTS.iter().zip(&by_query) {
            let quantile =
                format!("histogram_quantile(0.{percent:02}, sum by (route, variant, le) ({bucket}))");
            let quantiles = relabelled.query(&quantile);
            assert_eq!(quantiles.len(), 2, "{quantiles:?}");
            for (labels, value) in quantiles {
                let tag = format!("route={},variant={}", labels["route"], labels["variant"]);
                assert_eq!(value, by_query(&tag), "{tag}");
            }
        }
        // All variants of a route together, which is what sums are for.
        let all = relabelled.query(&format!("sum by (route, le) ({bucket}{{le=\"+Inf\"}})"));
        assert!(
            matches!(&all[..], [(labels, sum)] if labels["route"] == "/users/{id}" && *sum == 300.0),
            "{all:?}"
        );
        assert_eq!(relabelled.query(&format!("{bucket}{{cache!=\"\"}}")), []);
    }
}
