//! Networks in CIDR notation (RFC 4632, RFC 4291).

use super::SpecError;
use crate::client::{canonical, mask};
use std::net::IpAddr;

/// A network of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
///
/// Bits beyond the prefix are ignored, as in Envoy. A network of IPv4-mapped IPv6 addresses is the IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads a network or an address.
    ///
    /// # Errors
    /// [`SpecError::Cidr`], [`SpecError::CidrPrefix`].
    #[inline(never)]
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| SpecError::Cidr(text.to_owned()))?;
        let max = if written.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => max,
            Some(digits) => digits
                .parse::<u8>()
                .ok()
                .filter(|n| *n <= max && !digits.starts_with('+'))
                .ok_or_else(|| SpecError::CidrPrefix {
                    cidr: text.to_owned(),
                    max,
                })?,
        };
        let (address, prefix) = match canonical(written) {
            // The first 96 bits of a mapped address say that it is one.
            mapped @ IpAddr::V4(_) if written.is_ipv6() && prefix >= 96 => {
                (mapped, prefix.saturating_sub(96))
            }
            IpAddr::V4(_) => (written, prefix),
            address @ IpAddr::V6(_) => (address, prefix),
        };
        Ok(Self {
            network: mask(address, prefix, prefix),
            prefix,
        })
    }

    /// Whether an address lies in the network. An IPv4-mapped IPv6 address counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        mask(canonical(address), self.prefix, self.prefix) == self.network
    }
}
