//! Outages of a real upstream, over two workers under load: the breaker opens, spares the upstream, probes and closes.

use std::time::{Duration, Instant};

use fairlead_tests::client::{Connection, meanwhile, side_by_side};
use fairlead_tests::proxy::{Lab, assert_alive, wait};
use serde_json::{Value, json};

use crate::service::{Service, counted, listener, phases, refused, stat, told, wait_for_phases};
use crate::{FILTER, MINIMUM, PLUGIN, PROBES, get, one, with};

const CONNECTIONS: usize = 8;
const WINDOW: Duration = Duration::from_secs(2);

/// A breaker with times that a test can wait for.
fn quick(fields: Value) -> Value {
    let times = json!({
        "window": {"duration": "2s", "buckets": 10},
        "open": {"duration": "1500ms"},
    });
    one(with(times, fields))
}

/// Sends requests over eight connections for as long as `watch` runs; how many there were, and how many the breaker refused.
fn under_load(service: &Service, watch: impl FnOnce()) -> (usize, usize) {
    let seen = meanwhile(
        service.port(),
        CONNECTIONS,
        |connection| refused(&connection.ask(&get())),
        watch,
    );
    (seen.len(), seen.into_iter().filter(|refused| *refused).count())
}

fn check_outage(lab: &Lab, fields: Value) {
    let service = Service::open(lab, &quick(fields.clone()));
    service.does("status=503");
    let begin = Instant::now();
    let (sent, turned_away) = under_load(&service, || {
        wait_for_phases(&service.envoy, 1);
        let took = begin.elapsed();
        assert!(took < WINDOW, "{fields}: open after {took:?}");
        let reached = service.reached();
        assert!(
            (MINIMUM..MINIMUM + CONNECTIONS).contains(&reached),
            "{fields}: {reached} requests"
        );
        // The first probes still fail, and it opens again. Up to then nothing more has come.
        wait("the first probe", || service.reached() > reached);
        assert!(wait_for_phases(&service.envoy, 2).len() >= 2);
        wait_for_phases(&service.envoy, 3);
        // What was in flight when it opened may have come since.
        let probed = service.reached_in_all();
        let most = MINIMUM + CONNECTIONS - 1 + PROBES;
        assert!(
            (reached + 1..=most).contains(&probed),
            "{fields}: {probed} requests"
        );
        // The next ones take a while, so that all that may pass are there together, and no other is.
        service.main.reset_counts();
        service.does("delay=400ms");
        wait("probes", || service.reached() == PROBES);
        let all_there = Instant::now();
        while all_there.elapsed() < Duration::from_millis(200) {
            assert_eq!(service.reached(), PROBES, "{fields}");
        }
        service.does("");
        wait_for_phases(&service.envoy, 5);
        let closed = service.reached();
        wait("traffic", || service.reached() > closed + 100);
    });
    assert_eq!(
        phases(&service.envoy),
        ["open", "half_open", "open", "half_open", "closed"],
        "{fields}"
    );
    // One worker has made each: the lines agree with the counters.
    let told = told(&service.envoy);
    assert!(told.iter().map(|line| line.generation).eq(1..=5), "{told:?}");
    assert!(
        told[0].calls >= MINIMUM as u64 && told[0].failures == told[0].calls,
        "{told:?}"
    );
    let transitions = ["open", "half_open", "closed"].map(|to| stat(&service.envoy, "transitions_total", to));
    assert_eq!(
        (transitions, stat(&service.envoy, "epoch", "")),
        ([2, 2, 1], 5),
        "{fields}"
    );
    assert_eq!(stat(&service.envoy, "probes_total", "success"), PROBES as u64);
    let outcomes = ["success", "failure", "late", "ignored", "rejected"];
    let counts = counted(&service.envoy, outcomes, sent as u64);
    assert_eq!(counts.iter().sum::<u64>(), sent as u64, "{fields}: {counts:?}");
    assert_eq!(
        (counts[3], counts[4]),
        (0, turned_away as u64),
        "{fields}: {counts:?}"
    );
    assert_alive(&service.envoy);
}

#[test]
fn a_failing_upstream_is_spared_and_probed_and_comes_back() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    check_outage(&lab, json!({}));
}

#[test]
fn so_is_one_that_is_counted_in_records() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    check_outage(&lab, json!({"per": "cluster"}));
}

