//! Configs that are refused, and configs that replace others while requests are under way.

use fairlead_envoy::{Envoy, Error, ExtensionFile, Update};
use fairlead_tests::client::{Connection, meanwhile, side_by_side};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE, assert_alive, wait};
use serde_json::{Value, json};

use crate::service::{Service, counted, listener, phases, refused, wait_for_phases};
use crate::{FILTER, PLUGIN, get, one};

const CONNECTIONS: usize = 4;

/// Two mistakes, and a number: Envoy remembers what it has refused, and does not try it again.
fn bad(number: usize) -> Value {
    one(json!({"trip": {"error_rate": "0%"}, "opn": number}))
}

/// A config that differs from others of this kind by number, and not in what it does.
fn numbered(number: usize) -> Value {
    let headers = json!({"x-breaker": number.to_string()});
    one(json!({"window": {"duration": "1s", "buckets": 10}, "fallback": {"headers": headers}}))
}

#[test]
fn envoy_does_not_start_on_a_bad_static_config_and_its_log_names_every_mistake() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let (error, log) =
        lab.refused(fairlead_tests::proxy::listener("main").filter(lab.plugin(PLUGIN, &bad(0))));
    assert!(matches!(error, Error::Exited { .. }), "{error}");
    for part in [
        "circuit_breaker edge: configuration refused:",
        "breakers[0].trip.error_rate",
        "breakers[0].opn",
    ] {
        assert!(log.contains(part), "no `{part}` in {log}");
    }
}

/// The VMs of a module with two workers: Envoy's first one, the main thread's and theirs.
const VMS: usize = 4;

/// Waits until each VM has taken up so many configs. Envoy counts an update as accepted when its main thread has, and a worker
/// that is busy takes it up later: it then says that nothing is refused, whatever has been refused meanwhile.
fn taken_up(envoy: &Envoy, configs: usize) {
    let taken = || {
        envoy
            .logs()
            .iter()
            .filter(|line| line.contains(": configured, fingerprint"))
            .count()
    };
    wait("all VMs take it up", || taken() >= VMS * configs);
}

#[test]
fn updates_under_load_lose_nothing_and_keep_an_open_breaker_open() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let folder = tempfile::tempdir().unwrap();
    let plugin = |config: &Value| lab.plugin(PLUGIN, config);
    let mut file = ExtensionFile::create(folder.path(), "live", &plugin(&numbered(0))).unwrap();
    let service = Service::behind(&lab, 2, listener(file.filter()));
    let rejected = names::in_envoy(&names::circuit_breaker(PLUGIN, None, None, "config_rejected"));
    let mut update = |config: &Value| {
        service
            .envoy
            .update_extension(&mut file, &plugin(config), PATIENCE)
            .unwrap()
    };
    // Closed, while requests are under way.
    let ask = |connection: &mut Connection| assert_eq!(connection.ask(&get()).status, 200);
    let sent = meanwhile(service.port(), CONNECTIONS, ask, || {
        for number in 1..=5 {
            assert!(update(&numbered(number)).is_accepted());
            taken_up(&service.envoy, number + 1);
            let refused = update(&bad(number));
            assert!(matches!(refused, Update::Rejected { .. }), "{refused:?}");
            assert_eq!(service.envoy.stat(&rejected).unwrap(), 1);
        }
    });
    let sent = sent.len();
    let [success, failure, rest] = counted(&service.envoy, ["success", "failure", "late"], sent as u64);
    assert_eq!((success, failure, rest), (sent as u64, 0, 0));
    assert_eq!(service.reached(), sent);
    // Open: what was good before counts as well, so it takes some more failures.
    service.does("status=503");
    let mut connection = Connection::open(service.port());
    wait("it opens", || refused(&connection.ask(&get())));
    assert_eq!(wait_for_phases(&service.envoy, 1), ["open"]);
    let reached = service.reached();
    for number in 6..=8 {
        assert!(matches!(update(&bad(number)), Update::Rejected { .. }));
        assert!(update(&numbered(number)).is_accepted());
        taken_up(&service.envoy, number + 1);
        side_by_side(service.port(), CONNECTIONS, |_, connection| {
            for _ in 0..5 {
                let answer = connection.ask(&get());
                assert_eq!(
                    (answer.status, answer.header("x-breaker")),
                    (503, Some(number.to_string().as_str()))
                );
            }
        });
    }
    assert_eq!(service.reached(), reached);
    assert_eq!(phases(&service.envoy).len(), 1);
    assert_alive(&service.envoy);
}
