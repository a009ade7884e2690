//! Advice on `match` and `key`, which all filters share.

use super::{Warnings, literal};
use fairlead_matching::{ClientAddress, KeyPartSpec, KeySource, MatchSpec, PathSpec, TextSpec};

/// Headers in which clients, or proxies that pass on what clients sent, say where a request comes from.
const ADDRESS_HEADERS: [&str; 6] = [
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "true-client-ip",
    "cf-connecting-ip",
    "x-envoy-external-address",
];

impl Warnings {
    /// On `match: [...]` of the object at `path`.
    pub(crate) fn matches(&mut self, path: &str, matches: &[MatchSpec]) {
        for (index, entry) in matches.iter().enumerate() {
            let path = [path, if path.is_empty() { "" } else { "." }, "match"].concat();
            let path = format!("{path}[{index}]");
            if matches.iter().take(index).any(|earlier| earlier == entry) {
                self.warn(&path, "an earlier entry is the same; remove one");
            }
            self.entry(&path, entry);
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

    /// On which address is the client's.
    pub(crate) fn address(&mut self, path: String, address: ClientAddress) {
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

    /// On a part of a key at `path`, which `uses` (counts or draws) by it. `earlier` are the parts before it.
    pub(crate) fn part(&mut self, path: &str, part: &KeyPartSpec, earlier: &[KeyPartSpec], uses: &str) {
        if earlier.contains(part) {
            self.warn(path, "an earlier part is the same; remove one");
        }
        match &part.source {
            KeySource::Header(name) if ADDRESS_HEADERS.contains(&name.as_str()) => self.warn(
                format!("{path}.header"),
                format!("this {uses} by whatever clients write in that header; use client_ip with trusted_hops"),
            ),
            KeySource::JwtClaim(_) => self.info(
                format!("{path}.jwt_claim"),
                "the token is not verified here; require authentication (RequestAuthentication and AuthorizationPolicy) before this filter",
            ),
            KeySource::ClientIp { address, .. } => self.address(format!("{path}.client_ip"), *address),
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
}
