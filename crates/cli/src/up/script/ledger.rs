//! What clients saw: each answer of the script, sorted by the rules that its request falls under.

use super::exposures::{Exposures, Why};
use super::{ANONYMOUS, PER_KEY, TRIAL};
use crate::up::client::Answer;

/// The status of a refusal by the demo's policy.
const REFUSED: u16 = 429;

/// Which rules of the demo's policy a request falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// None.
    Free,
    /// `per-key`.
    Keyed,
    /// `anonymous`.
    Anonymous,
    /// `per-key`, and then `search-trial`.
    Search,
}

/// How many answers of a group admitted the request, and how many refused it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Answered by the upstream.
    pub(super) admitted: u64,
    /// Answered by the filter, or in any other way.
    pub(super) refused: u64,
}

/// How a rule's answers should add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// Requests that the rule let pass, willing or not.
    pub(super) passed: u64,
    /// Requests that it refused.
    pub(super) refused: u64,
}

/// What answers said about limits. A group without a rule has none to speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) admitted: u64,
    /// Without `RateLimit` fields that name the limit.
    pub(super) admitted_silent: u64,
    pub(super) refused: u64,
    /// With another status than 429, or without `Retry-After` of at least a second.
    pub(super) refused_other: u64,
    /// As they should be but for `RateLimit` fields that name the limit.
    pub(super) refused_silent: u64,
}

/// All answers so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ledger {
    keyed: Seen,
    anonymous: Seen,
    search: Seen,
    pub(super) said: Said,
    /// What all answers said about versions.
    pub(super) exposures: Exposures,
    /// Requests without an answer.
    pub(super) lost: u64,
}

impl Ledger {
    /// Enters the answer to a request, if there was one.
    pub(super) fn add(&mut self, group: Group, answer: Option<Answer>) {
        let Some(answer) = answer else {
            increment(&mut self.lost);
            return;
        };
        self.exposures.note(Why::Drawn, &answer);
        let (seen, rule) = match group {
            Group::Free => return,
            Group::Keyed => (&mut self.keyed, PER_KEY),
            Group::Anonymous => (&mut self.anonymous, ANONYMOUS),
            Group::Search => (&mut self.search, PER_KEY),
        };
        let told = answer.stated.iter().any(|name| name == rule);
        if answer.status == 200 {
            increment(&mut seen.admitted);
            increment(&mut self.said.admitted);
            if !told {
                increment(&mut self.said.admitted_silent);
            }
            return;
        }
        increment(&mut seen.refused);
        increment(&mut self.said.refused);
        if answer.status != REFUSED || answer.retry_after.is_none_or(|seconds| seconds == 0) {
            increment(&mut self.said.refused_other);
        } else if !told {
            increment(&mut self.said.refused_silent);
        }
    }

    /// Enters the answer to a request under no limit, whose version was chosen for this reason.
    pub(super) fn chosen(&mut self, why: Why, answer: Option<&Answer>) {
        match answer {
            Some(answer) => self.exposures.note(why, answer),
            None => increment(&mut self.lost),
        }
    }

    /// Enters the answer to a request under no limit, whose user is of the stable version, whatever has answered.
    pub(super) fn stable(&mut self, answer: Option<&Answer>) {
        match answer {
            Some(answer) => self.exposures.note_stable(answer),
            None => increment(&mut self.lost),
        }
    }

    /// What a group has seen so far.
    pub(super) fn group(&self, group: Group) -> Seen {
        match group {
            Group::Free => Seen::default(),
            Group::Keyed => self.keyed,
            Group::Anonymous => self.anonymous,
            Group::Search => self.search,
        }
    }

    /// What each rule's metrics must come to. What `per-key` refuses never gets to `search-trial`.
    pub(super) fn expected(&self) -> [(&'static str, Expected); 3] {
        let Self {
            keyed,
            anonymous,
            search,
            ..
        } = self;
        [
            (
                PER_KEY,
                Expected {
                    passed: keyed.admitted.saturating_add(search.admitted),
                    refused: keyed.refused.saturating_add(search.refused),
                },
            ),
            (
                ANONYMOUS,
                Expected {
                    passed: anonymous.admitted,
                    refused: anonymous.refused,
                },
            ),
            (
                TRIAL,
                Expected {
                    passed: search.admitted,
                    refused: 0,
                },
            ),
        ]
    }
}

pub(super) fn increment(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<u64>, stated: &[&str]) -> Option<Answer> {
        let stated = stated.iter().map(|name| (*name).to_owned()).collect();
        Some(Answer {
            retry_after,
            stated,
            ..Answer::from(None, status)
        })
    }

    #[test]
    fn a_search_counts_for_both_rules_unless_the_first_refuses_it() {
        let mut ledger = Ledger::default();
        ledger.add(Group::Search, answer(200, None, &[PER_KEY]));
        ledger.add(Group::Search, answer(429, Some(1), &[PER_KEY]));
        ledger.add(Group::Keyed, answer(200, None, &[PER_KEY]));
        ledger.add(Group::Free, answer(404, None, &[]));
        let [(_, per_key), (_, anonymous), (_, trial)] = ledger.expected();
        assert_eq!(
            per_key,
            Expected {
                passed: 2,
                refused: 1
            }
        );
        assert_eq!(
            anonymous,
            Expected {
                passed: 0,
                refused: 0
            }
        );
        assert_eq!(
            trial,
            Expected {
                passed: 1,
                refused: 0
            }
        );
    }

    #[test]
    fn answers_that_do_not_say_what_they_should_are_told_apart() {
        let mut ledger = Ledger::default();
        ledger.add(Group::Keyed, answer(429, Some(1), &[PER_KEY]));
        ledger.add(Group::Keyed, answer(429, Some(1), &[ANONYMOUS]));
        ledger.add(Group::Keyed, answer(429, Some(0), &[PER_KEY]));
        ledger.add(Group::Keyed, answer(503, Some(1), &[PER_KEY]));
        ledger.add(Group::Anonymous, answer(200, None, &[]));
        ledger.add(Group::Anonymous, None);
        let said = Said {
            admitted: 1,
            admitted_silent: 1,
            refused: 4,
            refused_other: 2,
            refused_silent: 1,
        };
        assert_eq!((ledger.said, ledger.lost), (said, 1));
    }
}
