//! What clients may send to hurt: no trap, no growth, no request that is not counted.

use std::collections::BTreeSet;
use std::time::Duration;

use fairlead_emulator::{Emulator, Event};
use fairlead_tests::refusing::denied;
use fairlead_tests::{hostile, modules};
use serde_json::{Value, json};

use crate::rig::{counted, memory, send, start, statuses, with_key};

const HOUR: Duration = Duration::from_secs(3600);

/// A limit for each source of a key and each kind of match. All are in shadow, so that every one decides on every
/// request; a missing value has a default, so that none passes by.
fn one_of_each() -> Value {
    let key = |name: &str, mut part: Value| {
        part["default"] = json!("none");
        json!({"name": name, "key": [part], "rate": "5/s", "max_keys": 64})
    };
    json!({"mode": "shadow", "limits": [
        key("header", json!({"header": "x-api-key"})),
        key("cookie", json!({"cookie": "sid"})),
        key("query", json!({"query": "q"})),
        key("path", json!({"path": true})),
        key("host", json!({"host": true})),
        key("method", json!({"method": true})),
        key("template", json!({"template": "/users/{id}/orders/{order}"})),
        key("peer", json!({"client_ip": {}})),
        key("hop-1", json!({"client_ip": {"trusted_hops": 1}})),
        key("hop-10", json!({"client_ip": {"trusted_hops": 10, "ipv6_prefix": 48}})),
        key("claim", json!({"jwt_claim": "sub"})),
        key("property", json!({"property": ["xds", "route_name"]})),
        {"name": "keyless", "rate": "5/s"},
    ]})
}

/// Limits that look at everything a match can look at; which of them apply is up to the request.
fn matches() -> Value {
    json!({"limits": [{"name": "match", "rate": "1000000/s", "match": [
        {"hosts": ["api.example.com", "*.shop.example.com"], "path": {"regex": "/(a+)+b"}},
        {"path": {"template": "/users/{id}/orders/{order}"}, "methods": ["GET"]},
        {"headers": {"x-api-key": {"regex": "(x+x+)+y"}}, "query": {"q": {"suffix": "z"}}},
        {"cookies": {"sid": {"prefix": "a"}}, "client": {"cidrs": ["10.0.0.0/8", "2001:db8::/32"], "trusted_hops": 2}},
        {"grpc": {"service": "demo.Trips"}, "not": {"headers": {"x-api-key": {"absent": true}}}},
    ]}]})
}

#[test]
fn nothing_that_a_client_sends_ends_the_vm_or_grows_it_or_goes_uncounted() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for config in [one_of_each(), matches()] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        let requests = hostile::requests(&["x-api-key"]);
        let mut sent = 0;
        let mut warm = None;
        for turn in 0..8 {
            for worker in 0..2 {
                let report = send(
                    &mut proxy,
                    requests.iter().map(|request| request.clone().worker(worker)),
                );
                assert_eq!(report.faults, [], "{:?}", report.logs);
                assert!(
                    report.statuses().iter().all(|status| *status == 200),
                    "{:?}",
                    report.statuses()
                );
                sent += requests.len() as u64;
            }
            if turn == 1 {
                warm = Some(memory(&proxy));
            }
        }
        assert_eq!(Some(memory(&proxy)), warm, "memory has grown");
        for limit in config["limits"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|_| config["mode"] == "shadow")
        {
            let limit = limit["name"].as_str().unwrap();
            let told = counted(&proxy, limit, "admitted") + counted(&proxy, limit, "would_deny");
            assert_eq!(told, sent, "{limit}");
        }
    }
}

#[test]
fn keys_are_told_apart_by_every_byte() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/h", "burst": 1, "max_keys": 65536},
    ]});
    let mut proxy = start(Emulator::builder(), &module, &config);
    let long = |last: u8| [vec![0xff; 64 * 1024], vec![last]].concat();
    let keys = (0x80..=0xff)
        .map(|byte| vec![byte])
        .chain([long(1), long(2), Vec::new(), b" ".to_vec()]);
    let keys: BTreeSet<Vec<u8>> = keys.collect();
    for key in &keys {
        assert_eq!(
            statuses(&mut proxy, &with_key(key), 2),
            [200, 429],
            "{} bytes",
            key.len()
        );
    }
}

