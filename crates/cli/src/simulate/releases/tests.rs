use super::super::answer::Met;
use super::super::play::Configs;
use super::super::traffic::{self, Setting};
use super::*;
use fairlead_emulator::{Emulator, Outcome, Request};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// 2026-11-23T09:00:00Z
const NINE: Duration = Duration::from_secs(1_795_424_400);

const RAMP: &str = r#"{"release": "r1", "variants": [{"name": "v2"}], "ramp": {"start": "2026-11-23T09:00:10Z",
    "steps": [{"at": "0s", "weight": "1%"}, {"at": "1m", "weight": "50%"}]}}"#;
const OTHER: &str = r#"{"release": "r2", "variants": [{"name": "v3"}], "ramp": {"start": "2026-11-23T09:00:00Z",
    "steps": [{"at": "0s", "weight": "100%"}]}}"#;

/// A request that arrived so many seconds after the start, and what plugins counted for it: plugin, variant, reason.
fn outcome(seconds: u64, counted: &[(&str, &str, &str)]) -> Outcome {
    let mut proxy = Emulator::builder().build().unwrap();
    proxy.request(Duration::from_secs(seconds), Request::get("/"));
    let mut outcome = proxy.run().outcomes.remove(0);
    let stat = |(plugin, variant, reason): &(&str, &str, &str)| {
        let name = format!(
            "wasm_filter.canary.component.{plugin}.tag.{variant};.cache.{reason}.fairlead_canary_exposures_total"
        );
        (name, 1)
    };
    outcome.counted = [(
        "wasm_filter.canary.component.canary.cache.issued.fairlead_canary_cookies_total".to_owned(),
        1,
    )]
    .into_iter()
    .chain(counted.iter().map(stat))
    .collect();
    outcome
}

fn played(line: usize, seconds: u64, counted: &[(&str, &str, &str)]) -> Played {
    Played {
        id: "r".to_owned(),
        line,
        outcome: outcome(seconds, counted),
    }
}

/// What the answer says of the canary, and what the table does.
fn check(counted: &[(&str, &str, &str)], answer: Value, cells: [&str; 2]) {
    let played = played(0, 0, counted);
    let Value::Object(mut said) = serde_json::to_value(Met::of(&played)).unwrap() else {
        panic!("an object");
    };
    assert_eq!(said.remove("by"), Some(Value::Null));
    said.retain(|key, _| key.ends_with("variant") || key.ends_with("reason"));
    assert_eq!(Value::Object(said), answer, "{counted:?}");
    let schedule = schedule(&[("canary", RAMP)], "", &Configs::new());
    assert_eq!(Releases::new(schedule).add(&played), cells, "{counted:?}");
}

fn schedule(plugins: &[(&str, &str)], lines: &str, configs: &Configs) -> Schedule {
    let canary = |(plugin, config): &(&str, &str)| {
        let filter = fairlead_config::Filter::Canary;
        let checked = fairlead_config::policy::Checked::parse(filter, config.as_bytes());
        let placed = crate::policy_file::Placed {
            plugin: (*plugin).to_owned(),
            module: filter.into(),
            filter,
            plugin_config: Vec::new(),
            checked: checked.unwrap_or_else(|errors| panic!("{errors:?}")),
            object: None,
            advice: Vec::new(),
        };
        let plugin = crate::policy_file::Plugin {
            name: (*plugin).to_owned(),
            module: filter.into(),
            config: Vec::new(),
        };
        (placed, plugin)
    };
    let (filters, plugins) = plugins.iter().map(canary).unzip();
    let policy = crate::policy_file::PolicyFile {
        filters,
        plugins,
        skipped: Vec::new(),
    };
    let setting = Setting {
        folder: Path::new(""),
        workers: 1,
    };
    let lines = traffic::parse(lines, setting).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    Schedule::of(NINE, &policy, &lines, configs)
}

#[test]
fn an_answer_has_the_variant_that_was_counted_for_it() {
    check(&[], json!({}), ["", ""]);
    check(
        &[("canary", "v2", "sticky")],
        json!({"variant": "v2", "reason": "sticky"}),
        ["v2", "sticky"],
    );
    check(
        &[("canary", "v2", "would_release_cookie")],
        json!({"would_variant": "v2", "would_reason": "release_cookie"}),
        ["v2", "would_release_cookie"],
    );
    check(
        &[("canary", "stable", "default"), ("canary", "v2", "would_rule")],
        json!({"variant": "stable", "reason": "default", "would_variant": "v2", "would_reason": "rule"}),
        ["stable", "default (would_rule: v2)"],
    );
}

