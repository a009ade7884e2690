//! Kept responses: what a request pays that is let pass, one that is answered from the store, and one whose response is kept.

#![allow(clippy::unwrap_used, reason = "a bench whose inputs are wrong stops")]

use criterion::{BenchmarkId, Throughput, criterion_group, criterion_main};
use fairlead_bench::{Criterion, START, Stored};
use fairlead_stage::Step;
use fairlead_stale::{Head, Kept, Pace, Request, Store};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

const SEED: [u64; 2] = [1, 2];
const PARTS: [&[u8]; 3] = [b"api.example.com", b"/api/v1/orders/48151623?page=2", b"gzip, br"];
const BODIES: [usize; 2] = [1_024, 65_536];

const HEADERS: [(&str, &str); 12] = [
    (":status", "200"),
    ("content-type", "application/json; charset=utf-8"),
    ("content-length", "1024"),
    ("date", "Mon, 21 Sep 2026 14:13:20 GMT"),
    ("server", "envoy"),
    ("cache-control", "public, max-age=60, stale-if-error=600"),
    ("etag", "W/\"6f1e0d3c7a52\""),
    ("vary", "accept-encoding"),
    ("x-request-id", "6f1e0d3c-7a52-4f0e-9a51-1f4b4f0c2d11"),
    ("x-envoy-upstream-service-time", "12"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("connection", "keep-alive"),
];

fn store() -> Store {
    Store::new(NonZeroU32::new(1_000).unwrap(), 65_536, Duration::from_secs(600))
}

/// The head of the response, whose length is that of its body.
fn head(store: &Store, length: &str) -> Head {
    let mut keeping = store.keeping();
    for (name, value) in HEADERS {
        let value = if name == "content-length" { length } else { value };
        keeping.header(name.as_bytes(), value.as_bytes());
    }
    keeping.finish().unwrap()
}

/// A request that is let pass while its cell is recent: qualify, locate, ask whether it is due.
fn pass(c: &mut Criterion) {
    let store = store();
    let (pace, place) = (Pace::new(&store), store.locate(SEED, PARTS));
    pace.note(place, START);
    let request = Request {
        method: b"GET",
        authorization: false,
        cookie: false,
        range: false,
        body: false,
        cache_control: Some(b"max-age=0"),
    };
    let ask = || black_box(&request).qualifies() && pace.is_due(store.locate(SEED, black_box(PARTS)), START);
    assert!(!ask() && request.qualifies());
    c.bench_function("stale/pass", |b| b.iter(ask));
    c.bench_function("stale/judge-12-headers", |b| {
        b.iter(|| head(black_box(&store), "1024"));
    });
}

/// A response is kept, and found again.
fn keep_and_find(c: &mut Criterion) {
    let store = store();
    let place = store.locate(SEED, PARTS);
    for length in BODIES {
        let (head, body) = (head(&store, &length.to_string()), vec![b'x'; length]);
        let mut group = c.benchmark_group("stale");
        group.throughput(Throughput::Bytes(length as u64));
        let mut new = Vec::new();
        group.bench_function(BenchmarkId::new("keep", length), |b| {
            b.iter(|| {
                new.clear();
                let kept = store.keep(place, START, &head, black_box(&body), None, &mut new);
                assert_eq!(kept, Step::Write(Kept::Stored));
            });
        });
        let mut cell = Stored::default();
        cell.update(|old, new| store.keep(place, START, &head, &body, old, new));
        group.bench_function(BenchmarkId::new("find", length), |b| {
            b.iter(|| {
                store
                    .find(place, START, black_box(cell.bytes()))
                    .unwrap()
                    .body
                    .len()
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = pass, keep_and_find
}
criterion_main!(benches);