#[test]
fn a_wall_clock_that_jumps_neither_grants_nor_takes() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for scope in ["proxy", "worker"] {
        let config = json!({"limits": [
            {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "10/h", "burst": 10, "scope": scope},
        ]});
        let mut proxy = start(Emulator::builder(), &module, &config);
        let hour = i64::try_from(HOUR.as_nanos()).unwrap();
        let jump = |proxy: &mut Emulator, hours: i64| {
            let nanoseconds = hours.saturating_mul(hour);
            proxy.schedule(proxy.now(), Event::ClockJump { nanoseconds });
            statuses(proxy, &with_key("a"), 30)
                .iter()
                .filter(|status| **status == 200)
                .count()
        };
        assert_eq!(jump(&mut proxy, 0), 10, "{scope}");
        for hours in [-1, 1, 1, -5, 100, -200, 3] {
            assert_eq!(jump(&mut proxy, hours), 0, "{scope}: {hours} h");
        }
        // Time earns what it would have earned without any of that.
        proxy.advance(HOUR / 2);
        assert_eq!(jump(&mut proxy, -7), 5, "{scope}");
        proxy.advance(HOUR);
        assert_eq!(jump(&mut proxy, 9), 10, "{scope}");
    }
}

/// Where the host has no steady clock, the wall clock counts.
#[test]
fn a_lone_wall_clock_that_jumps_grants_no_more_than_the_time_it_skips() {
    let Some(module) = denied("rate-limit", "clock_time_get", 58) else {
        return;
    };
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "10/h", "burst": 10},
    ]});
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    let jump = |proxy: &mut Emulator, nanoseconds: i64| {
        proxy.schedule(proxy.now(), Event::ClockJump { nanoseconds });
        statuses(proxy, &with_key("a"), 30)
            .iter()
            .filter(|status| **status == 200)
            .count()
    };
    let hour = i64::try_from(HOUR.as_nanos()).unwrap();
    assert_eq!(jump(&mut proxy, 0), 10);
    // Back: nothing has been earned, and what was spent lies in the future.
    assert_eq!(jump(&mut proxy, -hour), 0);
    // And forth again: what the hour would have earned, at the most.
    assert!(jump(&mut proxy, hour) <= 10);
    assert_eq!(jump(&mut proxy, 0), 0);
    assert_eq!(jump(&mut proxy, hour), 10);
    for _ in 0..5 {
        assert_eq!(jump(&mut proxy, -hour), 0);
    }
    // Time heals what a clock far in the past has locked: a bucket is full after an hour, not after five.
    proxy.advance(HOUR);
    assert_eq!(jump(&mut proxy, 0), 10);
}

#[test]
fn a_million_keys_fit_into_the_memory_of_a_few_thousand() {
    const KEYS: u64 = 1_000_000;
    const BATCH: u64 = 10_000;
    const MAX_KEYS: usize = 4096;
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/m", "burst": 1, "max_keys": MAX_KEYS},
    ]});
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    let mut flood = |from: u64| {
        // A request each 100 us, each open for a millisecond: ten at a time.
        let begin = proxy.now();
        for key in 0..BATCH {
            proxy.request(
                begin + Duration::from_micros(100 * key),
                with_key((from + key).to_le_bytes()),
            );
        }
        let report = proxy.run();
        assert_eq!(report.faults, []);
        assert_eq!(report.outcomes.len() as u64, BATCH);
        (memory(&proxy), proxy.shared_data("").len())
    };
    // Enough that every cell has been written.
    let warm = (0..2).map(|batch| flood(batch * BATCH)).last().unwrap();
    for from in (2 * BATCH..KEYS).step_by(BATCH as usize) {
        assert_eq!(flood(from), warm, "after {from} keys");
    }
    // A cell for each eight keys; the seed and the mark of an accepted config.
    assert_eq!(warm.1, MAX_KEYS / 8 + 2);
    let (admitted, denied) = (
        counted(&proxy, "per-key", "admitted"),
        counted(&proxy, "per-key", "denied"),
    );
    assert_eq!(admitted + denied, KEYS);
    assert!(
        admitted > 0 && denied > admitted,
        "{admitted} admitted, {denied} denied: the table was never full"
    );
}
