//! Requests in flight, probes, and VMs that end while they hold permits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fairlead_envoy::{Envoy, Wasm};
use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, assert_alive, port, wait};
use fairlead_tests::refusing::{FATAL, mortal};
use serde_json::{Value, json};

use crate::service::{Service, listener, phases, refused, stat, wait_for_phases};
use crate::{FILTER, MINIMUM, PLUGIN, get, one};

const CONNECTIONS: usize = 12;

#[test]
fn no_more_are_in_flight_than_may_be_and_places_come_back_however_requests_end() {
    const MOST: usize = 4;
    let Some(lab) = Lab::enter(FILTER) else { return };
    let service = Service::open(
        &lab,
        &one(json!({"max_in_flight": MOST, "minimum_requests": 1_000_000})),
    );
    for behavior in [
        "delay=100ms",
        "delay=100ms&status=503",
        "delay=100ms&reset=1",
        "delay=10ms&chunks=3&bytes=9000&chunk-delay=30ms",
    ] {
        service.does(behavior);
        let (done, most) = (AtomicBool::new(false), AtomicUsize::new(0));
        let passed: usize = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    most.fetch_max(service.main.active(), Ordering::Relaxed);
                    std::thread::yield_now();
                }
            });
            let passed = side_by_side(service.port(), CONNECTIONS, |index, connection| {
                let mut passed = 0;
                for round in 0..10 {
                    if (index + round) % 5 == 0 {
                        let mut leaving = Connection::open(service.port());
                        leaving.send(&[get()]);
                    }
                    passed += usize::from(!refused(&connection.ask(&get())));
                }
                passed
            });
            done.store(true, Ordering::Relaxed);
            passed.into_iter().sum()
        });
        // An upstream learns a moment late that a client has left.
        let most = most.into_inner();
        assert!((MOST..=MOST + 2).contains(&most), "{behavior}: {most} at a time");
        assert!(
            (MOST..10 * CONNECTIONS).contains(&passed),
            "{behavior}: {passed} passed"
        );
        wait("all have ended", || service.main.active() == 0);
    }
    // Nothing was leaked.
    service.does("delay=500ms");
    let seen = side_by_side(service.port(), CONNECTIONS, |_, connection| {
        refused(&connection.ask(&get()))
    });
    assert_eq!(seen.iter().filter(|refused| !**refused).count(), MOST);
    assert!(stat(&service.envoy, "rejected_total", "bulkhead") > 0);
    assert_alive(&service.envoy);
}

/// A proxy with one worker, whose VM ends at a request of `/end`.
fn mortal_service(lab: &Lab, fields: &Value) -> Option<(Service, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mortal.wasm");
    std::fs::write(&path, mortal(FILTER)?).unwrap();
    let mut config = one(fields.clone());
    let end = json!({"name": "end", "match": [{"path": {"exact": "/end"}}], "force": "open", "fallback": {"status": FATAL}});
    config["breakers"].as_array_mut().unwrap().insert(0, end);
    let plugin = Wasm::new(PLUGIN, path).configuration(config.to_string());
    Some((Service::behind(lab, 1, listener(plugin)), folder))
}

/// Ends the VM.
fn end(envoy: &Envoy) {
    let reloads = |envoy: &Envoy| {
        let stats = envoy.stats().unwrap();
        let names = stats
            .iter()
            .filter(|(name, _)| name.contains("vm_reload_success"));
        names.map(|(_, count)| *count).sum::<u64>()
    };
    let before = reloads(envoy);
    assert_eq!(
        Connection::open(port(envoy, "main"))
            .ask(&Request::get("/end"))
            .status,
        503
    );
    // Reloads are at least a second apart.
    wait("a new VM", || {
        let _ = Connection::open(port(envoy, "main")).ask(&Request::get("/wakes-it"));
        reloads(envoy) > before
    });
}

/// Sends requests that do not wait for their answers.
fn begin(service: &Service, count: usize) -> Vec<Connection> {
    let connections: Vec<Connection> = (0..count)
        .map(|_| {
            let mut connection = Connection::open(service.port());
            connection.send(&[get()]);
            connection
        })
        .collect();
    connections
}

#[test]
fn a_vm_that_ends_takes_no_place_in_flight_with_it() {
    const MOST: usize = 3;
    let Some(lab) = Lab::enter(FILTER) else { return };
    let Some((service, _folder)) = mortal_service(&lab, &json!({"max_in_flight": MOST})) else {
        return;
    };
    service.does("delay=1m");
    let waiting = begin(&service, MOST);
    wait("they are there", || service.reached() == MOST);
    let mut connection = Connection::open(service.port());
    assert!(refused(&connection.ask(&get())));
    end(&service.envoy);
    drop(waiting);
    service.does("delay=300ms");
    wait("all places are back", || {
        let seen = side_by_side(service.port(), MOST + 2, |_, connection| {
            refused(&connection.ask(&get()))
        });
        let passed = seen.iter().filter(|refused| !**refused).count();
        assert!(passed <= MOST, "{passed}");
        passed == MOST
    });
}

#[test]
fn a_vm_that_ends_while_it_probes_does_not_keep_the_breaker_half_open() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let fields = json!({"open": {"duration": "100ms"}, "half_open": {"probes": 1, "max_wait": "10m"}});
    let Some((service, _folder)) = mortal_service(&lab, &fields) else {
        return;
    };
    let mut connection = Connection::open(service.port());
    service.does("status=503");
    connection.statuses(&get(), MINIMUM);
    assert_eq!(wait_for_phases(&service.envoy, 1)[0], "open");
    service.main.reset_counts();
    service.does("delay=1m");
    let mut waiting = Vec::new();
    wait("a probe", || {
        if waiting.is_empty() || service.reached() == 0 {
            waiting.extend(begin(&service, 1));
        }
        service.reached() == 1
    });
    assert!(
        refused(&Connection::open(service.port()).ask(&get())),
        "the only permit is taken"
    );
    service.does("");
    end(&service.envoy);
    wait("the permit is back, and its probe closes it", || {
        let mut connection = Connection::open(service.port());
        !refused(&connection.ask(&get())) && stat(&service.envoy, "state", "") == 0
    });
    let seen = phases(&service.envoy);
    assert_eq!(seen.last().map(String::as_str), Some("closed"), "{seen:?}");
}
