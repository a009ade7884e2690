//! What a response counts as.

/// What became of a call, as far as a breaker is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It worked.
    Success,
    /// It did not.
    Failure,
    /// It says nothing about what was called.
    Ignored,
}

/// Which responses count as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Statuses that are failures.
    pub failures: Statuses,
    /// Statuses that count as neither, whatever else holds.
    pub ignored: Statuses,
    /// gRPC statuses that are failures.
    pub grpc_failures: GrpcStatuses,
    /// gRPC statuses that count as neither, whatever else holds.
    pub grpc_ignored: GrpcStatuses,
    /// Whether a connection that the upstream resets is a failure; otherwise it is ignored.
    pub reset: bool,
    /// Whether a response that is cut off after its headers is a failure; otherwise it counts by its headers.
    pub truncated: bool,
    /// Replies that the proxy makes itself because of the upstream, and that are failures; others are ignored.
    pub local_replies: LocalReplies,
    /// Whether a client that goes away before there is a response is ignored; otherwise that is a failure.
    pub ignore_client_abort: bool,
}

/// A set of HTTP statuses from 100 to 599.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statuses([u64; 8]);

impl Statuses {
    /// None.
    pub const NONE: Self = Self([0; 8]);

    /// The set with all statuses from one to another as well, both included. What is not from 100 to 599 is left out.
    #[must_use]
    pub fn with(mut self, from: u16, to: u16) -> Self {
        for status in from.max(100)..=to.min(599) {
            let (word, bit) = Self::bit(status);
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
        self
    }

    /// Whether a status is in the set.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        let (word, bit) = Self::bit(status);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn bit(status: u16) -> (usize, u64) {
        let at = u32::from(status).wrapping_sub(100);
        ((at / 64) as usize, 1_u64.wrapping_shl(at % 64))
    }
}

/// A set of gRPC statuses from 0 to 16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrpcStatuses(u32);

impl GrpcStatuses {
    /// None.
    pub const NONE: Self = Self(0);
    /// The names of gRPC statuses, by number.
    pub const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];

    /// The set with a status as well. One above 16 is left out.
    #[must_use]
    pub const fn with(self, status: u32) -> Self {
        if status > 16 {
            return self;
        }
        Self(self.0 | (1 << status))
    }

    /// Whether a status is in the set. One above 16, which no specification knows, is what UNKNOWN (2) is.
    #[must_use]
    pub const fn contains(&self, status: u32) -> bool {
        let status = if status > 16 { 2 } else { status };
        self.0 & (1 << status) != 0
    }
}

/// A set of Envoy's response flags, by the bits of `response.flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalReplies(u64);

impl LocalReplies {
    /// None.
    pub const NONE: Self = Self(0);
    /// No healthy upstream.
    pub const UH: u64 = 0x2;
    /// The upstream's response took too long.
    pub const UT: u64 = 0x4;
    /// The proxy reset the upstream's stream.
    pub const LR: u64 = 0x8;
    /// The upstream reset the stream.
    pub const UR: u64 = 0x10;
    /// No connection to the upstream.
    pub const UF: u64 = 0x20;
    /// The connection to the upstream ended.
    pub const UC: u64 = 0x40;
    /// A bound on connections or requests to the upstream was reached.
    pub const UO: u64 = 0x80;
    /// No route.
    pub const NR: u64 = 0x100;
    /// Delayed on purpose.
    pub const DI: u64 = 0x200;
    /// A rate limit.
    pub const RL: u64 = 0x800;
    /// The rate limit service failed.
    pub const RLSE: u64 = 0x2000;
    /// The client went away.
    pub const DC: u64 = 0x4000;
    /// Retries were used up.
    pub const URX: u64 = 0x8000;
    /// The upstream broke its protocol.
    pub const UPE: u64 = 0x80_0000;
    /// The client reset the stream.
    pub const DR: u64 = 0x1000_0000;

    /// The short names of the flags, by bit, as access logs have them (`envoy/stream_info/stream_info.h` and
    /// `source/common/stream_info/utility.h`).
    pub const NAMES: [&str; 29] = [
        "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
        "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
    ];

    /// The bit of a flag, by its short name.
    #[must_use]
    pub fn bit(name: &str) -> Option<u64> {
        let position = Self::NAMES.iter().position(|known| *known == name)?;
        Some(1_u64.wrapping_shl(u32::try_from(position).ok()?))
    }

    /// The set with the flags of these bits as well.
    #[must_use]
    pub const fn with(self, bits: u64) -> Self {
        Self(self.0 | bits)
    }

