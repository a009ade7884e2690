//! What a match or a key is, checked but not yet compiled.
//!
//! Whoever reads a config builds these types, field by field, and hands them to [`crate::RuleSet`] and
//! [`crate::Key`]. Text that can be wrong goes through a checked constructor here, so that a value of these types
//! is always usable: compiling cannot fail. Names and path literals are plain strings; [`header_name`], [`method`]
//! and [`path_literal`] check them. What is not here: JSON, defaults, paths in error messages; those belong to the
//! config.

mod cidr;
mod error;
mod host;
mod names;
mod pattern;
mod template;
#[cfg(test)]
mod tests;

pub use cidr::Cidr;
pub use error::SpecError;
pub(crate) use host::Host;
pub use host::HostSpec;
pub use names::{header_name, method, path_literal};
pub use pattern::Pattern;
pub use template::Template;

/// One entry of a `match` list: all of its fields must hold. A field left empty holds for every request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatchSpec {
    /// The request's host is one of these; empty = any host, also none.
    pub hosts: Vec<HostSpec>,
    /// The path, without query and fragment, as the client sent it (after the proxy's own normalisation).
    pub path: Option<PathSpec>,
    /// The method is one of these, compared with case ([`method`]); empty = any.
    pub methods: Vec<String>,
    /// Conditions on the first value of a header, by its lower-case name ([`header_name`]).
    pub headers: Vec<(String, TextSpec)>,
    /// Conditions on the first value of a query parameter, decoded as [`crate::Request::query_parameter`] says.
    pub query: Vec<(String, TextSpec)>,
    /// Conditions on the first cookie of a name, read as [`crate::Request::cookie`] says.
    pub cookies: Vec<(String, TextSpec)>,
    /// A condition on the client's address.
    pub client: Option<ClientSpec>,
    /// The request is a gRPC call of this service.
    pub grpc: Option<GrpcSpec>,
    /// The request does not match this entry.
    pub not: Option<Box<MatchSpec>>,
}

/// A condition on a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathSpec {
    /// The whole path.
    Exact(String),
    /// A string prefix, as in Istio's VirtualService: `/v1` matches `/v1beta`. Write `/v1/` for path segments.
    Prefix(String),
    /// A regular expression for the whole path.
    Regex(Pattern),
    /// A path with variables, each standing for one segment.
    Template(Template),
}

/// A condition on a text. All but `Absent` ask for the text to be there.
#[derive(Clone, Debug, PartialEq)]
pub enum TextSpec {
    /// Is this, compared with case.
    Exact(String),
    /// Starts with this.
    Prefix(String),
    /// Ends with this.
    Suffix(String),
    /// Matches as a whole.
    Regex(Pattern),
    /// Is there, perhaps empty.
    Present,
    /// Is not there.
    Absent,
    /// Is one of these.
    In(Vec<String>),
}

/// Which address counts as the client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientAddress {
    /// How many proxies in front of this one are trusted to append to `X-Forwarded-For`: with N > 0 the N-th entry
    /// from the right counts, with 0 the peer as the proxy knows it.
    pub trusted_hops: u8,
}

/// A condition on the client's address. A request whose client has no address (a Unix socket) does not match.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSpec {
    /// The address lies in one of these.
    pub cidrs: Vec<Cidr>,
    /// Which address is meant.
    pub address: ClientAddress,
}

/// A condition on a gRPC call: `content-type: application/grpc` and a path `/service/Method`.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcSpec {
    /// Full name of the service, `demo.Trips`; empty = any.
    pub service: String,
    /// The method is one of these; empty = any.
    pub methods: Vec<String>,
}

/// One part of a composite key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPartSpec {
    /// Where it comes from.
    pub source: KeySource,
    /// What stands in when the source has no value. Without it, the whole key is missing.
    pub default: Option<String>,
}

/// Where a part of a key comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// First value of a header, by its lower-case name.
    Header(String),
    /// First cookie of a name.
    Cookie(String),
    /// First query parameter of a name, decoded.
    Query(String),
    /// The path without query and fragment.
    Path,
    /// The host, lower case, without port.
    Host,
    /// The method.
    Method,
    /// The values of a template's variables, joined by `/`; missing for a path that the template does not match.
    Template(Template),
    /// The same for every request.
    Constant(String),
    /// The client's address, masked to a network, as canonical text: `192.0.2.0`, `2001:db8::`.
    ClientIp {
        /// Which address is meant.
        address: ClientAddress,
        /// Bits kept of an IPv4 address, 0 to 32; more count as 32.
        ipv4_prefix: u8,
        /// Bits kept of an IPv6 address, 0 to 128; more count as 128.
        ipv6_prefix: u8,
    },
    /// A top-level claim of the bearer token. The token is not verified here: authentication comes before.
    JwtClaim(String),
    /// An attribute of the proxy, by its path: `["xds", "route_name"]`. Missing where the proxy has none.
    Property(Vec<String>),
    /// A member of W3C Baggage, decoded.
    Baggage(String),
    /// The trace id of `traceparent` (W3C Trace Context), 32 hexadecimal digits in lower case.
    TraceId,
}
