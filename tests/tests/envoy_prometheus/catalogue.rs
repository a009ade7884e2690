//! Whether a scrape has what the catalogues promise, and nothing else.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fairlead_envoy::{Cluster, Listener, Route};
use fairlead_stage::{MetricDoc, Presence};
use fairlead_tests::catalogue::{FILTERS, Filter, kind};
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::exposition::{Exposition, Sample};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE, bootstrap, port};
use fairlead_upstream::Upstream;
use serde_json::{Value, json};

use crate::plugin;

const SENT: u64 = 20;

/// Configs of a filter that between them make it count all that it can.
fn rich(folder: &str) -> Vec<Value> {
    let config = match folder {
        "rate-limit" => json!({"limits": [
            {"name": "all", "rate": "10/m", "burst": 10},
            {"name": "per.key", "key": [{"header": "x-user"}], "rate": "1/s", "max_keys": 8},
        ]}),
        "canary" => json!({
            "release": "r",
            "variants": [{"name": "v2", "weight": "50%"}, {"name": "v3", "weight": "10%"}],
            "sticky": {"by": [{"header": "x-user"}], "cookie": {}},
            "force": {"header": "x-force"},
            "rules": [{"match": [{"path": {"exact": "/beta"}}], "variant": "v2", "mode": "shadow"}],
            "guard": {"error_rate": {"max": "5%"}, "latency": {"max": "1s"}},
            "propagate": {"baggage": true, "trace": true},
        }),
        "circuit-breaker" => json!({"breakers": [
            {
                "name": "machine",
                "recovery_ramp": "10s",
                "max_in_flight": 100,
                "trip": {"consecutive_failures": 3, "slow": {"above": "1s", "rate": "50%"}},
                "fallback": {"stale": {"max_age": "1m"}},
            },
            {"name": "keys", "per": "host", "fallback": {"reroute": {"header": "x-fallback", "value": "1"}}},
            {"name": "throttled", "throttle": {}},
            {"name": "forced", "match": [{"path": {"exact": "/forced"}}], "force": "open"},
        ]}),
        "latency-histogram" => return latencies(),
        _ => panic!("{folder} has no config here"),
    };
    vec![config]
}

fn latencies() -> Vec<Value> {
    let phases = ["total", "upstream", "filter"];
    let quantiles = |phase| json!({"phase": phase, "window": "10s", "by": ["status_class"]});
    vec![
        json!({
            "phases": phases, "unit": "us", "buckets": ["1ms", "1s"], "quantiles": quantiles("total"),
            "labels": {"status_class": true, "route": {"name": true, "max": 2}, "variant": {"header": "x-user", "max": 2}, "cluster": {"max": 2}},
            "sizes": {"request": true, "response": true},
            "slos": [{"name": "fast", "threshold": "1s", "objective": "99%"}],
            "access_log": {"slow_above": "1h"},
            "exclude": {
                "grpc_streams": true, "websockets": true, "client_aborts": true, "health_checks": true,
                "match": [{"methods": ["PUT"]}],
            },
        }),
        json!({"phases": phases, "quantiles": quantiles("upstream")}),
        json!({"phases": phases, "quantiles": quantiles("filter")}),
    ]
}

/// What the plugin of a config is called.
fn name(filter: &Filter, how: &str, number: usize) -> String {
    let folder = filter.folder;
    if number == 0 {
        format!("{folder}-{how}")
    } else {
        format!("{folder}-{how}-{number}")
    }
}

/// What each plugin is called, and its filter.
fn plugins() -> impl Iterator<Item = (String, Filter)> {
    FILTERS.iter().flat_map(|filter| {
        let numbers = 0..rich(filter.folder).len();
        numbers
            .flat_map(move |number| ["enforced", "shadowed"].map(|how| (name(filter, how, number), *filter)))
    })
}

/// A listener with all filters, each as a plugin of this mode.
fn chain(mode: &str, how: &str) -> Option<Listener> {
    let mut listener = Listener::http(mode)
        .route(Route::prefix("/").named("all").to("main"))
        .with("connection_balance_config", json!({"exact_balance": {}}));
    for filter in FILTERS {
        for (number, mut config) in rich(filter.folder).into_iter().enumerate() {
            config["mode"] = json!(mode);
            listener = listener.filter(plugin(filter.folder, &name(filter, how, number), &config)?);
        }
    }
    Some(listener)
}

