//! The same said in other ways: WasmPlugin or TrafficExtension, four plugins or one.

use std::time::Duration;

use fairlead_tests::client::Request;
use fairlead_tests::control_plane::{
    Callee, Mesh, Plugin, REVIEWS, Role, SERVICE_PORT, Table, shipped, wait,
};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::{PAGE, image, quota};

/// What istiod appends to the names of what it has translated from WasmPlugins.
const TRANSLATED: &str = "~istio-translated-wasmplugin";

/// What a proxy was sent for its filters, without what the name of the object's kind changes: by name, plugin, config,
/// policy and module.
fn sent(mesh: &Mesh, role: Role) -> Vec<Value> {
    let filters = mesh.sidecar(role).filters().into_iter();
    let mut sent: Vec<Value> = filters
        .map(|(_, filter)| {
            let config = &filter["config"];
            let module = &config["vm_config"]["code"]["local"]["filename"];
            json!({
                "name": config["name"].as_str().unwrap_or_default().replace(TRANSLATED, ""),
                "root_id": config["root_id"],
                "configuration": config["configuration"],
                "failure_policy": config["failure_policy"],
                "vm": {"runtime": config["vm_config"]["runtime"], "vm_id": config["vm_config"]["vm_id"]},
                "module": module.as_str().unwrap_or_default().rsplit('/').next(),
            })
        })
        .collect();
    sent.sort_by_key(|filter| filter["name"].to_string());
    sent
}

/// The pairs of shipped manifests that say the same in both forms.
fn pairs() -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for folder in [
        "rate-limit",
        "canary",
        "circuit-breaker",
        "latency-histogram",
        "suite",
    ] {
        let files = std::fs::read_dir(modules::workspace().join("istio").join(folder)).expect("a folder");
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        for name in names {
            let Some(rest) = name.strip_prefix("wasmplugin") else {
                continue;
            };
            let other = format!("istio/{folder}/trafficextension{rest}");
            pairs.push((format!("istio/{folder}/{name}"), other));
        }
    }
    pairs.push((
        "istio/suite/four-plugins.yaml".to_owned(),
        "istio/suite/four-trafficextensions.yaml".to_owned(),
    ));
    pairs.sort();
    pairs
}

#[test]
fn a_trafficextension_sends_what_the_wasmplugin_sends() {
    let Some(mesh) = Mesh::start() else { return };
    let images = mesh.images();
    let all = |mesh: &Mesh| Role::ALL.map(|role| sent(mesh, role));
    for (plugin, extension) in pairs() {
        let mut seen = Vec::new();
        for path in [&plugin, &extension] {
            let manifest = shipped(path, &images);
            mesh.cluster.apply(&manifest);
            let count = manifest.matches("pluginName:").count();
            let whole = |filters: &[Vec<Value>; 3]| {
                let module = |filter: &Value| {
                    filter["module"]
                        .as_str()
                        .is_some_and(|name| name.ends_with(".wasm"))
                };
                let total: usize = filters.iter().map(Vec::len).sum();
                total >= count && filters.iter().flatten().all(module)
            };
            wait(path, || whole(&all(&mesh)));
            // What comes late would show in the other form.
            seen.push(all(&mesh));
            mesh.cluster.remove(&manifest);
            wait("it is taken away", || all(&mesh).iter().all(Vec::is_empty));
        }
        assert_eq!(seen[0], seen[1], "{plugin} and {extension}");
        eprintln!("  {plugin} and {extension} send the same");
    }
}

#[test]
fn plugins_of_one_listener_run_in_the_order_that_the_page_says() {
    let Some(mesh) = Mesh::start() else { return };
    let image = image(&mesh, "rate-limit");
    // In the order in which requests should pass, created in another.
    let places = [
        ("AUTHN", Some(9)),
        ("AUTHN", Some(1)),
        ("AUTHN", None),
        ("AUTHZ", Some(-5)),
        ("AUTHZ", None),
        ("STATS", Some(100)),
        ("STATS", Some(0)),
        ("UNSPECIFIED_PHASE", Some(7)),
        ("UNSPECIFIED_PHASE", None),
    ];
    let name = |index: usize| format!("plugin-{}", (index * 4) % places.len());
    let mut created: Vec<usize> = (0..places.len()).collect();
    created.sort_by_key(|index| name(*index));
    for index in created {
        let (phase, priority) = places[index];
        let plugin = Plugin::new(&name(index), Role::Client, &image, &quota(1)).place(phase, priority);
        mesh.cluster.apply(&plugin.wasm_plugin());
    }
    let ours = || {
        let chain = mesh.sidecar(Role::Client).chain(SERVICE_PORT).into_iter();
        let names = chain.filter_map(|filter| Some(filter.rsplit_once("/demo.")?.1.replace(TRANSLATED, "")));
        names.collect::<Vec<_>>()
    };
    wait("all are in the chain", || ours().len() == places.len());
    let expected: Vec<String> = (0..places.len()).map(name).collect();
    assert_eq!(ours(), expected);
    let mut table = Table::new("order", &["place of a request", "phase", "priority"]);
    for (index, (phase, priority)) in places.iter().enumerate() {
        let priority = priority.map_or_else(|| "none".to_owned(), |priority| priority.to_string());
        table.row(&[&(index + 1).to_string(), phase, &priority], Duration::ZERO);
    }
    table.document(PAGE);
}

