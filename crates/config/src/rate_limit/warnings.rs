//! What a checked config of the rate-limit filter takes for granted, and where it can be got around.

mod literal;
#[cfg(test)]
mod tests;

use super::{Limit, Mode, OnInvalidConfig, OverrideQuota, RateLimit, Scope};
use crate::{Severity, Warning};
use fairlead_matching::{ClientAddress, KeySource, MatchSpec, PathSpec, TextSpec};
use fairlead_quota::{OnOverflow, Table};

/// Headers in which clients, or proxies that pass on what clients sent, say where a request comes from.
const ADDRESS_HEADERS: [&str; 6] = [
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "true-client-ip",
    "cf-connecting-ip",
    "x-envoy-external-address",
];

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

#[derive(Default)]
struct Warnings(Vec<Warning>);

impl Warnings {
    fn add(&mut self, severity: Severity, path: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Warning {
            severity,
            path: path.into(),
            advice: advice.into(),
        });
    }

    fn info(&mut self, path: impl Into<String>, advice: impl Into<String>) {
        self.add(Severity::Info, path, advice);
    }

    fn warn(&mut self, path: impl Into<String>, advice: impl Into<String>) {
        self.add(Severity::Warning, path, advice);
    }

    /// What a limit says by itself.
    fn limit(&mut self, path: &str, limit: &Limit) {
        match limit.mode {
            Mode::Enforce => {}
            Mode::Shadow => self.info(format!("{path}.mode"), "this limit is counted and not enforced"),
            Mode::Off => self.info(format!("{path}.mode"), "this limit does nothing"),
        }
        for (index, entry) in limit.matches.iter().enumerate() {
            let path = format!("{path}.match[{index}]");
            if limit.matches.iter().take(index).any(|earlier| earlier == entry) {
                self.warn(&path, "an earlier entry is the same; remove one");
            }
            self.entry(&path, entry);
        }
        self.key(path, limit);
        if limit.scope == Scope::Worker {
            self.info(
                format!("{path}.scope"),
                "each worker counts for itself, so a client gets up to the number of workers times the rate",
            );
        }
    }

    fn entry(&mut self, path: &str, entry: &MatchSpec) {
        match &entry.path {
            Some(PathSpec::Prefix(prefix)) if !prefix.ends_with('/') => self.info(
                format!("{path}.path.prefix"),
                format!("{prefix} also matches {prefix}x; write {prefix}/ for whole segments"),
            ),
            Some(PathSpec::Regex(pattern)) => {
                if let Some(plain) = literal::plainer(pattern.as_str()) {
                    self.info(
                        format!("{path}.path.regex"),
                        format!("the same, cheaper: {plain}"),
                    );
                }
            }
            _ => {}
        }
        for (name, condition) in &entry.headers {
            if ADDRESS_HEADERS.contains(&name.as_str()) && *condition != TextSpec::Absent {
                self.warn(
                    format!("{path}.headers.{name}"),
                    "clients can write this header themselves; use client.cidrs with trusted_hops",
                );
            }
        }
        if let Some(client) = &entry.client {
            self.address(format!("{path}.client"), client.address);
        }
        if let Some(not) = &entry.not {
            self.entry(&format!("{path}.not"), not);
        }
    }

    fn address(&mut self, path: String, address: ClientAddress) {
        match address.trusted_hops {
            0 => self.info(
                path,
                "the peer counts as the client; behind a gateway or a load balancer that is the gateway, so set trusted_hops to the number of proxies in front",
            ),
            hops => self.info(
                path,
                format!("a client that reaches this proxy past the {hops} trusted in front can claim any address"),
            ),
        }
    }

    fn key(&mut self, path: &str, limit: &Limit) {
        let Some(parts) = &limit.key else { return };
        for (index, part) in parts.iter().enumerate() {
            let path = format!("{path}.key[{index}]");
            if parts.iter().take(index).any(|earlier| earlier == part) {
                self.warn(&path, "an earlier part is the same; remove one");
            }
            match &part.source {
                KeySource::Header(name) if ADDRESS_HEADERS.contains(&name.as_str()) => self.warn(
                    format!("{path}.header"),
                    "this counts by whatever clients write in that header; use client_ip with trusted_hops",
                ),
                KeySource::JwtClaim(_) => self.info(
                    format!("{path}.jwt_claim"),
                    "the token is not verified here; require authentication (RequestAuthentication and AuthorizationPolicy) before this filter",
                ),
                KeySource::ClientIp { address, .. } => self.address(format!("{path}.client_ip"), *address),
                KeySource::Path => self.info(
                    format!("{path}.path"),
                    "each path is a key, also each that does not exist; a template has a key for each value of its variables",
                ),
                _ => {}
            }
            if part.default.is_some()
                && matches!(
                    part.source,
                    KeySource::Path | KeySource::Method | KeySource::Constant(_)
                )
            {
                self.info(
                    format!("{path}.default"),
                    "is never used, as every request has this value",
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
            KeySource::Header(_) | KeySource::Cookie(_) | KeySource::Query(_) | KeySource::Path
        )
    })
}
