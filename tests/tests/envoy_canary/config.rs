//! Configs that are refused, and a weight that is changed while requests are under way.

use fairlead_envoy::{Error, ExtensionFile, Update};
use fairlead_tests::client::Connection;
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE};
use serde_json::{Value, json};

use crate::shop::{Shop, answering, listener};
use crate::{EARLY, FILTER, LATE, MIDDLE, PLUGIN, ask, release, user, with};

/// Two mistakes.
fn bad() -> Value {
    with(release("110%"), json!({"sticki": {}}))
}

#[test]
fn envoy_does_not_start_on_a_bad_static_config_and_its_log_names_every_mistake() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let (error, log) = lab.refused(answering("main", lab.plugin(PLUGIN, &bad())));
    assert!(matches!(error, Error::Exited { .. }), "{error}");
    for part in [
        "canary edge: configuration refused:",
        "variants[0].weight",
        "sticki",
    ] {
        assert!(log.contains(part), "no `{part}` in {log}");
    }
}

#[test]
fn a_bad_update_changes_nothing_and_a_good_one_holds_for_open_connections() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let folder = tempfile::tempdir().unwrap();
    let plugin = |config: &Value| lab.plugin(PLUGIN, config);
    let mut file = ExtensionFile::create(folder.path(), "live", &plugin(&release("10%"))).unwrap();
    let shop = Shop::open(&lab, 2, [listener("main", file.filter())]);
    let mut connections = [(); 4].map(|()| Connection::open(shop.port()));
    let mut versions = || {
        connections
            .each_mut()
            .map(|connection| [EARLY, MIDDLE, LATE].map(|id| ask(connection, &user(id))))
    };
    assert_eq!(versions(), [["v2", "v1", "v1"]; 4]);
    let rejected = names::in_envoy(&names::canary(PLUGIN, None, None, "config_rejected"));
    let update = shop
        .envoy
        .update_extension(&mut file, &plugin(&bad()), PATIENCE)
        .unwrap();
    assert!(matches!(update, Update::Rejected { .. }), "{update:?}");
    assert_eq!(shop.envoy.stat(&rejected).unwrap(), 1);
    assert_eq!(versions(), [["v2", "v1", "v1"]; 4]);
    assert!(
        shop.envoy
            .update_extension(&mut file, &plugin(&release("50%")), PATIENCE)
            .unwrap()
            .is_accepted()
    );
    assert_eq!(shop.envoy.stat(&rejected).unwrap(), 0);
    assert_eq!(versions(), [["v2", "v2", "v1"]; 4]);
}
