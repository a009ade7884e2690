//! How many requests of one key a quota admits, from moments that clients know.
//!
//! A token bucket that starts full and is empty when it refuses has given away its burst and what has come in since its
//! first request, but for less than one token. The first request was decided before its answer was received, and a refused
//! one after it was sent; so these moments give the least that was admitted. The most follows from the widest interval.

use crate::up::client::Answer;
use crate::up::policy::Numbers;
use std::fmt;
use std::time::{Duration, Instant};

/// The least that must come in, as a share of what the quota gives.
const LEAST: f64 = 0.99;

/// The least and the most that can be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Bounds {
    pub(super) fn contain(self, admitted: u64) -> bool {
        (self.least..=self.most).contains(&admitted)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least == self.most {
            true => write!(f, "{}", self.least),
            false => write!(f, "{} to {}", self.least, self.most),
        }
    }
}

/// For all answers to one key that had not been used before.
pub(super) fn bounds(numbers: Numbers, answers: &[Answer]) -> Bounds {
    let first = answers.iter().map(|answer| answer.received).min();
    let refused = answers.iter().filter(|answer| answer.status != 200);
    let given = given(numbers, between(first, refused.map(|answer| answer.sent).max()));
    // In a short run, the token that may be left in the bucket is more than one in a hundred.
    let least = (LEAST * given)
        .min(given - 1.0)
        .max(f64::from(numbers.burst))
        .min(count(answers));
    Bounds {
        least: whole(least.ceil()),
        ..at_most(numbers, answers)
    }
}

/// The same where answers do not tell what was decided: at least a burst.
pub(super) fn at_most(numbers: Numbers, answers: &[Answer]) -> Bounds {
    let first = answers.iter().map(|answer| answer.sent).min();
    let last = answers.iter().map(|answer| answer.received).max();
    let most = given(numbers, between(first, last)).min(count(answers));
    Bounds {
        least: u64::from(numbers.burst).min(whole(count(answers))),
        most: whole(most),
    }
}

/// What a quota gives in a time.
fn given(numbers: Numbers, time: Duration) -> f64 {
    f64::from(numbers.burst) + numbers.per_second * time.as_secs_f64()
}

fn between(first: Option<Instant>, last: Option<Instant>) -> Duration {
    first.zip(last).map_or(Duration::ZERO, |(first, last)| {
        last.saturating_duration_since(first)
    })
}

fn count(answers: &[Answer]) -> f64 {
    f64::from(u32::try_from(answers.len()).unwrap_or(u32::MAX))
}

/// Cut to a whole number; what is not one is 0.
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers {
        per_second: 20.0,
        burst: 20,
    };

    /// Answers of 10 ms each, sent every 10 ms for so long, of which the second half is refused.
    fn answers(seconds: u64) -> Vec<Answer> {
        let start = Instant::now();
        let all = seconds * 100;
        let answer = |n: u64| {
            let sent = start + Duration::from_millis(n * 10);
            let status = if n < all / 2 { 200 } else { 429 };
            let received = sent + Duration::from_millis(10);
            Answer {
                sent,
                received,
                ..Answer::from(None, status)
            }
        };
        (0..all).map(answer).collect()
    }

    #[test]
    fn the_bounds_are_a_burst_and_what_comes_in() {
        // From the first answer at 10 ms to the last refused request at 4.99 s, and from 0 to 5 s.
        assert_eq!(
            bounds(NUMBERS, &answers(5)),
            Bounds {
                least: 119,
                most: 120
            }
        );
        let slow = Numbers {
            per_second: 1.0,
            burst: 5,
        };
        assert_eq!(bounds(slow, &answers(1)), Bounds { least: 5, most: 6 });
    }

    #[test]
    fn no_more_is_expected_than_was_asked_for() {
        let few = answers(5).split_off(495);
        assert_eq!(bounds(NUMBERS, &few), Bounds { least: 5, most: 5 });
        assert_eq!(bounds(NUMBERS, &[]), Bounds { least: 0, most: 0 });
    }

    #[test]
    fn one_too_many_or_one_in_a_hundred_too_few_is_outside() {
        let bounds = bounds(NUMBERS, &answers(5));
        assert!(bounds.contain(119) && bounds.contain(120));
        assert!(!bounds.contain(121) && !bounds.contain(118));
    }
}
