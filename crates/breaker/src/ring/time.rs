//! Buckets of time.

use super::{Marks, SHAPE};
use crate::Counts;

/// Shape, and when the newest bucket began.
const HEAD: usize = SHAPE + 8;
const BUCKET: usize = 12;

pub(super) const fn bytes(buckets: u32) -> u32 {
    (HEAD as u32).saturating_add(buckets.saturating_mul(BUCKET as u32))
}

/// When the newest bucket began.
pub(super) fn newest(ring: &[u8]) -> Option<u64> {
    let begin = ring.get(SHAPE..)?.first_chunk()?;
    Some(u64::from_le_bytes(*begin))
}

fn empty(ring: &mut Vec<u8>, shape: [u8; SHAPE], begin: u64) {
    ring.clear();
    ring.extend_from_slice(&shape);
    ring.extend_from_slice(&begin.to_le_bytes());
}

#[inline(never)]
pub(super) fn roll(
    ring: &mut Vec<u8>,
    shape: [u8; SHAPE],
    bucket: u64,
    buckets: u32,
    origin: u64,
    now: u64,
) -> bool {
    let content = ring.len().saturating_sub(HEAD);
    let whole = content.is_multiple_of(BUCKET) && ring.len() <= bytes(buckets) as usize;
    let stored = newest(ring).filter(|_| whole && ring.starts_with(&shape));
    let begin = match stored {
        Some(begin) => begin,
        None => {
            empty(ring, shape, origin.min(now));
            origin.min(now)
        }
    };
    if begin.saturating_sub(now) > bucket {
        let had = ring.len() > HEAD;
        empty(ring, shape, now);
        return had;
    }
    let steps = now.saturating_sub(begin).checked_div(bucket).unwrap_or(0);
    if steps == 0 {
        return false;
    }
    let begin = begin.saturating_add(steps.saturating_mul(bucket));
    if steps >= u64::from(buckets) {
        let had = ring.len() > HEAD;
        empty(ring, shape, begin);
        return had;
    }
    let moved = usize::try_from(steps).unwrap_or(0).saturating_mul(BUCKET);
    let old = ring.get(HEAD..).unwrap_or_default().to_vec();
    empty(ring, shape, begin);
    ring.resize(HEAD.saturating_add(moved), 0);
    ring.extend_from_slice(&old);
    ring.truncate(bytes(buckets) as usize);
    let dropped = ring.len() < HEAD.saturating_add(moved).saturating_add(old.len());
    trim(ring);
    dropped
}

/// Leaves out the buckets at the end in which nothing was counted.
fn trim(ring: &mut Vec<u8>) {
    while let Some((rest, last)) = ring.split_last_chunk::<BUCKET>() {
        if rest.len() < HEAD || *last != [0; BUCKET] {
            break;
        }
        let length = rest.len();
        ring.truncate(length);
    }
}

pub(super) fn add(ring: &mut Vec<u8>, marks: Marks) {
    if ring.len() < HEAD + BUCKET {
        ring.resize(HEAD + BUCKET, 0);
    }
    let words = ring.get_mut(HEAD..).unwrap_or_default().as_chunks_mut().0;
    let adds = [!marks.failed, marks.failed, marks.slow];
    for (word, add) in words.iter_mut().zip(adds) {
        *word = u32::from_le_bytes(*word)
            .saturating_add(u32::from(add))
            .to_le_bytes();
    }
}

#[inline(never)]
pub(super) fn sum(ring: &[u8]) -> Counts {
    let mut counts = Counts::NONE;
    let words = ring.get(HEAD..).unwrap_or_default().as_chunks().0;
    for bucket in words.chunks_exact(3) {
        if let [successes, failures, slow] = *bucket {
            counts.successes = counts
                .successes
                .saturating_add(u64::from(u32::from_le_bytes(successes)));
            counts.failures = counts
                .failures
                .saturating_add(u64::from(u32::from_le_bytes(failures)));
            counts.slow = counts.slow.saturating_add(u64::from(u32::from_le_bytes(slow)));
        }
    }
    counts
}
