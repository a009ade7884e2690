//! What a worker keeps of a breaker, so that most requests need not ask the record.

use crate::Counts;
use crate::read::{Reader, put_counts, put32, put64};
use fairlead_stage::Timestamp;

const VERSION: u8 = 1;

/// Where a breaker stands. Closed means that requests pass, as in an electric circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Requests pass and are counted.
    #[default]
    Closed,
    /// Requests are refused.
    Open,
    /// A few requests pass to find out whether to close.
    HalfOpen,
}

impl Phase {
    /// The word for logs and metrics: `closed`, `open`, `half_open`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
        }
    }

    pub(crate) const fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Closed),
            1 => Some(Self::Open),
            2 => Some(Self::HalfOpen),
            _ => None,
        }
    }
}

/// What a worker last knew of a breaker. The default is that of a breaker that nobody has asked yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Where it stood.
    pub phase: Phase,
    /// How many transitions it has made, wrapping around but never back to 0.
    pub generation: u32,
    /// Open and half-open: when that began. Closed: since when calls count; 0 when the window does not begin with the phase.
    pub since: Timestamp,
    /// Open: when it may probe. Half-open: when the wait for probes is over. Closed: when the recovery ramp ends, or at
    /// generation 0 the warm-up; 0 if there is neither.
    pub until: Timestamp,
    /// What the process-wide counters read when the breaker last closed ([`crate::Counted::Outside`]): older calls do not
    /// count.
    pub base: Counts,
}

impl Known {
    /// The bytes of an encoded one.
    pub const BYTES: u32 = 46;

    /// Appends the [`Known::BYTES`] bytes that [`Known::decode`] reads.
    #[inline(never)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.push(self.phase.code());
        put32(out, self.generation);
        put64(out, self.since.as_unix_nanos());
        put64(out, self.until.as_unix_nanos());
        put_counts(out, &self.base);
    }

    /// What was encoded in exactly these bytes; `None` if nothing was.
    #[must_use]
    #[inline(never)]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.u8()? != VERSION {
            return None;
        }
        let known = Self {
            phase: Phase::of(reader.u8()?)?,
            generation: reader.u32()?,
            since: Timestamp::from_unix_nanos(reader.u64()?),
            until: Timestamp::from_unix_nanos(reader.u64()?),
            base: reader.counts()?,
        };
        reader.0.is_empty().then_some(known)
    }

    /// Whether every request passes, whatever the clock says: it is closed, and no ramp runs.
    #[must_use]
    pub fn passes_freely(&self) -> bool {
        self.phase == Phase::Closed && (self.generation == 0 || self.until == Timestamp::default())
    }
}