#[test]
fn where_statistics_are_excluded_a_breaker_does_the_same() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let excluded = json!({"stats_matcher": {"exclusion_list": {"patterns": [{"prefix": "wasmcustom."}]}}});
    let service = Service::with(
        &lab,
        2,
        listener(lab.plugin(PLUGIN, &quick(json!({})))),
        |cluster| cluster,
        |bootstrap| bootstrap.with("stats_config", excluded),
    );
    service.does("status=503");
    under_load(&service, || {
        wait_for_phases(&service.envoy, 1);
        // What was in flight when it opened is no probe.
        let reached = service.reached_in_all();
        assert!(
            (MINIMUM..MINIMUM + CONNECTIONS).contains(&reached),
            "{reached} requests"
        );
        service.main.reset_counts();
        service.does("delay=400ms");
        wait("probes", || service.reached() == PROBES);
        let all_there = Instant::now();
        while all_there.elapsed() < Duration::from_millis(200) {
            assert_eq!(service.reached(), PROBES);
        }
        wait_for_phases(&service.envoy, 3);
    });
    assert_eq!(phases(&service.envoy), ["open", "half_open", "closed"]);
    let stats = service.envoy.stats().unwrap();
    assert!(
        !stats.keys().any(|name| name.starts_with("wasmcustom.")),
        "they are excluded"
    );
    assert_alive(&service.envoy);
}

#[test]
fn an_upstream_that_is_gone_opens_it() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let Service { envoy, main, other } = Service::open(&lab, &one(json!({})));
    let mut connection = Connection::open(fairlead_tests::proxy::port(&envoy, "main"));
    assert_eq!(connection.statuses(&get(), 5), [200; 5]);
    drop(main);
    let failed = (0..3 * MINIMUM)
        .map(|_| connection.ask(&get()))
        .take_while(|response| !refused(response))
        .count();
    assert!((5..=MINIMUM).contains(&failed), "{failed} requests failed");
    assert_eq!(wait_for_phases(&envoy, 1), ["open"]);
    assert_eq!(told(&envoy)[0].cause, "error_rate");
    let log = envoy
        .wait_for_access_log(5 + failed, fairlead_tests::proxy::PATIENCE)
        .unwrap();
    let flags = |line: &&Value| line["flags"] == "UF" || line["flags"] == "UC";
    assert!(log.iter().filter(flags).count() >= failed - 1, "{log:?}");
    drop(other);
}

#[test]
fn an_upstream_that_never_answers_opens_it_by_the_timeout() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let service = Service::open(&lab, &one(json!({"timeout": "100ms", "minimum_requests": 6})));
    service.does("delay=1m");
    let begin = Instant::now();
    let seen = side_by_side(service.port(), 3, |_, connection| {
        (0..4).map(|_| connection.ask(&get())).collect::<Vec<_>>()
    });
    let (turned_away, timed_out): (Vec<_>, Vec<_>) = seen.concat().into_iter().partition(refused);
    assert!(
        (6..=8).contains(&timed_out.len()),
        "{} timed out",
        timed_out.len()
    );
    assert!(timed_out.iter().all(|response| response.status == 504));
    assert!(turned_away.iter().all(|response| response.status == 503));
    assert!(begin.elapsed() < Duration::from_secs(10));
    let log = service
        .envoy
        .wait_for_access_log(12, fairlead_tests::proxy::PATIENCE)
        .unwrap();
    assert_eq!(
        log.iter().filter(|line| line["flags"] == "UT").count(),
        timed_out.len()
    );
    assert_eq!(wait_for_phases(&service.envoy, 1), ["open"]);
}

#[test]
fn an_upstream_that_is_slow_opens_it_though_every_status_is_200() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let slow = json!({"trip": {"slow": {"above": "40ms", "rate": "80%"}}});
    let service = Service::open(&lab, &one(slow));
    let mut connection = Connection::open(service.port());
    assert_eq!(connection.statuses(&get(), MINIMUM), [200; MINIMUM]);
    assert_eq!(phases(&service.envoy), [""; 0], "it is fast");
    service.does("delay=120ms");
    let seen = side_by_side(service.port(), CONNECTIONS, |_, connection| {
        (0..30).map(|_| connection.ask(&get())).collect::<Vec<_>>()
    });
    let (turned_away, passed): (Vec<_>, Vec<_>) = seen.concat().into_iter().partition(refused);
    assert!(passed.iter().all(|response| response.status == 200));
    // Four in five of all: those that were fast count as well.
    let most = 4 * MINIMUM + CONNECTIONS;
    assert!(
        (4 * MINIMUM..most).contains(&passed.len()),
        "{} passed",
        passed.len()
    );
    assert!(!turned_away.is_empty());
    wait_for_phases(&service.envoy, 1);
    assert_eq!(told(&service.envoy)[0].cause, "slow_rate");
    assert_eq!(told(&service.envoy).len(), 1);
    assert_eq!(stat(&service.envoy, "requests_total", "failure"), 0);
}
