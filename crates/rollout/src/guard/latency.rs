//! Latencies in buckets that all workers share and that add up exactly.
//!
//! Octaves of microseconds, each cut into eight equal buckets: the highest bit of a latency says which octave, the three
//! bits below it which bucket (the layout of HdrHistogram with three bits of precision). The index takes a shift and a
//! mask, no floating point and no search. Counts of the same layout merge by addition without any loss, which sketches
//! with a layout of their own (t-digest, CKMS) do not.
//!
//! # Error
//! A bucket is at most 12.5 % wider than where it begins. A quantile is interpolated inside its bucket, so it is off by
//! less than that. A threshold is moved up to the next edge, by less than that too: what counts as slower than a threshold
//! is slower. Below 128 µs there is one bucket; all from 67.1 s on is another, so that a threshold above
//! [`LONGEST_MICROS`] is never exceeded.

/// Latencies up to here are in the first bucket: 2^7 µs.
const SHORTEST_LOG2: u32 = 7;
/// Latencies from here on are in the last one: 2^26 µs.
const LONGEST_LOG2: u32 = 26;
/// Eight buckets an octave.
const SUB_LOG2: u32 = 3;

/// Latencies from here on cannot be told apart: 67.1 s, in microseconds.
pub(super) const LONGEST_MICROS: u64 = 1 << LONGEST_LOG2;

/// How many buckets there are: 8 for each of the 19 octaves, one below and one above.
pub(super) const BUCKETS: usize = (((LONGEST_LOG2 - SHORTEST_LOG2) << SUB_LOG2) + 2) as usize;

/// The bucket of a latency in microseconds, below [`BUCKETS`].
pub(super) const fn bucket_of(micros: u64) -> usize {
    if micros < 1 << SHORTEST_LOG2 {
        return 0;
    }
    if micros >= LONGEST_MICROS {
        return BUCKETS - 1;
    }
    let octave = micros.ilog2();
    let eighths = (micros >> octave.saturating_sub(SUB_LOG2)) & ((1 << SUB_LOG2) - 1);
    let octaves = octave.saturating_sub(SHORTEST_LOG2) << SUB_LOG2;
    (octaves as usize)
        .saturating_add(eighths as usize)
        .saturating_add(1)
}

/// Where a bucket begins, in microseconds. The last one ends where it begins: all that is known of it.
pub(super) const fn edge(bucket: usize) -> u64 {
    let Some(above) = bucket.checked_sub(1) else {
        return 0;
    };
    if bucket >= BUCKETS - 1 {
        return LONGEST_MICROS;
    }
    let octave = ((above >> SUB_LOG2) as u32).saturating_add(SHORTEST_LOG2);
    let eighths = (1 << SUB_LOG2) | (above as u64 & ((1 << SUB_LOG2) - 1));
    eighths << octave.saturating_sub(SUB_LOG2)
}

/// How often each bucket was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Histogram([u32; BUCKETS]);

impl Histogram {
    pub(super) const EMPTY: Self = Self([0; BUCKETS]);

    /// Adds a histogram that is stored as little-endian words.
    pub(super) fn add(&mut self, words: &[u8]) {
        let words = words.as_chunks::<4>().0;
        for (count, more) in self.0.iter_mut().zip(words) {
            *count = count.saturating_add(u32::from_le_bytes(*more));
        }
    }

    /// A histogram of these counts, for simulations.
    #[cfg(test)]
    pub(super) fn of(counts: &[u64; BUCKETS]) -> Self {
        Self(counts.map(|count| u32::try_from(count).unwrap()))
    }

    /// How many latencies there are.
    pub(super) fn total(&self) -> u64 {
        self.sum_from(0)
    }

    /// How many are certainly at least `micros`: those in buckets that begin there or later.
    pub(super) fn at_least(&self, micros: u64) -> u64 {
        if micros > LONGEST_MICROS {
            return 0;
        }
        let bucket = bucket_of(micros);
        let inside = edge(bucket) < micros;
        self.sum_from(bucket.saturating_add(usize::from(inside)))
    }

