//! The metrics of the filter: what can be counted under the config, and no more.

use fairlead_config::canary as config;
use fairlead_rollout::guard::Bound;
use fairlead_rollout::{Choice, Reason};
use fairlead_stage::{MetricId, Needs};

/// The declared metrics.
pub(crate) struct Metrics {
    /// The variants in order, then the default one.
    variants: Vec<OfVariant>,
    /// What a rule in shadow would have given, by variant, as above. Empty where there is none.
    shadow_rules: Vec<MetricId>,
    pub(crate) cookies_issued: MetricId,
    pub(crate) cookies_cleared: MetricId,
    pub(crate) cookies_rejected: MetricId,
    pub(crate) routing_headers_removed: MetricId,
    pub(crate) baggage_full: MetricId,
    pub(crate) trace_stored: MetricId,
    pub(crate) trace_evicted: MetricId,
    pub(crate) trace_hit: MetricId,
    pub(crate) trace_miss: MetricId,
}

/// The metrics of one variant.
pub(crate) struct OfVariant {
    /// By [`Reason`].
    exposures: [MetricId; Reason::ALL.len()],
    pub(crate) weight: MetricId,
    pub(crate) guard: Option<OfGuard>,
}

/// What a guard counts of one variant.
pub(crate) struct OfGuard {
    pub(crate) succeeded: MetricId,
    pub(crate) failed: MetricId,
    /// `None` for the default variant, which is not judged.
    pub(crate) judged: Option<Judged>,
}

/// What becomes of a variant that is judged.
pub(crate) struct Judged {
    pub(crate) state: MetricId,
    error_rate_trips: MetricId,
    latency_trips: MetricId,
}

impl Judged {
    pub(crate) fn trips(&self, bound: Bound) -> MetricId {
        match bound {
            Bound::ErrorRate => self.error_rate_trips,
            Bound::Latency => self.latency_trips,
        }
    }
}

impl Metrics {
    #[inline(never)]
    pub(crate) fn declare(config: &config::Canary, enforced: bool, needs: &mut Needs) -> Self {
        let guarded = enforced && config.guard.is_some();
        let names: Vec<&str> = names(config).collect();
        let shadow_rule = |rule: &config::Rule| enforced && rule.mode == fairlead_config::Mode::Shadow;
        let shadow_rules = if config.rules.iter().any(shadow_rule) {
            names
                .iter()
                .map(|name| needs.counter("exposures_total", Some(name), Some(Reason::Rule.would())))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            variants: names
                .iter()
                .zip(1..)
                .map(|(name, count)| OfVariant::declare(name, enforced, guarded, count < names.len(), needs))
                .collect(),
            shadow_rules,
            cookies_issued: needs.counter("cookies_total", None, Some("issued")),
            cookies_cleared: needs.counter("cookies_total", None, Some("cleared")),
            cookies_rejected: needs.counter("cookies_total", None, Some("rejected")),
            routing_headers_removed: needs.counter("routing_headers_removed_total", None, None),
            baggage_full: needs.counter("baggage_total", None, Some("full")),
            trace_stored: needs.counter("trace_total", None, Some("stored")),
            trace_evicted: needs.counter("trace_total", None, Some("evicted")),
            trace_hit: needs.counter("trace_total", None, Some("hit")),
            trace_miss: needs.counter("trace_total", None, Some("miss")),
        }
    }

    /// The counter of requests that got a variant for a reason.
    pub(crate) fn exposure(&self, choice: Choice, reason: Reason) -> Option<MetricId> {
        self.of(choice)?.exposures.get(reason as usize).copied()
    }

    /// The counter of requests that a rule in shadow would have given a variant.
    pub(crate) fn shadow_rule(&self, choice: Choice) -> Option<MetricId> {
        self.shadow_rules.get(self.position(choice)).copied()
    }

    pub(crate) fn of(&self, choice: Choice) -> Option<&OfVariant> {
        self.variants.get(self.position(choice))
    }

    fn position(&self, choice: Choice) -> usize {
        match choice {
            Choice::Variant(index) => index,
            Choice::Default => self.variants.len().saturating_sub(1),
        }
    }
}

/// The names of the variants in order, then that of the default one.
fn names(config: &config::Canary) -> impl Iterator<Item = &str> {
    config
        .variants
        .iter()
        .map(|variant| variant.name.as_str())
        .chain([config.default.name.as_str()])
}

impl OfVariant {
    #[inline(never)]
    fn declare(name: &str, enforced: bool, guarded: bool, is_judged: bool, needs: &mut Needs) -> Self {
        let name = Some(name);
        let exposures = Reason::ALL.map(|reason| {
            let outcome = if enforced { reason.name() } else { reason.would() };
            needs.counter("exposures_total", name, Some(outcome))
        });
        let weight = needs.gauge("weight_ppm", name);
        let guard = guarded.then(|| OfGuard {
            succeeded: needs.counter("outcomes_total", name, Some("success")),
            failed: needs.counter("outcomes_total", name, Some("failure")),
            judged: is_judged.then(|| Judged {
                state: needs.gauge("guard_state", name),
                error_rate_trips: needs.counter("guard_trips_total", name, Some("error_rate")),
                latency_trips: needs.counter("guard_trips_total", name, Some("latency")),
            }),
        });
        Self {
            exposures,
            weight,
            guard,
        }
    }
}
