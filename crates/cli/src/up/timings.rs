//! How long answers took by the clock of those who asked, and exact quantiles of that.

use super::client::Answer;
use super::histogram::{Histogram, label_set};
use fairlead_stage::Share;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Older ones are forgotten; more than any window that is shown.
const KEPT: Duration = Duration::from_secs(60);

/// The last answers. Shared by the threads of a demo.
#[derive(Debug, Default)]
pub(super) struct Timings(Mutex<VecDeque<Timing>>);

/// One answer.
#[derive(Clone, Copy, Debug)]
struct Timing {
    received: Instant,
    path: &'static str,
    variant: &'static str,
    micros: u64,
}

impl Timings {
    /// Enters an answer to a request for a path.
    pub(super) fn note(&self, path: &'static str, answer: &Answer) {
        let timing = Timing {
            received: answer.received,
            path,
            variant: answer.variant(),
            micros: answer.micros(),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(timing);
        let is_old = |first: &Timing| answer.received.saturating_duration_since(first.received) > KEPT;
        while all.front().is_some_and(is_old) {
            all.pop_front();
        }
    }

    /// What answers of the last `window` took, in ascending order, by the label set that the filter has for them.
    pub(super) fn by_label_set(
        &self,
        histogram: &Histogram,
        window: Duration,
        now: Instant,
    ) -> BTreeMap<String, Vec<u64>> {
        let mut sets: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for timing in all.iter() {
            if now.saturating_duration_since(timing.received) <= window {
                let set = label_set(histogram.route(timing.path), timing.variant);
                sets.entry(set).or_default().push(timing.micros);
            }
        }
        drop(all);
        sets.values_mut().for_each(|micros| micros.sort_unstable());
        sets
    }
}

/// The quantile of the nearest rank of numbers in ascending order, as the filter's histograms have it.
pub(super) fn quantile(sorted: &[u64], share: Share) -> Option<u64> {
    let count = u64::try_from(sorted.len()).ok()?;
    let rank = count
        .saturating_mul(share.ppm().into())
        .div_ceil(Share::WHOLE_PPM.into());
    sorted
        .get(usize::try_from(rank.max(1)).ok()?.checked_sub(1)?)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;

    #[test]
    fn a_quantile_is_the_number_of_the_nearest_rank() {
        let numbers: Vec<u64> = (1..=100).collect();
        let of = |ppm, numbers: &[u64]| quantile(numbers, Share::from_ppm(ppm).unwrap());
        assert_eq!(of(500_000, &numbers), Some(50));
        assert_eq!(of(990_000, &numbers), Some(99));
        assert_eq!(of(995_000, &numbers), Some(100));
        assert_eq!(of(500_000, &numbers[..3]), Some(2));
        assert_eq!(of(10_000, &numbers[..3]), Some(1));
        assert_eq!(of(500_000, &[]), None);
    }

    #[test]
    fn answers_count_for_their_route_and_version_while_they_are_in_the_window() {
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        let timings = Timings::default();
        let start = Instant::now();
        let note = |path, version, at: u64, ms: u64| {
            let received = start + Duration::from_secs(at);
            let sent = received.checked_sub(Duration::from_millis(ms)).unwrap();
            let answer = Answer {
                sent,
                received,
                ..Answer::from(version, 200)
            };
            timings.note(path, &answer);
        };
        note("/shop/items/1", Some("v1"), 70, 9);
        note("/shop/items/1", Some("v1"), 80, 30);
        note("/shop/items/2", Some("v1"), 81, 20);
        note("/shop/items/2", Some("v2"), 82, 40);
        note("/reviews/1", Some("reviews"), 83, 5);
        let sets = timings.by_label_set(
            &histogram,
            Duration::from_secs(15),
            start + Duration::from_secs(90),
        );
        let expected = [
            ("route=/reviews/{id},variant=stable", vec![5_000]),
            ("route=/shop/items/{id},variant=stable", vec![20_000, 30_000]),
            ("route=/shop/items/{id},variant=v2", vec![40_000]),
        ];
        assert_eq!(
            sets,
            expected.map(|(set, micros)| (set.to_owned(), micros)).into()
        );
        note("/", Some("v1"), 141, 1);
        assert_eq!(timings.0.lock().unwrap().len(), 4);
    }
}
