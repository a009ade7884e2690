//! The parts of a config that are about requests, shared by all filters: `match` and `key`.

use crate::json::Json;
use crate::leaf::{BaggageKey, CookieName, GrpcName, HeaderName, Line, Line1, Method, PathLiteral};
use crate::problem::Problems;
use crate::read::{Int, List1, Map, Read, True};
use fairlead_matching::{
    Cidr, ClientAddress, ClientSpec, GrpcSpec, HostSpec, KeyPartSpec, KeySource, MatchSpec, PathSpec,
    Pattern, Template, TextSpec,
};

/// How many proxies can be trusted. More are in front of no proxy; a larger number is a slip.
type TrustedHops = Int<0, 10>;

object! {
    /// A condition on requests. All fields that are there must hold.
    struct MatchFields, "a match entry" {
        /// The request's host is one of these: api.example.com, or *.example.com for all hosts below it.
        "hosts" Optional hosts: List1<HostSpec>;
        /// A condition on the path without the query.
        "path" Optional path: Path;
        /// The method is one of these.
        "methods" Optional methods: List1<Method>;
        /// Conditions on headers, by name.
        "headers" Optional headers: Map<HeaderName, TextCondition>;
        /// Conditions on query parameters, by name.
        "query" Optional query: Map<Line1, TextCondition>;
        /// Conditions on cookies, by name.
        "cookies" Optional cookies: Map<CookieName, TextCondition>;
        /// A condition on the client's address.
        "client" Optional client: Client;
        /// The request is a gRPC call of this service or these methods; {} is any gRPC call.
        "grpc" Optional grpc: Grpc;
        /// The request does not meet this condition.
        "not" Optional not: Not;
    }
}

/// An entry of `match: [...]`.
pub(crate) struct Match;

impl Read for Match {
    type Out = MatchSpec;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<MatchSpec> {
        if matches!(value, Json::Object(fields) if fields.is_empty()) {
            at.say(&["is empty and would stand for every request: write a condition, or leave it out"]);
            return None;
        }
        let fields = MatchFields::read(value, at)?;
        Some(MatchSpec {
            hosts: fields.hosts.unwrap_or_default(),
            path: fields.path,
            methods: fields.methods.unwrap_or_default(),
            headers: fields.headers.unwrap_or_default(),
            query: fields.query.unwrap_or_default(),
            cookies: fields.cookies.unwrap_or_default(),
            client: fields.client,
            grpc: fields.grpc,
            not: fields.not,
        })
    }
}

/// `not:`.
pub(crate) struct Not;

impl Read for Not {
    type Out = Box<MatchSpec>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Box<MatchSpec>> {
        Match::read(value, at).map(Box::new)
    }
}

choice! {
    /// A condition on the path: exactly one of these.
    Path => PathSpec, "a path condition" {
        /// The whole path.
        "exact" PathLiteral => PathSpec::Exact;
        /// How the path starts. /v1 also matches /v1beta; write /v1/ for whole segments.
        "prefix" PathLiteral => PathSpec::Prefix;
        /// A regular expression for the whole path (linear time; no look-around, no back-references).
        "regex" Pattern => PathSpec::Regex;
        /// A path with variables, each standing for one segment: /users/{id}/orders/{order}.
        "template" Template => PathSpec::Template;
    }
}

choice! {
    /// A condition on a text, with case: exactly one of these.
    TextCondition => TextSpec, "a text condition" {
        /// Is this.
        "exact" Line => TextSpec::Exact;
        /// Starts with this.
        "prefix" Line1 => TextSpec::Prefix;
        /// Ends with this.
        "suffix" Line1 => TextSpec::Suffix;
        /// Matches this regular expression as a whole (linear time; no look-around, no back-references).
        "regex" Pattern => TextSpec::Regex;
        /// Is there, perhaps empty.
        "present" True => |()| TextSpec::Present;
        /// Is not there.
        "absent" True => |()| TextSpec::Absent;
        /// Is one of these.
        "in" List1<Line> => TextSpec::In;
    }
}

object! {
    /// A condition on the client's address.
    struct ClientFields, "a client condition" {
        /// The address lies in one of these networks.
        "cidrs" Required cidrs: List1<Cidr>;
        /// How many proxies in front of this one append to X-Forwarded-For: the N-th entry from the right counts. 0: the peer.
        "trusted_hops" Optional trusted_hops: TrustedHops = 0;
    }
}

