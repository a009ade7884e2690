//! Numbers from stored bytes, front to back. Little-endian.

/// What is left to read.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl Reader<'_> {
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*first))
    }

    #[inline(never)]
    pub(crate) fn u64(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }

    pub(crate) fn counts(&mut self) -> Option<crate::Counts> {
        Some(crate::Counts {
            successes: self.u64()?,
            failures: self.u64()?,
            slow: self.u64()?,
        })
    }
}

#[inline(never)]
pub(crate) fn put32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

#[inline(never)]
pub(crate) fn put64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(crate) fn put_counts(out: &mut Vec<u8>, counts: &crate::Counts) {
    put64(out, counts.successes);
    put64(out, counts.failures);
    put64(out, counts.slow);
}

/// A duration in nanoseconds, at most those of 584 years. In 64 bits: 128 take a kilobyte of Wasm.
#[inline(never)]
pub(crate) fn nanos(duration: std::time::Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}