    /// The quantile at `ppm` parts per million, in microseconds; `None` without any latency.
    pub(super) fn quantile(&self, ppm: u32) -> Option<u64> {
        let rank = self
            .total()
            .saturating_mul(u64::from(ppm))
            .div_ceil(1_000_000)
            .max(1);
        let mut before = 0_u64;
        for (bucket, count) in self.0.iter().enumerate() {
            let count = u64::from(*count);
            let through = before.saturating_add(count);
            if through >= rank {
                let begin = edge(bucket);
                let width = edge(bucket.saturating_add(1)).saturating_sub(begin);
                let part = width.saturating_mul(rank.saturating_sub(before));
                return Some(begin.saturating_add(part.checked_div(count).unwrap_or(0)));
            }
            before = through;
        }
        None
    }

    fn sum_from(&self, bucket: usize) -> u64 {
        self.0.iter().skip(bucket).map(|count| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn histogram(latencies: impl IntoIterator<Item = u64>) -> Histogram {
        let mut counts = [0; BUCKETS];
        for micros in latencies {
            counts[bucket_of(micros)] += 1;
        }
        Histogram::of(&counts)
    }

    #[test]
    fn each_latency_lies_in_its_bucket() {
        for bucket in 0..BUCKETS - 1 {
            let (from, to) = (edge(bucket), edge(bucket + 1));
            assert!(from < to);
            assert_eq!((bucket_of(from), bucket_of(to - 1)), (bucket, bucket));
            assert!(bucket == 0 || (to - from) * 8 <= from, "12.5 % at {from}");
        }
        assert_eq!((bucket_of(LONGEST_MICROS), bucket_of(u64::MAX)), (153, 153));
        assert_eq!((BUCKETS, edge(1), edge(153)), (154, 128, 67_108_864));
        assert_eq!(edge(usize::MAX), LONGEST_MICROS);
    }

    #[test]
    fn quantiles_are_off_by_less_than_an_eighth() {
        let latencies = || (1..=1000_u64).map(|n| n * 777);
        let histogram = histogram(latencies());
        for (ppm, exact) in [
            (1, 777),
            (500_000, 388_500),
            (950_000, 738_150),
            (1_000_000, 777_000),
        ] {
            let got = histogram.quantile(ppm).unwrap();
            assert!(got.abs_diff(exact) * 8 <= exact, "{got} is not {exact}");
        }
        assert_eq!(Histogram::EMPTY.quantile(500_000), None);
    }

    #[test]
    fn quantiles_lie_inside_of_their_bucket() {
        assert_eq!(histogram([100; 4]).quantile(500_000), Some(64));
        assert_eq!(histogram([1000; 4]).quantile(1_000_000), Some(1024));
        assert_eq!(histogram([u64::MAX]).quantile(500_000), Some(LONGEST_MICROS));
    }

    #[test]
    fn only_what_is_certainly_slower_counts_as_slower() {
        let histogram = histogram([0, 100, 1000, 1023, 1024, 5_000_000, u64::MAX]);
        for (threshold, slower) in [
            (0, 7),
            (1, 5),
            (128, 5),
            (960, 5),
            (961, 3),
            (1024, 3),
            (1025, 2),
            (LONGEST_MICROS, 1),
            (LONGEST_MICROS + 1, 0),
            (u64::MAX, 0),
        ] {
            assert_eq!(histogram.at_least(threshold), slower, "{threshold}");
        }
    }

    #[test]
    fn counts_stay_at_their_end() {
        let mut histogram = histogram([1000, 1000]);
        histogram.add(&[0xff; 4 * BUCKETS]);
        assert_eq!(histogram.at_least(LONGEST_MICROS), u64::from(u32::MAX));
        assert_eq!(histogram.total(), BUCKETS as u64 * u64::from(u32::MAX));
        assert!(histogram.quantile(1_000_000).is_some());
    }
}
