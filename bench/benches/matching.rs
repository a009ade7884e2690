//! What a request pays to find its rules, with one rule up to a thousand, and to write its key.
//!
//! `same` repeats one request, `turn` takes 1,000 requests in turn, each to a rule of its own. With fewer rules than
//! requests they are to those, so that each finds one; `miss` is 1,000 requests of which one rule matches a single one.
//!
//! There is no crate to measure beside that matches the same: routers know paths only.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench whose inputs are wrong stops"
)]

use criterion::{criterion_group, criterion_main};
use fairlead_bench::{Criterion, bits};
use fairlead_matching::{
    ClientAddress, HostSpec, Key, KeyPartSpec, KeySource, MatchSpec, PathSpec, Pattern, Request, RuleSet,
    Template, TextSpec,
};
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

fn template(text: &str) -> MatchSpec {
    path(PathSpec::Template(Template::parse(text).unwrap()))
}

fn host(text: &str) -> MatchSpec {
    MatchSpec {
        hosts: HostSpec::parse(text).into_iter().collect(),
        ..MatchSpec::default()
    }
}

/// A made-up word of 4 to 17 characters.
fn word(number: usize) -> String {
    let mixed = bits(number as u64);
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

const KINDS: [Kind; 9] = [
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
        name: "template",
        rule: |n| template(&format!("/api/team-{n}/users/{{user}}/orders/{{order}}")),
        view: |n| {
            view(
                "api.example.com",
                &format!("/api/team-{n}/users/4815/orders/1623"),
            )
        },
    },
    // All begin alike, so that the index cannot tell them apart.
    Kind {
        name: "template-scanned",
        rule: |n| template(&format!("/api/{{tenant}}/resource-{n}/{{id}}")),
        view: |n| view("api.example.com", &format!("/api/acme/resource-{n}/4815")),
    },
    Kind {
        name: "regex-scanned",
        rule: |n| {
            path(PathSpec::Regex(
                Pattern::parse(&format!("/api/v[0-9]+/resource-{n}")).unwrap(),
            ))
        },
        view: |n| view("api.example.com", &format!("/api/v1/resource-{n}")),
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
        let mut group = c.benchmark_group(format!("matching/{}", kind.name));
        let all: Vec<_> = (0..RULES).map(|n| vec![(kind.rule)(n)]).collect();
        let few = |count: usize| &all[RULES / 2..RULES / 2 + count];
        let views: Vec<_> = (0..RULES).map(kind.view).collect();
        let hundred = (0..RULES).map(|n| (kind.view)(RULES / 2 + n % 100)).collect();
        let same = vec![(kind.view)(RULES / 2)];
        let cases = [
            ("same/1", few(1), same.clone(), 1),
            ("same/1000", &all[..], same, 1),
            ("turn/100", few(100), hundred, RULES),
            ("turn/1000", &all[..], views.clone(), RULES),
            ("miss/1", few(1), views, 1),
        ];
        for (name, rules, views, hits) in cases {
            let set = RuleSet::compile(rules, &mut Needs::default());
            let mut found = Vec::new();
            let mut find = |view| {
                set.matching(&Request::new(view), &mut found);
                found.len()
            };
            assert_eq!(
                views.iter().map(&mut find).sum::<usize>(),
                hits,
                "{} {name}",
                kind.name
            );
            let mut turn = views.iter().cycle();
            group.bench_function(name, |b| b.iter(|| find(black_box(turn.next().unwrap()))));
        }
        group.finish();
    }
}

/// A bearer token whose claims are an issuer, a subject, a tier and an end. Its signature does not matter.
const BEARER: &str = "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUuY29tIiwic3ViIjoi\
    dXNlci00ODE1MTYyMyIsInRpZXIiOiJnb2xkIiwiZXhwIjoxNzkwMDAzNjAwfQ.c2lnbmF0dXJl";

/// A key is compiled once, and written by each request: here from one that has everything that a key may be read from.
fn key_writing(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching/key");
    let view = view(
        "API.example.com:443",
        "/api/team-7/users/4815/orders/1623?page=2&tenant=ac%6de",
    )
    .with("x-api-key", "6f1e0d3c7a524f0e")
    .with("cookie", "theme=dark; session=0123456789abcdef; lang=en")
    .with(
        "x-forwarded-for",
        "203.0.113.9, 198.51.100.7, 2001:db8:1:2:3:4:5:6",
    )
    .with("authorization", BEARER)
    .with("baggage", "region=eu,tenant=acme")
    .with(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let header = || KeySource::Header("x-api-key".to_owned());
    let client = || KeySource::ClientIp {
        address: ClientAddress { trusted_hops: 1 },
        ipv4_prefix: 32,
        ipv6_prefix: 64,
    };
    let users = "/api/{team}/users/{user}/orders/{order}";
    let cases: [(&str, Vec<KeySource>, &str); 9] = [
        ("header", vec![header()], "6f1e0d3c7a524f0e"),
        (
            "cookie",
            vec![KeySource::Cookie("session".to_owned())],
            "0123456789abcdef",
        ),
        ("query", vec![KeySource::Query("tenant".to_owned())], "acme"),
        ("host", vec![KeySource::Host], "api.example.com"),
        (
            "template",
            vec![KeySource::Template(Template::parse(users).unwrap())],
            "team-7/4815/1623",
        ),
        ("client-ip", vec![client()], "2001:db8:1:2::"),
        (
            "jwt-claim",
            vec![KeySource::JwtClaim("sub".to_owned())],
            "user-48151623",
        ),
        ("baggage", vec![KeySource::Baggage("tenant".to_owned())], "acme"),
        (
            "three-parts",
            vec![header(), KeySource::Method, client()],
            "6f1e0d3c7a524f0e|GET|2001:db8:1:2::",
        ),
    ];
    for (name, sources, expected) in cases {
        let part = |source| KeyPartSpec {
            source,
            default: None,
        };
        let parts: Vec<_> = sources.into_iter().map(part).collect();
        let key = Key::compile(&parts, &mut Needs::default());
        let mut out = Vec::new();
        assert!(key.write_joined(&Request::new(&view), b'|', &mut out), "{name}");
        assert_eq!(String::from_utf8_lossy(&out), expected, "{name}");
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                key.write(&Request::new(black_box(&view)), &mut out)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = rules, key_writing
}
criterion_main!(benches);
