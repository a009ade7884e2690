//! What a checked config of the rate-limit filter takes for granted, and where it can be got around.

#[cfg(test)]
mod tests;

use super::{Limit, OverrideQuota, RateLimit, Scope};
use crate::warning::Warnings;
use crate::{Mode, OnInvalidConfig, Warning};
use fairlead_matching::KeySource;
use fairlead_quota::{OnOverflow, Table};

/// Advice on a config, in the order of its fields.
#[must_use]
pub fn warnings(config: &RateLimit) -> Vec<Warning> {
    let mut out = Warnings::default();
    match config.mode {
        Mode::Enforce => {}
        Mode::Shadow => out.info(
            "mode",
            "limits are counted and not enforced; write enforce to refuse requests",
        ),
        Mode::Off => out.info("mode", "the filter does nothing"),
    }
    if config.limits.is_empty() {
        out.warn("limits", "there are none, so the filter does nothing");
    }
    for (index, limit) in config.limits.iter().enumerate() {
        let path = format!("limits[{index}]");
        out.limit(&path, limit);
        out.siblings(&path, index, limit, config);
    }
    if config.deny.status == 503 {
        out.warn(
            "deny.status",
            "proxies and clients retry a 503 by default, so that refused requests come back at once; write 429",
        );
    }
    if config.on_invalid_config == OnInvalidConfig::Pass {
        out.info(
            "on_invalid_config",
            "a proxy that starts with a config that cannot be used limits nothing",
        );
    }
    out.0
}

impl Warnings {
    /// What a limit says by itself.
    fn limit(&mut self, path: &str, limit: &Limit) {
        match limit.mode {
            Mode::Enforce => {}
            Mode::Shadow => self.info(format!("{path}.mode"), "this limit is counted and not enforced"),
            Mode::Off => self.info(format!("{path}.mode"), "this limit does nothing"),
        }
        self.matches(path, &limit.matches);
        self.key(path, limit);
        if limit.scope == Scope::Worker {
            self.info(
                format!("{path}.scope"),
                "each worker counts for itself, so a client gets up to the number of workers times the rate",
            );
        }
    }

    fn key(&mut self, path: &str, limit: &Limit) {
        let Some(parts) = &limit.key else { return };
        for (index, part) in parts.iter().enumerate() {
            let path = format!("{path}.key[{index}]");
            self.part(&path, part, parts.get(..index).unwrap_or_default(), "counts");
            if part.source == KeySource::Path {
                self.info(
                    format!("{path}.path"),
                    "each path is a key, also each that does not exist; a template has a key for each value of its variables",
                );
            }
        }
        match limit.on_overflow {
            OnOverflow::Shared => {}
            OnOverflow::Deny => self.info(
                format!("{path}.on_overflow"),
                "while all buckets are taken, every new client is refused; a flood of new keys is enough for that",
            ),
            OnOverflow::Fresh => self.warn(
                format!("{path}.on_overflow"),
                "a flood of new keys empties the buckets of all others, so that this limit no longer limits; write shared",
            ),
        }
        let table = Table::new(limit.max_keys, limit.on_overflow, &[limit.quota]);
        let kib = u64::from(table.sets())
            .saturating_mul(u64::from(table.cell_bytes()))
            .div_ceil(1024);
        let holder = if limit.scope == Scope::Worker {
            " in each worker"
        } else {
            ""
        };
        self.info(
            format!("{path}.max_keys"),
            format!("takes up to {kib} KiB of memory{holder}"),
        );
        if rotating(limit).is_some() {
            for (index, one) in limit.overrides.iter().enumerate() {
                if matches!(one.quota, OverrideQuota::Unlimited) {
                    self.warn(
                        format!("{path}.overrides[{index}].unlimited"),
                        "whoever sends this value is never limited; make sure that it is a secret, or that it is checked before",
                    );
                }
            }
        }
    }

    /// What a limit says in the company of the others.
    fn siblings(&mut self, path: &str, index: usize, limit: &Limit, config: &RateLimit) {
        if config.effective(limit) != Mode::Enforce {
            return;
        }
        let covering: Vec<(usize, &Limit)> = config
            .limits
            .iter()
            .enumerate()
            .filter(|(other_index, other)| *other_index != index && config.effective(other) == Mode::Enforce)
            .filter(|(_, other)| other.matches.is_empty() || other.matches == limit.matches)
            .collect();
        if let Some(part) = rotating(limit)
            && covering.iter().all(|(_, other)| rotating(other).is_some())
        {
            self.warn(
                format!("{path}.key[{part}]"),
                "clients choose this value, and with a new one for each request they are never limited; add a limit for the same requests without a key, or by client_ip",
            );
        }
        let as_strict = |other_index: usize, other: &Limit| {
            // Of two that are equal, only the later one is superfluous.
            let equal = other.quota == limit.quota && other.matches == limit.matches;
            other.key == limit.key
                && other.overrides.is_empty()
                && other.quota.interval() >= limit.quota.interval()
                && other.quota.burst() <= limit.quota.burst()
                && (!equal || other_index < index)
        };
        if limit.overrides.is_empty()
            && let Some((_, other)) = covering
                .iter()
                .find(|(other_index, other)| as_strict(*other_index, other))
        {
            self.warn(
                path,
                format!(
                    "never decides: the limit {} is as strict for the same requests and key",
                    other.name
                ),
            );
        }
    }
}

/// The first part of a key that a client can choose anew for each request, if nothing in the key ties the client down.
fn rotating(limit: &Limit) -> Option<usize> {
    limit.key.as_ref()?.iter().position(|part| {
        matches!(
            part.source,
            KeySource::Header(_)
                | KeySource::Cookie(_)
                | KeySource::Query(_)
                | KeySource::Path
                | KeySource::Baggage(_)
                | KeySource::TraceId
        )
    })
}
