//! What the command prints and how it ends: mistakes, and the examples of the repository.

use fairlead_tests::modules::workspace;
use fairlead_tests::scenarios::command;
use serde_json::Value;
use std::fs;
use std::process::Command;

/// Runs the command in the repository's root: exit status, standard output, standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(command())
        .args(arguments)
        .current_dir(workspace())
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
    // A file that holds no filter beside one that does: a note, and no mistake.
    let all = manifests();
    assert!(all.iter().any(|file| file.ends_with("rules.yaml")), "{all:?}");
    let all: Vec<&str> = ["check"]
        .into_iter()
        .chain(all.iter().map(String::as_str))
        .collect();
    assert_eq!(status(&all), Some(0));
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

/// The Kubernetes manifests of the repository.
fn manifests() -> Vec<String> {
    let listed = |folder: &str| {
        let read = fs::read_dir(workspace().join(folder)).expect("a folder");
        let mut names: Vec<String> = read
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| format!("{folder}/{}", name.to_string_lossy()))
            .collect();
        names.sort();
        names
    };
    let root = workspace();
    let folders = listed("istio")
        .into_iter()
        .filter(|folder| root.join(folder).is_dir());
    folders
        .flat_map(|folder| listed(&folder))
        .filter(|file| file.ends_with(".yaml"))
        .collect()
}

