//! Regular expressions beside those of regex and regex-lite: does a whole value match, and what does compiling cost.
//!
//! The same on all sides: the expression must match the whole value (`^(?:..)$` for the others), in linear time, and
//! nothing is captured. regex has literal searches and lazily built automata, which take code and memory;
//! regex-lite, made to be small, simulates an automaton as fairlead-regex does. regex-lite takes text, the others bytes;
//! all values here are ASCII. Each case asks for a value that matches and one that does not, in turn.

#![allow(clippy::unwrap_used, reason = "a bench whose inputs are wrong stops")]

use criterion::{criterion_group, criterion_main};
use fairlead_bench::Criterion;
use fairlead_regex::Pattern;
use std::hint::black_box;

/// An expression, a value that it matches, and one that it does not.
struct Case {
    name: &'static str,
    pattern: &'static str,
    matches: &'static str,
    fails: &'static str,
}

const CASES: [Case; 6] = [
    Case {
        name: "path",
        pattern: "/api/v[0-9]+/users/[0-9]+(/orders)?",
        matches: "/api/v2/users/48151623/orders",
        fails: "/api/v2/users/48151623/invoices",
    },
    Case {
        name: "suffix",
        pattern: r".*\.internal\.example\.com",
        matches: "payments.eu-west.prod.internal.example.com",
        fails: "payments.eu-west.prod.external.example.com",
    },
    Case {
        name: "uuid",
        pattern: "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        matches: "6f1e0d3c-7a52-4f0e-9a51-1f4b4f0c2d11",
        fails: "6f1e0d3c-7a52-4f0e-9a51-1f4b4f0c2d1z",
    },
    Case {
        name: "words",
        pattern: "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi",
        matches: "omicron",
        fails: "omikron",
    },
    Case {
        name: "agent",
        pattern: "(?i).*(bot|crawler|spider).*",
        matches: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        fails: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 ",
    },
    // Back-tracking would take longer than the universe.
    Case {
        name: "nested",
        pattern: "(a*)*b",
        matches: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        fails: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
    },
];

fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn matching(c: &mut Criterion) {
    for case in &CASES {
        let mut group = c.benchmark_group(format!("regex/match/{}", case.name));
        let ours = Pattern::parse(case.pattern).unwrap();
        let lite = regex_lite::Regex::new(&whole(case.pattern)).unwrap();
        let full = regex::bytes::Regex::new(&whole(case.pattern)).unwrap();
        for (value, expected) in [(case.matches, true), (case.fails, false)] {
            assert_eq!(ours.is_match(value.as_bytes()), expected, "{value}");
            assert_eq!(lite.is_match(value), expected, "{value}");
            assert_eq!(full.is_match(value.as_bytes()), expected, "{value}");
        }
        let values = [case.matches, case.fails];
        let mut turn = values.iter().cycle();
        group.bench_function("fairlead", |b| {
            b.iter(|| ours.is_match(black_box(turn.next().unwrap()).as_bytes()));
        });
        let mut turn = values.iter().cycle();
        group.bench_function("regex-lite", |b| {
            b.iter(|| lite.is_match(black_box(turn.next().unwrap())));
        });
        let mut turn = values.iter().cycle();
        group.bench_function("regex", |b| {
            b.iter(|| full.is_match(black_box(turn.next().unwrap()).as_bytes()));
        });
        group.finish();
    }
}

/// All six expressions, once a config.
fn compiling(c: &mut Criterion) {
    let mut group = c.benchmark_group("regex/compile-all");
    group.bench_function("fairlead", |b| {
        b.iter(|| CASES.map(|case| Pattern::parse(black_box(case.pattern)).unwrap()));
    });
    group.bench_function("regex-lite", |b| {
        b.iter(|| CASES.map(|case| regex_lite::Regex::new(&whole(black_box(case.pattern))).unwrap()));
    });
    group.bench_function("regex", |b| {
        b.iter(|| CASES.map(|case| regex::bytes::Regex::new(&whole(black_box(case.pattern))).unwrap()));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = matching, compiling
}
criterion_main!(benches);
