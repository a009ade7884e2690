//! Where in Istio's chain each of several plugins stands, so that requests meet the filters in the policy's order.
//!
//! Istio sorts by phase, then by falling priority. Each filter is put into the phase in which it is of most use, unless one
//! before it in the policy is in a later phase already; within a phase priorities fall.

use crate::options::{Options, PhaseWord, Word};
use crate::problem::Report;
use fairlead_config::istio::Phase;
use fairlead_config::{Filter, Module};

/// Priority of the last plugin of a chain. Without one Istio would sort it behind all others, and not as 0.
const LAST: i64 = 10;
/// From one plugin to the next, with room for others.
const STEP: i64 = 10;

/// A place in Istio's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    pub(crate) priority: i32,
}

impl Link {
    /// The word of Istio's API; `None` where that is to say nothing.
    pub(crate) fn phase_word(self) -> Option<&'static str> {
        let words = PhaseWord::ALL
            .iter()
            .filter(|word| **word != PhaseWord::Unspecified);
        words
            .copied()
            .find(|word| Phase::from(*word) == self.phase)
            .map(PhaseWord::word)
    }
}

/// The phase in which a module is of most use.
const fn usual(module: Module) -> Phase {
    match module {
        // What Istio refuses behind it is measured, too.
        Module::Filter(Filter::LatencyHistogram) => Phase::Authn,
        // Behind authentication, as a token's claim may be a key; before authorisation, which costs more than a refusal.
        Module::Filter(Filter::RateLimit) => Phase::Authz,
        // Behind authorisation: who was turned away was not exposed, and must not hold a probe.
        _ => Phase::Stats,
    }
}

/// The place of each plugin, in the order of requests. The modules are those of whom a plugin is about.
pub(crate) fn links(modules: &[Module], options: &Options, report: &mut Report) -> Vec<Link> {
    let last = options.priority.unwrap_or(LAST);
    let mut reached = Phase::Authn;
    let mut links = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        reached = match options.phase {
            Some(asked) => asked.into(),
            None => reached.max(usual(*module)),
        };
        let behind = i64::try_from(modules.len().saturating_sub(index).saturating_sub(1)).unwrap_or(i64::MAX);
        let priority = last.saturating_add(STEP.saturating_mul(behind));
        let Ok(priority) = i32::try_from(priority) else {
            report.refuse(
                "--priority",
                format!("{last} makes a priority of {priority}, and Istio takes 32 bits: write a number from -2147483648 to 2147483600"),
            );
            return Vec::new();
        };
        links.push(Link {
            phase: reached,
            priority,
        });
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Target;
    use std::cmp::Reverse;

    fn placed(order: &[Filter], options: &Options) -> Vec<(Phase, i32)> {
        let modules: Vec<Module> = order.iter().map(|filter| (*filter).into()).collect();
        let links = links(&modules, options, &mut Report::default());
        links.iter().map(|link| (link.phase, link.priority)).collect()
    }

    /// Every order of four.
    fn orders() -> Vec<Vec<Filter>> {
        let mut orders = vec![Vec::new()];
        for _ in 0..Filter::ALL.len() {
            orders = (orders.into_iter())
                .flat_map(|order: Vec<Filter>| {
                    let rest = Filter::ALL
                        .into_iter()
                        .filter(|filter| !order.contains(filter))
                        .collect::<Vec<_>>();
                    rest.into_iter()
                        .map(move |next| [order.clone(), vec![next]].concat())
                })
                .collect();
        }
        orders
    }

    #[test]
    fn istio_chains_any_order_as_the_policy_has_it() {
        let mut with_phase = Options::new(Target::Istio);
        with_phase.phase = Some(PhaseWord::Authz);
        with_phase.priority = Some(-5);
        for options in [Options::new(Target::Istio), with_phase] {
            assert_eq!(orders().len(), 24);
            for order in orders() {
                let places = placed(&order, &options);
                let sorted = places
                    .windows(2)
                    .all(|pair| (pair[0].0, Reverse(pair[0].1)) < (pair[1].0, Reverse(pair[1].1)));
                assert!(sorted, "{order:?}: {places:?}");
            }
        }
    }

    #[test]
    fn each_filter_stands_as_early_as_it_is_of_use() {
        let places = placed(&Filter::ALL, &Options::new(Target::Istio));
        assert_eq!(
            places,
            [
                (Phase::Authn, 40),
                (Phase::Authz, 30),
                (Phase::Stats, 20),
                (Phase::Stats, 10)
            ]
        );
        let suite = links(
            &[Module::Suite],
            &Options::new(Target::Istio),
            &mut Report::default(),
        );
        assert_eq!(
            suite,
            [Link {
                phase: Phase::Stats,
                priority: 10
            }]
        );
    }

    #[test]
    fn a_priority_beyond_32_bits_is_refused() {
        let mut options = Options::new(Target::Istio);
        options.priority = Some(i64::from(i32::MAX));
        let mut report = Report::default();
        assert!(links(&Filter::ALL.map(Module::from), &options, &mut report).is_empty());
        assert_eq!(report.problems.len(), 1);
        assert_eq!(links(&[Module::Suite], &options, &mut Report::default()).len(), 1);
    }
}
