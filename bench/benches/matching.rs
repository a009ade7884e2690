//! What a request pays to find its rules: with one rule, and with a thousand of which one is its own.
//!
//! `same` repeats one request, `turn` takes 1,000 requests in turn, each to a rule of its own; with one rule, all
//! 1,000 requests are to that one, or miss it (`miss`).

use criterion::{Criterion, criterion_group, criterion_main};
use fairlead_matching::{HostSpec, MatchSpec, PathSpec, Request, RuleSet, TextSpec};
use fairlead_stage::Needs;
use fairlead_stage::memory::MemoryView;
use std::hint::black_box;

const RULES: usize = 1000;

/// A way to tell rules apart: the rule of a number, and a request to it.
struct Kind {
    name: &'static str,
    rule: fn(usize) -> MatchSpec,
    view: fn(usize) -> MemoryView,
}

fn path(path: PathSpec) -> MatchSpec {
    MatchSpec {
        path: Some(path),
        ..MatchSpec::default()
    }
}

fn host(text: &str) -> MatchSpec {
    MatchSpec {
        hosts: HostSpec::parse(text).into_iter().collect(),
        ..MatchSpec::default()
    }
}

/// A made-up word of 4 to 17 characters.
fn word(number: usize) -> String {
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let length = (mixed.wrapping_shr(32) % 13).saturating_add(1) as usize;
    format!("{mixed:016x}")
        .chars()
        .take(length)
        .chain(format!("{number:03}").chars())
        .collect()
}

/// A path of many lengths, as an API has them; 20 share their first word.
fn words(number: usize) -> String {
    format!("/api/{}/{}/", word(number / 20), word(number))
}

/// The headers that a request has besides, before and after those that are looked for.
fn view(host: &str, path: &str) -> MemoryView {
    MemoryView::get(host, path)
        .with(":scheme", "https")
        .with("user-agent", "bench")
        .with("accept", "*/*")
        .with("x-request-id", "6f1e0d3c-7a52-4f0e-9a51-1f4b4f0c2d11")
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "host",
        rule: |n| host(&format!("svc-{n}.example.com")),
        view: |n| view(&format!("svc-{n}.example.com"), "/orders/7"),
    },
    Kind {
        name: "domain",
        rule: |n| host(&format!("*.tenant-{n}.example.com")),
        view: |n| view(&format!("api.tenant-{n}.example.com"), "/orders/7"),
    },
    Kind {
        name: "exact",
        rule: |n| path(PathSpec::Exact(format!("/api/v1/resource-{n}"))),
        view: |n| view("api.example.com", &format!("/api/v1/resource-{n}?page=2")),
    },
    Kind {
        name: "prefix",
        rule: |n| path(PathSpec::Prefix(format!("/api/team-{n}/"))),
        view: |n| view("api.example.com", &format!("/api/team-{n}/orders/7")),
    },
    Kind {
        name: "prefix-words",
        rule: |n| path(PathSpec::Prefix(words(n))),
        view: |n| view("api.example.com", &format!("{}7", words(n))),
    },
    Kind {
        name: "header-scanned",
        rule: |n| MatchSpec {
            headers: vec![("x-tenant".to_owned(), TextSpec::Exact(format!("tenant-{n}")))],
            ..MatchSpec::default()
        },
        view: |n| view("api.example.com", "/orders/7").with("x-tenant", format!("tenant-{n}")),
    },
];

fn rules(c: &mut Criterion) {
    for kind in &KINDS {
        let mut group = c.benchmark_group(kind.name);
        let all: Vec<_> = (0..RULES).map(|n| vec![(kind.rule)(n)]).collect();
        let views: Vec<_> = (0..RULES).map(kind.view).collect();
        let own = vec![(kind.view)(500); RULES];
        let same = [(kind.view)(500)];
        let one = vec![vec![(kind.rule)(500)]];
        let cases = [
            ("same/1", &one[..], &same[..]),
            ("same/1000", &all, &same),
            ("turn/1", &one, &own),
            ("turn/1000", &all, &views),
            ("miss/1", &one, &views),
        ];
        for (name, rules, views) in cases {
            let set = RuleSet::compile(rules, &mut Needs::default());
            let mut found = Vec::new();
            let mut views = views.iter().cycle();
            group.bench_function(name, |b| {
                b.iter(|| {
                    let view = views.next();
                    for view in view.iter() {
                        set.matching(&Request::new(black_box(*view)), &mut found);
                    }
                    found.len()
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .sample_size(30);
    targets = rules
}
criterion_main!(benches);
