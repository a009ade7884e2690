//! Configs of several filters that are refused, and configs that replace others, as Istio delivers them.

use fairlead_envoy::{Envoy, Error, ExtensionFile, Update, Wasm};
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE, assert_alive, listener, port};
use serde_json::{Value, json};

use crate::SUITE;

const PLUGIN: &str = "edge";
/// What the filters say of [`bad`].
const MISTAKES: [&str; 2] = ["rate_limit.limits[0].rate", "canary.variants[0].weight"];

fn limits(burst: u32) -> Value {
    json!({"limits": [{"name": "all", "rate": "1/h", "burst": burst}]})
}

fn release() -> Value {
    json!({"release": "r", "variants": [{"name": "v2", "weight": "100%"}]})
}

fn bad(on_invalid_config: &str) -> Value {
    json!({
        "rate_limit": {"limits": [{"name": "all", "rate": "0/s"}], "on_invalid_config": on_invalid_config},
        "canary": {"release": "r", "variants": [{"name": "v2", "weight": "101%"}], "on_invalid_config": on_invalid_config},
    })
}

fn rejected(envoy: &Envoy) -> u64 {
    let gauge = names::metric(SUITE, PLUGIN, None, None, "config_rejected");
    envoy.stat(&names::in_envoy(&gauge)).unwrap()
}

fn update(envoy: &Envoy, file: &mut ExtensionFile, wasm: &Wasm) -> Update {
    envoy
        .update_extension(file, wasm, PATIENCE)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn envoy_does_not_start_on_a_bad_static_config_and_its_log_has_each_path() {
    let Some(lab) = Lab::enter(SUITE) else {
        return;
    };
    let (error, log) = lab.refused(listener("main").filter(lab.plugin(PLUGIN, &bad("refuse"))));
    assert!(matches!(error, Error::Exited { .. }), "{error}");
    assert!(log.contains("suite edge: configuration refused:"), "{log}");
    for mistake in MISTAKES {
        assert!(log.contains(mistake), "{log}");
    }
}

#[test]
fn requests_pass_without_the_filters_if_all_of_them_ask_for_it() {
    let Some(lab) = Lab::enter(SUITE) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut file = ExtensionFile::create(folder.path(), "live", &lab.plugin(PLUGIN, &bad("pass"))).unwrap();
    let envoy = lab.start(2, [listener("main").filter(file.filter())]);
    envoy.wait_for_log(MISTAKES[0], PATIENCE).unwrap();
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&Request::get("/"), 5), [200; 5]);
    assert_eq!(rejected(&envoy), 1);
    let good = json!({"rate_limit": limits(2), "canary": release()});
    assert!(update(&envoy, &mut file, &lab.plugin(PLUGIN, &good)).is_accepted());
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&Request::get("/"), 3), [200, 200, 429]);
    assert_eq!(rejected(&envoy), 0);
    assert_alive(&envoy);
}

#[test]
fn a_bad_update_changes_nothing_and_a_good_one_adds_a_filter() {
    let Some(lab) = Lab::enter(SUITE) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let good = lab.plugin(PLUGIN, &json!({"rate_limit": limits(5)}));
    let mut file = ExtensionFile::create(folder.path(), "live", &good).unwrap();
    let envoy = lab.start(2, [listener("main").filter(file.filter())]);
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&Request::get("/"), 2), [200, 200]);
    for on_invalid_config in ["refuse", "pass"] {
        let refused = update(&envoy, &mut file, &lab.plugin(PLUGIN, &bad(on_invalid_config)));
        assert!(
            !refused.is_accepted(),
            "a bad config was accepted with {on_invalid_config}"
        );
        for mistake in MISTAKES {
            envoy.wait_for_log(mistake, PATIENCE).unwrap();
        }
        assert_eq!(rejected(&envoy), 1);
        assert_eq!(
            connection.statuses(&Request::get("/"), 1),
            [200],
            "{on_invalid_config}"
        );
    }
    let more =
        json!({"rate_limit": limits(5), "circuit_breaker": {"breakers": [{"name": "all", "force": "open"}]}});
    assert!(update(&envoy, &mut file, &lab.plugin(PLUGIN, &more)).is_accepted());
    assert_eq!(rejected(&envoy), 0);
    // One unit was left, and then the limit comes first.
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&Request::get("/"), 2), [503, 429]);
    assert_alive(&envoy);
}
