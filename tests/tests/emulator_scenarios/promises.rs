//! What a scenario promises, and whether it holds.

use serde_json::{Map, Value};
use std::path::Path;

/// The lines of a file, an object each.
pub(super) fn objects(text: &str, file: &Path) -> Vec<Map<String, Value>> {
    let object = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", file.display()))
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(object)
        .collect()
}

/// What of `expected` is not in `actual`, as `path: found, expected`.
fn missing(expected: &Value, actual: &Value, path: &str, out: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(fields)) if !expected.is_empty() => {
            for (key, value) in expected {
                missing(
                    value,
                    fields.get(key).unwrap_or(&Value::Null),
                    &format!("{path}.{key}"),
                    out,
                );
            }
        }
        (Value::Array(expected), Value::Array(items)) if path == ".faults" || path == ".logs" => {
            let mut items = items.iter();
            for one in expected {
                let found = items.any(|item| {
                    let mut problems = Vec::new();
                    missing(one, item, path, &mut problems);
                    problems.is_empty()
                });
                if !found {
                    out.push(format!("{path}: lacks {one}"));
                }
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => out.push(format!("{path}: is {actual}, expected {expected}")),
    }
}

/// The transitions of circuit breakers that are in the log, in order.
fn transitions(end: &Value) -> Vec<String> {
    let line = |log: &Value| {
        let message = log["message"].as_str()?;
        let seen: Value = serde_json::from_str(message.get(message.find('{')?..)?).ok()?;
        let text = |name: &str| seen[name].as_str();
        let number = |name: &str| seen[name].as_u64().expect("a number");
        let at = log["at"].as_str().expect("a time");
        let mut line = format!("{at} {}", text("breaker")?);
        match (text("key"), text("key_hash")) {
            (Some(key), _) => line.push_str(&format!("[{key}]")),
            (None, Some(_)) => line.push_str("[#]"),
            (None, None) => {}
        }
        let (from, to, cause) = (text("from")?, text("to")?, text("cause")?);
        let (failures, calls) = (number("failures"), number("calls"));
        line.push_str(&format!(" {from}->{to} {cause} {failures}/{calls}"));
        if number("slow") > 0 {
            line.push_str(&format!(" slow {}", number("slow")));
        }
        if to == "open" {
            line.push_str(&format!(" for {}s", number("open_for_ms") as f64 / 1000.0));
        }
        Some(line)
    };
    let logs = end["logs"].as_array().expect("logs");
    logs.iter().filter_map(line).collect()
}

/// Which transitions are other than promised: all that there are must be, in order, each as far as it is written.
fn other_transitions(promised: &Value, end: &Value) -> Option<String> {
    let found = transitions(end);
    let promised: Vec<&str> = promised
        .as_array()
        .expect("a list of transitions")
        .iter()
        .map(|line| line.as_str().expect("a transition is text"))
        .collect();
    let same = found.len() == promised.len()
        && found
            .iter()
            .zip(&promised)
            .all(|(found, promised)| found.starts_with(promised));
    (!same).then(|| format!("transitions {found:#?}, expected {promised:#?}"))
}

/// The answers of the line `id`, in order: `alice`, `alice#2`, ...
fn repetitions<'a>(answers: &'a [Map<String, Value>], id: &str) -> Vec<&'a Map<String, Value>> {
    let all = |number: usize| {
        if number == 1 {
            id.to_owned()
        } else {
            format!("{id}#{number}")
        }
    };
    let find = |number| answers.iter().find(|answer| answer["id"] == all(number));
    (1..).map_while(find).collect()
}

/// `5x200 2x429`.
fn unfolded(statuses: &str) -> Vec<Value> {
    let runs = statuses.split(' ').map(|run| {
        let (count, status) = run.split_once('x').expect("a run is written 5x200");
        (
            count.parse::<usize>().expect("a count"),
            match status {
                "-" => Value::Null,
                status => Value::from(status.parse::<u16>().expect("a status")),
            },
        )
    });
    runs.flat_map(|(count, status)| vec![status; count]).collect()
}

