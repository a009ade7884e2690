//! What a Prometheus sees at the port of the agent, without any change to bootstraps.

use std::net::SocketAddr;
use std::time::Instant;

use fairlead_tests::client::Request;
use fairlead_tests::control_plane::{Callee, Mesh, Plugin, REVIEWS, Role, Table, wait};
use fairlead_tests::prometheus::{Prometheus, Scrape};
use serde_json::json;

use crate::{PAGE, image};

#[test]
fn a_prometheus_sees_all_four_with_labels_at_the_agents_port() {
    let Some(program) = Prometheus::locate() else {
        return;
    };
    let Some(mesh) = Mesh::start() else { return };
    let configs = [
        (
            "rate-limit",
            json!({"limits": [{"name": "all", "rate": "1000/s", "burst": 1000}]}),
        ),
        (
            "canary",
            json!({"release": "r", "header": "x-canary", "variants": [{"name": "v2", "weight": "50%"}],
            "sticky": {"by": [{"header": "x-user-id"}]}}),
        ),
        (
            "circuit-breaker",
            json!({"breakers": [{"name": "all", "trip": {"consecutive_failures": 100}}]}),
        ),
        ("latency-histogram", json!({"labels": {"status_class": true}})),
    ];
    for (filter, config) in &configs {
        let plugin = Plugin::new(filter, Role::Client, &image(&mesh, filter), config);
        mesh.cluster.apply(&plugin.wasm_plugin());
    }
    wait("all four are there", || {
        let filters = mesh.sidecar(Role::Client).filters();
        filters
            .iter()
            .filter(|(_, config)| config["config"].is_object())
            .count()
            == configs.len()
    });
    let request = |user: usize| Request::to(REVIEWS, "/").header("x-user-id", format!("user-{user}"));
    wait("they act", || {
        let answer = mesh.connect(Callee::Client).ask(&request(0));
        answer.header("ratelimit-policy").is_some()
    });
    let mut connection = mesh.connect(Callee::Client);
    for user in 0..100 {
        assert_eq!(connection.ask(&request(user)).status, 200);
    }
    let address: SocketAddr = ([127, 0, 0, 1], mesh.sidecar(Role::Client).status_port()).into();
    let prometheus = Prometheus::start(&program, &Scrape::of("client", address));
    let mut table = Table::new("metrics", &["metric", "labels"]);
    for (metric, filter, tag) in [
        ("fairlead_rate_limit_requests_total", "rate_limit", "all"),
        ("fairlead_canary_exposures_total", "canary", "v2"),
        (
            "fairlead_circuit_breaker_requests_total",
            "circuit_breaker",
            "all",
        ),
        (
            "fairlead_latency_histogram_request_duration_milliseconds_count",
            "latency_histogram",
            "status=2xx",
        ),
    ] {
        let begin = Instant::now();
        let component = format!("demo_{}_istio-translated-wasmplugin", filter.replace('_', "-"));
        let series = format!(r#"{metric}{{wasm_filter="{filter}",component="{component}",tag="{tag}"}}"#);
        let least = if filter == "canary" { 20.0 } else { 100.0 };
        prometheus.wait_for(
            &format!("sum({series})"),
            |sum| matches!(sum, [(_, sum)] if *sum >= least),
        );
        let labels = format!(r#"`wasm_filter="{filter}"`, `component="{component}"`, `tag="{tag}"`"#);
        table.row(&[&format!("`{metric}`"), &labels], begin.elapsed());
    }
    table.document(PAGE);
}