/// `client:`.
pub(crate) struct Client;

impl Read for Client {
    type Out = ClientSpec;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<ClientSpec> {
        let fields = ClientFields::read(value, at)?;
        Some(ClientSpec {
            cidrs: fields.cidrs?,
            address: client_address(fields.trusted_hops),
        })
    }
}

object! {
    /// A condition on a gRPC call.
    struct GrpcFields, "a gRPC condition" {
        /// Full name of the service. Without it: any.
        "service" Optional service: GrpcName;
        /// The method is one of these. Without it: any.
        "methods" Optional methods: List1<GrpcName>;
    }
}

/// `grpc:`.
pub(crate) struct Grpc;

impl Read for Grpc {
    type Out = GrpcSpec;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<GrpcSpec> {
        let fields = GrpcFields::read(value, at)?;
        Some(GrpcSpec {
            service: fields.service.unwrap_or_default(),
            methods: fields.methods.unwrap_or_default(),
        })
    }
}

choice! {
    /// One part of a key: exactly one source, and perhaps a default.
    KeyPartSource => KeySource, "a key part" {
        /// First value of this header.
        "header" HeaderName => KeySource::Header;
        /// First cookie of this name.
        "cookie" CookieName => KeySource::Cookie;
        /// First query parameter of this name, decoded.
        "query" Line1 => KeySource::Query;
        /// The path without the query.
        "path" True => |()| KeySource::Path;
        /// The host without the port, in lower case.
        "host" True => |()| KeySource::Host;
        /// The method.
        "method" True => |()| KeySource::Method;
        /// The values of the variables of this path template; no value for other paths.
        "template" Template => KeySource::Template;
        /// The same text for every request.
        "constant" Line1 => KeySource::Constant;
        /// The client's address, or the network that it is in.
        "client_ip" ClientIp => |client_ip| client_ip;
        /// A claim of the bearer token. The token is not verified here: authentication must come before this filter.
        "jwt_claim" Line1 => KeySource::JwtClaim;
        /// An attribute of the proxy, by its path: [xds, route_name].
        "property" List1<Line1> => KeySource::Property;
        /// A member of W3C Baggage, decoded.
        "baggage" BaggageKey => KeySource::Baggage;
        /// The trace id of W3C Trace Context: the same for all requests that one request leads to.
        "trace_id" True => |()| KeySource::TraceId;
    }
    beside {
        /// What stands in for a value that is not there. Without it: the rule does not apply to such a request.
        "default" Line;
    }
}

/// An entry of `key: [...]`.
pub(crate) struct KeyPart;

impl Read for KeyPart {
    type Out = KeyPartSpec;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<KeyPartSpec> {
        let source = KeyPartSource::read(value, at);
        let Json::Object(fields) = value else { return None };
        let default = at.field(fields, "default", Line::read);
        Some(KeyPartSpec {
            source: source?,
            default,
        })
    }
}

object! {
    /// Which address is the client's, and how much of it counts.
    struct ClientIpFields, "a client address" {
        /// How many proxies in front of this one append to X-Forwarded-For: the N-th entry from the right counts. 0: the peer.
        "trusted_hops" Optional trusted_hops: TrustedHops = 0;
        /// Bits of an IPv4 address that count.
        "ipv4_prefix" Optional ipv4_prefix: Int<1, 32> = 32;
        /// Bits of an IPv6 address that count. One household has a /64 or more.
        "ipv6_prefix" Optional ipv6_prefix: Int<1, 128> = 64;
    }
}

/// `client_ip:`.
pub(crate) struct ClientIp;

impl Read for ClientIp {
    type Out = KeySource;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<KeySource> {
        let fields = ClientIpFields::read(value, at)?;
        Some(KeySource::ClientIp {
            address: client_address(fields.trusted_hops),
            ipv4_prefix: byte(fields.ipv4_prefix.unwrap_or(32)),
            ipv6_prefix: byte(fields.ipv6_prefix.unwrap_or(64)),
        })
    }
}

described_as! {
    Match => MatchFields, { "minProperties": 1 };
    Not => Match;
    Client => ClientFields;
    Grpc => GrpcFields;
    KeyPart => KeyPartSource;
    ClientIp => ClientIpFields;
}

fn client_address(hops: Option<u32>) -> ClientAddress {
    ClientAddress {
        trusted_hops: byte(hops.unwrap_or_default()),
    }
}

/// A number that [`Int`] has bounded to a byte.
fn byte(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
