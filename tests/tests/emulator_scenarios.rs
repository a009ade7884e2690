//! The scenarios in `tests/scenarios`, played by the command itself: what a user writes down is what is checked.
//!
//! A folder holds `policy.yaml`, `traffic.jsonl` and `expect.jsonl`, and perhaps an `options` file with more arguments (a
//! word each). Each line of `expect.jsonl` is one of:
//!
//! - `{"id": "alice", ..}`: the answer with that id has these values, and perhaps more; `null` also stands for "is not
//!   there", and `{}` for an object with nothing in it;
//! - `{"ids": "alice", "statuses": "5x200 2x429"}`: the answers of a repeated line, all of them, in order;
//! - anything else: the last line, with metrics and updates, has these values. Of a list of faults or log lines the
//!   written ones must be there in their order.
//!
//! The command is `target/release/fairlead` or what `FAIRLEAD_BIN` names; its modules are found as it finds them.

use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn command() -> PathBuf {
    let named = std::env::var_os("FAIRLEAD_BIN").map(PathBuf::from);
    let built = || {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        target
            .unwrap_or_else(|| root.join("target"))
            .join("release/fairlead")
    };
    let path = named.unwrap_or_else(built);
    assert!(
        path.is_file(),
        "{} is not there: build it with `cargo build --release -p fairlead`, or name it in FAIRLEAD_BIN",
        path.display()
    );
    path
}

fn objects(text: &str, file: &Path) -> Vec<Map<String, Value>> {
    let object = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", file.display()))
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(object)
        .collect()
}

/// Plays a scenario; gives its answers, and the last line.
fn play(folder: &Path) -> Result<(Vec<Map<String, Value>>, Value), String> {
    let mut command = Command::new(command());
    command
        .args(["simulate", "--output", "jsonl", "--policy"])
        .arg(folder.join("policy.yaml"));
    command
        .arg("--traffic")
        .arg(folder.join("traffic.jsonl"))
        .current_dir(scenarios().join("../.."));
    if let Ok(options) = fs::read_to_string(folder.join("options")) {
        command.args(options.split_whitespace());
    }
    let output = command.output().expect("the command starts");
    if !output.status.success() {
        return Err(format!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let mut lines = objects(&String::from_utf8(output.stdout).expect("UTF-8"), folder);
    let end = lines.pop().ok_or("nothing was printed")?;
    Ok((lines, Value::Object(end)))
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
            status.parse::<u16>().expect("a status"),
        )
    });
    runs.flat_map(|(count, status)| vec![Value::from(status); count])
        .collect()
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
    let mut problems = Vec::new();
    for promise in expected {
        if let Some(id) = promise.get("ids").and_then(Value::as_str) {
            let found: Vec<Value> = repetitions(&answers, id)
                .iter()
                .map(|answer| answer["status"].clone())
                .collect();
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
        let mut found = Vec::new();
        let id = promise.get("id").map(ToString::to_string).unwrap_or_default();
        missing(&Value::Object(promise), &actual, "", &mut found);
        problems.extend(found.into_iter().map(|problem| format!("{id} {problem}")));
    }
    problems
}

#[test]
fn every_scenario_holds() {
    let entries = fs::read_dir(scenarios()).expect("tests/scenarios");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(folders.len() >= 60, "only {} scenarios were found", folders.len());
    // Each one starts the command, which compiles its module anew.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = Mutex::new(String::new());
    let report = &found;
    std::thread::scope(|scope| {
        for share in folders.chunks(folders.len().div_ceil(threads)) {
            scope.spawn(move || {
                for folder in share {
                    let name = folder.file_name().expect("a name").display();
                    for problem in broken_promises(folder) {
                        report.lock().unwrap().push_str(&format!("{name}: {problem}\n"));
                    }
                }
            });
        }
    });
    let report = found.into_inner().unwrap();
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn a_scenario_plays_the_same_twice() {
    for name in [
        "idle-keys-make-room",
        "a-trap-forgets-nothing",
        "workers-share-a-proxys-limit",
        "a-random-draw-is-kept-by-its-cookie",
        "workers-agree-on-one-trip",
    ] {
        let folder = scenarios().join(name);
        assert_eq!(play(&folder), play(&folder), "{name}");
    }
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
}

/// Runs the command in the repository's root: exit status, standard output, standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(command())
        .args(arguments)
        .current_dir(scenarios().join("../.."))
        .output()
        .expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn mistakes_are_all_named_and_nothing_is_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let traffic = folder.path().join("traffic.jsonl");
    fs::write(&traffic, "{}\n{\"verb\":1}\n{\"at\":-1}\n").expect("a file");
    let traffic = traffic.to_str().expect("UTF-8");
    let (status, out, errors) = run(&[
        "simulate",
        "--policy",
        "examples/rate-limit/broken.yaml",
        "--traffic",
        traffic,
    ]);
    assert_eq!((status, out.as_str()), (Some(2), ""), "{errors}");
    for place in [
        "broken.yaml:12: rate_limit.limits[0].burts: ",
        "broken.yaml:29: ",
        "traffic.jsonl:2: verb: ",
        "traffic.jsonl:3: at: ",
    ] {
        assert!(errors.contains(place), "{place}\n{errors}");
    }
}

#[test]
fn a_check_ends_with_what_it_found() {
    let example = |name: &str| format!("examples/rate-limit/{name}");
    let (good, broken) = (example("policy.yaml"), example("broken.yaml"));
    let status = |arguments: &[&str]| run(arguments).0;
    assert_eq!(status(&["check", &good]), Some(0));
    assert_eq!(status(&["check", "istio/rate-limit/wasmplugin.yaml"]), Some(0));
    assert_eq!(status(&["check", "--deny-warnings", &good]), Some(1));
    assert_eq!(status(&["check", &good, "not-there.yaml"]), Some(2));
    let (status, out, errors) = run(&["check", "--json", &good, &broken]);
    assert_eq!(status, Some(2), "{errors}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["files"][0]["ok"], true);
    assert_eq!(report["files"][0]["filters"][0]["limits"][0]["name"], "per-key");
    let mistakes = report["files"][1]["errors"].as_array().expect("a list");
    assert_eq!(
        mistakes.len(),
        errors
            .lines()
            .filter(|line| line.contains("broken.yaml:"))
            .count()
    );
    assert!(
        mistakes
            .iter()
            .any(|one| one["line"] == 12 && one["path"] == "rate_limit.limits[0].burts")
    );
}

#[test]
fn the_example_does_what_its_readme_shows() {
    let readme =
        fs::read_to_string(scenarios().join("../../examples/rate-limit/README.md")).expect("a README");
    let blocks: Vec<&str> = readme.split("```").skip(1).step_by(2).collect();
    let mut shown = 0;
    for block in blocks {
        let Some((command, expected)) = block
            .strip_prefix("console\n$ fairlead ")
            .and_then(|block| block.split_once('\n'))
        else {
            continue;
        };
        let (_, out, errors) = run(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(format!("{out}{errors}"), expected, "fairlead {command}");
        shown += 1;
    }
    assert_eq!(shown, 4);
}
