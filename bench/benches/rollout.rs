//! Canary releases: a user's place, the order of reasons, the release cookie, and all of it for one request.
//!
//! There is no crate to measure beside: the two hashes of the draw stand for what others do (flagd's MurmurHash3, Higress'
//! SHA-256).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench whose inputs are wrong stops"
)]

use criterion::{BenchmarkId, criterion_group, criterion_main};
use fairlead_bench::{Criterion, START, Stored, keys};
use fairlead_matching::{HostSpec, Key, KeyPartSpec, KeySource, MatchSpec, PathSpec, Request, RuleSet};
use fairlead_rollout::draw::{self, Hash, Place};
use fairlead_rollout::ranges::{self, Range};
use fairlead_rollout::token::{Signer, Token};
use fairlead_rollout::{Choice, Evidence, Reason, Share, decide, forced, trace};
use fairlead_stage::memory::MemoryView;
use fairlead_stage::{Needs, View};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

const SEED: [u64; 2] = [1, 2];
const SALT: &[u8] = b"reviews-2026-11|";
const USER: &[u8] = b"6f1e0d3c-7a52-4f0e-9a51-1f4b4f0c2d11";
const TRACE: &[u8] = b"4bf92f3577b34da6a3ce929d0e0e4736";

fn percent(percent: u32) -> Share {
    Share::from_ppm(percent.wrapping_mul(10_000)).unwrap()
}

/// A place, by the hash and the length of the key with its salt; and the variant that has it.
fn places(c: &mut Criterion) {
    let mut group = c.benchmark_group("rollout/place");
    for length in [16, 52] {
        let key = &[SALT, USER].concat()[..length];
        for (name, hash) in [("murmur3", Hash::Murmur3), ("sha256", Hash::Sha256Percent)] {
            group.bench_function(BenchmarkId::new(name, length), |b| {
                b.iter(|| draw::place(hash, black_box(key)));
            });
        }
    }
    let mut count = 0_u64;
    group.bench_function("random", |b| {
        b.iter(|| {
            count = count.wrapping_add(1);
            draw::random(SEED, START, count)
        });
    });
    let ranges = [1, 9, 40].map(|weight| Range::whole(percent(weight)));
    let mut places = (0_u32..1_000_000).step_by(997).cycle();
    group.bench_function("pick-of-3", |b| {
        b.iter(|| {
            ranges::pick(
                Place::from_ppm(places.next().unwrap()).unwrap(),
                black_box(&ranges),
            )
        });
    });
    group.finish();
}

/// The release cookie: written for a new user, read from a returning one, and one that somebody made up.
fn tokens(c: &mut Criterion) {
    let mut group = c.benchmark_group("rollout/token");
    let signer = Signer::from_seed(SEED, "reviews-2026-11");
    let token = Token {
        variant: b"v2",
        place: Place::from_ppm(99_999).unwrap(),
    };
    let mut written = Vec::new();
    group.bench_function("write", |b| {
        b.iter(|| {
            written.clear();
            signer.write(black_box(&token), &mut written);
        });
    });
    let mut valid = Vec::new();
    signer.write(&token, &mut valid);
    let forged = b"v2.00001.3f1c0d9e5b7a2468".to_vec();
    assert_eq!((signer.read(&valid), signer.read(&forged)), (Some(token), None));
    group.bench_function("read", |b| b.iter(|| signer.read(black_box(&valid)).is_some()));
    group.bench_function("read-forged", |b| {
        b.iter(|| signer.read(black_box(&forged)).is_some())
    });
    group.finish();
}

/// A table with the variants of ten thousand traces: one that it knows is found, and a new one is stored.
fn traces(c: &mut Criterion) {
    let mut group = c.benchmark_group("rollout/trace");
    let table = trace::Table::new(NonZeroU32::new(20_000).unwrap(), Duration::from_secs(60));
    let mut cells = vec![Stored::default(); table.sets() as usize];
    let ids = keys(10_000);
    let mut store = |id: &[u8]| {
        let slot = table.locate(SEED, id);
        let cell = cells.get_mut(slot.set as usize).unwrap();
        cell.update(|old, new| table.store(slot, START, 1, old, new))
    };
    for id in &ids {
        store(id);
    }
    let mut turn = ids.iter().cycle();
    group.bench_function("store", |b| b.iter(|| store(black_box(turn.next().unwrap()))));
    store(TRACE);
    let slot = table.locate(SEED, TRACE);
    let cell = cells.get(slot.set as usize).unwrap();
    let find = || table.find(table.locate(SEED, black_box(TRACE)), START, cell.bytes());
    assert_eq!(find(), Some(1));
    group.bench_function("find", |b| b.iter(find));
    group.finish();
}

