//! Quotas of particular keys.
//!
//! An override whose key no request can have would be a limit that silently does not hold, so the values are checked
//! against what the parts of the key can be, and brought into the form in which requests have them.

use super::fields::{Burst, quota};
use super::{Override, OverrideQuota};
use crate::json::quoted;
use crate::leaf::Text;
use crate::problem::Problems;
use crate::read::{Each, True};
use fairlead_matching::{KeyPartSpec, KeySource};
use fairlead_quota::Rate;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most overrides of a limit. They are compared with each other while the config is read.
const MAX_OVERRIDES: usize = 4096;

object! {
    /// The rate of one key.
    struct OverrideFields, "an override" {
        /// The values of the key, one for each part of the limit's key.
        "key" Required key: Each<Text>;
        /// The rate of this key.
        "rate" Either rate: Rate;
        /// The burst of this key. Without it: what its rate gives in a second, at least 1.
        "burst" Optional burst: Burst;
        /// This key is never limited.
        "unlimited" Either unlimited: True;
    }
}

/// Checks the overrides of a limit with this key. The walk is at the limit.
#[inline(never)]
pub(super) fn check_overrides(
    list: Vec<Option<OverrideFields>>,
    key: &[KeyPartSpec],
    at: &mut Problems,
) -> Vec<Override> {
    let top = at.enter("overrides");
    let mut checked: Vec<Override> = Vec::new();
    let mut prints: Vec<u64> = Vec::new();
    if list.len() > MAX_OVERRIDES {
        at.say(&[
            "has ",
            &list.len().to_string(),
            " overrides, and 4096 are the most",
        ]);
    }
    for (index, fields) in list.into_iter().take(MAX_OVERRIDES).enumerate() {
        let Some(fields) = fields else { continue };
        let item = at.enter_item(index);
        if let Some(new) = check_override(fields, key, at) {
            let print = fingerprint(&new.key);
            if prints
                .iter()
                .zip(&checked)
                .any(|(known, old)| *known == print && old.key == new.key)
            {
                at.say_at("key", &["has an override already: write each key once"]);
            }
            prints.push(print);
            checked.push(new);
        }
        at.leave(item);
    }
    at.leave(top);
    checked
}

/// FNV-1a of a key. Comparing these first makes 4096 overrides a matter of milliseconds.
#[inline(never)]
fn fingerprint(key: &[String]) -> u64 {
    let bytes = key.iter().flat_map(|value| value.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[inline(never)]
fn check_override(fields: OverrideFields, key: &[KeyPartSpec], at: &mut Problems) -> Option<Override> {
    if fields.unlimited.is_some() && fields.burst.is_some() {
        at.say_at("burst", &["means nothing with unlimited: leave it out"]);
    }
    let quota = match fields.unlimited {
        Some(()) => Some(OverrideQuota::Unlimited),
        None => quota(fields.rate, fields.burst, at).map(OverrideQuota::Quota),
    };
    let mark = at.enter("key");
    let key = check_key(fields.key?, key, at);
    at.leave(mark);
    Some(Override {
        key: key?,
        quota: quota?,
    })
}

#[inline(never)]
fn check_key(values: Vec<Option<String>>, parts: &[KeyPartSpec], at: &mut Problems) -> Option<Vec<String>> {
    if values.len() != parts.len() {
        let (has, needs) = (values.len().to_string(), parts.len().to_string());
        at.say(&[
            "has ",
            &has,
            " values, and the key of the limit has ",
            &needs,
            " parts: write one for each",
        ]);
        return None;
    }
    let mut checked = Vec::new();
    for (index, (value, part)) in values.into_iter().zip(parts).enumerate() {
        let mark = at.enter_item(index);
        checked.extend(value.and_then(|value| check_value(value, part, at)));
        at.leave(mark);
    }
    (checked.len() == parts.len()).then_some(checked)
}

/// The form in which requests have `value`, if they can have it.
#[inline(never)]
fn check_value(value: String, part: &KeyPartSpec, at: &mut Problems) -> Option<String> {
    if part.default.as_ref() == Some(&value) {
        return Some(value);
    }
    match &part.source {
        KeySource::Host => Some(value.to_ascii_lowercase()),
        KeySource::Constant(constant) if *constant != value => {
            at.say(&[
                &quoted(&value),
                " is not the constant of this part: write ",
                &quoted(constant),
            ]);
            None
        }
        KeySource::ClientIp {
            ipv4_prefix,
            ipv6_prefix,
            ..
        } => {
            let Ok(address) = value.parse::<IpAddr>() else {
                at.say(&[
                    &quoted(&value),
                    " is not an address: write one without a prefix, as in 192.0.2.7",
                ]);
                return None;
            };
            let network = network(address, *ipv4_prefix, *ipv6_prefix);
            if network != address.to_canonical() {
                at.say(&[
                    &quoted(&value),
                    " is not a key: the key part keeps fewer bits of an address; write ",
                    &quoted(&network.to_string()),
                ]);
                return None;
            }
            Some(network.to_string())
        }
        _ => Some(value),
    }
}

/// The network of an address, by the number of bits that count.
fn network(address: IpAddr, ipv4_prefix: u8, ipv6_prefix: u8) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let cleared = 32_u32.saturating_sub(u32::from(ipv4_prefix));
            IpAddr::V4(Ipv4Addr::from_bits(
                v4.to_bits() & u32::MAX.checked_shl(cleared).unwrap_or(0),
            ))
        }
        IpAddr::V6(v6) => {
            let cleared = 128_u32.saturating_sub(u32::from(ipv6_prefix));
            IpAddr::V6(Ipv6Addr::from_bits(
                v6.to_bits() & u128::MAX.checked_shl(cleared).unwrap_or(0),
            ))
        }
    }
}
