//! The form in which Prometheus takes a native histogram, for tests and tools.
//!
//! Buckets that are not empty are grouped into *spans*, each with its distance from the one before, and counts are
//! written as differences from the count before. Prometheus numbers a bucket by its upper bound, b^index, and
//! OpenTelemetry, as [`Scale`] does, by its lower one: hence the one between them.
//!
//! Source: Prometheus' specification of native histograms, "Spans and deltas".
//!
//! What this does not do: protobuf, negative values, the zero bucket's width (0 alone is in it).

use crate::{Histogram, Scale};

/// A run of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first span: Prometheus' number of its first bucket. Others: how many buckets lie between it and the one before.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

/// A histogram in Prometheus' form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// The scale's number.
    pub schema: i8,
    /// How many values are 0.
    pub zero_count: u64,
    /// The runs of buckets.
    pub spans: Vec<Span>,
    /// The first bucket's count, and by how much each other one's differs from the one before.
    pub deltas: Vec<i64>,
}

impl Native {
    /// Gaps of up to so many empty buckets are written as such by Prometheus' Go client: that is shorter than another span.
    pub const BRIDGED: u32 = 2;

    /// A histogram of whole numbers, as Prometheus' Go client writes it.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        Self::bridging(histogram, Self::BRIDGED)
    }

    /// A histogram of whole numbers, in which gaps of up to so many empty buckets do not end a span.
    #[must_use]
    pub fn bridging(histogram: &Histogram, most: u32) -> Self {
        let mut native = Self {
            schema: histogram.scale().get(),
            zero_count: histogram.zero_count(),
            spans: Vec::new(),
            deltas: Vec::new(),
        };
        let mut next: Option<i32> = None;
        let mut last = 0_i64;
        for (index, count) in histogram.buckets() {
            let index = index.saturating_add(1);
            let gap = index.saturating_sub(next.unwrap_or(0));
            let empty = u32::try_from(gap).unwrap_or(0);
            match native.spans.last_mut().filter(|_| empty <= most) {
                Some(span) => {
                    span.length = span.length.saturating_add(empty).saturating_add(1);
                    for _ in 0..empty {
                        native.deltas.push(0_i64.saturating_sub(last));
                        last = 0;
                    }
                }
                None => native.spans.push(Span {
                    offset: gap,
                    length: 1,
                }),
            }
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            native.deltas.push(count.saturating_sub(last));
            last = count;
            next = Some(index.saturating_add(1));
        }
        native
    }

    /// Counts numbers that are not negative at a scale, in at most so many buckets from the lowest to the highest (at
    /// least 5). Others are left out.
    #[must_use]
    pub fn of_floats(scale: Scale, most: u32, values: &[f64]) -> Self {
        let mut histogram = Histogram::with_max_buckets(scale, most);
        let mut zeros = 0_u64;
        for value in values {
            match histogram.scale().index_f64(*value) {
                Some(index) => histogram.add_at(index, 1),
                None => zeros = zeros.saturating_add(u64::from(*value == 0.0)),
            }
        }
        Self {
            zero_count: zeros,
            ..Self::of(&histogram)
        }
    }

    /// The buckets and their counts, numbered as [`Scale`] does, in ascending order.
    #[must_use]
    pub fn buckets(&self) -> Vec<(i32, u64)> {
        let mut deltas = self.deltas.iter();
        let mut buckets = Vec::new();
        let (mut index, mut count) = (-1_i32, 0_i64);
        for span in &self.spans {
            index = index.saturating_add(span.offset);
            for delta in deltas.by_ref().take(span.length as usize) {
                count = count.saturating_add(*delta);
                if let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) {
                    buckets.push((index, count));
                }
                index = index.saturating_add(1);
            }
        }
        buckets
    }
}

#[cfg(test)]
mod tests;
