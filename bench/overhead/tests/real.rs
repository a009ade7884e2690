//! On a real Envoy, with a module that needs no build: each measurement finds what is known of it, and refuses to measure
//! something else.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fairlead_envoy::Locator;
use fairlead_overhead::instructions::{self, Valgrind, Windows};
use fairlead_overhead::variants::{self, Group, Variant};
use fairlead_overhead::{Answers, Plan, cpu, footprint, latency, run, scene};
use indicatif::ProgressBar;

/// The Envoy of the tests; `None`, after a line that says so, where there is none.
fn envoy() -> Option<PathBuf> {
    let cache = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.fairlead");
    let found = Locator::from_env(cache)
        .locate_for_test()
        .expect("an Envoy that runs");
    found.map(|found| found.path)
}

/// The smallest of everything.
fn small() -> Plan {
    Plan {
        instructions: None,
        cpu: Some(cpu::Effort {
            rounds: 2,
            each: Duration::from_millis(50),
        }),
        latency: Some(latency::Effort {
            rounds: 1,
            each: Duration::from_millis(100),
            per_second: 200.0,
        }),
        footprint: Some(footprint::Effort {
            workers: vec![1, 2],
            starts: 1,
            load: Duration::from_millis(20),
        }),
    }
}

#[test]
fn an_empty_filter_costs_what_its_callbacks_cost() {
    let Some(envoy) = envoy() else { return };
    if Valgrind::find().is_err() && std::env::var_os("CI").is_none_or(|value| value != "true") {
        eprintln!("skipped: instructions (no valgrind)");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let empty = variants::bare(scratch.path(), None).unwrap();
    let lua = variants::lua().remove(0);
    let all = [empty, vec![lua, native("native-rate-limit")]].concat();
    let windows = Windows::default();
    let found =
        instructions::measure(&envoy, &all, Answers::Direct, windows, &ProgressBar::hidden()).unwrap();
    let added = |name: &str| found[name].added;
    // Measured for Envoy 1.40.0 by other means; another Envoy may differ somewhat.
    assert_eq!(added("none"), 0.0);
    assert!((90_000.0..130_000.0).contains(&found["none"].total), "{found:?}");
    assert!((14_000.0..19_000.0).contains(&added("empty-bare")), "{found:?}");
    assert!((8_000.0..15_000.0).contains(&added("lua-empty")), "{found:?}");
    assert!(
        (8_000.0..15_000.0).contains(&added("native-rate-limit")),
        "{found:?}"
    );
}

fn native(name: &str) -> Variant {
    let mut all = variants::native().into_iter();
    all.find(|variant| variant.name == name).unwrap()
}

#[test]
fn a_run_measures_every_variant_by_every_measure() {
    let Some(envoy) = envoy() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let mut all = variants::bare(scratch.path(), None).unwrap();
    all.extend(variants::native());
    all.extend(variants::lua());
    let results = run(&envoy, &all, &small(), &ProgressBar::hidden()).unwrap();
    assert_eq!(results.rows.len(), all.len() + 2);
    for row in &results.rows {
        let cost = row.cpu_us.unwrap();
        assert!(cost.total.median > 1.0, "{}: {cost:?}", row.name);
        // A round trip of its own is in it.
        assert!(
            row.cpu_us_proxied.unwrap().total.median > cost.total.median,
            "{}",
            row.name
        );
        assert!(row.latency_us.unwrap().p50.total.median > 10.0, "{}", row.name);
        let footprint = row.footprint.as_ref().unwrap();
        assert_eq!(footprint.memory.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert!(
            footprint.start.cpu_ms > 1.0 && footprint.start.wall_ms > 1.0,
            "{}",
            row.name
        );
    }
    let rss = |name: &str| results.row(name).unwrap().footprint.as_ref().unwrap().memory[&1].rss_kib;
    // V8 alone is more than 5 MiB.
    assert!(rss("empty-bare") > rss("none") + 5 * 1024);
    assert!(results.row("empty-bare").unwrap().module_bytes > 100);
}

/// The body of the answer to the benchmark's request.
fn body(envoy: &Path, variant: &Variant) -> String {
    let running = scene::start(envoy, std::slice::from_ref(variant), None, 1).unwrap();
    let mut stream = TcpStream::connect(scene::address(&running, &variant.name).unwrap()).unwrap();
    stream.write_all(variants::request().bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert_ne!(
            reader.read_line(&mut line).unwrap(),
            0,
            "the answer ends in its head"
        );
    }
    let mut body = [0; 2];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8_lossy(&body).into_owned()
}

#[test]
fn the_routes_of_canaries_are_those_that_are_taken() {
    let Some(envoy) = envoy() else { return };
    let mut expected = vec![
        (native("native-canary"), "v2"),
        (native("native-trio"), "v2"),
        (native("native-rate-limit"), "ok"),
    ];
    expected.extend(variants::none().into_iter().map(|none| (none, "ok")));
    // The modules are built by another command; without them this part has nothing to say.
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
    for variant in variants::ours(&dist).unwrap_or_default() {
        let taken = match variant.name.as_str() {
            "canary-drawn" | "chain-worker" | "suite-worker" | "suite-proxy" | "suite-canary" => "v2",
            "canary-not-drawn" | "canary-off" | "canary-no-rule" | "suite-rate-limit" | "suite-idle" => "ok",
            _ => continue,
        };
        expected.push((variant, taken));
    }
    for (variant, taken) in expected {
        assert_eq!(body(&envoy, &variant), taken, "{}", variant.name);
    }
}

#[test]
fn a_variant_that_answers_otherwise_is_not_measured() {
    let Some(envoy) = envoy() else { return };
    let refusing = Variant::new("refusing", "it should refuse", Group::Module).answers(429);
    let plan = Plan {
        footprint: None,
        latency: None,
        ..small()
    };
    let error = run(&envoy, &[refusing], &plan, &ProgressBar::hidden()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "refusing: answered 200 instead of 429, so what is measured would be something else"
    );
}

#[test]
fn a_module_that_envoy_refuses_is_an_error_with_its_reason() {
    let Some(envoy) = envoy() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("broken.wasm");
    std::fs::write(&path, "no module").unwrap();
    let broken = variants::module(&path, None).unwrap();
    let error = run(&envoy, &[broken], &small(), &ProgressBar::hidden()).unwrap_err();
    let all = format!("{error:#}");
    assert!(
        all.contains("Envoy does not start") && all.contains("Wasm"),
        "{all}"
    );
}
