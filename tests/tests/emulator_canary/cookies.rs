//! The release cookie: what is believed, by whom, and for how long.

use fairlead_emulator::{Emulator, Event, FailurePolicy, Plugin, Request};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{FILTER, PLUGIN, cookie_of, count, drawn, release, routed, send, start, update, user, with};

/// Of users whose ids make them drawn and not drawn at 50 %.
fn in_and_out(proxy: &mut Emulator) -> (String, String) {
    let name = |n: usize| format!("user-{n}");
    let report = send(proxy, (0..50).map(|n| user(name(n))));
    let is_in = drawn(&report);
    let find = |wanted| {
        name(
            is_in
                .iter()
                .position(|is_in| *is_in == wanted)
                .expect("one of 50"),
        )
    };
    (find(true), find(false))
}

fn with_cookie(cookie: Value) -> Value {
    let mut config = release("r", "50%");
    config["sticky"]["cookie"] = cookie;
    config
}

/// A cookie that the proxy has just issued.
fn issued(proxy: &mut Emulator) -> String {
    let (is_in, _) = in_and_out(proxy);
    let report = send(proxy, [user(is_in)]);
    cookie_of(&report.outcomes[0]).expect("a cookie for who is drawn")
}

#[test]
fn no_other_spelling_of_a_cookie_is_believed() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder(), &module, &with_cookie(json!({})));
    let good = issued(&mut proxy);
    let (_, out) = in_and_out(&mut proxy);
    let ask = |proxy: &mut Emulator, cookie: &[u8]| {
        let report = send(proxy, [user(&out).header("cookie", cookie)]);
        assert_eq!(report.faults, []);
        routed(&report.outcomes[0])
    };
    assert_eq!(ask(&mut proxy, good.as_bytes()).as_deref(), Some("v2"));
    let begin = "fairlead-release=".len();
    let mut tried = 0;
    for position in begin..good.len() {
        for byte in (0x21..=0x7e).chain([0x80, 0xff]) {
            let mut other = good.clone().into_bytes();
            // A quote, a space or the end of the cookie would be no part of the value.
            if other[position] == byte || byte == b';' || (byte == b'"' && position == begin) {
                continue;
            }
            other[position] = byte;
            assert_eq!(ask(&mut proxy, &other), None, "{}", other.escape_ascii());
            tried += 1;
        }
    }
    for end in begin..good.len() {
        assert_eq!(ask(&mut proxy, &good.as_bytes()[..end]), None, "cut at {end}");
    }
    for longer in ["0", ".", "v2"] {
        assert_eq!(ask(&mut proxy, format!("{good}{longer}").as_bytes()), None);
    }
    let cut = (good.len() - begin) as u64;
    assert_eq!(count(&proxy, None, "rejected", "cookies_total"), tried + cut + 3);
    assert_eq!(count(&proxy, None, "cleared", "cookies_total"), tried + cut + 3);
}

#[test]
fn all_workers_believe_a_cookie_and_go_on_after_a_trap_and_an_update() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = with_cookie(json!({}));
    let plugin = Plugin::new(PLUGIN, &module)
        .configuration(config.to_string())
        .failure_policy(FailurePolicy::FailReload);
    let mut proxy = Emulator::builder().workers(3).plugin(plugin).build().unwrap();
    let cookie = issued(&mut proxy);
    let holders = |cookie: &str| {
        (0..3)
            .map(|worker| Request::get("/").header("cookie", cookie).worker(worker))
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn(&send(&mut proxy, holders(&cookie))), [true; 3]);
    proxy.schedule(proxy.now(), Event::KillWorker { worker: 1 });
    proxy.advance(std::time::Duration::from_secs(5));
    assert_eq!(drawn(&send(&mut proxy, holders(&cookie))), [true; 3]);
    let lower = with(
        with_cookie(json!({"path": "/other"})),
        json!({"variants": [{"name": "v2", "weight": "1%"}]}),
    );
    assert!(update(&mut proxy, &lower).updates[0].accepted);
    assert_eq!(drawn(&send(&mut proxy, holders(&cookie))), [true; 3]);
    assert_eq!(proxy.reloads(PLUGIN).success, 1);
}

#[test]
fn only_a_secret_makes_another_proxy_believe_it() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let secret = |text: &str| with_cookie(json!({"secret": text}));
    let believed = |first: &Value, second: &Value| {
        let mut one = start(Emulator::builder().seed(1), &module, first);
        let mut other = start(Emulator::builder().seed(2), &module, second);
        let cookie = issued(&mut one);
        drawn(&send(&mut other, [Request::get("/").header("cookie", cookie)])) == [true]
    };
    assert!(!believed(&with_cookie(json!({})), &with_cookie(json!({}))));
    assert!(believed(
        &secret("a secret of some length"),
        &secret("a secret of some length")
    ));
    assert!(!believed(
        &secret("a secret of some length"),
        &secret("a secret of some lengtH")
    ));
    assert!(!believed(
        &secret("a secret of some length"),
        &with_cookie(json!({}))
    ));
}

#[test]
fn users_of_chance_stay_where_they_were_drawn() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = |weight: &str| json!({"release": "r", "variants": [{"name": "v2", "weight": weight}], "sticky": {"cookie": {}}});
    let mut proxy = start(Emulator::builder().workers(2), &module, &config("20%"));
    let report = send(&mut proxy, (0..500).map(|_| Request::get("/")));
    let at_first = drawn(&report);
    let mut cookies: Vec<String> = report
        .outcomes
        .iter()
        .map(|outcome| cookie_of(outcome).expect("everyone gets one"))
        .collect();
    let ask = |proxy: &mut Emulator, cookies: &[String]| {
        send(
            proxy,
            cookies
                .iter()
                .map(|cookie| Request::get("/").header("cookie", cookie)),
        )
    };
    assert_eq!(drawn(&ask(&mut proxy, &cookies)), at_first);
    // Nobody goes back while the weight grows, nor when it shrinks.
    let mut before = at_first;
    for weight in ["40%", "70%", "30%"] {
        assert!(update(&mut proxy, &config(weight)).updates[0].accepted);
        let report = ask(&mut proxy, &cookies);
        let now = drawn(&report);
        assert!(
            before.iter().zip(&now).all(|(before, now)| *now || !*before),
            "{weight}"
        );
        for (outcome, cookie) in report.outcomes.iter().zip(&mut cookies) {
            if let Some(newer) = cookie_of(outcome) {
                *cookie = newer;
            }
        }
        let is_in = now.iter().filter(|is_in| **is_in).count();
        assert!(
            (280..=420).contains(&is_in) || weight == "40%",
            "{is_in} of 500 at {weight}"
        );
        before = now;
    }
    assert!(update(&mut proxy, &config("0%")).updates[0].accepted);
    assert_eq!(drawn(&ask(&mut proxy, &cookies)), [false; 500]);
}
