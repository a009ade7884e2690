//! Envoy and the emulator, side by side.
//!
//! What must differ is taken out before comparing: thread numbers and log prefixes, and headers of the connection in what
//! clients see (`date`, `connection`, `transfer-encoding`, `content-length: 0`). The probe itself prints only the length
//! of what changes from run to run (times, ports, ids) and leaves out the headers of the connection.
//!
//! Known differences, which the traffic avoids: two filters that both pause the headers of a message with trailers (Envoy
//! shows the second filter the trailers twice, and before the body); a filter that resets a stream and answers it in the same callback (in Envoy
//! the answer still overwrites the logged code, between the `on_log` of one filter and the next); writes in `on_log` to the
//! headers of a stopped request (they succeed in both, but trip a check in Envoy); routing (a filter that removes
//! `x-forwarded-proto` makes Envoy lose the route, 404).

use std::path::Path;

use super::emulate::{self, Run};

use super::envoy;
use super::scenario::{Scenario, Seen};
use super::traffic;

/// An emulator's line without the plugin's name.
fn message(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, message)| message)
}

/// Headers of a response in a fixed order, without those of the connection.
fn comparable(seen: &Seen) -> Seen {
    let mut seen = seen.clone();
    seen.headers.retain(|(name, _)| name != "transfer-encoding");
    seen.headers
        .retain(|header| *header != ("content-length".to_owned(), "0".to_owned()));
    seen.headers.sort();
    // A filter that shortens a body under a fixed length makes it look cut.
    let promised = seen.headers.iter().find(|(name, _)| name == "content-length");
    let promised = promised.and_then(|(_, length)| length.parse::<usize>().ok());
    seen.truncated |= !seen.body.is_empty() && promised.is_some_and(|promised| seen.body.len() < promised);
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

/// Envoy's run in comparable form.
pub(crate) fn real(scenario: &Scenario, binary: &Path) -> Run {
    let mut run = envoy::run(binary, scenario);
    run.seen = run.seen.iter().map(comparable).collect();
    run
}

/// The emulator's run in comparable form.
pub(crate) fn emulated(scenario: &Scenario, served: &[usize]) -> Run {
    let mut run = emulate::run(scenario, served);
    for lines in std::iter::once(&mut run.main).chain(&mut run.workers) {
        lines.iter_mut().for_each(|line| *line = message(line).to_owned());
    }
    run.seen = run.seen.iter().map(comparable).collect();
    run
}

/// A run as text.
pub(crate) fn text(run: &Run) -> String {
    let mut text = format!("== main\n{}\n", run.main.join("\n"));
    for (worker, lines) in run.workers.iter().enumerate() {
        text += &format!("== worker {worker}\n{}\n", lines.join("\n"));
    }
    text += "== seen\n";
    for seen in &run.seen {
        text += &format!("{seen:?}\n");
    }
    text
}

/// Where `FAIRLEAD_DUMP` says, both runs are kept.
fn dump(scenario: &Scenario, run: &Run, host: &str) {
    if let Some(folder) = std::env::var_os("FAIRLEAD_DUMP") {
        let path = Path::new(&folder).join(format!("{}.{host}", scenario.name));
        std::fs::write(path, text(run)).expect("the dump is written");
    }
}

fn compare(scenario: &Scenario) {
    let Some(binary) = envoy::binary() else { return };
    let real = real(scenario, &binary);
    let emulated = emulated(scenario, &real.served);
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

#[test]
fn all_questions_get_the_same_answers_in_every_phase() {
    compare(&traffic::ask());
}

#[test]
fn writes_and_replies_have_the_same_effects() {
    compare(&traffic::write());
}

#[test]
fn two_plugins_of_one_vm_and_one_of_another_run_in_the_same_order() {
    compare(&traffic::chain());
}

#[test]
fn each_worker_has_a_vm_of_its_own() {
    compare(&traffic::workers());
}

#[test]
fn a_trap_has_the_same_consequences_under_every_policy() {
    for (policy, name) in traffic::POLICIES {
        traffic::crashes(policy, name).iter().for_each(compare);
    }
}

#[test]
fn generated_traffic_has_the_same_outcome() {
    (1..=seeds())
        .map(traffic::generated)
        .for_each(|scenario| compare(&scenario));
}

/// How many generated scenarios to run: `FAIRLEAD_SEEDS`, or 6.
fn seeds() -> u64 {
    std::env::var("FAIRLEAD_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(6)
}
