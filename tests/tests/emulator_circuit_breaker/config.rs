//! Configs that are refused, and configs that replace others.

use std::time::Duration;

use fairlead_emulator::{Emulator, LogLevel, Request, Response, StartError, Upstream};
use fairlead_tests::{modules, names};
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MINIMUM, OPEN, PLUGIN, PROBES, answered, ask_many, by_tenant, gauge, logged, one, passed, plugin,
    send, settle, start, tenant, update, with,
};

/// Two mistakes, both of which must be told.
fn bad(on_invalid_config: &str) -> Value {
    with(
        one(json!({"trip": {"error_rate": "110%"}, "opn": {}})),
        json!({"on_invalid_config": on_invalid_config}),
    )
}

/// Breakers that count by counters, by a record and by keys.
fn kinds() -> [Value; 3] {
    [json!({}), json!({"window": {"calls": 20}}), by_tenant()]
}

fn good() -> Request {
    tenant(answered(200), "a")
}

fn fail() -> Request {
    tenant(answered(503), "a")
}

fn rejected(proxy: &Emulator) -> Option<u64> {
    proxy.gauge(&names::circuit_breaker(PLUGIN, None, None, "config_rejected"))
}

fn begin(fields: &Value) -> Option<Emulator> {
    let module = modules::compiled(FILTER)?;
    let mut proxy = start(Emulator::builder().workers(2), &module, &one(fields.clone()));
    settle(&mut proxy);
    Some(proxy)
}

/// The same breaker with another answer, and a second one before it.
fn other(fields: &Value) -> Value {
    let mut config = one(with(fields.clone(), json!({"fallback": {"body": "later\n"}})));
    let before = json!({"name": "before", "match": [{"path": {"exact": "/other"}}]});
    config["breakers"].as_array_mut().unwrap().insert(0, before);
    config
}

#[test]
fn a_bad_config_at_start_is_refused_with_every_mistake_in_the_log() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let built = Emulator::builder()
        .plugin(plugin(&module, &bad("refuse")))
        .build();
    let Err(StartError::Refused { logs, .. }) = built else {
        panic!("the proxy started")
    };
    let said = logs.iter().find(|line| line.level == LogLevel::Error);
    let said = said.expect("an error in the log");
    for part in [
        "circuit_breaker edge: configuration refused:",
        "breakers[0].trip.error_rate",
        "breakers[0].opn",
    ] {
        assert!(said.message.contains(part), "no `{part}` in {}", said.message);
    }
}

#[test]
fn with_pass_requests_pass_until_the_first_good_config() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &bad("pass"));
    assert_eq!(rejected(&proxy), Some(1));
    assert_eq!(ask_many(&mut proxy, &fail(), 3 * MINIMUM), 3 * MINIMUM);
    assert!(update(&mut proxy, &one(json!({}))).updates[0].accepted);
    assert_eq!(rejected(&proxy), Some(0));
    settle(&mut proxy);
    assert_eq!(ask_many(&mut proxy, &fail(), 3 * MINIMUM), MINIMUM);
}

#[test]
fn a_bad_update_keeps_the_old_config_open_or_closed() {
    for fields in kinds() {
        for on_invalid_config in ["refuse", "pass"] {
            let Some(mut proxy) = begin(&fields) else { return };
            assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM - 2), MINIMUM - 2);
            let report = update(&mut proxy, &bad(on_invalid_config));
            assert!(!report.updates[0].accepted, "{on_invalid_config}");
            assert_eq!(
                logged(&report, "configuration refused:").len(),
                1,
                "{:?}",
                report.logs
            );
            assert_eq!(rejected(&proxy), Some(1));
            assert_eq!(
                ask_many(&mut proxy, &fail(), 5),
                2,
                "{fields}, {on_invalid_config}"
            );
            assert!(!update(&mut proxy, &bad(on_invalid_config)).updates[0].accepted);
            assert_eq!(
                ask_many(&mut proxy, &good(), 5),
                0,
                "{fields}, {on_invalid_config}"
            );
        }
    }
}

#[test]
fn a_good_update_keeps_what_was_counted() {
    for fields in kinds() {
        let Some(mut proxy) = begin(&fields) else { return };
        assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM - 2), MINIMUM - 2);
        assert!(update(&mut proxy, &other(&fields)).updates[0].accepted);
        assert_eq!(ask_many(&mut proxy, &fail(), 5), 2, "{fields}");
    }
}

#[test]
fn a_good_update_keeps_it_open_for_the_rest_of_its_time() {
    for fields in kinds() {
        let Some(mut proxy) = begin(&fields) else { return };
        assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM + 2), MINIMUM);
        proxy.advance(OPEN / 2);
        assert!(update(&mut proxy, &other(&fields)).updates[0].accepted);
        let report = send(&mut proxy, [good()]);
        assert!(!passed(&report.outcomes[0]), "{fields}");
        assert_eq!(report.outcomes[0].response_body, b"later\n");
        proxy.advance(OPEN / 2);
        assert_eq!(ask_many(&mut proxy, &good(), 2 * PROBES), 2 * PROBES, "{fields}");
        assert_eq!(gauge(&proxy, "state"), 0, "{fields}");
    }
}

