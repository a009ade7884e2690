//! A guard that watches a real upstream over two workers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, PATIENCE, wait};
use serde_json::json;

use crate::shop::{Shop, listener};
use crate::{EARLY, FILTER, LATE, PLUGIN, ask, release, user, version, with};

const WINDOW: Duration = Duration::from_secs(2);
const HOLD: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 4;

fn logged(shop: &Shop, text: &str) -> usize {
    shop.envoy
        .logs()
        .iter()
        .filter(|line| line.contains(text))
        .count()
}

#[test]
fn a_failing_variant_goes_within_two_windows_once_and_comes_back_after_the_hold() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let guard = json!({
        "window": "2s",
        "minimum_requests": 20,
        "error_rate": {"max": "20%"},
        "on_trip": {"hold": "3s", "then": "resume"},
    });
    let config = with(
        release("10%"),
        json!({"guard": guard, "force": {"header": "x-force"}}),
    );
    let shop = Shop::open(&lab, 2, [listener("main", lab.plugin(PLUGIN, &config))]);
    let mut connection = Connection::open(shop.port());
    assert_eq!(ask(&mut connection, &user(EARLY)), "v2");
    shop.v2_does("status=503");
    let broken = Instant::now();
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(1));
    // Drawn users go on all the while, on both workers; so do others.
    let seen = std::thread::scope(|scope| {
        let clients = scope.spawn(|| {
            side_by_side(shop.port(), CONNECTIONS, |_, connection| {
                let mut seen: Vec<(Instant, String)> = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let at = Instant::now();
                    let response = connection.ask(&user(EARLY));
                    seen.push((at, version(&response).to_owned()));
                    assert_eq!(ask(connection, &user(LATE)), "v1");
                    sent.fetch_add(2, Ordering::Relaxed);
                }
                seen
            })
        });
        // Held, then fine again, then back.
        wait("the guard trips", || {
            shop.stat(Some("v2"), Some("error_rate"), "guard_trips_total") > 0
        });
        shop.v2_does("");
        wait("v2 is back", || logged(&shop, "guard_resumed") > 0);
        wait("users are back in v2", || {
            ask(&mut connection, &user(EARLY)) == "v2"
        });
        sent.fetch_add(1, Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
        clients.join().expect("the clients")
    });
    for seen in &seen {
        let home = seen
            .iter()
            .position(|(_, version)| version == "v1")
            .expect("the user goes home");
        let away = seen[home..]
            .iter()
            .position(|(_, version)| version == "v2")
            .map(|n| home + n);
        assert!(
            seen[home].0 - broken < 2 * WINDOW,
            "home after {:?}",
            seen[home].0 - broken
        );
        // On each worker for the whole hold, give or take a tick of its own.
        if let Some(away) = away {
            let held = seen[away].0 - seen[home].0;
            assert!(held > HOLD - Duration::from_millis(600), "held for {held:?}");
        }
    }
    assert_eq!(shop.stat(Some("v2"), Some("error_rate"), "guard_trips_total"), 1);
    assert_eq!(
        (logged(&shop, "guard_tripped"), logged(&shop, "guard_resumed")),
        (1, 1)
    );
}

#[test]
fn outcomes_are_counted_exactly_over_workers_and_testers_go_on() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let guard = json!({"window": "60s", "minimum_requests": 400, "error_rate": {"max": "10%"}, "on_trip": {"hold": "1h"}});
    let config = with(
        release("10%"),
        json!({"guard": guard, "force": {"header": "x-force"}}),
    );
    let shop = Shop::open(&lab, 2, [listener("main", lab.plugin(PLUGIN, &config))]);
    // Forced requests are no evidence, whatever becomes of them.
    shop.v2_does("status=500");
    let forced = || user(LATE).header("x-force", "always");
    side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        connection.statuses(&forced(), 200)
    });
    // What fails in headers fails, retries or not, and what fails in gRPC's trailers too.
    shop.v2_does("grpc-status=14");
    side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        connection.statuses(&user(EARLY), 25)
    });
    shop.v2_does("status=404");
    side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        connection.statuses(&user(EARLY), 25)
    });
    side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        connection.statuses(&user(LATE), 50)
    });
    let told = |variant, outcome| shop.stat(Some(variant), Some(outcome), "outcomes_total");
    wait("all is counted", || {
        told("v2", "failure") + told("v2", "success") + told("stable", "success") >= 400
    });
    assert_eq!(
        (
            told("v2", "failure"),
            told("v2", "success"),
            told("stable", "success"),
            told("stable", "failure")
        ),
        (100, 100, 200, 0)
    );
    assert_eq!(logged(&shop, "guard_tripped"), 0);
    // Two hundred more, and it is enough. Envoy's own answers are failures as well.
    shop.v2_does("reset=1");
    side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        let statuses = connection.statuses(&user(EARLY), 50);
        assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    });
    shop.envoy.wait_for_log("guard_tripped", PATIENCE).unwrap();
    shop.v2_does("");
    wait("drawn users are home", || {
        side_by_side(shop.port(), CONNECTIONS, |_, connection| {
            ask(connection, &user(EARLY))
        })
        .iter()
        .all(|version| version == "v1")
    });
    let testers = side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        ask(connection, &forced())
    });
    assert_eq!(testers, ["v2"; CONNECTIONS]);
    let no_key = side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        ask(connection, &Request::get("/"))
    });
    assert_eq!(no_key, ["v1"; CONNECTIONS]);
    assert_eq!(shop.stat(Some("v2"), None, "guard_state"), 1);
    assert_eq!(shop.stat(Some("v2"), Some("error_rate"), "guard_trips_total"), 1);
    let line = shop.envoy.wait_for_log("guard_tripped", PATIENCE).unwrap();
    assert!(line.contains(r#""bound":"error_rate","against":"max""#), "{line}");
}