#[test]
fn of_two_canaries_an_answer_has_the_first_one() {
    check(
        &[("one", "v2", "rule"), ("two", "b", "sticky")],
        json!({"variant": "v2", "reason": "rule"}),
        ["v2", "rule"],
    );
}

fn printed(releases: &Releases, all: u64) -> String {
    let mut out = Vec::new();
    releases.print(all, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn requests_are_summed_up_by_variant_and_reason() {
    let mut releases = Releases::new(schedule(
        &[("canary", r#"{"release": "r1", "variants": [{"name": "v2"}]}"#)],
        "",
        &Configs::new(),
    ));
    for (variant, reason) in [
        ("stable", "sticky"),
        ("v2", "sticky"),
        ("stable", "sticky"),
        ("v2", "force_header"),
    ] {
        releases.add(&played(0, 0, &[("canary", variant, reason)]));
    }
    releases.add(&played(
        0,
        0,
        &[("canary", "stable", "sticky"), ("canary", "v2", "would_rule")],
    ));
    releases.add(&played(0, 0, &[]));
    assert_eq!(
        printed(&releases, 6),
        "\
canary: 5 of 6 requests

variant  reason        requests   share
v2       force_header         1  20.0 %
v2       would_rule           1  20.0 %
v2       sticky               1  20.0 %
stable   sticky               3  60.0 %

"
    );
}

#[test]
fn requests_are_summed_up_by_the_step_that_they_met() {
    // The wall clock goes back by 30 s after 80 s, and another policy is sent after 100 s.
    let lines = "{}\n{\"at\":\"80s\",\"clock_jump\":\"-30s\"}\n{\"at\":\"80s\"}\n{\"at\":\"100s\",\"policy\":\"bad.yaml\"}\n{\"at\":\"100s\"}\n{\"at\":\"110s\",\"policy\":\"other.yaml\"}\n{\"at\":\"110s\"}";
    let sent = |config: &str| vec![("canary".to_owned(), config.as_bytes().to_vec())];
    let configs = Configs::from([(4, sent("{}")), (6, sent(OTHER))]);
    let mut releases = Releases::new(schedule(&[("canary", RAMP)], lines, &configs));
    for (line, seconds, variant) in [
        (0, 9, "stable"),
        (0, 10, "stable"),
        (0, 69, "v2"),
        (0, 70, "v2"),
        // On a line above the one that moves the clock.
        (0, 80, "v2"),
        (2, 80, "stable"),
        (4, 100, "v2"),
        (4, 110, "v2"),
        (6, 110, "v3"),
    ] {
        // What a rule in shadow mode would have given does not count here.
        let counted = [("canary", "v9", "would_rule"), ("canary", variant, "sticky")];
        releases.add(&played(line, seconds, &counted));
    }
    assert_eq!(
        printed(&releases, 9)
            .split_once("\n\nstep")
            .map(|(_, steps)| steps),
        Some(
            "         begins                weight  requests  v2    share  stable    share
not started                           0 %         1   0    0.0 %       1  100.0 %
1            2026-11-23T09:00:10Z     1 %         3   1   33.3 %       2   66.7 %
2            2026-11-23T09:01:10Z    50 %         4   4  100.0 %       0    0.0 %

step  begins                weight  requests  v3    share  stable  share
1     2026-11-23T09:00:00Z   100 %         1   1  100.0 %       0  0.0 %

"
        )
    );
}

#[test]
fn each_of_two_canaries_has_its_own_sums() {
    let mut releases = Releases::new(schedule(
        &[("demo.one", RAMP), ("demo.two", OTHER)],
        "",
        &Configs::new(),
    ));
    releases.add(&played(
        0,
        20,
        &[("demo_one", "stable", "sticky"), ("demo_two", "v3", "sticky")],
    ));
    releases.add(&played(0, 20, &[("demo_two", "v3", "sticky")]));
    let text = printed(&releases, 2);
    assert!(text.contains("demo.one: 1 of 2 requests"), "{text}");
    assert!(text.contains("demo.two: 2 of 2 requests"), "{text}");
    assert!(text.contains("v3       sticky         2  100.0 %"), "{text}");
}