/// The promises that do not hold.
pub(super) fn check(
    promises: Vec<Map<String, Value>>,
    answers: &[Map<String, Value>],
    end: &Value,
) -> Vec<String> {
    let mut problems = Vec::new();
    for mut promise in promises {
        if let Some(id) = promise.get("ids").and_then(Value::as_str) {
            let found: Vec<Value> = repetitions(answers, id)
                .iter()
                .map(|answer| answer["status"].clone())
                .collect();
            if let Some(least) = promise.get("least").and_then(Value::as_u64) {
                let most = promise["most"].as_u64().expect("least goes with most");
                let status = &promise["status"];
                let count = found.iter().filter(|found| *found == status).count() as u64;
                if !(least..=most).contains(&count) {
                    problems.push(format!("{id}: {count}x{status}, expected {least} to {most}"));
                }
                continue;
            }
            let statuses = promise["statuses"].as_str().expect("ids go with statuses");
            if found != unfolded(statuses) {
                problems.push(format!(
                    "{id}: statuses {}, expected {statuses}",
                    Value::from(found)
                ));
            }
            continue;
        }
        let actual = match promise.get("id") {
            Some(id) => match answers.iter().find(|answer| answer["id"] == *id) {
                Some(answer) => Value::Object(answer.clone()),
                None => {
                    problems.push(format!("there is no answer {id}"));
                    continue;
                }
            },
            None => end.clone(),
        };
        if let Some(promised) = promise.remove("transitions") {
            problems.extend(other_transitions(&promised, end));
            if promise.is_empty() {
                continue;
            }
        }
        let mut found = Vec::new();
        let id = promise.get("id").map(ToString::to_string).unwrap_or_default();
        missing(&Value::Object(promise), &actual, "", &mut found);
        problems.extend(found.into_iter().map(|problem| format!("{id} {problem}")));
    }
    problems
}

#[test]
fn promises_that_do_not_hold_are_noticed() {
    let actual = serde_json::json!({"id": "a", "status": 200, "headers": {"x": "1"}, "faults": [{"k": 1}, {"k": 2}], "updates": [1]});
    for (promise, count) in [
        (
            serde_json::json!({"status": 200, "headers": {"x": "1", "y": null}, "by": null}),
            0,
        ),
        (serde_json::json!({"status": 429}), 1),
        (serde_json::json!({"headers": {"x": null}}), 1),
        (serde_json::json!({"headers": {"y": "1"}}), 1),
        (serde_json::json!({"faults": [{"k": 2}]}), 0),
        (serde_json::json!({"faults": [{"k": 2}, {"k": 1}]}), 1),
        (serde_json::json!({"updates": []}), 1),
        (serde_json::json!({"headers": {}}), 1),
    ] {
        let mut found = Vec::new();
        missing(&promise, &actual, "", &mut found);
        assert_eq!(found.len(), count, "{promise}: {found:?}");
    }
    assert_eq!(unfolded("2x200 1x429"), [200, 200, 429]);
    assert_eq!(unfolded("1x-"), [Value::Null]);
    let message = r#"circuit_breaker cb: {"breaker":"b","key":"web","from":"closed","to":"open","cause":"slow_rate","calls":4,"failures":1,"slow":2,"generation":1,"open_for_ms":1500}"#;
    let end = serde_json::json!({"logs": [{"at": "1s", "message": "configured"}, {"at": "2s", "message": message}]});
    for (promise, holds) in [
        (
            serde_json::json!(["2s b[web] closed->open slow_rate 1/4 slow 2 for 1.5s"]),
            true,
        ),
        (serde_json::json!(["2s b[web] closed->open"]), true),
        (serde_json::json!(["2s b[web] closed->open error_rate"]), false),
        (serde_json::json!([]), false),
        (serde_json::json!(["2s b", "2s b"]), false),
    ] {
        assert_eq!(other_transitions(&promise, &end).is_none(), holds, "{promise}");
    }
}
