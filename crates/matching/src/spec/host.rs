//! Hosts of a match: one host, all hosts below a domain, or any.

use super::SpecError;
use std::fmt;
use std::net::Ipv6Addr;

/// The longest DNS name in its text form (RFC 1035, 2.3.4).
const MAX_BYTES: usize = 253;

/// A condition on the host of a request: one host, all hosts under a domain, or any host.
///
/// Compared without case, port and trailing dot. `*.example.com` holds for `a.example.com` and `a.b.example.com`,
/// not for `example.com`, as in Envoy's virtual hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostSpec(Host);

/// The checked forms of a host, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Any,
    Exact(String),
    /// What follows the `*.`: no leading dot.
    Under(String),
}

impl fmt::Display for HostSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Host::Any => formatter.write_str("*"),
            Host::Exact(host) => formatter.write_str(host),
            Host::Under(domain) => {
                formatter.write_str("*.")?;
                formatter.write_str(domain)
            }
        }
    }
}

impl HostSpec {
    /// Reads `api.example.com`, `*.shop.example.com`, `*`, `192.0.2.1` or `[2001:db8::1]`.
    ///
    /// # Errors
    /// One of the `Host...` variants of [`SpecError`].
    #[inline(never)]
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        if text.is_empty() {
            return Err(SpecError::HostEmpty);
        }
        if text == "*" {
            return Ok(Self(Host::Any));
        }
        if text.len() > MAX_BYTES {
            return Err(SpecError::HostTooLong(text.len()));
        }
        let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if let Some(bracketed) = host.strip_prefix('[') {
            return Self::ipv6(text, &host, bracketed);
        }
        if host.contains(':') {
            return Err(SpecError::HostPort(text.to_owned()));
        }
        let (name, under) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host.as_str(), false),
        };
        if name.contains('*') {
            return Err(SpecError::HostWildcard(text.to_owned()));
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !name.split('.').all(is_label) {
            return Err(SpecError::HostLabel(text.to_owned()));
        }
        Ok(Self(if under {
            Host::Under(name.to_owned())
        } else {
            Host::Exact(host)
        }))
    }

    fn ipv6(text: &str, host: &str, bracketed: &str) -> Result<Self, SpecError> {
        let (address, rest) = bracketed.split_once(']').unwrap_or((bracketed, "?"));
        if rest.starts_with(':') {
            return Err(SpecError::HostPort(text.to_owned()));
        }
        if !rest.is_empty() || address.parse::<Ipv6Addr>().is_err() {
            return Err(SpecError::HostLabel(text.to_owned()));
        }
        Ok(Self(Host::Exact(host.to_owned())))
    }

    pub(crate) const fn host(&self) -> &Host {
        &self.0
    }
}
