//! Envoy and the emulator, side by side.
//!
//! What must differ is taken out before comparing: thread numbers and log prefixes; in `on_log`, the response headers that
//! Envoy's connection manager adds after the last filter (`date`, `connection`). The probe itself prints only the length
//! of what changes from run to run (times, ports, ids).

use super::emulate::{self, Run};
use super::envoy;
use super::scenario::*;

/// An emulator's line without the plugin's name.
fn message(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, message)| message)
}

/// A line without headers that a connection manager adds or takes away.
fn normal(line: &str) -> String {
    let parts = line
        .split_once(" 0:")
        .filter(|(head, _)| head.trim_start().starts_with("pairs"));
    let Some((head, (count, pairs))) = parts.and_then(|(head, rest)| Some((head, rest.split_once(' ')?)))
    else {
        return line.to_owned();
    };
    let Ok(mut count) = count.parse::<usize>() else {
        return line.to_owned();
    };
    let mut pairs = format!(" {pairs}");
    for (start, end) in [
        (" date=", " GMT"),
        (" connection=", "close"),
        (" transfer-encoding=", "chunked"),
    ] {
        if let Some(at) = pairs.find(start)
            && let Some(length) = pairs[at..].find(end)
        {
            pairs.replace_range(at..at + length + end.len(), "");
            count -= 1;
        }
    }
    format!("{head} 0:{count}{pairs}")
}

/// Headers of a response in a fixed order, without those of the connection.
fn comparable(seen: &Seen) -> Seen {
    let mut seen = seen.clone();
    seen.headers.retain(|(name, _)| name != "transfer-encoding");
    seen.headers
        .retain(|header| *header != ("content-length".to_owned(), "0".to_owned()));
    seen.headers.sort();
    seen
}

/// The first difference of two lists of lines.
fn first_difference(place: &str, real: &[String], emulated: &[String]) -> Option<String> {
    for (at, (real, emulated)) in real.iter().zip(emulated).enumerate() {
        if real != emulated {
            return Some(format!(
                "{place} line {at}:\n  envoy    {real}\n  emulator {emulated}"
            ));
        }
    }
    (real.len() != emulated.len()).then(|| {
        format!(
            "{place}: {} lines in Envoy, {} in the emulator",
            real.len(),
            emulated.len()
        )
    })
}

/// Both runs in comparable form.
fn both(scenario: &Scenario, binary: &std::path::Path) -> (Run, Run) {
    let mut real = envoy::run(binary, scenario);
    let mut emulated = emulate::run(scenario, &real.served);
    for lines in std::iter::once(&mut real.main).chain(&mut real.workers) {
        lines.iter_mut().for_each(|line| *line = normal(line));
    }
    for lines in std::iter::once(&mut emulated.main).chain(&mut emulated.workers) {
        lines.iter_mut().for_each(|line| *line = normal(message(line)));
    }
    real.seen = real.seen.iter().map(comparable).collect();
    emulated.seen = emulated.seen.iter().map(comparable).collect();
    (real, emulated)
}

fn dump(scenario: &Scenario, run: &Run, host: &str) {
    let Some(folder) = std::env::var_os("FAIRLEAD_DUMP") else {
        return;
    };
    let mut text = format!("== main\n{}\n", run.main.join("\n"));
    for (worker, lines) in run.workers.iter().enumerate() {
        text += &format!("== worker {worker}\n{}\n", lines.join("\n"));
    }
    text += "== seen\n";
    for seen in &run.seen {
        text += &format!("{seen:?}\n");
    }
    let path = std::path::Path::new(&folder).join(format!("{}.{host}", scenario.name));
    std::fs::write(path, text).expect("the dump is written");
}

fn compare(scenario: &Scenario) {
    let Some(binary) = envoy::binary() else { return };
    let (real, emulated) = both(scenario, &binary);
    dump(scenario, &real, "envoy");
    dump(scenario, &emulated, "emulator");
    let mut problems: Vec<String> = Vec::new();
    problems.extend(first_difference("main", &real.main, &emulated.main));
    for (worker, (real, emulated)) in real.workers.iter().zip(&emulated.workers).enumerate() {
        problems.extend(first_difference(&format!("worker {worker}"), real, emulated));
    }
    for (step, (real, emulated)) in real.seen.iter().zip(&emulated.seen).enumerate() {
        if real != emulated {
            problems.push(format!(
                "step {step}:\n  envoy    {real:?}\n  emulator {emulated:?}"
            ));
        }
    }
    assert!(problems.is_empty(), "{}: {}", scenario.name, problems.join("\n"));
}

fn scenario(name: &str, configuration: &str, steps: Vec<Step>) -> Scenario {
    Scenario {
        name: name.to_owned(),
        workers: 1,
        filters: vec![filter("probe", configuration)],
        steps,
    }
}

#[test]
fn all_questions_get_the_same_answers_in_every_phase() {
    compare(&scenario(
        "ask",
        "ask state",
        vec![
            get("ask touch")
                .header("x-multi", "a")
                .header("x-multi", "b")
                .header("x-empty", ""),
            post("ask touch", "hello")
                .trailer("x-t", "1")
                .up_trailer("x-trailer", "v"),
            post("ask", "hello").up(answer(200, &["first", "second"])),
            get("deny ask touch"),
            get("deny-response ask"),
            get("ask").without_host(),
            get("ask pause-forever").abort(),
            get("ask").abort(),
            get("ask").up(Up::NoRoute),
            get("ask").up(Up::Unreachable),
            get("ask").up(Up::Timeout),
            get("ask").up(Up::Close),
            get("ask pause"),
            get("ask pause-response"),
            get("ask").header("x-bytes", b"a\xffb"),
            Step {
                method: "HEAD".to_owned(),
                ..get("ask")
            },
            get("ask").up(answer(204, &[])),
            get("ask").up(answer(404, &[])),
        ],
    ));
}

#[test]
fn writes_and_replies_have_the_same_effects() {
    compare(&scenario(
        "write",
        "",
        vec![
            get("write")
                .header("x-gone", "1")
                .header("x-multi", "a")
                .header("x-multi", "b")
                .header("user-agent", "u"),
            get("pairs"),
            get("pairs-response"),
            get("deny"),
            get("deny-headers"),
            get("deny-bare"),
            get("deny-pause"),
            get("deny-twice"),
            get("deny-grpc"),
            get("deny-grpc").header("content-type", "application/grpc"),
            get("deny").header("content-type", "application/grpc+proto"),
            get("deny-response"),
            get("deny-body"),
            get("deny deny-response"),
            get("pause"),
            get("pause-deny"),
            get("pause-response"),
            get("pause pause-response"),
            get("continue"),
            get("close"),
            get("close-response"),
            post("hold", "hello"),
            post("hold-response", "hello").up(answer(200, &["first", "second"])),
            post("append prepend patch", "hello"),
            get("append-response prepend-response patch-response"),
            post("trailers", "hello"),
            get("trailers-response"),
            post("pause", "hello").trailer("x-t", "1"),
            get("pause-response").up_trailer("x-trailer", "v"),
            post("hold", "hello").trailer("x-t", "1"),
            post("deny", "hello"),
            Step {
                method: "HEAD".to_owned(),
                ..get("deny")
            },
        ],
    ));
}
