//! The filters, by the names that they have in metrics, log lines and policies, and what all of their configs have.

mod mode;
mod on_invalid_config;

pub use mode::Mode;
pub(crate) use on_invalid_config::says_pass;
pub use on_invalid_config::{OnInvalidConfig, pass_at_first_load};

/// A filter that has a pluginConfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Filter {
    /// Latency histograms.
    LatencyHistogram,
    /// Rate limits.
    RateLimit,
    /// Canary releases.
    Canary,
    /// Circuit breakers.
    CircuitBreaker,
}

impl Filter {
    /// Every filter, in the order in which a policy runs them unless it says otherwise.
    pub const ALL: [Self; 4] = [
        Self::LatencyHistogram,
        Self::RateLimit,
        Self::Canary,
        Self::CircuitBreaker,
    ];

    /// The name in metrics, log lines and policies: `rate_limit`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LatencyHistogram => "latency_histogram",
            Self::RateLimit => "rate_limit",
            Self::Canary => "canary",
            Self::CircuitBreaker => "circuit_breaker",
        }
    }

    /// The name in files and images: `rate-limit`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::LatencyHistogram => "latency-histogram",
            Self::RateLimit => "rate-limit",
            Self::Canary => "canary",
            Self::CircuitBreaker => "circuit-breaker",
        }
    }
}

/// The version of the format, the same for all filters.
pub(crate) struct ApiVersion;

words! {
    ApiVersion, "an API version" {
        /// The first and only version.
        "fairlead.dev/v1" => ApiVersion;
    }
}