/// One of each filter, with outcomes that no clock changes.
fn policy() -> Value {
    json!({
        "canary": {"release": "r", "header": "x-canary", "variants": [{"name": "v2", "weight": "50%"}],
            "default": {"name": "stable", "value": "stable"}, "sticky": {"by": [{"header": "x-user-id"}]}},
        "latency_histogram": {"labels": {"status_class": true}},
        "rate_limit": {"limits": [{"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/h", "burst": 3}]},
        "circuit_breaker": {"breakers": [{"name": "fails", "match": [{"path": {"prefix": "/fails"}}],
            "trip": {"consecutive_failures": 3}, "open": {"duration": "10m"}}]},
        "order": ["canary", "latency_histogram", "rate_limit", "circuit_breaker"],
    })
}

/// What traffic meets: status and version of each answer.
fn outcomes(mesh: &Mesh) -> Vec<(u16, Option<String>, Option<String>)> {
    let mut connection = mesh.connect(Callee::Client);
    let mut seen = Vec::new();
    let mut ask = |request: &Request| {
        let answer = connection.ask(request);
        let text = |name: &str| answer.header(name).map(str::to_owned);
        seen.push((answer.status, text("x-version"), text("ratelimit-policy")));
    };
    for user in 0..60 {
        let request = Request::to(REVIEWS, "/").header("x-user-id", format!("user-{user}"));
        ask(&request.header("x-api-key", format!("key-{}", user % 12)));
    }
    let fails = Request::to(REVIEWS, "/fails").header("x-user-id", "user-1");
    for upstream in [&mesh.v1, &mesh.v2] {
        upstream.set("status=500".parse().expect("a behavior"));
    }
    (0..8).for_each(|_| ask(&fails));
    for upstream in [&mesh.v1, &mesh.v2] {
        upstream.set("".parse().expect("a behavior"));
    }
    (0..4).for_each(|_| ask(&fails));
    ask(&Request::to(REVIEWS, "/").header("x-user-id", "user-1"));
    seen
}

#[test]
fn four_plugins_of_one_image_do_what_the_one_plugin_does() {
    let Some(mesh) = Mesh::start() else { return };
    let image = image(&mesh, "suite");
    let policy = policy();
    let ready = |count: usize| {
        wait("the filters are there", || {
            let chain = mesh.sidecar(Role::Client).chain(SERVICE_PORT);
            let ours = chain.iter().filter(|name| name.contains("/demo.")).count();
            let acts = mesh
                .connect(Callee::Client)
                .ask(&Request::to(REVIEWS, "/").header("x-api-key", "probe"));
            ours == count && (count == 0 || acts.header("ratelimit-policy").is_some())
        });
    };
    let one = Plugin::new("whole", Role::Client, &image, &policy).place("STATS", Some(1));
    mesh.cluster.apply(&one.wasm_plugin());
    ready(1);
    let whole = outcomes(&mesh);
    mesh.cluster.delete("wasmplugin", "demo", "whole");
    ready(0);

    let order = policy["order"].as_array().expect("an order").clone();
    for (index, filter) in order.iter().enumerate() {
        let filter = filter.as_str().expect("a name");
        let name = format!("part-{}", filter.replace('_', "-"));
        let priority = 40 - i32::try_from(index).expect("a few");
        let part = Plugin::new(&name, Role::Client, &image, &json!({filter: policy[filter]}));
        mesh.cluster
            .apply(&part.place("STATS", Some(priority)).wasm_plugin());
    }
    ready(4);
    let parts = outcomes(&mesh);
    assert_eq!(whole, parts);
    // The traffic is one that tells filters apart.
    let has = |status: u16| whole.iter().filter(|(seen, ..)| *seen == status).count();
    assert!(
        has(200) >= 20 && has(429) >= 20 && has(500) == 3 && has(503) == 9,
        "{whole:?}"
    );
    let versions = |version: &str| whole.iter().any(|(_, seen, _)| seen.as_deref() == Some(version));
    assert!(versions("v1") && versions("v2"));
}
