//! Configs that are refused, and configs that replace others.

use std::time::Duration;

use fairlead_emulator::{Answer, Emulator, Event, LogLevel, StartError};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{counted, gauge, logged, plugin, send, start, statuses, update, with_key};

/// What the log says while a proxy serves without its filter.
const REMINDER: &str = "requests pass without this filter";

fn per_key(rate: &str, burst: u32) -> Value {
    json!({"name": "per-key", "key": [{"header": "x-api-key"}], "rate": rate, "burst": burst})
}

fn good() -> Value {
    json!({"limits": [per_key("3/h", 3)]})
}

/// Two mistakes, both of which must be told.
fn bad(on_invalid_config: &str) -> Value {
    json!({"limits": [{"name": "per-key", "rate": "0/s", "brust": 3}], "on_invalid_config": on_invalid_config})
}

#[test]
fn a_bad_config_at_start_is_refused_with_every_mistake_in_the_log() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let built = Emulator::builder()
        .plugin(plugin(&module, &bad("refuse")))
        .build();
    let Err(StartError::Refused { logs, .. }) = built else {
        panic!("the proxy started")
    };
    let said = logs
        .iter()
        .find(|line| line.level == LogLevel::Error)
        .expect("an error in the log");
    for part in [
        "rate_limit edge: configuration refused:",
        "limits[0].rate",
        "limits[0].brust",
    ] {
        assert!(said.message.contains(part), "no `{part}` in {}", said.message);
    }
}

#[test]
fn a_proxy_that_never_had_a_good_config_answers_500_until_it_gets_one() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let builder = Emulator::builder().workers(2).serve_refused(true);
    let mut proxy = start(builder, &module, &bad("refuse"));
    assert_eq!(
        send(&mut proxy, [with_key("a"), with_key("a")]).statuses(),
        [500, 500]
    );
    assert_eq!(gauge(&proxy, "config_rejected"), Some(1));
    assert!(update(&mut proxy, &good()).updates[0].accepted);
    assert_eq!(statuses(&mut proxy, &with_key("a"), 4), [200, 200, 200, 429]);
    assert_eq!(gauge(&proxy, "config_rejected"), Some(0));
}

#[test]
fn with_pass_requests_pass_and_the_log_says_so_once_a_minute() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(3), &module, &bad("pass"));
    let report = proxy.advance(Duration::ZERO);
    let refused = "configuration refused:\nlimits[0]";
    assert!(!logged(&report, refused).is_empty(), "{:?}", report.logs);
    assert_eq!(logged(&report, REMINDER), []);
    assert_eq!(gauge(&proxy, "config_rejected"), Some(1));

    let report = send(&mut proxy, (0..9).map(|_| with_key("a")));
    assert_eq!(report.statuses(), [200; 9]);
    assert!(
        report
            .outcomes
            .iter()
            .all(|outcome| outcome.from == Answer::Upstream)
    );

    proxy.run_until(Duration::from_secs(30));
    // Each worker and the main thread tick once a minute; one of them speaks.
    let reminders = logged(&proxy.advance(Duration::from_secs(600)), REMINDER);
    let minutes: Vec<u64> = reminders.iter().map(|(at, _)| at.as_secs() / 60).collect();
    assert_eq!(minutes, (1..=10).collect::<Vec<_>>(), "{reminders:?}");
}

#[test]
fn workers_that_want_to_remind_at_once_agree_on_one() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for seed in 0..200 {
        let builder = Emulator::builder().workers(3).interleave(seed);
        let mut proxy = start(builder, &module, &bad("pass"));
        let reminders = logged(&proxy.advance(Duration::from_secs(150)), REMINDER);
        assert_eq!(reminders.len(), 2, "seed {seed}: {reminders:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_the_reminders() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &bad("pass"));
    proxy.run_until(Duration::from_secs(90));
    proxy.schedule(
        proxy.now(),
        Event::ClockJump {
            nanoseconds: -3_600_000_000_000,
        },
    );
    let reminders = logged(&proxy.advance(Duration::from_secs(300)), REMINDER);
    assert_eq!(reminders.len(), 5, "{reminders:?}");
}

#[test]
fn the_reminders_stop_with_the_first_good_config() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &bad("pass"));
    assert!(update(&mut proxy, &good()).updates[0].accepted);
    assert_eq!(gauge(&proxy, "config_rejected"), Some(0));
    assert_eq!(statuses(&mut proxy, &with_key("a"), 4), [200, 200, 200, 429]);
    let report = proxy.advance(Duration::from_secs(600));
    assert_eq!(logged(&report, REMINDER), []);
}

