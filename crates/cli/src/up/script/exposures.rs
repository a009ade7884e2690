//! Which versions answered, and why: what the canary filter must have counted.
//!
//! A client knows which version has answered, or what the release cookie says if a limit refused it, and what it has sent. So it cannot tell a draw that gave it the stable
//! version from there being nothing to draw for (while the guard holds v2); both count as drawn here.

use super::ledger::increment;
use super::{COUNTED_WITHIN, Script};
use crate::up::client::Answer;
pub(super) use crate::up::client::{STABLE, V2};
use crate::up::metrics::{Tallies, Variant};
use anyhow::Context as _;
use fairlead_rollout::Reason;

/// The release cookie of the demo's policy.
pub(super) const COOKIE: &str = "fairlead-release=";

/// Why a request has its version, as far as its client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Drawn,
    ReleaseCookie,
    ForceHeader,
    ForceCookie,
}

impl Why {
    const ALL: [Self; 4] = [
        Self::Drawn,
        Self::ReleaseCookie,
        Self::ForceHeader,
        Self::ForceCookie,
    ];

    /// What the filter calls it.
    const fn reasons(self) -> &'static [Reason] {
        match self {
            Self::Drawn => &[Reason::Sticky, Reason::Default],
            Self::ReleaseCookie => &[Reason::ReleaseCookie],
            Self::ForceHeader => &[Reason::ForceHeader],
            Self::ForceCookie => &[Reason::ForceCookie],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::ReleaseCookie => "release_cookie",
            Self::ForceHeader => "force_header",
            Self::ForceCookie => "force_cookie",
        }
    }

    /// Whether a guard counts how it went.
    const fn is_watched(self) -> bool {
        matches!(self, Self::Drawn | Self::ReleaseCookie)
    }
}

/// What clients saw of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    by: [u64; Why::ALL.len()],
    /// Of those that a guard watches.
    pub(super) succeeded: u64,
    pub(super) failed: u64,
}

impl Seen {
    fn note(&mut self, why: Why, answer: &Answer) {
        if let Some(count) = self.by.get_mut(why as usize) {
            increment(count);
        }
        if why.is_watched() {
            increment(match answer.status {
                500.. => &mut self.failed,
                _ => &mut self.succeeded,
            });
        }
    }

    /// The same as the filter has counted it.
    pub(super) fn counted(variant: &Variant) -> Self {
        let of = |why: Why| {
            let reasons = why.reasons().iter();
            reasons.fold(0_u64, |sum, reason| sum.saturating_add(variant.exposed(*reason)))
        };
        Self {
            by: Why::ALL.map(of),
            succeeded: variant.succeeded,
            failed: variant.failed,
        }
    }

    fn total(&self) -> u64 {
        self.by.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// `812 drawn, 32 release_cookie`
    fn show(&self) -> String {
        let counts = Why::ALL.iter().zip(self.by).filter(|(_, n)| *n > 0);
        let counts: Vec<String> = counts.map(|(why, n)| format!("{n} {}", why.name())).collect();
        match counts.is_empty() {
            true => "none".to_owned(),
            false => counts.join(", "),
        }
    }
}

/// What clients saw of both versions, and of what the filter says beside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposures {
    pub(super) v2: Seen,
    pub(super) stable: Seen,
    cookies_issued: u64,
    cookies_cleared: u64,
    /// Sent cookies that were forged.
    pub(super) cookies_forged: u64,
    /// Sent routing headers that say something else than what was decided.
    pub(super) headers_removed: u64,
}

impl Exposures {
    /// Enters an answer. One that no version has given was refused behind the canary filter.
    pub(super) fn note(&mut self, why: Why, answer: &Answer) {
        match answer.variant() {
            V2 => self.v2.note(why, answer),
            _ => self.stable.note(why, answer),
        }
        self.note_cookies(answer);
    }

    /// Enters the answer to a request of a user of the stable version, whatever has answered.
    pub(super) fn note_stable(&mut self, answer: &Answer) {
        self.stable.note(Why::Drawn, answer);
        self.note_cookies(answer);
    }

