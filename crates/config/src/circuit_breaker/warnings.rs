//! What a checked config of the circuit-breaker filter takes for granted, and where it does not do what it seems to.

#[cfg(test)]
mod tests;
mod tripping;

use super::{Breaker, CircuitBreaker, Fallback, Force, Per};
use crate::warning::Warnings;
use crate::{Mode, OnInvalidConfig, Warning};
use fairlead_breaker::{Bulkhead, Bulkheads, Counted, Table};
use fairlead_matching::{KeyPartSpec, KeySource};

/// Advice on a config, in the order of its fields.
#[must_use]
pub fn warnings(config: &CircuitBreaker) -> Vec<Warning> {
    let mut out = Warnings::default();
    match config.mode {
        Mode::Enforce => {}
        Mode::Shadow => out.info(
            "mode",
            "breakers open and close, and no request is refused; write enforce to refuse by them",
        ),
        Mode::Off => out.info("mode", "the filter does nothing"),
    }
    for (index, breaker) in config.breakers.iter().enumerate() {
        out.breaker(&format!("breakers[{index}]"), breaker);
    }
    if config.on_invalid_config == OnInvalidConfig::Pass {
        out.info(
            "on_invalid_config",
            "a proxy that starts with a config that cannot be used breaks no circuit",
        );
    }
    out.0
}

impl Warnings {
    fn breaker(&mut self, path: &str, breaker: &Breaker) {
        match breaker.mode {
            Mode::Enforce => {}
            Mode::Shadow => self.info(
                format!("{path}.mode"),
                "this breaker opens and closes, and refuses nothing",
            ),
            Mode::Off => self.info(format!("{path}.mode"), "this breaker does nothing"),
        }
        self.matches(path, &breaker.matches);
        self.per(path, breaker);
        self.memory(path, breaker);
        if let Some(throttle) = &breaker.throttle {
            self.throttle(path, breaker, throttle);
        } else {
            self.tripping(path, breaker);
        }
        self.fallback(path, breaker);
        let force = match breaker.force {
            None => return,
            Some(Force::Open) => {
                "refuses every request, whatever the calls say; leave it out to let them decide"
            }
            Some(Force::Closed) => "refuses nothing, whatever the calls say; leave it out to let them decide",
        };
        self.warn(format!("{path}.force"), force);
    }

    /// Keys: who chooses them, and what they cost.
    fn per(&mut self, path: &str, breaker: &Breaker) {
        match &breaker.per {
            Per::Rule | Per::Cluster | Per::Route => {}
            Per::Host => {
                let matches = &breaker.matches;
                if matches.is_empty() || matches.iter().any(|entry| entry.hosts.is_empty()) {
                    self.info(
                        format!("{path}.per"),
                        "where routes take any host, clients choose this value, and each new one is a key; name the hosts in match, or write cluster",
                    );
                }
            }
            Per::Key(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let path = format!("{path}.per.key[{index}]");
                    self.part(&path, part, parts.get(..index).unwrap_or_default(), "counts");
                    if is_free(part) {
                        self.warn(
                            path,
                            "clients choose this value, and with many new ones they take all max_keys, so that other keys are not protected",
                        );
                    }
                }
            }
        }
    }

    fn memory(&mut self, path: &str, breaker: &Breaker) {
        if breaker.per == Per::Rule {
            return;
        }
        let rules = fairlead_breaker::Breaker::new(breaker.policy, Counted::Inside);
        let table = Table::keyed(rules, breaker.max_keys);
        let mut bytes = u64::from(table.sets()).saturating_mul(u64::from(table.cell_bytes()));
        if let Some(max) = breaker.max_in_flight {
            let ledger = Bulkheads::keyed(Bulkhead { max }, breaker.max_keys);
            let more = u64::from(ledger.sets()).saturating_mul(u64::from(ledger.cell_bytes()));
            bytes = bytes.saturating_add(more);
        }
        self.info(
            format!("{path}.max_keys"),
            format!("takes up to {} KiB of memory", bytes.div_ceil(1024)),
        );
    }

    fn fallback(&mut self, path: &str, breaker: &Breaker) {
        let Fallback { stale, reroute, .. } = &breaker.fallback;
        let path = format!("{path}.fallback");
        if let Some(stale) = stale {
            let methods = breaker.matches.iter().flat_map(|entry| &entry.methods);
            if let Some(other) = methods.into_iter().find(|method| *method != "GET") {
                self.warn(
                    format!("{path}.stale"),
                    format!("keeps responses to GET only; a {other} that is refused gets the reply"),
                );
            }
            self.info(
                format!("{path}.stale"),
                "answers no request that has a cookie, an authorization or a body; such a request gets the reply",
            );
            let bytes = u64::from(stale.max_body_bytes).saturating_mul(u64::from(stale.max_entries.get()));
            self.info(
                format!("{path}.stale.max_entries"),
                format!("bodies take up to {} KiB of memory", bytes.div_ceil(1024)),
            );
        }
        if let Some(reroute) = reroute {
            self.info(
                format!("{path}.reroute"),
                format!(
                    "a route has to match {}: {}; what clients send under this name is taken off",
                    reroute.header, reroute.value
                ),
            );
        }
    }
}

/// Whether a client can choose this part of a key anew for each request.
fn is_free(part: &KeyPartSpec) -> bool {
    matches!(
        part.source,
        KeySource::Header(_)
            | KeySource::Cookie(_)
            | KeySource::Query(_)
            | KeySource::Path
            | KeySource::Baggage(_)
            | KeySource::TraceId
    )
}