/// What a release is about, compiled.
struct Release {
    rules: RuleSet,
    key: Key,
    signer: Signer,
    ranges: [Range; 1],
}

impl Release {
    fn new() -> Self {
        let mut needs = Needs::default();
        let beta = MatchSpec {
            hosts: HostSpec::parse("beta.example.com").into_iter().collect(),
            path: Some(PathSpec::Prefix("/api/".to_owned())),
            ..MatchSpec::default()
        };
        let user = KeyPartSpec {
            source: KeySource::Header("x-user-id".to_owned()),
            default: None,
        };
        Self {
            rules: RuleSet::compile(&[vec![beta]], &mut needs),
            key: Key::compile(&[user], &mut needs),
            signer: Signer::from_seed(SEED, "reviews-2026-11"),
            ranges: [Range::whole(percent(10))],
        }
    }
}

/// What a request says, read as it is asked for.
struct Asked<'v, V> {
    release: &'v Release,
    request: Request<'v, V>,
}

impl<V: View> Asked<'_, V> {
    fn named(value: Option<&[u8]>) -> Option<Choice> {
        forced(value?, "v1", ["v2"])
    }
}

impl<V: View> Evidence for Asked<'_, V> {
    fn force_header(&mut self) -> Option<Choice> {
        Self::named(self.request.header("x-canary-force").as_deref())
    }

    fn force_cookie(&mut self) -> Option<Choice> {
        Self::named(self.request.cookie("canary-force").as_deref())
    }

    fn routing_header(&mut self) -> Option<Choice> {
        Self::named(self.request.header("x-canary").as_deref())
    }

    fn has_ended(&mut self) -> bool {
        false
    }

    fn trace(&mut self) -> Option<Choice> {
        None
    }

    fn release_cookie(&mut self) -> Option<Choice> {
        let cookie = self.request.cookie("release")?;
        self.release.signer.read(&cookie).map(|_| Choice::Variant(0))
    }

    fn rule(&mut self) -> Option<Choice> {
        (self.release.rules.first(&self.request)).map(|_| Choice::Variant(0))
    }

    fn sticky(&mut self) -> Option<Choice> {
        let mut key = SALT.to_vec();
        if !self
            .release
            .key
            .write_joined(&self.request, draw::SEPARATOR, &mut key)
        {
            return None;
        }
        let place = draw::place(Hash::Murmur3, &key);
        Some(ranges::pick(place, &self.release.ranges).map_or(Choice::Default, Choice::Variant))
    }
}

/// The order of reasons over a request of eight headers, from the first reason to the last: what a request pays grows
/// with how long nobody has an answer.
fn decisions(c: &mut Criterion) {
    let mut group = c.benchmark_group("rollout/decide");
    let release = Release::new();
    let mut token = Vec::new();
    let place = Place::from_ppm(99_999).unwrap();
    release.signer.write(
        &Token {
            variant: b"v2",
            place,
        },
        &mut token,
    );
    let cookie = [&b"session=48151623; release="[..], &token].concat();
    let view = |host: &str| {
        MemoryView::get(host, "/api/v1/orders")
            .with(":scheme", "https")
            .with("user-agent", "bench")
            .with("x-request-id", "6f1e0d3c-7a52-4f0e-9a51-1f4b4f0c2d11")
    };
    let user = |host: &str| view(host).with("x-user-id", USER);
    let cases = [
        (
            "force-header",
            user("example.com").with("x-canary-force", "always"),
            Reason::ForceHeader,
        ),
        (
            "release-cookie",
            user("example.com").with("cookie", cookie),
            Reason::ReleaseCookie,
        ),
        (
            "rule",
            user("beta.example.com").with("cookie", "session=48151623"),
            Reason::Rule,
        ),
        (
            "draw",
            user("example.com").with("cookie", "session=48151623"),
            Reason::Sticky,
        ),
        (
            "nothing",
            view("example.com").with("cookie", "session=48151623"),
            Reason::Default,
        ),
    ];
    for (name, view, expected) in &cases {
        let answer = || {
            decide(&mut Asked {
                release: &release,
                request: Request::new(black_box(view)),
            })
        };
        assert_eq!(answer().1, *expected, "{name}");
        group.bench_function(*name, |b| b.iter(answer));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = places, tokens, traces, decisions
}
criterion_main!(benches);