/// A scrape of an Envoy that has seen some traffic.
fn scraped() -> Option<Exposition> {
    let lab = Lab::enter("rate-limit")?;
    let upstream = Upstream::bind(("127.0.0.1", 0), "v1").expect("a free port");
    let listeners = [chain("enforce", "enforced")?, chain("shadow", "shadowed")?];
    let bootstrap = bootstrap(listeners)
        .cluster(Cluster::new("main").endpoint(upstream.address()))
        .stats_flush_interval(Duration::from_millis(200));
    let envoy = lab.start_with(2, bootstrap);
    for listener in ["enforce", "shadow"] {
        let mut connection = Connection::open(port(&envoy, listener));
        for number in 0..SENT {
            let path = ["/", "/beta", "/forced"][number as usize % 3];
            let request = Request::get(path).header("x-user", format!("user-{}", number % 5));
            connection.ask(&request.header("x-force", if number % 7 == 0 { "always" } else { "" }));
        }
    }
    let counter = |outcome| names::requests("rate-limit-shadowed", "all", outcome);
    for (outcome, expected) in [("admitted", 10), ("would_deny", SENT - 10)] {
        let name = names::in_envoy(&counter(outcome));
        let counted = envoy.wait_for_stat(&name, PATIENCE, |count| count >= expected);
        assert_eq!(counted.unwrap(), expected, "{outcome}");
    }
    // Histograms are there after Envoy's next flush, windows after a tick.
    let mut scraped = Exposition::parse(&envoy.prometheus().unwrap());
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE / 4 && !missing(&scraped).is_empty() {
        scraped = Exposition::parse(&envoy.prometheus().unwrap());
    }
    Some(scraped)
}

/// The metrics that no plugin has.
fn missing(scraped: &Exposition) -> Vec<String> {
    let there: BTreeSet<&str> = (scraped.samples.iter())
        .filter_map(|sample| Some(scraped.metric_of(sample)?.0))
        .collect();
    let names = FILTERS
        .iter()
        .flat_map(|filter| filter.metrics.iter().map(|doc| filter.full_name(doc)));
    names.filter(|name| !there.contains(name.as_str())).collect()
}

/// What is wrong with a series; `None`: nothing.
fn stray(scraped: &Exposition, sample: &Sample) -> Option<String> {
    let label = |name: &str| sample.labels.get(name).map(String::as_str);
    let Some((_, filter)) = plugins().find(|(name, _)| label("component") == Some(name)) else {
        return Some("no plugin".to_owned());
    };
    let Some((name, found)) = scraped.metric_of(sample) else {
        return Some("no TYPE".to_owned());
    };
    let Some(doc) = filter.all().find(|doc| filter.full_name(doc) == name) else {
        return Some("not in the catalogue".to_owned());
    };
    let known = ["cache", "component", "le", "tag", "wasm_filter"];
    let mut wrong = Vec::new();
    for (what, is_wrong) in [
        ("kind", found != kind(doc.kind)),
        ("wasm_filter", label("wasm_filter") != Some(filter.name)),
        ("tag", label("tag").is_some() && doc.tag.is_empty()),
        ("cache", !doc.has(label("cache"))),
        (
            "labels",
            sample.labels.keys().any(|name| !known.contains(&name.as_str())),
        ),
    ] {
        wrong.extend(is_wrong.then_some(what));
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

#[test]
fn a_scrape_has_nothing_that_is_not_in_the_catalogue_and_all_that_is_always_there() {
    let Some(scraped) = scraped() else { return };
    let ours = |sample: &&Sample| sample.name.contains("fairlead") || sample.name.contains("wasm_filter");
    let strays: Vec<(String, &Sample)> = (scraped.samples.iter().filter(ours))
        .filter_map(|sample| Some((stray(&scraped, sample)?, sample)))
        .collect();
    assert_eq!(strays, []);

    let there: BTreeSet<(&str, &str)> = (scraped.samples.iter().filter(ours))
        .filter_map(|sample| {
            Some((
                sample.labels.get("component")?.as_str(),
                scraped.metric_of(sample)?.0,
            ))
        })
        .collect();
    let always = |doc: &&MetricDoc| doc.when == Presence::Always;
    for (plugin, filter) in plugins() {
        for name in filter.all().filter(always).map(|doc| filter.full_name(doc)) {
            assert!(
                there.contains(&(plugin.as_str(), name.as_str())),
                "{plugin} has no {name}"
            );
        }
    }
    // Between them the configs are rich enough for all the rest.
    assert_eq!(missing(&scraped), [""; 0]);
}

#[test]
fn every_label_and_every_value_of_it_is_scraped_from_some_plugin() {
    let Some(scraped) = scraped() else { return };
    for filter in FILTERS {
        for doc in filter.all() {
            let name = filter.full_name(doc);
            let has = |label: &str, value: Option<&str>| {
                scraped.samples.iter().any(|sample| {
                    let found = sample.labels.get(label).map(String::as_str);
                    found.is_some_and(|found| value.is_none_or(|value| found == value))
                        && scraped.metric_of(sample).is_some_and(|(of, _)| of == name)
                })
            };
            assert!(doc.tag.is_empty() || has("tag", None), "{name} with a tag");
            for (value, _) in doc.cache.iter().filter(|(value, _)| !value.starts_with('<')) {
                assert!(has("cache", Some(value)), "{name} with cache {value}");
            }
        }
    }
}
