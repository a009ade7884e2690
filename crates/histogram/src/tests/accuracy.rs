//! How far quantiles are off, against a sort of all samples.

use super::*;
use fairlead_stage::Step;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Under node a tenth must do.
const SAMPLES: usize = if cfg!(target_arch = "wasm32") {
    100_000
} else {
    1_000_000
};

/// A latency in microseconds.
type Draw = fn(&mut Random) -> f64;

const DISTRIBUTIONS: [(&str, Draw); 5] = [
    ("lognormal around 20 ms", |random| {
        20_000.0 * (0.6 * random.normal()).exp()
    }),
    ("lognormal around 120 ms", |random| {
        120_000.0 * (0.5 * random.normal()).exp()
    }),
    ("300 ms, give or take 5 %", |random| {
        300_000.0 * (1.0 + 0.05 * (2.0 * random.unit() - 1.0))
    }),
    ("30 ms, and a tenth 800 ms", |random| {
        let middle = if random.unit() < 0.9 { 30_000.0 } else { 800_000.0 };
        middle * (0.2 * random.normal()).exp()
    }),
    ("lognormal around 0.7 ms", |random| {
        700.0 * (0.3 * random.normal()).exp()
    }),
];

fn samples(draw: Draw, count: usize) -> Vec<u64> {
    let mut random = Random(7);
    (0..count).map(|_| draw(&mut random) as u64).collect()
}

/// Compares what a histogram says with the samples; returns the greatest error, in parts per million.
fn compare(name: &str, histogram: &Histogram, sorted: &[u64]) -> u64 {
    assert_eq!(histogram.count(), sorted.len() as u64);
    assert_eq!(histogram.sum(), sorted.iter().sum::<u64>());
    assert_eq!(histogram.min(), sorted.first().copied());
    assert_eq!(histogram.max(), sorted.last().copied());
    assert_eq!(histogram.quantile(Share::NONE), histogram.min());
    assert_eq!(histogram.quantile(Share::ALL), histogram.max());
    let mut worst = 0;
    for text in ["50%", "90%", "95%", "99%", "99.9%"] {
        let (exact, got) = (
            nearest_rank(sorted, share(text)),
            histogram.quantile(share(text)).unwrap(),
        );
        let scale = histogram.scale();
        assert!(
            near(got, exact, scale),
            "{name}, {text}: {got} is not {exact} at {scale:?}"
        );
        worst = worst.max(got.abs_diff(exact) * 1_000_000 / exact);
    }
    worst
}

#[test]
fn quantiles_of_five_distributions_are_off_by_no_more_than_promised() {
    for (name, draw) in DISTRIBUTIONS {
        let samples = samples(draw, SAMPLES);
        let mut histogram = Histogram::with_max_buckets(scale(8), 4096);
        samples.iter().for_each(|value| histogram.record(*value));
        let mut capped = Histogram::new(scale(8));
        capped.merge(&histogram);
        let mut sorted = samples;
        sorted.sort_unstable();
        assert!(capped.buckets().count() <= 160);
        compare(name, &capped, &sorted);
        let mut worst = compare(name, &histogram, &sorted);
        for number in (0..8).rev() {
            histogram.downscale(1);
            assert_eq!(histogram.scale(), scale(number));
            worst = compare(name, &histogram, &sorted);
        }
        // Otherwise the bound would say nothing.
        assert!(worst > u64::from(Scale::DEFAULT.relative_error_ppm()), "{name}");
    }
}

#[test]
fn three_workers_say_through_cells_what_one_histogram_says() {
    for (name, draw) in DISTRIBUTIONS {
        let windows = Windows::new(std::time::Duration::from_secs(60), Scale::DEFAULT);
        let (mut pending, mut window): ([Vec<u8>; 3], Vec<u8>) = Default::default();
        let samples = samples(draw, SAMPLES / 10);
        let mut new = Vec::new();
        for (turn, value) in samples.iter().enumerate() {
            let cell = &mut pending[turn % 3];
            windows.record(Some(cell), *value, &mut new);
            std::mem::swap(cell, &mut new);
            // All within a minute, and at the end whatever is left.
            if turn % 1_000 == 999 || turn + 3 >= samples.len() {
                let now = at(START + turn as u64 * 500_000);
                assert_eq!(windows.merge(Some(&window), cell, now, &mut new), Step::Write(()));
                std::mem::swap(&mut window, &mut new);
                cell.clear();
            }
        }
        let mut sorted = samples;
        sorted.sort_unstable();
        let now = at(START + sorted.len() as u64 * 500_000);
        let read = windows.read(Some(&window), now);
        compare(name, &read, &sorted);
        let mut one = Histogram::new(Scale::DEFAULT);
        sorted.iter().for_each(|value| one.record(*value));
        assert_eq!(read, one);
    }
}
