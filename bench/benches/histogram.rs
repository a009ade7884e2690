//! Histograms of latencies beside HdrHistogram's: recording, quantiles, merging, and a sliding window.
//!
//! Both take the same 10,000 latencies, log-normal around 20 ms. Two precisions are compared:
//!
//! | | fairlead | hdrhistogram |
//! |---|---|---|
//! | coarse | scale 3, at most 160 buckets: a quantile is off by at most 4.4 % | 1 digit, 1 us to 1 h: by at most 6.3 % |
//! | fine | scale 7, as many buckets as needed: 0.28 % | 2 digits, 1 us to 1 h: 0.79 % |
//!
//! HdrHistogram's buckets are linear within an octave, so that finding one takes a shift where fairlead's takes a search in
//! a table; its memory is taken at once, for the whole range. fairlead's grows with what it meets, becomes coarser when
//! that is too much, and keeps the sum besides. HdrHistogram's value of a quantile is its bucket's end, fairlead's the
//! middle.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench whose inputs are wrong stops"
)]

use criterion::{criterion_group, criterion_main};
use fairlead_bench::{Criterion, START, Stored, latencies};
use fairlead_histogram::{Histogram, Scale, Windows};
use fairlead_stage::Share;
use hdrhistogram::Histogram as Hdr;
use std::hint::black_box;
use std::time::Duration;

const VALUES: u64 = 10_000;
const HOUR_US: u64 = 3_600_000_000;
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// Two histograms of about the same precision.
struct Pair {
    name: &'static str,
    fairlead: fn() -> Histogram,
    digits: u8,
    /// The most that a quantile of either may be off.
    error: f64,
}

const PAIRS: [Pair; 2] = [
    Pair {
        name: "coarse",
        fairlead: || Histogram::new(Scale::DEFAULT),
        digits: 1,
        error: 0.063,
    },
    Pair {
        name: "fine",
        fairlead: || Histogram::with_max_buckets(Scale::new(7).unwrap(), 4_096),
        digits: 2,
        error: 0.0079,
    },
];

impl Pair {
    fn hdr(&self) -> Hdr<u64> {
        Hdr::new_with_bounds(1, HOUR_US, self.digits).unwrap()
    }

