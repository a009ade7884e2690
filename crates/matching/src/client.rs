//! Which address a request comes from.
//!
//! `X-Forwarded-For` is a list to which each proxy appends the address that it was called from. Only what trusted
//! proxies have appended is known to be true, and that is at the right end; everything further left is whatever the
//! client chose to send. So with N trusted hops the N-th entry from the right is taken, never one counted from the
//! left.
//!
//! When there is no such entry, or it is no address, the peer is taken: the list was not written by the proxies
//! that it should have passed, and "no address" would let a client leave a per-address limit by sending rubbish.
//! The peer is an address that it cannot choose; the worst is that clients behind one proxy then share a key.
//!
//! Cost: the list is scanned from the right, and only as far as needed. What this does not do: read `Forwarded` (RFC
//! 7239) or the PROXY protocol; the latter is already in the peer's address.

use crate::ClientAddress;
use fairlead_stage::{AttributeId, Needs};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The header that lists the hops. Envoy joins repeated ones into one value.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";

/// The longest text of an address with brackets, zone and port; longer entries are no addresses.
const MAX_ENTRY_BYTES: usize = 128;

/// Which address counts as the client's, compiled: [`crate::Request::client`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub(crate) trusted_hops: u8,
    pub(crate) peer: AttributeId,
}

impl Client {
    /// Declares what is read: the attribute `source.address`, and `x-forwarded-for` where hops are trusted.
    #[must_use]
    pub fn compile(address: ClientAddress, needs: &mut Needs) -> Self {
        if address.trusted_hops > 0 {
            needs.header(fairlead_stage::HeaderMap::Request, FORWARDED_FOR);
        }
        Self {
            trusted_hops: address.trusted_hops,
            peer: needs.attribute(&["source", "address"]),
        }
    }
}

/// The N-th entry from the right, if it is an address. N is at least 1.
#[inline]
pub(crate) fn forwarded(list: &[u8], hops: u8) -> Option<IpAddr> {
    let entry = list
        .rsplit(|b| *b == b',')
        .nth(usize::from(hops).saturating_sub(1))?;
    address(entry)
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`, with spaces or quotes
/// around and a zone (`%eth0`) dropped. Anything else, as a path of a Unix socket, is no address.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    let padding = |b: &u8| matches!(b, b' ' | b'\t' | b'"');
    let start = text.iter().position(|b| !padding(b))?;
    let end = text.iter().rposition(|b| !padding(b))?;
    let text = text
        .get(start..=end)
        .filter(|text| text.len() <= MAX_ENTRY_BYTES)?;
    let text = std::str::from_utf8(text).ok()?;
    if let Some(bracketed) = text.strip_prefix('[') {
        let (v6, port) = bracketed.split_once(']')?;
        let port_is_one = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port_is_one.then(|| ipv6(v6)).flatten();
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => ipv6(text),
        Some((v4, port)) => v4.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}

fn ipv6(text: &str) -> Option<IpAddr> {
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse().ok().map(|v6| canonical(IpAddr::V6(v6)))
}

/// An IPv4-mapped IPv6 address as the IPv4 address that it stands for; any other address as it is.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Keeps the first bits of an address, `ipv4_prefix` (at most 32) or `ipv6_prefix` (at most 128), and clears the
/// rest.
pub(crate) fn mask(address: IpAddr, ipv4_prefix: u8, ipv6_prefix: u8) -> IpAddr {
    match address {
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

/// Appends the canonical text of an address (RFC 5952), without the machinery of `fmt`.
pub(crate) fn write(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            for (position, octet) in v4.octets().into_iter().enumerate() {
                if position > 0 {
                    out.push(b'.');
                }
                write_digits::<10>(u64::from(octet), out);
            }
        }
        IpAddr::V6(v6) => write_ipv6(v6.segments(), out),
    }
}

fn write_ipv6(groups: [u16; 8], out: &mut Vec<u8>) {
    // The longest run of zero groups, the first of equals, is shortened, if it is longer than one group.
    let (mut zeros, mut current) = (0..1_usize, 0..0_usize);
    for (position, group) in groups.into_iter().enumerate() {
        if group != 0 {
            continue;
        }
        current = if current.end == position {
            current.start
        } else {
            position
        }..position.saturating_add(1);
        if current.len() > zeros.len() {
            zeros = current.clone();
        }
    }
    let shortened = zeros.len() > 1;
    for (position, group) in groups.into_iter().enumerate() {
        if shortened && zeros.contains(&position) {
            if position == zeros.start {
                out.extend_from_slice(b"::");
            }
            continue;
        }
        if position > 0 && !(shortened && position == zeros.end) {
            out.push(b':');
        }
        write_digits::<16>(u64::from(group), out);
    }
}

/// Appends a number in base 10 or 16, without leading zeros.
pub(crate) fn write_digits<const BASE: u64>(mut number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        let digit = number
            .checked_rem(BASE)
            .and_then(|digit| usize::try_from(digit).ok());
        out.push(
            digit
                .and_then(|digit| b"0123456789abcdef".get(digit))
                .copied()
                .unwrap_or(b'0'),
        );
        number = number.checked_div(BASE).unwrap_or(0);
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests;