#[test]
fn requests_in_flight_during_an_update_count_and_give_back_what_they_hold() {
    for fields in kinds() {
        let fields = with(fields, json!({"max_in_flight": PROBES}));
        let Some(mut proxy) = begin(&fields) else { return };
        assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM + 2), MINIMUM);
        proxy.advance(OPEN);
        let slow = || Response::new(200).after(Duration::from_secs(2));
        let now = proxy.now();
        for worker in [0, 1] {
            proxy.request(now, good().worker(worker).upstream(slow()));
        }
        proxy.request(
            now,
            good()
                .upstream(Upstream::Never)
                .abort_after(Duration::from_secs(3)),
        );
        proxy.advance(Duration::from_secs(1));
        assert!(update_at_once(&mut proxy, &other(&fields)), "{fields}");
        assert_eq!(ask_at_once(&mut proxy, 3), 0, "{fields}: all permits are taken");
        proxy.advance(Duration::from_secs(1));
        // Two have succeeded; the third was lost, so that one more may probe.
        proxy.advance(Duration::from_secs(2));
        assert_eq!(ask_at_once(&mut proxy, 3), 1, "{fields}");
        proxy.advance(Duration::from_secs(1));
        assert_eq!(gauge(&proxy, "state"), 0, "{fields}");
        assert_eq!(
            ask_at_once(&mut proxy, 2 * PROBES),
            PROBES,
            "{fields}: so many in flight"
        );
    }
}

/// [`update`] and [`rig::send`](crate::rig::send) wait until nothing is in flight; these do not.
fn update_at_once(proxy: &mut Emulator, config: &Value) -> bool {
    let configuration = config.to_string().into_bytes();
    let plugin = PLUGIN.to_owned();
    let now = proxy.now();
    proxy.schedule(
        now,
        fairlead_emulator::Event::Configure {
            plugin,
            configuration,
        },
    );
    proxy.run_until(now).updates[0].accepted
}

fn ask_at_once(proxy: &mut Emulator, count: usize) -> usize {
    let now = proxy.now();
    for _ in 0..count {
        proxy.request(now, good());
    }
    let report = proxy.advance(Duration::from_millis(1));
    let mine = report.outcomes.iter().filter(|outcome| outcome.start == now);
    mine.filter(|outcome| passed(outcome)).count()
}

#[test]
fn another_name_or_another_table_begins_anew() {
    for (fields, change) in [
        (json!({}), json!({"name": "renamed"})),
        (by_tenant(), json!({"max_keys": 4096})),
        (json!({}), json!({"window": {"calls": 20}})),
    ] {
        let Some(mut proxy) = begin(&fields) else { return };
        assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM + 2), MINIMUM);
        let config = one(with(fields.clone(), change.clone()));
        assert!(update(&mut proxy, &config).updates[0].accepted);
        settle(&mut proxy);
        let report = send(&mut proxy, (0..3).map(|_| good()));
        assert_eq!(report.statuses(), [200; 3], "{fields} {change}");
    }
}

#[test]
fn another_table_counts_from_its_first_call_on() {
    let Some(mut proxy) = begin(&json!({})) else {
        return;
    };
    assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM + 2), MINIMUM);
    proxy.advance(OPEN);
    assert_eq!(ask_many(&mut proxy, &good(), 2 * PROBES), 2 * PROBES);
    let calls = one(json!({"window": {"calls": 20}}));
    assert!(update(&mut proxy, &calls).updates[0].accepted);
    let through = ask_many(&mut proxy, &fail(), 3 * MINIMUM);
    assert!(through <= MINIMUM + 2, "{through} failures passed");
}

#[test]
fn another_policy_holds_for_what_is_there() {
    for fields in kinds() {
        let Some(mut proxy) = begin(&fields) else { return };
        assert_eq!(ask_many(&mut proxy, &fail(), MINIMUM + 2), MINIMUM);
        // It may now be open for a second at most, from when it opened.
        let shorter = with(fields.clone(), json!({"open": {"duration": "1s", "max": "1s"}}));
        assert!(update(&mut proxy, &one(shorter)).updates[0].accepted);
        proxy.advance(Duration::from_secs(1));
        assert_eq!(ask_many(&mut proxy, &good(), 2 * PROBES), 2 * PROBES, "{fields}");
        assert_eq!(ask_many(&mut proxy, &fail(), 3), 3, "{fields}");
        // And fewer calls suffice.
        let fewer = with(
            fields.clone(),
            json!({"minimum_requests": 5, "trip": {"error_rate": "10%"}}),
        );
        assert!(update(&mut proxy, &one(fewer)).updates[0].accepted);
        let through = ask_many(&mut proxy, &fail(), 5);
        assert!((1..=3).contains(&through), "{fields}: {through}");
    }
}
