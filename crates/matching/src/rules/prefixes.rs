//! Which configured prefixes a path has: longest-prefix matching by search over prefix lengths.
//!
//! After Waldvogel, Varghese, Turner, Plattner, "Scalable High Speed IP Routing Lookups" (SIGCOMM 1997; the search
//! here is their "rope" search), on bytes instead of bits. A search step tries one length: whether the beginning of
//! the path of that length is a key. Keys are the beginnings, at that length, of all prefixes that are as long or
//! longer. After a hit only the longer prefixes that start with the key are left, in steps of their own; after a
//! miss only the shorter ones. Each key knows the longest configured prefix that it starts with, so that a key that
//! leads nowhere costs a step, not a way back. From the longest prefix found, links lead to the shorter ones.
//!
//! Cost: a step where all prefixes have one length, two or three in a mixed list, and the logarithm of their number
//! (to the base 4/3) at the very worst; a step is 10 to 20 ns, in Wasm too. A trie takes a step a branch and
//! scatters its nodes in memory. Memory: as many keys as steps, a prefix.

use super::literals::Literals;
use super::small;

/// No prefix, no length.
const NONE: u32 = u32::MAX;

/// The configured prefixes, numbered in the order given.
#[derive(Debug)]
pub(crate) struct Prefixes {
    root: u32,
    steps: Vec<Step>,
    keys: Literals,
    /// By the number of the key.
    facts: Vec<Fact>,
    /// By the number of the prefix: the next shorter one that it starts with.
    shorter: Vec<u32>,
}

/// A length to try.
#[derive(Clone, Copy, Debug)]
struct Step {
    bytes: u32,
    /// The step after a miss.
    shorter: u32,
}

/// What a hit tells.
#[derive(Clone, Copy, Debug)]
struct Fact {
    /// The longest configured prefix that the key starts with, perhaps the key itself.
    best: u32,
    /// The step among the longer prefixes that start with the key.
    longer: u32,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self::build(&Literals::default())
    }
}

impl Prefixes {
    /// Arranges prefixes; each keeps its number.
    #[inline(never)]
    pub(crate) fn build(prefixes: &Literals) -> Self {
        let all: Vec<u32> = (0..small(prefixes.len())).collect();
        let mut built = Self {
            root: NONE,
            steps: Vec::new(),
            keys: Literals::default(),
            facts: Vec::new(),
            shorter: Vec::new(),
        };
        built.root = built.arrange(prefixes, &all);
        let weights = weights(prefixes, &all);
        for key in 0..built.facts.len() {
            let text = built.keys.key(small(key));
            let best = longest(prefixes, &weights, text, text.len());
            if let Some(fact) = built.facts.get_mut(key) {
                fact.best = best;
            }
        }
        for number in all {
            let text = prefixes.key(number);
            let next = text
                .len()
                .checked_sub(1)
                .map_or(NONE, |most| longest(prefixes, &weights, text, most));
            built.shorter.push(next);
        }
        built
    }

    /// Makes the steps that find a group of prefixes, and says which is the first.
    ///
    /// The group is cut at a length with a quarter of it below: a hit mostly leaves few that start with the same
    /// key, a miss leaves the quarter. The recursion is as deep as the search takes steps: each leaves at most
    /// three quarters.
    #[inline(never)]
    fn arrange(&mut self, prefixes: &Literals, group: &[u32]) -> u32 {
        let quarter = (group.len() as u64).wrapping_shr(2);
        let mut upto = 0_u64;
        let cut = weights(prefixes, group).into_iter().find(|(_, weight)| {
            upto = upto.saturating_add(u64::from(*weight));
            upto > quarter
        });
        let Some((bytes, _)) = cut else { return NONE };
        let first = self.facts.len();
        let mut below = Vec::new();
        let mut longer: Vec<Vec<u32>> = Vec::new();
        for number in group {
            let prefix = prefixes.key(*number);
            let Some(text) = prefix.get(..bytes as usize) else {
                below.push(*number);
                continue;
            };
            // All that start with a key are in one group, so a key that is there already is one of this group's.
            let key = self.keys.insert(text) as usize;
            if key == self.facts.len() {
                self.facts.push(Fact {
                    best: NONE,
                    longer: NONE,
                });
                longer.push(Vec::new());
            }
            if prefix.len() > text.len()
                && let Some(longer) = longer.get_mut(key.saturating_sub(first))
            {
                longer.push(*number);
            }
        }
        let shorter = self.arrange(prefixes, &below);
        for (key, group) in (first..).zip(longer) {
            let step = self.arrange(prefixes, &group);
            if let Some(fact) = self.facts.get_mut(key) {
                fact.longer = step;
            }
        }
        self.steps.push(Step { bytes, shorter });
        small(self.steps.len().saturating_sub(1))
    }

    /// Calls `visit` with the number of each prefix of a path, the longest first.
    #[inline]
    pub(crate) fn visit(&self, path: &[u8], visit: &mut impl FnMut(u32)) {
        let mut best = NONE;
        let mut next = self.root;
        while let Some(step) = self.steps.get(next as usize) {
            let key = path
                .get(..step.bytes as usize)
                .and_then(|text| self.keys.get(text));
            next = match key.and_then(|key| self.facts.get(key as usize)) {
                Some(fact) => {
                    best = fact.best;
                    fact.longer
                }
                None => step.shorter,
            };
        }
        while best != NONE {
            visit(best);
            best = self.shorter.get(best as usize).copied().unwrap_or(NONE);
        }
    }
}

/// How many prefixes of a group have each length, ascending.
fn weights(prefixes: &Literals, group: &[u32]) -> Vec<(u32, u32)> {
    let mut weights: Vec<(u32, u32)> = Vec::new();
    for number in group {
        let bytes = small(prefixes.key(*number).len());
        match weights.binary_search_by_key(&bytes, |(bytes, _)| *bytes) {
            Ok(place) => {
                if let Some((_, weight)) = weights.get_mut(place) {
                    *weight = weight.saturating_add(1);
                }
            }
            Err(place) => weights.insert(place, (bytes, 1)),
        }
    }
    weights
}

/// The longest prefix of a text that has at most so many bytes.
fn longest(prefixes: &Literals, weights: &[(u32, u32)], text: &[u8], most: usize) -> u32 {
    let lengths = weights
        .iter()
        .rev()
        .map(|(bytes, _)| *bytes as usize)
        .filter(|bytes| *bytes <= most);
    let mut found = lengths.filter_map(|bytes| text.get(..bytes).and_then(|prefix| prefixes.get(prefix)));
    found.next().unwrap_or(NONE)
}