    fn note_cookies(&mut self, answer: &Answer) {
        for value in answer.cookies.iter().filter_map(|line| line.strip_prefix(COOKIE)) {
            increment(match value.starts_with(';') {
                true => &mut self.cookies_cleared,
                false => &mut self.cookies_issued,
            });
        }
    }
}

impl Script<'_> {
    /// What the canary filter has counted is what clients saw.
    pub(super) fn exposures(&mut self) -> anyhow::Result<Tallies> {
        let policy = self.policy;
        let release = policy.releases.first().context("no canary")?;
        let seen = self.ledger.exposures;
        let counted = |tallies: &Tallies, name| Seen::counted(&tallies.variant(release, name));
        let enough = |tallies: &Tallies| {
            counted(tallies, V2).total() >= seen.v2.total()
                && counted(tallies, STABLE).total() >= seen.stable.total()
        };
        let tallies = Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, enough)?;
        for (name, seen) in [(V2, seen.v2), (STABLE, seen.stable)] {
            let counted = counted(&tallies, name);
            self.check(
                &format!("exposures of {name} are what clients saw"),
                counted.by == seen.by && seen.total() > 0,
                seen.show(),
                counted.show(),
            );
        }
        let pairs = [
            ("cookies_total issued", seen.cookies_issued),
            ("cookies_total cleared", seen.cookies_cleared),
            ("cookies_total rejected", seen.cookies_forged),
            ("routing_headers_removed_total", seen.headers_removed),
        ];
        let same = pairs
            .iter()
            .all(|(metric, n)| *n > 0 && tallies.whole(release, metric) == *n);
        let show = |of: &dyn Fn(&str, u64) -> u64| {
            let [issued, cleared, rejected, removed] = pairs.map(|(metric, n)| of(metric, n));
            format!("{issued} issued, {cleared} cleared, {rejected} rejected, {removed} removed")
        };
        self.check(
            "so are cookies, and routing headers of clients",
            same,
            show(&|_, n| n),
            show(&|metric, _| tallies.whole(release, metric)),
        );
        Ok(tallies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_the_version_that_gave_it() {
        let mut seen = Exposures::default();
        seen.note(Why::Drawn, &Answer::from(Some("v2"), 200));
        seen.note(Why::Drawn, &Answer::from(Some("v2"), 503));
        seen.note(Why::ForceHeader, &Answer::from(Some("v2"), 503));
        seen.note(Why::Drawn, &Answer::from(Some("v1"), 200));
        seen.note(Why::Drawn, &Answer::from(None, 429));
        let cookies = vec!["fairlead-release=v2.00000.0123456789abcdef; Path=/".to_owned()];
        let refused = Answer {
            cookies,
            ..Answer::from(None, 429)
        };
        seen.note(Why::Drawn, &refused);
        seen.note_stable(&Answer::from(Some("v2"), 200));
        assert_eq!(seen.v2.show(), "3 drawn, 1 force_header");
        assert_eq!((seen.v2.succeeded, seen.v2.failed, seen.v2.total()), (2, 1, 4));
        assert_eq!(
            (seen.stable.show(), seen.stable.succeeded),
            ("3 drawn".to_owned(), 3)
        );
        assert_eq!(Seen::default().show(), "none");
    }

    #[test]
    fn a_cookie_without_a_value_is_one_that_was_cleared() {
        let cookie = |line: &str| Answer {
            cookies: vec![line.to_owned()],
            ..Answer::from(Some("v1"), 200)
        };
        let mut seen = Exposures::default();
        seen.note(
            Why::Drawn,
            &cookie("fairlead-release=v2.00000.0123456789abcdef; Path=/"),
        );
        seen.note(Why::Drawn, &cookie("fairlead-release=; Path=/; Max-Age=0"));
        seen.note(Why::Drawn, &cookie("other=; Path=/"));
        assert_eq!((seen.cookies_issued, seen.cookies_cleared), (1, 1));
    }

    #[test]
    fn the_filter_counts_nobody_to_draw_for_as_another_reason() {
        let exposures = [("sticky", 3), ("default", 4), ("force_cookie", 5)];
        let variant = Variant {
            exposures: exposures.map(|(reason, n)| (reason.to_owned(), n)).into(),
            ..Variant::default()
        };
        assert_eq!(Seen::counted(&variant).show(), "7 drawn, 5 force_cookie");
    }
}
