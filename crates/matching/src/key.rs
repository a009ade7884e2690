//! The key of a request: what a limit, a breaker or a draw is kept by.
//!
//! A key is a list of parts, each read from the request. It is written as the parts' bytes, each after its length
//! (four bytes, little-endian), so that different lists never become the same bytes, whatever the parts contain.
//! Values are bytes and not normalised, but for the host (lower case), parameters (decoded) and addresses (masked,
//! canonical text).
//!
//! A value that is there and empty counts as there. What this does not do: hash, shorten, or bound a key; the longest
//! one is as long as the proxy lets headers be. Cost: one look-up and one copy a part.

use crate::{Client, KeyPartSpec, KeySource, Request, Template, client};
use fairlead_stage::{AttributeId, HeaderMap, Needs, View};
use std::borrow::Cow;

/// A compiled key.
#[derive(Clone, Debug)]
pub struct Key {
    parts: Box<[Part]>,
}

#[derive(Clone, Debug)]
struct Part {
    source: Source,
    default: Option<Box<[u8]>>,
}

#[derive(Clone, Debug)]
enum Source {
    Header(Box<str>),
    Cookie(Box<str>),
    Query(Box<str>),
    Path,
    Host,
    Method,
    Template(Template),
    Constant(Box<[u8]>),
    ClientIp {
        client: Client,
        ipv4_prefix: u8,
        ipv6_prefix: u8,
    },
    Claim(Box<str>),
    Property(AttributeId),
    Baggage(Box<str>),
    TraceId,
}

impl Key {
    /// Compiles a key and declares what it reads. Without parts it is the same, empty key for every request.
    #[must_use]
    #[inline(never)]
    pub fn compile(parts: &[KeyPartSpec], needs: &mut Needs) -> Self {
        let parts = parts
            .iter()
            .map(|part| Part {
                source: Source::compile(&part.source, needs),
                default: part.default.as_deref().map(|text| text.as_bytes().into()),
            })
            .collect();
        Self { parts }
    }

    /// Appends the key of a request.
    ///
    /// `false`: a part is missing and has no default, so that the request has no key; `out` is then as it was.
    #[inline(never)]
    pub fn write<'v, V: View>(&'v self, request: &Request<'v, V>, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        for part in &self.parts {
            let at = begin(out);
            if !part.write(request, out) {
                out.truncate(start);
                return false;
            }
            end(at, out);
        }
        true
    }

    /// The value of a key of one part, to be lent as it is rather than written.
    #[inline]
    pub fn lone<'r, 'v, V: View>(&'v self, request: &'r Request<'v, V>) -> Lone<'r> {
        let [part] = &*self.parts else {
            return Lone::Composed;
        };
        if part.source.is_composed() {
            return Lone::Composed;
        }
        match (part.source.value(request), &part.default) {
            (Some(value), _) => Lone::Value(value),
            (None, Some(default)) => Lone::Value(default.as_ref().into()),
            (None, None) => Lone::Missing,
        }
    }

    /// What [`Key::write`] writes in front of the value of a part.
    #[must_use]
    pub fn frame(value: &[u8]) -> [u8; 4] {
        u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes()
    }

    /// Appends the values of the parts as they are, with `separator` between them: a key that others can compute, where
    /// different lists may become the same bytes.
    ///
    /// `false` as for [`Key::write`].
    #[inline(never)]
    pub fn write_joined<'v, V: View>(
        &'v self,
        request: &Request<'v, V>,
        separator: u8,
        out: &mut Vec<u8>,
    ) -> bool {
        let start = out.len();
        for (position, part) in self.parts.iter().enumerate() {
            if position > 0 {
                out.push(separator);
            }
            if !part.write(request, out) {
                out.truncate(start);
                return false;
            }
        }
        true
    }

    /// The bytes of the key whose parts are these texts: what [`Key::write`] appends for a request that has them. An
    /// address is written as the masked address, `192.0.2.0` and `2001:db8::`, without prefix length.
    #[must_use]
    pub fn encode_literal(parts: &[String]) -> Vec<u8> {
        let mut out = Vec::new();
        for part in parts {
            let at = begin(&mut out);
            out.extend_from_slice(part.as_bytes());
            end(at, &mut out);
        }
        out
    }
}

/// What [`Key::lone`] finds.
#[derive(Debug)]
pub enum Lone<'r> {
    /// The value: [`Key::write`] would write its [`Key::frame`] and it.
    Value(Cow<'r, [u8]>),
    /// There is none, so that the request has no key.
    Missing,
    /// The key is made of several values, or of one that has to be written.
    Composed,
}