#[test]
fn pass_is_understood_in_what_is_not_even_json() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let broken = r#"{"limits": [{"name" "per-key"}], "on_invalid_config": "pass"}"#;
    let plugin = plugin(&module, &json!({})).configuration(broken);
    let mut proxy = Emulator::builder().plugin(plugin).build().unwrap();
    assert_eq!(statuses(&mut proxy, &with_key("a"), 2), [200, 200]);
    assert_eq!(gauge(&proxy, "config_rejected"), Some(1));
}

#[test]
fn a_bad_update_keeps_the_old_config_and_its_counts_with_pass_as_well() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for on_invalid_config in ["refuse", "pass"] {
        let mut config = good();
        config["on_invalid_config"] = json!(on_invalid_config);
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        assert_eq!(statuses(&mut proxy, &with_key("a"), 2), [200, 200]);
        let report = update(&mut proxy, &bad(on_invalid_config));
        assert!(!report.updates[0].accepted, "{on_invalid_config}");
        assert_eq!(
            logged(&report, "configuration refused:").len(),
            1,
            "{:?}",
            report.logs
        );
        assert_eq!(gauge(&proxy, "config_rejected"), Some(1));
        assert_eq!(
            statuses(&mut proxy, &with_key("a"), 3),
            [200, 429, 429],
            "{on_invalid_config}"
        );
        assert_eq!(
            (
                counted(&proxy, "per-key", "admitted"),
                counted(&proxy, "per-key", "denied")
            ),
            (3, 2)
        );
    }
}

#[test]
fn a_good_update_goes_on_with_the_counts_of_the_limits_that_it_keeps() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for scope in ["proxy", "worker"] {
        let mut limit = per_key("3/h", 3);
        limit["scope"] = json!(scope);
        let mut proxy = start(Emulator::builder(), &module, &json!({"limits": [limit]}));
        assert_eq!(statuses(&mut proxy, &with_key("a"), 2), [200, 200]);
        let other = json!({"name": "other", "rate": "100/s"});
        let config = json!({"limits": [other, limit], "response_headers": "none"});
        assert!(update(&mut proxy, &config).updates[0].accepted);
        assert_eq!(
            statuses(&mut proxy, &with_key("a"), 3),
            [200, 429, 429],
            "{scope}"
        );
        assert_eq!(counted(&proxy, "per-key", "admitted"), 3);
    }
}

#[test]
fn another_max_keys_or_another_name_begins_anew() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let mut larger = per_key("3/h", 3);
    larger["max_keys"] = json!(8192);
    let mut renamed = per_key("3/h", 3);
    renamed["name"] = json!("renamed");
    for (what, limit) in [("max_keys", larger), ("name", renamed)] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &good());
        assert_eq!(statuses(&mut proxy, &with_key("a"), 4), [200, 200, 200, 429]);
        assert!(update(&mut proxy, &json!({"limits": [limit]})).updates[0].accepted);
        assert_eq!(
            statuses(&mut proxy, &with_key("a"), 4),
            [200, 200, 200, 429],
            "{what}"
        );
    }
}

#[test]
fn a_lower_rate_holds_from_the_first_request_on() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let mut proxy = start(
        Emulator::builder().workers(2),
        &module,
        &json!({"limits": [per_key("100/h", 100)]}),
    );
    assert_eq!(statuses(&mut proxy, &with_key("a"), 50), [200; 50]);
    assert!(update(&mut proxy, &good()).updates[0].accepted);
    // Half an hour of the old quota is spent: under the new one that is one unit and a half.
    let after = statuses(&mut proxy, &with_key("a"), 10);
    let admitted = after.iter().filter(|status| **status == 200).count();
    assert!(admitted <= 3, "{after:?}");
    assert_eq!(after.last(), Some(&429));
}
