//! A breaker's record, and its bytes.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version 1 |
//! | 1 | phase (0 closed, 1 open, 2 half-open); plus 16 if there is a base |
//! | 4, 4, 4 | generation, openings in a row, failures in a row |
//! | 8, 8, 8 | since, until, last change, in nanoseconds since the Unix epoch |
//! | 24 | with a base: successes, failures and slow calls that process-wide counters read |
//! | 12, 1, 8 each | half-open: probes that succeeded, failed, were slow; how many hold permits; instance and permits |
//! | the rest | the ring |
//!
//! Numbers are little-endian. Bytes of any other form count as absent: a closed breaker that nobody has asked yet.

use crate::ledger::{self, Ledger, MAX_HOLDERS};
use crate::read::{Reader, put_counts, put32, put64};
use crate::{Counts, Phase};

const VERSION: u8 = 1;
const WITH_BASE: u8 = 16;
const HEAD_BYTES: u32 = 38;
const BASE_BYTES: u32 = 24;
const PROBES_BYTES: u32 = 12;

/// The most bytes that a record takes whose ring takes at most `ring`, and which lets `probes` through.
pub(crate) fn max_bytes(ring: u32, probes: u32) -> u32 {
    (HEAD_BYTES + BASE_BYTES + PROBES_BYTES)
        .saturating_add(ledger::bytes(probes.min(MAX_HOLDERS)))
        .saturating_add(ring)
}

/// A breaker, unpacked. The default is one that nobody has asked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) phase: Phase,
    pub(crate) generation: u32,
    /// Openings without a recovery between them.
    pub(crate) opens: u32,
    /// Failures without a success between them; 0 if nothing depends on it, or if it is counted outside.
    pub(crate) consecutive: u32,
    /// When the phase began; 0: no call has completed yet.
    pub(crate) since: u64,
    /// See [`crate::Known::until`].
    pub(crate) until: u64,
    /// When the record was last written.
    pub(crate) last: u64,
    pub(crate) base: Counts,
    /// Half-open: the probes that have completed.
    pub(crate) probes: Counts,
    /// Half-open: the probes that have not.
    pub(crate) holders: Ledger,
    pub(crate) ring: Vec<u8>,
    /// Whether it has changed since it was read.
    pub(crate) dirty: bool,
}

impl Record {
    /// Unpacks a record; `None` if there is none, or none that can be read.
    #[inline(never)]
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.u8()? != VERSION {
            return None;
        }
        let kind = reader.u8()?;
        let mut record = Self {
            phase: Phase::of(kind & !WITH_BASE)?,
            generation: reader.u32()?,
            opens: reader.u32()?,
            consecutive: reader.u32()?,
            since: reader.u64()?,
            until: reader.u64()?,
            last: reader.u64()?,
            ..Self::default()
        };
        if kind & WITH_BASE != 0 {
            record.base = reader.counts()?;
        }
        if record.phase == Phase::HalfOpen {
            record.probes = Counts {
                successes: u64::from(reader.u32()?),
                failures: u64::from(reader.u32()?),
                slow: u64::from(reader.u32()?),
            };
            record.holders = Ledger::read(&mut reader)?;
        }
        record.ring = reader.0.to_vec();
        Some(record)
    }

    /// Appends the record's bytes, as of `now`.
    #[inline(never)]
    pub(crate) fn encode(&self, now: u64, out: &mut Vec<u8>) {
        let based = self.base != Counts::NONE;
        out.push(VERSION);
        out.push(self.phase.code() | if based { WITH_BASE } else { 0 });
        put32(out, self.generation);
        put32(out, self.opens);
        put32(out, self.consecutive);
        put64(out, self.since);
        put64(out, self.until);
        put64(out, now);
        if based {
            put_counts(out, &self.base);
        }
        if self.phase == Phase::HalfOpen {
            for number in [self.probes.successes, self.probes.failures, self.probes.slow] {
                put32(out, u32::try_from(number).unwrap_or(u32::MAX));
            }
            self.holders.write(out);
        }
        out.extend_from_slice(&self.ring);
    }
}
