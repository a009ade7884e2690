//! Which rules of a list a request matches.
//!
//! A rule is a list of entries of which one must match, an entry is a list of conditions that must all hold. Most
//! entries name a host or a path, and these are told apart without looking at each: every entry that names one is
//! filed under it, in hash tables for hosts, domains and exact paths and a longest-prefix table for path prefixes
//! (a template's literal head, a gRPC service and its methods are such, too). An entry with both is filed under the
//! rarer of the two. A request looks its own host and path up and then checks what is left of the entries found
//! there, and of those that name neither. So 1,000 rules of distinct hosts or paths cost about what one costs;
//! rules that differ in headers, cookies, parameters, regexes or addresses only cost a check each.
//!
//! What this does not do: rank rules. It finds all that match, in the order in which they were written.

mod condition;
mod hosts;
mod index;
mod literals;
mod prefixes;

use crate::{MatchSpec, Request};
use condition::Condition;
use fairlead_stage::{HeaderMap, Needs, View};
use index::{Anchor, Index};
use std::ops::{ControlFlow, Range};

/// A compiled list of rules.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: u32,
    entries: Vec<Entry>,
    conditions: Vec<Condition>,
    index: Index,
    reads_host: bool,
    reads_path: bool,
}

/// One entry of a rule under one of its anchors.
#[derive(Clone, Copy, Debug)]
struct Entry {
    rule: u32,
    /// First of its conditions, and one past the last.
    conditions: (u32, u32),
}

impl RuleSet {
    /// Compiles rules, each a list of entries, and declares the headers and attributes that they read. A rule without
    /// entries matches every request.
    #[must_use]
    #[inline(never)]
    pub fn compile(rules: &[Vec<MatchSpec>], needs: &mut Needs) -> Self {
        let everything = [MatchSpec::default()];
        let specs: Vec<(u32, &MatchSpec)> = (0_u32..)
            .zip(rules)
            .flat_map(|(rule, specs)| {
                let specs = if specs.is_empty() { &everything[..] } else { specs };
                specs.iter().map(move |spec| (rule, spec))
            })
            .collect();
        let anchors = index::anchors(specs.iter().map(|(_, spec)| *spec));
        let mut set = Self {
            rules: small(rules.len()),
            ..Self::default()
        };
        let mut drafts = Vec::with_capacity(specs.len());
        for ((rule, spec), anchor) in specs.into_iter().zip(anchors) {
            let first = small(set.conditions.len());
            match anchor {
                Anchor::Hosts(_) => set.reads_host = true,
                Anchor::Paths(_) | Anchor::Prefix(_) => set.reads_path = true,
                Anchor::None => {}
            }
            condition::compile(spec, &anchor, needs, &mut set.conditions);
            drafts.push((
                Entry {
                    rule,
                    conditions: (first, small(set.conditions.len())),
                },
                anchor,
            ));
        }
        if set.reads_host {
            needs.header(HeaderMap::Request, ":authority");
        }
        if set.reads_path {
            needs.header(HeaderMap::Request, ":path");
        }
        set.index = Index::build(&drafts, &mut set.entries);
        set
    }

    /// How many rules there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.rules
    }

    /// Whether there are no rules, so that none can match.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rules == 0
    }

    /// Replaces `found` by the positions of all rules that match, ascending. Allocates only to let `found` grow.
    #[inline(never)]
    pub fn matching<'v, V: View>(&'v self, request: &Request<'v, V>, found: &mut Vec<u32>) {
        found.clear();
        self.candidates(request, &mut |entries| {
            for entry in entries {
                // Within one list rules ascend, and mostly one list is all there is: the new one is the last.
                match found.last() {
                    Some(last) if *last == entry.rule => {}
                    Some(last) if *last > entry.rule => {
                        if let Err(place) = found.binary_search(&entry.rule)
                            && self.holds(entry, request)
                        {
                            found.insert(place, entry.rule);
                        }
                    }
                    _ if self.holds(entry, request) => found.push(entry.rule),
                    _ => {}
                }
            }
        });
    }

    /// Calls `visit` with the positions of the rules that match, ascending, until it breaks.
    ///
    /// Where nothing is filed under a host or a path, rules are looked at one by one, and those behind the last visit not at
    /// all; nothing is allocated then.
    #[inline]
    pub fn each<'v, V: View>(
        &'v self,
        request: &Request<'v, V>,
        visit: &mut impl FnMut(u32) -> ControlFlow<()>,
    ) {
        if self.reads_host || self.reads_path {
            let mut found = Vec::new();
            self.matching(request, &mut found);
            let _ = found.into_iter().try_for_each(visit);
            return;
        }
        let mut last = None;
        for entry in &self.entries {
            if last != Some(entry.rule) && self.holds(entry, request) {
                last = Some(entry.rule);
                if visit(entry.rule).is_break() {
                    return;
                }
            }
        }
    }

    /// The position of the first rule that matches.
    pub fn first<'v, V: View>(&'v self, request: &Request<'v, V>) -> Option<u32> {
        let mut first = None;
        self.candidates(request, &mut |entries| {
            for entry in entries {
                if first.is_some_and(|first| first <= entry.rule) {
                    break;
                }
                if self.holds(entry, request) {
                    first = Some(entry.rule);
                    break;
                }
            }
        });
        first
    }

    /// Whether any rule matches.
    pub fn any<'v, V: View>(&'v self, request: &Request<'v, V>) -> bool {
        self.first(request).is_some()
    }

    /// Calls `visit` with the lists of entries whose anchor the request has.
    fn candidates<'v, V: View>(&'v self, request: &Request<'v, V>, visit: &mut dyn FnMut(&'v [Entry])) {
        let mut list = |range: Range<u32>| {
            if let Some(entries) = self.entries.get(range.start as usize..range.end as usize)
                && !entries.is_empty()
            {
                visit(entries);
            }
        };
        list(self.index.rest());
        if self.reads_host
            && let Some(host) = request.host()
        {
            self.index.under_host(host, &mut list);
        }
        if self.reads_path
            && let Some(path) = request.path()
        {
            self.index.under_path(path, &mut list);
        }
    }

    fn holds<'v, V: View>(&'v self, entry: &Entry, request: &Request<'v, V>) -> bool {
        work::count(1);
        let (first, end) = entry.conditions;
        let conditions = self
            .conditions
            .get(first as usize..end as usize)
            .unwrap_or_default();
        conditions.iter().all(|condition| condition.holds(request))
    }
}

/// A position in a table that a config has filled: below 2^32 in any memory that a proxy has.
fn small(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Counts the steps of a look-up, in tests only: what wall time shows only through noise.
mod work {
    #[cfg(test)]
    thread_local!(static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });

    #[cfg(not(test))]
    pub(super) const fn count(_steps: usize) {}

    #[cfg(test)]
    pub(super) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps as u64);
    }

    /// The steps that `run` takes.
    #[cfg(test)]
    pub(super) fn of(run: impl FnOnce()) -> u64 {
        let before = STEPS.get();
        run();
        STEPS.get() - before
    }
}

#[cfg(test)]
mod tests;
