//! Configs that are refused, and configs that replace others, as Istio delivers them.

use fairlead_envoy::{Envoy, Error, ExtensionFile, Update, Wasm};
use fairlead_tests::client::Connection;
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE, listener, port};
use serde_json::{Value, json};

use crate::{PLUGIN, counted, per_key, with_key};

/// What the filter says of [`bad`].
const MISTAKE: &str = "limits[0].rate";

fn bad(on_invalid_config: &str) -> Value {
    json!({"limits": [{"name": "per-key", "rate": "0/s"}], "on_invalid_config": on_invalid_config})
}

fn rejected(envoy: &Envoy) -> u64 {
    let gauge = names::rate_limit(PLUGIN, None, None, "config_rejected");
    envoy.stat(&names::in_envoy(&gauge)).unwrap()
}

fn update(envoy: &Envoy, file: &mut ExtensionFile, wasm: &Wasm) -> Update {
    envoy
        .update_extension(file, wasm, PATIENCE)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn envoy_does_not_start_on_a_bad_static_config_and_its_log_says_why() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let (error, log) = lab.refused(listener("main").filter(lab.plugin(PLUGIN, &bad("refuse"))));
    assert!(matches!(error, Error::Exited { .. }), "{error}");
    assert!(log.contains("rate_limit edge: configuration refused:"), "{log}");
    assert!(log.contains(MISTAKE), "{log}");
}

#[test]
fn a_bad_first_config_answers_500_until_a_good_one_arrives() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut file = ExtensionFile::create(folder.path(), "live", &lab.plugin(PLUGIN, &bad("refuse"))).unwrap();
    let envoy = lab.start(2, [listener("main").filter(file.filter())]);
    envoy.wait_for_log(MISTAKE, PATIENCE).unwrap();
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&with_key("a"), 2), [500, 500]);
    assert!(update(&envoy, &mut file, &lab.plugin(PLUGIN, &per_key("2/h", 2))).is_accepted());
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&with_key("a"), 3), [200, 200, 429]);
}

#[test]
fn with_pass_a_bad_first_config_lets_requests_pass_and_the_gauge_says_so() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut file = ExtensionFile::create(folder.path(), "live", &lab.plugin(PLUGIN, &bad("pass"))).unwrap();
    let envoy = lab.start(2, [listener("main").filter(file.filter())]);
    envoy.wait_for_log(MISTAKE, PATIENCE).unwrap();
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&with_key("a"), 5), [200; 5]);
    assert_eq!(rejected(&envoy), 1);
    assert!(update(&envoy, &mut file, &lab.plugin(PLUGIN, &per_key("2/h", 2))).is_accepted());
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&with_key("a"), 3), [200, 200, 429]);
    assert_eq!(rejected(&envoy), 0);
}

#[test]
fn a_bad_update_changes_nothing_and_a_good_one_goes_on_counting() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let good = lab.plugin(PLUGIN, &per_key("5/h", 5));
    let mut file = ExtensionFile::create(folder.path(), "live", &good).unwrap();
    let envoy = lab.start(2, [listener("main").filter(file.filter())]);
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&with_key("a"), 2), [200, 200]);
    for (refusals, on_invalid_config) in [(1, "refuse"), (2, "pass")] {
        let Update::Rejected { reason } =
            update(&envoy, &mut file, &lab.plugin(PLUGIN, &bad(on_invalid_config)))
        else {
            panic!("a bad config was accepted with {on_invalid_config}")
        };
        assert!(reason.contains("Unable to create Wasm plugin edge"), "{reason}");
        envoy.wait_for_log(MISTAKE, PATIENCE).unwrap();
        assert_eq!(
            envoy
                .stat(&format!("{}update_rejected", file.stats_prefix()))
                .unwrap(),
            refusals
        );
        assert_eq!(rejected(&envoy), 1);
        assert_eq!(
            connection.statuses(&with_key("a"), 1),
            [200],
            "{on_invalid_config}"
        );
    }
    // Who goes back to the config that runs is taken at their word: Envoy does not ask the filter, which cannot tell.
    assert!(update(&envoy, &mut file, &good).is_accepted());
    assert_eq!(rejected(&envoy), 1);
    let mut other = per_key("5/h", 5);
    other["mode"] = json!("enforce");
    assert!(update(&envoy, &mut file, &lab.plugin(PLUGIN, &other)).is_accepted());
    assert_eq!(rejected(&envoy), 0);
    other["response_headers"] = json!("none");
    assert!(update(&envoy, &mut file, &lab.plugin(PLUGIN, &other)).is_accepted());
    // The connection is the same; the config is not, and one unit was left.
    let last = connection.ask(&with_key("a"));
    assert_eq!((last.status, last.header("ratelimit")), (200, None));
    assert_eq!(connection.statuses(&with_key("a"), 2), [429, 429]);
    assert_eq!(counted(&envoy, 7), (5, 2));
}

/// A lean build is not told when a config has gone; Envoy ticks a root context for as long as it has it.
#[test]
fn a_lean_build_forgets_what_no_longer_ticks_and_keeps_what_does() {
    const EDITS: u32 = 5;
    let Some(lab) = Lab::enter("rate-limit-lean") else {
        return;
    };
    let limits = |name: &str, number: u32| {
        let mut config = per_key("2/h", 2);
        config["limits"][0]["name"] = json!(name);
        config["limits"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "other", "match": [{"hosts": ["other"]}], "rate": format!("{number}/h")}));
        config["response_headers"] = json!("none");
        config
    };
    let folder = tempfile::tempdir().unwrap();
    let edited = |number| lab.plugin(PLUGIN, &limits("per-key", number));
    let mut file = ExtensionFile::create(folder.path(), "live", &edited(1)).unwrap();
    let quiet = lab.plugin("quiet", &limits("quiet", 1));
    let envoy = lab.start(
        2,
        [
            listener("main").filter(file.filter()),
            listener("quiet").filter(quiet),
        ],
    );
    let mut connection = Connection::open(port(&envoy, "main"));
    assert_eq!(connection.statuses(&with_key("a"), 3), [200, 200, 429]);
    for number in 2..=EDITS {
        assert!(update(&envoy, &mut file, &edited(number)).is_accepted());
    }
    // On each of two workers, and on the main thread.
    let gone = || {
        let logs = envoy.logs();
        logs.iter().filter(|line| line.contains("ticks no more")).count()
    };
    let begun = std::time::Instant::now();
    while gone() < 3 * (EDITS as usize - 1) {
        assert!(begun.elapsed() < PATIENCE, "{} of them", gone());
        // Meanwhile the one that is in force holds.
        assert_eq!(connection.statuses(&with_key("a"), 1), [429]);
    }
    let mut connection = Connection::open(port(&envoy, "quiet"));
    assert_eq!(connection.statuses(&with_key("a"), 3), [200, 200, 429]);
    assert_eq!(gone(), 3 * (EDITS as usize - 1));
}