/// What the rest of a pipeline makes of the output: of its last line the metrics of a kind, or the messages of the log, as
/// far as they have a word in them. Does what tail, jq and grep would do, which need not be here.
fn piped(out: &str, pipe: &str) -> String {
    let end: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("JSON");
    let (jq, word) = pipe
        .strip_prefix("tail -n 1 | jq -r ")
        .and_then(|rest| rest.rsplit_once(" | grep "))
        .expect("a pipeline of tail, jq and grep");
    let metrics = jq
        .strip_prefix("'.metrics.")
        .and_then(|rest| rest.strip_suffix(r#" | to_entries[] | "\(.key) \(.value)"'"#));
    let lines: Vec<String> = match metrics {
        Some(kind) => end["metrics"][kind]
            .as_object()
            .expect("a map")
            .iter()
            .map(|(key, value)| format!("{key} {value}"))
            .collect(),
        None => {
            assert_eq!(jq, "'.logs[] | .message'");
            let logs = end["logs"].as_array().expect("a list");
            let message = |log: &Value| log["message"].as_str().expect("text").to_owned();
            logs.iter().map(message).collect()
        }
    };
    let kept: Vec<String> = lines.into_iter().filter(|line| line.contains(word)).collect();
    kept.join("\n")
}

/// The commands of a README that print something, and what it shows of that.
fn shown(readme: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(workspace().join(readme)).expect("a README");
    let blocks = text.split("```").skip(1).step_by(2);
    let command = |block: &str| {
        let (command, shown) = block.strip_prefix("console\n$ fairlead ")?.split_once('\n')?;
        Some((command.to_owned(), shown.to_owned()))
    };
    blocks.filter_map(command).collect()
}

/// Whether `text` is what `shown` shows of it: line by line, where `...` stands for any lines.
fn is_shown(shown: &[&str], text: &[&str]) -> bool {
    match shown {
        [] => text.is_empty(),
        ["...", rest @ ..] => (0..=text.len()).any(|skipped| is_shown(rest, &text[skipped..])),
        [line, rest @ ..] => text.first() == Some(line) && is_shown(rest, &text[1..]),
    }
}

#[test]
fn the_examples_do_what_their_readmes_show() {
    for (readme, count) in [
        ("examples/rate-limit/README.md", 4),
        ("examples/circuit-breaker/README.md", 6),
        ("examples/latency-histogram/README.md", 10),
        ("examples/suite/README.md", 6),
    ] {
        let blocks = shown(readme);
        assert_eq!(blocks.len(), count, "{readme}");
        for (command, expected) in blocks {
            let (first, pipe) = match command.split_once(" | ") {
                Some((first, pipe)) => (first, Some(pipe)),
                None => (command.as_str(), None),
            };
            let (_, out, errors) = run(&first.split(' ').collect::<Vec<_>>());
            let all = match pipe {
                Some(pipe) => piped(&out, pipe),
                None => format!("{out}{errors}"),
            };
            let lines: Vec<&str> = all.lines().collect();
            let expected: Vec<&str> = expected.lines().collect();
            assert!(
                is_shown(&expected, &lines),
                "fairlead {command} prints\n{all}\n{readme} shows\n{}",
                expected.join("\n")
            );
        }
    }
}

#[test]
fn what_a_readme_leaves_out_may_be_anything_else_not() {
    for (shown, holds) in [
        (&["a", "b", "c"][..], true),
        (&["a", "...", "c"], true),
        (&["...", "c"], true),
        (&["...", "b", "...", "c", "..."], true),
        (&["a", "c"], false),
        (&["a", "..."], true),
        (&["a", "b"], false),
        (&["...", "c", "...", "b"], false),
        (&["b", "..."], false),
    ] {
        assert_eq!(is_shown(shown, &["a", "b", "c"]), holds, "{shown:?}");
    }
}

#[test]
fn one_module_answers_as_the_chain_of_four_does() {
    let play = |more: &[&str]| {
        let mut arguments = vec![
            "simulate",
            "--policy",
            "examples/suite/policy.yaml",
            "--traffic",
            "examples/suite/traffic.jsonl",
        ];
        arguments.extend(more);
        let (status, out, errors) = run(&arguments);
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        out
    };
    // Only the name of the plugin that has the canary differs.
    assert_eq!(
        play(&["--suite"]).replace("\nsuite: 17", "\ncanary: 17"),
        play(&[])
    );
    let answers = |out: String| -> Vec<String> {
        let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
        lines.pop();
        lines
    };
    let (together, apart) = (
        answers(play(&["--suite", "--output", "jsonl"])),
        answers(play(&["--output", "jsonl"])),
    );
    assert_eq!(together.len(), 17);
    assert_eq!(together, apart);
}

#[test]
fn an_object_that_names_the_suite_is_played_in_its_module() {
    let (status, out, errors) = run(&[
        "simulate",
        "--policy",
        "examples/suite/envoyextensionpolicy.yaml",
        "--traffic",
        "examples/suite/traffic.jsonl",
        "--output",
        "jsonl",
    ]);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    let end: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("JSON");
    let gauges = end["metrics"]["gauges"].as_object().expect("gauges");
    assert!(
        gauges.contains_key(r#"fairlead_suite_config_rejected{component="orders",wasm_filter="suite"}"#),
        "{gauges:?}"
    );
}

#[test]
fn a_suite_gets_and_loses_filters_while_it_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let policy = write("policy.yaml", "rate_limit: {limits: [{name: all, rate: 1/h}]}\n");
    write(
        "canary.yaml",
        "canary: {release: r1, variants: [{name: v2, weight: 100%}], sticky: {by: [{header: x-user}]}}\n\
         circuit_breaker: {breakers: [{name: a, force: open}]}\n",
    );
    write("broken.yaml", "canary: {}\n");
    let traffic = write(
        "traffic.jsonl",
        "{\"id\":\"a\",\"times\":2}\n\
         {\"at\":\"1s\",\"policy\":\"canary.yaml\"}\n\
         {\"id\":\"b\",\"at\":\"2s\",\"headers\":{\"x-user\":\"u\"}}\n\
         {\"at\":\"3s\",\"policy\":\"broken.yaml\"}\n\
         {\"id\":\"c\",\"at\":\"4s\",\"headers\":{\"x-user\":\"u\"}}\n",
    );
    let (status, out, errors) = run(&["simulate", "--suite", "--policy", &policy, "--traffic", &traffic]);
    assert_eq!(status, Some(0), "{errors}");
    assert!(errors.contains("the proxy will refuse"), "{errors}");
    let words: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "0s a 200 upstream",
        "0s a#2 429 filter rate_limit/all",
        "2s b 503 filter circuit_breaker/a v2 sticky",
        "4s c 503 filter circuit_breaker/a v2 sticky",
        "1s: suite took its new config",
        "3s: suite refused its new config",
        "a 2 0 2 0 2 reply",
        "suite: 2 of 4 requests",
    ] {
        assert!(words.iter().any(|known| known == line), "{line}\n{out}");
    }
    // A chain of modules has no module for what comes new.
    assert_eq!(
        run(&["simulate", "--policy", &policy, "--traffic", &traffic]).0,
        Some(2)
    );
}

#[test]
fn more_workers_share_the_breaker_of_the_example() {
    let answers = |workers: &str| {
        let (_, out, errors) = run(&[
            "simulate",
            "--policy",
            "examples/circuit-breaker/opossum.yaml",
            "--traffic",
            "examples/circuit-breaker/outage.jsonl",
            "--workers",
            workers,
        ]);
        assert_eq!(errors, "");
        out
    };
    assert_eq!(answers("1"), answers("4"));
}

#[test]
fn a_breakers_transitions_are_told_with_their_keys_and_in_shadow() {
    let example = |name: &str| {
        let (folder, file) = ("tests/scenarios", ["policy.yaml", "traffic.jsonl"]);
        let [policy, traffic] = file.map(|file| format!("{folder}/{name}/{file}"));
        run(&["simulate", "--policy", &policy, "--traffic", &traffic]).1
    };
    let keyed = example("each-key-has-a-breaker-of-its-own");
    let line = |out: &str, start: &str| {
        out.lines()
            .find(|line| line.starts_with(start))
            .map(str::to_owned)
    };
    let words = |line: Option<String>| -> Vec<String> {
        let line = line.unwrap_or_default();
        line.split_whitespace().map(str::to_owned).collect()
    };
    let titles = "at breaker key transition cause calls failures slow open for";
    assert_eq!(words(line(&keyed, "at  breaker")).join(" "), titles, "{keyed}");
    assert_eq!(
        words(line(&keyed, "1s  clusters")).join(" "),
        "1s clusters web closed -> open consecutive_failures 3 3 0 30s",
        "{keyed}"
    );
    let shadow = example("a-breaker-in-shadow-refuses-nothing");
    assert_eq!(
        words(line(&shadow, "trial")).join(" "),
        "trial 7 2 0 3",
        "{shadow}"
    );
    assert_eq!(
        words(line(&shadow, "real")).join(" "),
        "real 7 4 1 0 1 reply",
        "{shadow}"
    );
    assert!(shadow.contains("trial (shadow)  closed -> open"), "{shadow}");
    assert!(shadow.contains("circuit_breaker/trial would reject"), "{shadow}");
    let none = example("requests-in-flight-are-bounded");
    assert!(none.contains("\nno transition\n"), "{none}");
}