    /// Both with all values, once it is sure that they tell the same.
    fn filled(&self, values: &[u64]) -> (Histogram, Hdr<u64>) {
        let (mut fairlead, mut hdr) = ((self.fairlead)(), self.hdr());
        for value in values {
            fairlead.record(*value);
            hdr.saturating_record(*value);
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        for quantile in QUANTILES {
            let exact = sorted[(quantile * sorted.len() as f64).ceil() as usize - 1] as f64;
            for told in [
                fairlead.quantile(share(quantile)).unwrap(),
                hdr.value_at_quantile(quantile),
            ] {
                let off = (told as f64 / exact - 1.0).abs();
                assert!(off <= self.error, "{}: {told} is not {exact}", self.name);
            }
        }
        (fairlead, hdr)
    }
}

fn share(quantile: f64) -> Share {
    Share::from_ppm((quantile * 1e6).round() as u32).unwrap()
}

/// One value into a histogram that has met all of them.
fn record(c: &mut Criterion) {
    let values = latencies(VALUES);
    for pair in &PAIRS {
        let mut group = c.benchmark_group(format!("histogram/record/{}", pair.name));
        let (mut fairlead, mut hdr) = pair.filled(&values);
        let mut turn = values.iter().copied().cycle();
        group.bench_function("fairlead", |b| {
            b.iter(|| fairlead.record(black_box(turn.next().unwrap())));
        });
        group.bench_function("hdrhistogram", |b| {
            b.iter(|| hdr.saturating_record(black_box(turn.next().unwrap())));
        });
        group.finish();
    }
}

/// p50, p95 and p99 of 10,000 values.
fn quantiles(c: &mut Criterion) {
    let values = latencies(VALUES);
    for pair in &PAIRS {
        let mut group = c.benchmark_group(format!("histogram/three-quantiles/{}", pair.name));
        let (fairlead, hdr) = pair.filled(&values);
        group.bench_function("fairlead", |b| {
            b.iter(|| QUANTILES.map(|quantile| black_box(&fairlead).quantile(share(quantile))));
        });
        group.bench_function("hdrhistogram", |b| {
            b.iter(|| QUANTILES.map(|quantile| black_box(&hdr).value_at_quantile(quantile)));
        });
        group.finish();
    }
}

/// One histogram of 10,000 values added to another.
fn merge(c: &mut Criterion) {
    let values = latencies(VALUES);
    for pair in &PAIRS {
        let mut group = c.benchmark_group(format!("histogram/merge/{}", pair.name));
        let (fairlead, hdr) = pair.filled(&values);
        let (mut sum, mut hdr_sum) = (fairlead.clone(), hdr.clone());
        group.bench_function("fairlead", |b| b.iter(|| sum.merge(black_box(&fairlead))));
        group.bench_function("hdrhistogram", |b| {
            b.iter(|| hdr_sum.add(black_box(&hdr)).unwrap())
        });
        group.finish();
    }
}

/// p95 of a window of twelve slices, 800 values in each. fairlead reads it from the bytes of a cell; HdrHistogram has twelve
/// histograms at hand, and one to add them up in.
fn window(c: &mut Criterion) {
    let values = latencies(VALUES);
    let windows = Windows::new(Duration::from_secs(60), Scale::DEFAULT);
    let slice = Duration::from_secs(5);
    let (mut cell, mut now) = (Stored::default(), START);
    let mut hdrs = Vec::new();
    let mut slices = values.chunks(800);
    for values in slices.by_ref().take(12) {
        let (mut pending, mut hdr) = (Stored::default(), PAIRS[0].hdr());
        for value in values {
            pending.update(|old, new| windows.record(old, *value, new));
            hdr.saturating_record(*value);
        }
        now = now.saturating_add(slice);
        cell.update(|old, new| windows.merge(old, pending.bytes().unwrap(), now, new));
        hdrs.push(hdr);
    }
    let p95 = share(0.95);
    let mut sum = PAIRS[0].hdr();
    let mut read_hdr = || {
        sum.reset();
        for hdr in &hdrs {
            sum.add(hdr).unwrap();
        }
        sum.value_at_quantile(0.95)
    };
    let read = || windows.read(black_box(cell.bytes()), now).quantile(p95).unwrap();
    assert_eq!(windows.read(cell.bytes(), now).count(), 12 * 800);
    assert!((read() as f64 / read_hdr() as f64 - 1.0).abs() < 0.1);

    let mut group = c.benchmark_group("histogram/window");
    group.bench_function("read-p95/fairlead", |b| b.iter(read));
    group.bench_function("read-p95/hdrhistogram", |b| b.iter(&mut read_hdr));

    // What has no counterpart: a value into the cell of a worker, and that into the one of all workers.
    let mut pending = Stored::default();
    for value in slices.next().unwrap() {
        pending.update(|old, new| windows.record(old, *value, new));
    }
    let fresh = pending.bytes().unwrap().to_vec();
    let mut turn = values.iter().copied().cycle();
    group.bench_function("record/fairlead", |b| {
        b.iter(|| pending.update(|old, new| windows.record(old, black_box(turn.next().unwrap()), new)));
    });
    let (window, mut new) = (cell.bytes(), Vec::new());
    group.bench_function("merge/fairlead", |b| {
        b.iter(|| {
            new.clear();
            windows.merge(black_box(window), &fresh, now, &mut new)
        });
    });
    group.finish();
}

/// The bucket of a value: by the small table of bounds, and by the large one.
fn bucket(c: &mut Criterion) {
    let values = latencies(VALUES);
    let mut group = c.benchmark_group("histogram/bucket");
    for (name, scale) in [("scale-3", 3), ("scale-8", 8)] {
        let scale = Scale::new(scale).unwrap();
        let mut turn = values.iter().copied().cycle();
        group.bench_function(name, |b| b.iter(|| scale.index(black_box(turn.next().unwrap()))));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = record, quantiles, merge, window, bucket
}
criterion_main!(benches);
