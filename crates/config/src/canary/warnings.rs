//! What a checked config of the canary filter takes for granted, and where it does not do what it seems to.

mod progress;
mod shares;
mod sticky;
#[cfg(test)]
mod tests;

use super::{Canary, Force, Propagate, Rule};
use crate::warning::Warnings;
use crate::{Mode, OnInvalidConfig, Warning};
use fairlead_matching::Cidr;
use fairlead_rollout::draw::Hash;
use fairlead_rollout::trace::Table;
use fairlead_rollout::{Choice, Share};
use shares::Shares;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Advice on a config, in the order of its fields.
#[must_use]
pub fn warnings(config: &Canary) -> Vec<Warning> {
    let mut out = Warnings::default();
    let shares = Shares::of(config);
    match config.mode {
        Mode::Enforce => {}
        Mode::Shadow => out.info(
            "mode",
            "variants are decided and counted, and no request is changed; write enforce to route by them",
        ),
        Mode::Off => out.info("mode", "the filter does nothing"),
    }
    out.matches("", &config.matches);
    out.variants(config, &shares);
    if let Some(force) = &config.force {
        out.force(force);
    }
    for (index, rule) in config.rules.iter().enumerate() {
        out.rule(index, rule, config);
    }
    if shares.draws() {
        out.sticky(config);
    }
    if let Some(ramp) = &config.ramp {
        out.ramp(ramp, config);
    }
    if let Some(guard) = &config.guard {
        out.guard(&guard.guard, config, &shares);
    }
    out.propagate(&config.propagate);
    if config.on_invalid_config == OnInvalidConfig::Pass {
        out.info(
            "on_invalid_config",
            "a proxy that starts with a config that cannot be used draws nobody, and lets clients send the routing header",
        );
    }
    out.0
}

impl Warnings {
    fn variants(&mut self, config: &Canary, shares: &Shares) {
        for (index, variant) in config.variants.iter().enumerate() {
            let path = format!("variants[{index}]");
            let earlier = config.variants.iter().take(index);
            if let Some(same) = earlier.into_iter().find(|other| other.value == variant.value) {
                self.warn(
                    format!("{path}.value"),
                    format!(
                        "is the value of {} too, so that no route can tell them apart",
                        same.name
                    ),
                );
            }
            if config.ramp.is_some() {
                if config.variants.len() == 1 && variant.weight > Share::NONE {
                    self.info(
                        format!("{path}.weight"),
                        "is not used: the ramp says how many are drawn",
                    );
                }
            } else if config.sticky.hash == Hash::Sha256Percent && !is_whole_percent(variant.weight) {
                self.warn(format!("{path}.weight"), NOT_WHOLE);
            }
            let rules = &config.rules;
            let ruled = |rule: &Rule| rule.variant == Choice::Variant(index) && rule.mode != Mode::Off;
            if !shares.reaches(index) && config.force.is_none() && !rules.iter().any(ruled) {
                self.warn(
                    path,
                    "nobody gets it: give it a weight, a rule, or a way to force it",
                );
            }
        }
    }

    fn force(&mut self, force: &Force) {
        let Some(clients) = &force.allow_from else {
            self.warn(
                "force",
                "every client may choose its variant; name those that may in allow_from",
            );
            return;
        };
        for (index, client) in clients.iter().enumerate() {
            let path = format!("force.allow_from[{index}]");
            for (cidr, _) in client
                .cidrs
                .iter()
                .enumerate()
                .filter(|(_, cidr)| is_everything(cidr))
            {
                self.warn(
                    format!("{path}.cidrs[{cidr}]"),
                    "admits every client, which may then send the routing header too; name the networks of those that may",
                );
            }
            self.address(path, client.address);
        }
    }

    fn rule(&mut self, index: usize, rule: &Rule, config: &Canary) {
        let path = format!("rules[{index}]");
        match rule.mode {
            Mode::Enforce => {}
            Mode::Shadow => self.info(
                format!("{path}.mode"),
                "this rule is counted, and requests go on as if it were not there",
            ),
            Mode::Off => self.info(format!("{path}.mode"), "this rule does nothing"),
        }
        self.matches(&path, &rule.matches);
        // In shadow as a whole, a rule in shadow counts like any other.
        let decides = |other: &Rule| match other.mode {
            Mode::Enforce => true,
            Mode::Shadow => config.mode == Mode::Shadow,
            Mode::Off => false,
        };
        let covers =
            |other: &Rule| decides(other) && rule.matches.iter().all(|entry| other.matches.contains(entry));
        if let Some(first) = config.rules.iter().take(index).position(covers) {
            self.warn(
                path,
                format!("never decides: rules[{first}] is about the same requests and comes first"),
            );
        }
    }

    fn propagate(&mut self, propagate: &Propagate) {
        if propagate.baggage {
            self.info(
                "propagate.baggage",
                "goes as far as applications pass the header baggage on",
            );
        }
        let Some(trace) = &propagate.trace else { return };
        self.info(
            "propagate.trace",
            "works where this filter sees the requests that come in and those that go out, and the application passes the header traceparent on",
        );
        let table = Table::new(trace.max_entries, trace.ttl);
        let kib = u64::from(table.sets())
            .saturating_mul(u64::from(table.cell_bytes()))
            .div_ceil(1024);
        self.info(
            "propagate.trace.max_entries",
            format!("takes up to {kib} KiB of memory"),
        );
    }
}

const NOT_WHOLE: &str = "sha256_percent draws whole percents, and a part of one counts as a whole one; write a whole percent, or hash: murmur3";

fn is_whole_percent(share: Share) -> bool {
    share.ppm().is_multiple_of(10_000)
}

/// Whether every address of its family lies in it.
fn is_everything(cidr: &Cidr) -> bool {
    let has = |address: IpAddr| cidr.contains(address);
    (has(Ipv4Addr::UNSPECIFIED.into()) && has(Ipv4Addr::BROADCAST.into()))
        || (has(Ipv6Addr::UNSPECIFIED.into()) && has(Ipv6Addr::from_bits(u128::MAX).into()))
}