    /// Whether any of these flags is in the set.
    #[must_use]
    pub const fn contains(&self, flags: u64) -> bool {
        self.0 & flags != 0
    }
}

/// Flags of replies that the proxy makes because a stream to the upstream was reset.
const RESET: u64 = LocalReplies::LR | LocalReplies::UR | LocalReplies::UC | LocalReplies::UPE;
/// Flags of replies that the proxy makes because of the upstream, or of responses that it could not finish.
const UPSTREAM: u64 = RESET | LocalReplies::UF | LocalReplies::UH | LocalReplies::UT;
/// Flags that do not say who has replied.
const SILENT: u64 =
    LocalReplies::DI | LocalReplies::RLSE | LocalReplies::DC | LocalReplies::DR | LocalReplies::URX;

impl Default for Classes {
    fn default() -> Self {
        Self {
            failures: Statuses::NONE.with(500, 599),
            ignored: Statuses::NONE,
            grpc_failures: GrpcStatuses::NONE.with(4).with(13).with(14).with(15),
            grpc_ignored: GrpcStatuses::NONE,
            reset: true,
            truncated: false,
            local_replies: LocalReplies::NONE
                .with(LocalReplies::UF | LocalReplies::UH | LocalReplies::UT | LocalReplies::URX),
            ignore_client_abort: true,
        }
    }
}

impl Classes {
    /// What a response counts as that is not gRPC's: its status, and the flags at the stream's end (0 if
    /// [`Classes::needs_flags`] says no).
    #[must_use]
    #[inline(never)]
    pub fn response(&self, status: u16, flags: u64) -> Outcome {
        match self.by_status(status) {
            Outcome::Ignored => Outcome::Ignored,
            by_status if flags == 0 => by_status,
            by_status => self.by_flags(status, flags, by_status),
        }
    }

    /// What a status counts as, but for flags.
    fn by_status(&self, status: u16) -> Outcome {
        let (word, bit) = Statuses::bit(status);
        let has = |set: &Statuses| set.0.get(word).is_some_and(|word| word & bit != 0);
        match (has(&self.ignored), has(&self.failures)) {
            (true, _) => Outcome::Ignored,
            (false, true) => Outcome::Failure,
            (false, false) => Outcome::Success,
        }
    }

    fn by_flags(&self, status: u16, flags: u64, by_status: Outcome) -> Outcome {
        // The proxy replies with 5xx itself when the upstream does not; any other status has come from the upstream,
        // and what followed was cut off. Unless the client left, that is the upstream's doing.
        if status < 500 && flags & UPSTREAM != 0 {
            let left = flags & (LocalReplies::DC | LocalReplies::DR) != 0;
            return if self.truncated && !left {
                Outcome::Failure
            } else {
                by_status
            };
        }
        self.flagged(flags).unwrap_or(by_status)
    }

    /// What a response of this status counts as that is not gRPC's, if flags cannot change that.
    #[must_use]
    #[inline(never)]
    pub fn plainly(&self, status: u16) -> Option<Outcome> {
        match self.by_status(status) {
            Outcome::Success if status >= 400 || self.truncated => None,
            Outcome::Failure => None,
            outcome => Some(outcome),
        }
    }

    /// Whether flags can change what a response of this status counts as.
    #[must_use]
    pub fn needs_flags(&self, status: u16) -> bool {
        self.plainly(status).is_none()
    }

    /// What a response counts as that carries a gRPC status, and the flags at the stream's end.
    #[must_use]
    pub fn grpc(&self, status: u32, flags: u64) -> Outcome {
        if self.grpc_ignored.contains(status) {
            return Outcome::Ignored;
        }
        self.flagged(flags)
            .unwrap_or(if self.grpc_failures.contains(status) {
                Outcome::Failure
            } else {
                Outcome::Success
            })
    }

    /// What a call counts as whose client went away before there was a response.
    #[must_use]
    pub const fn aborted(&self) -> Outcome {
        if self.ignore_client_abort {
            Outcome::Ignored
        } else {
            Outcome::Failure
        }
    }

    /// What a call counts as whose upstream reset it before there was a response.
    #[must_use]
    pub const fn reset(&self) -> Outcome {
        if self.reset {
            Outcome::Failure
        } else {
            Outcome::Ignored
        }
    }

    /// What the flags of a reply say that the proxy has made itself; `None`: it has not.
    const fn flagged(&self, flags: u64) -> Option<Outcome> {
        if self.local_replies.contains(flags) || (self.reset && flags & RESET != 0) {
            return Some(Outcome::Failure);
        }
        if flags & !SILENT != 0 {
            return Some(Outcome::Ignored);
        }
        None
    }
}

#[cfg(test)]
mod tests;
