//! Who is drawn: the same users on every worker, nobody back when a weight grows, and about as many as were asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use fairlead_emulator::{Emulator, Request};
use fairlead_tests::modules;
use serde_json::json;

use crate::rig::{FILTER, count, drawn, jump, release, send, start, update, user, with};

const USERS: usize = 4000;

/// The users who are in the canary, each of whom is asked for on both workers.
fn members(proxy: &mut Emulator) -> BTreeSet<usize> {
    let mut members = [BTreeSet::new(), BTreeSet::new()];
    for (worker, members) in members.iter_mut().enumerate() {
        let requests = (0..USERS).map(|n| user(format!("user-{n}")).worker(worker));
        let report = send(proxy, requests);
        assert_eq!(report.faults, []);
        let is_in = drawn(&report);
        members.extend((0..USERS).filter(|n| is_in[*n]));
    }
    let [first, second] = members;
    assert_eq!(first, second, "the workers disagree");
    first
}

/// Whether so many of `of` are what chance gives for `share`, within five standard deviations.
fn is_about(found: usize, of: usize, share: f64) -> bool {
    let expected = of as f64 * share;
    let deviation = (expected * (1.0 - share)).sqrt();
    (found as f64 - expected).abs() <= 5.0 * deviation + 1.0
}

#[test]
fn nobody_who_is_in_at_a_low_weight_is_out_at_a_higher_one() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &release("r", "0.1%"));
    let mut before = members(&mut proxy);
    for (weight, share) in [
        ("1%", 0.01),
        ("10%", 0.1),
        ("10.5%", 0.105),
        ("50%", 0.5),
        ("99.9999%", 0.999_999),
    ] {
        assert!(update(&mut proxy, &release("r", weight)).updates[0].accepted);
        let now = members(&mut proxy);
        assert_eq!(before.difference(&now).count(), 0, "users went back at {weight}");
        assert!(
            is_about(now.len(), USERS, share),
            "{} of {USERS} at {weight}",
            now.len()
        );
        before = now;
    }
    assert!(update(&mut proxy, &release("r", "100%")).updates[0].accepted);
    assert_eq!(members(&mut proxy).len(), USERS);
}

#[test]
fn a_ramp_takes_users_in_step_by_step_and_a_clock_set_back_takes_it_back() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let ramp = json!({"start": "2026-01-01T01:00:00Z", "steps": [
        {"at": "0s", "weight": "1%"}, {"at": "1h", "weight": "10%"}, {"at": "2h", "weight": "50%"},
    ], "finish": {"at": "3h", "as": "promoted"}});
    let config = with(release("r", "0%"), json!({"ramp": ramp}));
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    let mut steps = vec![members(&mut proxy)];
    assert_eq!(steps[0].len(), 0);
    for hour in 1..=4 {
        jump(&mut proxy, 3600);
        steps.push(members(&mut proxy));
        let [before, now] = [&steps[hour - 1], &steps[hour]];
        assert!(before.is_subset(now), "users went back at hour {hour}");
        assert!(before.len() < now.len(), "nobody came in at hour {hour}");
    }
    assert_eq!(steps[4].len(), USERS);
    for hour in (0..4).rev() {
        jump(&mut proxy, -3600);
        assert_eq!(members(&mut proxy), steps[hour], "back at hour {hour}");
    }
}

#[test]
fn the_salt_and_nothing_else_makes_two_releases_draw_the_same_users() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let members_of = |name: &str, salt: Option<&str>| {
        let mut config = release(name, "25%");
        if let Some(salt) = salt {
            config["sticky"]["salt"] = json!(salt);
        }
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        members(&mut proxy)
    };
    let first = members_of("first", None);
    let second = members_of("second", None);
    let both = first.intersection(&second).count();
    // Independent draws of a quarter each.
    assert!(is_about(both, USERS, 1.0 / 16.0), "{both} users are in both");
    assert_eq!(members_of("third", Some("first")), first);
    assert_eq!(members_of("second", Some("first")), first);
}

#[test]
fn variants_split_users_by_their_weights() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let variants = json!([
        {"name": "a", "weight": "5%"}, {"name": "b", "weight": "15%"}, {"name": "c", "weight": "0%"}, {"name": "d", "weight": "60%"},
    ]);
    let config = with(release("r", "0%"), json!({"variants": variants}));
    let mut proxy = start(Emulator::builder(), &module, &config);
    send(&mut proxy, (0..USERS).map(|n| user(format!("user-{n}"))));
    for (variant, share) in [("a", 0.05), ("b", 0.15), ("c", 0.0), ("d", 0.6), ("stable", 0.2)] {
        let drawn = count(&proxy, Some(variant), "sticky", "exposures_total") as usize;
        assert!(is_about(drawn, USERS, share), "{variant} has {drawn} of {USERS}");
    }
}

#[test]
fn without_a_key_chance_draws_as_many_and_not_the_same_each_time() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let by_chance = |seed: u64| {
        let config = json!({"release": "r", "variants": [{"name": "v2", "weight": "10%"}]});
        let mut proxy = start(Emulator::builder().workers(2).seed(seed), &module, &config);
        let report = send(&mut proxy, (0..USERS).map(|_| Request::get("/")));
        drawn(&report)
    };
    let first = by_chance(1);
    let is_in = first.iter().filter(|is_in| **is_in).count();
    assert!(is_about(is_in, USERS, 0.1), "{is_in} of {USERS}");
    let again = by_chance(2)
        .iter()
        .zip(&first)
        .filter(|(a, b)| **a && **b)
        .count();
    // Another seed draws others: of each tenth a tenth.
    assert!(is_about(again, USERS, 0.01), "{again} of {USERS} in both");
    // Runs of requests at one instant are drawn one by one as well.
    let config = json!({"release": "r", "variants": [{"name": "v2", "weight": "50%"}]});
    let mut proxy = start(Emulator::builder(), &module, &config);
    for _ in 0..1000 {
        proxy.request(Duration::ZERO, Request::get("/"));
    }
    let is_in = drawn(&proxy.run()).iter().filter(|is_in| **is_in).count();
    assert!(is_about(is_in, 1000, 0.5), "{is_in} of 1000");
}
