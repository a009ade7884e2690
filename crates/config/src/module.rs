//! What is built as one Wasm module: each filter by itself, and the suite of all of them.

use crate::Filter;

/// A module that a proxy can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Module {
    /// One filter.
    Filter(Filter),
    /// All filters, in one context: [`crate::suite`].
    Suite,
}

impl Module {
    /// Every module.
    pub const ALL: [Self; 5] = [
        Self::Filter(Filter::LatencyHistogram),
        Self::Filter(Filter::RateLimit),
        Self::Filter(Filter::Canary),
        Self::Filter(Filter::CircuitBreaker),
        Self::Suite,
    ];

    /// The name of its files and images, and the one that Istio's `pluginName` gives: `rate-limit`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Filter(filter) => filter.file_name(),
            Self::Suite => "suite",
        }
    }

    /// The module of that name, as files and images write it or as metrics do.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let is = |module: &Self| match module {
            Self::Filter(filter) => name == filter.file_name() || name == filter.name(),
            Self::Suite => name == module.file_name(),
        };
        Self::ALL.into_iter().find(is)
    }
}

impl From<Filter> for Module {
    fn from(filter: Filter) -> Self {
        Self::Filter(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_has_a_module_and_all_have_one_together() {
        let mut expected: Vec<Module> = Filter::ALL.into_iter().map(Module::from).collect();
        expected.push(Module::Suite);
        assert_eq!(Module::ALL.to_vec(), expected);
    }

    #[test]
    fn a_module_is_found_by_either_name() {
        for module in Module::ALL {
            assert_eq!(Module::named(module.file_name()), Some(module));
        }
        assert_eq!(
            Module::named("rate_limit"),
            Some(Module::Filter(Filter::RateLimit))
        );
        assert_eq!(Module::named("waf"), None);
        assert_eq!(Module::named(""), None);
    }
}