impl Part {
    /// Appends the value, or what stands in for it; `false` if there is neither.
    fn write<'v, V: View>(&'v self, request: &Request<'v, V>, out: &mut Vec<u8>) -> bool {
        let at = out.len();
        if self.source.write(request, out) {
            return true;
        }
        // A template may have left the values of its first variables.
        out.truncate(at);
        if let Some(default) = &self.default {
            out.extend_from_slice(default);
        }
        self.default.is_some()
    }
}

/// Leaves room for a length, and says where its part starts.
fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Fills in the length of the part that started there.
fn end(start: usize, out: &mut [u8]) {
    let length = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(room) = out.get_mut(start.saturating_sub(4)..start) {
        room.copy_from_slice(&length.to_le_bytes());
    }
}

impl Source {
    #[inline(never)]
    fn compile(source: &KeySource, needs: &mut Needs) -> Self {
        let mut reads = |name: &str| needs.header(HeaderMap::Request, name);
        match source {
            KeySource::Header(name) => {
                reads(name);
                Self::Header(name.as_str().into())
            }
            KeySource::Cookie(name) => {
                reads("cookie");
                Self::Cookie(name.as_str().into())
            }
            KeySource::Query(name) => {
                reads(":path");
                Self::Query(name.as_str().into())
            }
            KeySource::Path => {
                reads(":path");
                Self::Path
            }
            KeySource::Host => {
                reads(":authority");
                Self::Host
            }
            KeySource::Method => {
                reads(":method");
                Self::Method
            }
            KeySource::Template(template) => {
                reads(":path");
                Self::Template(template.clone())
            }
            KeySource::Constant(text) => Self::Constant(text.as_bytes().into()),
            KeySource::ClientIp {
                address,
                ipv4_prefix,
                ipv6_prefix,
            } => Self::ClientIp {
                client: Client::compile(*address, needs),
                ipv4_prefix: *ipv4_prefix,
                ipv6_prefix: *ipv6_prefix,
            },
            KeySource::JwtClaim(name) => {
                reads("authorization");
                Self::Claim(name.as_str().into())
            }
            KeySource::Property(path) => Self::Property(needs.attribute(path)),
            KeySource::Baggage(name) => {
                reads("baggage");
                Self::Baggage(name.as_str().into())
            }
            KeySource::TraceId => {
                reads("traceparent");
                Self::TraceId
            }
        }
    }

    /// Whether its value has to be written, as it is nowhere to be lent.
    const fn is_composed(&self) -> bool {
        matches!(self, Self::Template(_) | Self::ClientIp { .. })
    }

    /// The value, if it is not composed.
    #[inline]
    fn value<'r, 'v, V: View>(&'v self, request: &'r Request<'v, V>) -> Option<Cow<'r, [u8]>> {
        match self {
            Self::Header(name) => request.header(name),
            Self::Cookie(name) => request.cookie(name),
            Self::Query(name) => request.query_parameter(name),
            Self::Claim(name) => request.claim(name),
            Self::Baggage(name) => request.baggage(name),
            Self::TraceId => request.trace_id().map(Into::into),
            Self::Property(id) => request.attribute(*id),
            Self::Path => request.path().map(Into::into),
            Self::Host => request.host().map(Into::into),
            Self::Method => request.method().map(Into::into),
            Self::Constant(text) => Some(text.as_ref().into()),
            Self::Template(_) | Self::ClientIp { .. } => None,
        }
    }

    /// Appends the value; `false` if there is none, perhaps after a piece of one.
    #[inline(never)]
    fn write<'v, V: View>(&'v self, request: &Request<'v, V>, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Template(template) => {
                let start = out.len();
                request.path().is_some_and(|path| {
                    template.visit(path, |value| {
                        if out.len() > start {
                            out.push(b'/');
                        }
                        out.extend_from_slice(value);
                    })
                })
            }
            Self::ClientIp {
                client,
                ipv4_prefix,
                ipv6_prefix,
            } => {
                let address = request.client(*client);
                if let Some(address) = address {
                    client::write(client::mask(address, *ipv4_prefix, *ipv6_prefix), out);
                }
                address.is_some()
            }
            _ => {
                let value = self.value(request);
                if let Some(value) = &value {
                    out.extend_from_slice(value);
                }
                value.is_some()
            }
        }
    }
}

#[cfg(test)]
mod tests;
