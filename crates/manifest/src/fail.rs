//! What each way to fail means, in a line: as measured on Envoy 1.40 and Istio 1.31.

use crate::options::FailStrategy;

/// When a module traps.
pub(crate) const fn on_trap(strategy: FailStrategy) -> &'static str {
    match strategy {
        FailStrategy::Reload => {
            "A module that traps is loaded anew: its requests get 503 for about a second."
        }
        FailStrategy::Close => {
            "A module that traps answers 503 until its config changes or the proxy starts anew."
        }
        FailStrategy::Open => "A module that traps is skipped for good, with every plugin of the same image.",
    }
}

/// When an Istio agent cannot have the image.
pub(crate) const fn on_missing_image(strategy: FailStrategy) -> &'static str {
    match strategy {
        FailStrategy::Reload | FailStrategy::Close => "An image that cannot be had: every request gets 403.",
        FailStrategy::Open => "An image that cannot be had: requests pass without the filter.",
    }
}
