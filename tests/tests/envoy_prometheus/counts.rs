//! Whether Prometheus has the numbers, under the labels that are promised.

use std::collections::BTreeMap;

use fairlead_envoy::Envoy;
use fairlead_tests::catalogue;
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::prometheus::{Labels, Prometheus};
use fairlead_tests::proxy::{Lab, listener, port};
use fairlead_tests::versions::NATIVE;
use serde_json::json;

use crate::{PLUGIN, enter, scrape};

const SENT: usize = 200;
const BURST: usize = 50;

/// An Envoy whose limit has met [`SENT`] requests of one key, and admitted [`BURST`].
fn after_a_burst(lab: &Lab) -> Envoy {
    let limit = json!({"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/h", "burst": BURST});
    let plugin = lab.plugin(PLUGIN, &json!({"limits": [limit]}));
    let envoy = lab.start(2, [listener("main").filter(plugin)]);
    let request = Request::get("/").header("x-api-key", "a");
    let statuses = Connection::open(port(&envoy, "main")).statuses(&request, SENT);
    let admitted = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(admitted, BURST, "{statuses:?}");
    envoy
}

/// What Prometheus has of the limit's requests by the label `outcome`, the other labels without their name, once it has
/// all of them: the filter counts a moment after the client has its answer, and a scrape comes later still.
fn counted(prometheus: &Prometheus, outcome: &str) -> BTreeMap<String, (Labels, f64)> {
    prometheus.wait_for(
        "sum(fairlead_rate_limit_requests_total)",
        |sum| matches!(sum, [(_, sum)] if *sum >= SENT as f64),
    );
    let series = prometheus.query("fairlead_rate_limit_requests_total").into_iter();
    let by_outcome = series.map(|(mut labels, count)| {
        labels.remove("__name__");
        (labels.remove(outcome).expect("an outcome"), (labels, count))
    });
    by_outcome.collect()
}

fn expected(labels: [(&str, &str); 5]) -> BTreeMap<String, (Labels, f64)> {
    let labels = Labels::from(labels.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let counts = [("admitted", BURST), ("denied", SENT - BURST), ("undecided", 0)];
    BTreeMap::from(counts.map(|(outcome, count)| (outcome.to_owned(), (labels.clone(), count as f64))))
}

#[test]
fn prometheus_has_the_exact_counts_under_istios_labels() {
    let Some((lab, program)) = enter() else { return };
    let envoy = after_a_burst(&lab);
    let prometheus = Prometheus::start(&program, &scrape(&envoy));
    let labels = [
        ("component", PLUGIN),
        ("instance", "envoy"),
        ("job", "envoy"),
        ("tag", "per-key"),
        ("wasm_filter", "rate_limit"),
    ];
    assert_eq!(counted(&prometheus, "cache"), expected(labels));
}

#[test]
fn the_relabelling_of_the_page_names_labels_after_what_they_say() {
    let Some((lab, program)) = enter() else { return };
    let page = std::fs::read_to_string(catalogue::page()).expect("the page");
    let (_, configs) = page.split_once("\nmetric_relabel_configs:\n").expect("a snippet");
    let (configs, _) = configs.split_once("```").expect("its end");
    let envoy = after_a_burst(&lab);
    let prometheus = Prometheus::start(&program, &scrape(&envoy).metric_relabel(configs));
    let labels = [
        ("component", PLUGIN),
        ("instance", "envoy"),
        ("job", "envoy"),
        ("limit", "per-key"),
        ("wasm_filter", "rate_limit"),
    ];
    assert_eq!(counted(&prometheus, "outcome"), expected(labels));
    assert_eq!(prometheus.query("sum(envoy_server_live)"), [(Labels::new(), 1.0)]);
}

#[test]
fn prometheus_keeps_native_histograms_of_several_proxies() {
    let Some((lab, program)) = enter() else { return };
    if !lab.since(38, NATIVE) {
        return;
    }
    let (one, two) = (after_a_burst(&lab), after_a_burst(&lab));
    let scrape = scrape(&one)
        .and("two", two.admin_address())
        .param("histogram_buckets", "prometheusnative")
        .native_histograms();
    let prometheus = Prometheus::start(&program, &scrape);
    let both = prometheus.wait_for("histogram_count(envoy_http_main_downstream_rq_time)", |series| {
        series.iter().filter(|(_, count)| *count >= SENT as f64).count() == 2
    });
    let instances: Vec<&str> = both
        .iter()
        .map(|(labels, _)| labels["instance"].as_str())
        .collect();
    assert_eq!(instances, ["envoy", "two"]);
}
