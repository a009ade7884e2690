//! A histogram as it is stored.

use crate::{Histogram, Scale};

/// Scale, number of buckets, first bucket, zeros.
const SHORT: usize = 8;
/// And sum, least, greatest.
const HEAD: usize = SHORT + 3 * 8;
const COUNT: usize = 4;
/// The most bytes.
pub(super) const MOST: usize = HEAD + COUNT * Histogram::MAX_BUCKETS as usize;

/// A stored histogram: sound, and not decoded yet.
#[derive(Clone, Copy)]
pub(super) struct Stored<'b> {
    scale: Scale,
    start: i32,
    zero: u32,
    /// Sum, least, greatest.
    sums: [u64; 3],
    counts: &'b [[u8; COUNT]],
}

impl<'b> Stored<'b> {
    /// The histogram at the beginning of `bytes`, and what follows it. `None` if there is none that a layout of this scale
    /// can have left.
    #[inline(never)]
    pub(super) fn parse(bytes: &'b [u8], finest: Scale) -> Option<(Self, &'b [u8])> {
        let ([scale, buckets, s0, s1, zero @ ..], rest) = bytes.split_first_chunk::<SHORT>()?;
        let (sums, rest) = rest.split_first_chunk::<{ HEAD - SHORT }>()?;
        let (counts, rest) = rest.split_at_checked(usize::from(*buckets).saturating_mul(COUNT))?;
        let mut words = sums.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let stored = Self {
            scale: Scale::new(scale.cast_signed()).filter(|scale| *scale <= finest)?,
            start: i32::from(i16::from_le_bytes([*s0, *s1])),
            zero: u32::from_le_bytes(*zero),
            sums: [words.next()?, words.next()?, words.next()?],
            counts: counts.as_chunks().0,
        };
        stored.possible().then_some((stored, rest))
    }

    /// Whether all buckets are such that a value could be in them: others would not fit any more at the coarsest scale.
    fn possible(&self) -> bool {
        let end = self.start.saturating_add(self.len());
        let last = self.scale.index_small(u64::MAX);
        self.len() <= Histogram::MAX_BUCKETS.cast_signed()
            && self.start >= -1
            && end <= last.saturating_add(1)
    }

    fn len(&self) -> i32 {
        i32::try_from(self.counts.len()).unwrap_or(i32::MAX)
    }

    /// Counts a value in `bytes`, which are those of this histogram; says whether it could: its bucket is there.
    #[inline(never)]
    pub(super) fn bump(&self, bytes: &mut [u8], value: u64) -> bool {
        let position = self.scale.index_small(value).saturating_sub(self.start);
        let position = usize::try_from(position).ok().filter(|_| value > 0);
        let Some((head, counts)) = bytes.split_first_chunk_mut::<HEAD>() else {
            return false;
        };
        let ([_, _, _, _, zero @ ..], sums) = head.split_at_mut(SHORT) else {
            return false;
        };
        let word = match position {
            Some(position) => counts.as_chunks_mut().0.get_mut(position),
            None if value == 0 => zero.first_chunk_mut(),
            None => None,
        };
        let Some(word) = word else {
            return false;
        };
        *word = u32::from_le_bytes(*word).saturating_add(1).to_le_bytes();
        let [sum, least, greatest] = self.sums;
        let fresh = [sum.saturating_add(value), least.min(value), greatest.max(value)];
        for (word, fresh) in sums.as_chunks_mut().0.iter_mut().zip(fresh) {
            *word = fresh.to_le_bytes();
        }
        true
    }

    /// Decodes it.
    #[inline(never)]
    pub(super) fn read(&self) -> Histogram {
        let counts = self.counts.iter();
        let counts = counts.map(|word| u64::from(u32::from_le_bytes(*word)));
        let [sum, least, greatest] = self.sums;
        let others = [u64::from(self.zero), sum, least, greatest];
        Histogram::stored(self.scale, self.start, counts.collect(), others)
    }
}

/// Appends a histogram of at most [`Histogram::MAX_BUCKETS`] buckets, at a scale of at most 5.
#[inline(never)]
pub(super) fn write(histogram: &Histogram, out: &mut Vec<u8>) {
    let (start, counts) = histogram.dense();
    let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    out.push(histogram.scale().get().cast_unsigned());
    out.push(u8::try_from(counts.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(&i16::try_from(start).unwrap_or(i16::MAX).to_le_bytes());
    out.extend_from_slice(&narrow(histogram.zero_count()));
    let (least, greatest) = (histogram.min().unwrap_or(u64::MAX), histogram.max().unwrap_or(0));
    for sum in [histogram.sum(), least, greatest] {
        out.extend_from_slice(&sum.to_le_bytes());
    }
    for count in counts {
        out.extend_from_slice(&narrow(*count));
    }
}
