//! The scenarios in `tests/scenarios`, played by the command itself: what a user writes down is what is checked.
//!
//! A folder holds `policy.yaml`, `traffic.jsonl` and `expect.jsonl`, and perhaps an `options` file with more arguments (a
//! word each). Each line of `expect.jsonl` is one of:
//!
//! - `{"id": "alice", ..}`: the answer with that id has these values, and perhaps more; `null` also stands for "is not
//!   there", and `{}` for an object with nothing in it;
//! - `{"ids": "alice", "statuses": "5x200 2x429"}`: the answers of a repeated line, all of them, in order; `3x-` for those
//!   without a response;
//! - `{"ids": "alice", "status": 503, "least": 750, "most": 850}`: so many of its answers have this status;
//! - anything else: the last line, with metrics and updates, has these values. Of a list of faults or log lines the
//!   written ones must be there in their order. `transitions` are those of all circuit breakers, as the log has them, each
//!   written as far as it matters: `"0.65s trips half_open->open probes_failed 1/1 for 0.1s"` has 1 failure of 1 call and
//!   an open state of 0.1 s. `[web]` after the name is the key, `[#]` one that is hashed.
//!
//! The command is `target/release/fairlead` or what `FAIRLEAD_BIN` names; its modules are found as it finds them.

#[path = "emulator_scenarios/commands.rs"]
mod commands;
#[path = "emulator_scenarios/promises.rs"]
mod promises;

use fairlead_tests::modules::workspace;
use fairlead_tests::scenarios::{self, in_each};
use promises::{check, objects};
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// Plays a scenario; gives its answers, and the last line.
fn play(folder: &Path) -> Result<(Vec<Map<String, Value>>, Value), String> {
    let mut lines = objects(&scenarios::play(folder, &[])?, folder);
    let end = lines.pop().ok_or("nothing was printed")?;
    Ok((lines, Value::Object(end)))
}

/// What a scenario promises and does not hold.
fn broken_promises(folder: &Path) -> Vec<String> {
    let (answers, end) = match play(folder) {
        Ok(played) => played,
        Err(problem) => return vec![problem],
    };
    let file = folder.join("expect.jsonl");
    let expected = objects(&fs::read_to_string(&file).expect("expect.jsonl"), &file);
    assert!(!expected.is_empty(), "{} promises nothing", folder.display());
    check(expected, &answers, &end)
}

#[test]
fn every_scenario_holds() {
    in_each(broken_promises);
}

#[test]
fn a_scenario_plays_the_same_twice() {
    for name in [
        "idle-keys-make-room",
        "a-trap-forgets-nothing",
        "workers-share-a-proxys-limit",
        "a-random-draw-is-kept-by-its-cookie",
        "workers-agree-on-one-trip",
        "four-workers-admit-as-many-probes-as-one",
    ] {
        let folder = workspace().join("tests/scenarios").join(name);
        assert_eq!(play(&folder), play(&folder), "{name}");
    }
}
