//! What one request says, decoded as it is asked for.
//!
//! Rules and keys ask the same few questions many times, and each answer may cost the front end a call of its host.
//! So what was read is kept for as long as the request is looked at: path, host, method, cookies, the client's
//! address and a token's payload in a place of their own, headers, parameters, cookies and claims by name in
//! [`SLOTS`] shared places. Names beyond that are read anew each time: the answers are the same.
//!
//! Mostly one header is all that is asked for: its place is the request's own, and the others are allocated when they are
//! needed. Values are borrowed from the view; only a value that has to be decoded (an upper-case host, a `%` in a
//! parameter, a token) is allocated, too. What this does not do: hold several values of one name. The first one counts,
//! everywhere but in `cookie` and `baggage`, whose lines are one list.

mod baggage;
mod claim;
mod cookie;
mod host;
mod query;
mod trace;

use crate::Client;
use crate::client;
use fairlead_stage::{AttributeId, HeaderMap, View};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::net::IpAddr;
use std::ops::Range;

/// How many named values are kept. More cost a longer look along them.
const SLOTS: usize = 8;

/// The facts of one request, over the view of one callback.
///
/// `'v` is how long the view, and the rules and keys that ask, live.
pub struct Request<'v, V> {
    view: &'v V,
    /// The values that were asked for by name.
    named: OnceCell<Slot<'v>>,
    facts: OnceCell<Box<Facts<'v>>>,
}

/// All that a request says, but the named values.
#[derive(Default)]
struct Facts<'v> {
    target: OnceCell<Option<Target<'v>>>,
    host: OnceCell<Option<Cow<'v, [u8]>>>,
    method: OnceCell<Option<Cow<'v, [u8]>>>,
    cookies: OnceCell<Option<Cow<'v, [u8]>>>,
    peer: OnceCell<Option<IpAddr>>,
    client: Cell<Option<(u8, Option<IpAddr>)>>,
    payload: OnceCell<Option<Vec<u8>>>,
}

/// `:path` and where its parts end.
struct Target<'v> {
    raw: Cow<'v, [u8]>,
    path_end: usize,
    query: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Header,
    Query,
    Cookie,
    Claim,
    Baggage,
}

/// A named value, and those that were asked for after it: a request that nobody asks for any pays for none.
struct Slot<'v> {
    kind: Kind,
    name: &'v str,
    value: Value<'v>,
    next: OnceCell<Box<Slot<'v>>>,
}

impl Slot<'_> {
    fn is(&self, kind: Kind, name: &str) -> bool {
        // Mostly it is the very name that it was made for.
        self.kind == kind && (std::ptr::eq(self.name, name) || self.name == name)
    }
}

/// A value that was looked for.
enum Value<'v> {
    Absent,
    Whole(Cow<'v, [u8]>),
    /// A part of what holds all values of the kind: the query, the cookie header.
    Part(Range<usize>),
}

impl<'v, V: View> Request<'v, V> {
    /// A request of which nothing is read yet.
    #[must_use]
    #[inline]
    pub const fn new(view: &'v V) -> Self {
        Self {
            view,
            named: OnceCell::new(),
            facts: OnceCell::new(),
        }
    }

    #[inline(never)]
    fn facts(&self) -> &Facts<'v> {
        self.facts.get_or_init(Box::default)
    }

    fn read(&self, name: &str) -> Option<Cow<'v, [u8]>> {
        self.view.header(HeaderMap::Request, name)
    }

    #[inline(never)]
    fn target(&self) -> Option<&Target<'v>> {
        let parse = |raw: Cow<'v, [u8]>| {
            let is_end = |b: &u8| matches!(b, b'?' | b'#');
            let path_end = raw.iter().position(is_end).unwrap_or(raw.len());
            let mut query = path_end..path_end;
            if raw.get(path_end) == Some(&b'?') {
                let after = raw.get(path_end..).unwrap_or_default();
                let length = after.iter().position(|b| *b == b'#').unwrap_or(after.len());
                query = path_end.saturating_add(1)..path_end.saturating_add(length);
            }
            Target { raw, path_end, query }
        };
        self.facts()
            .target
            .get_or_init(|| self.read(":path").map(parse))
            .as_ref()
    }

    /// The path without query and fragment, as it was sent: neither percent-decoded nor normalised here.
    pub fn path(&self) -> Option<&[u8]> {
        self.target().and_then(|target| target.raw.get(..target.path_end))
    }

    /// The query without `?` and fragment; empty if there is none.
    pub fn query(&self) -> &[u8] {
        self.target()
            .and_then(|target| target.raw.get(target.query.clone()))
            .unwrap_or_default()
    }

    /// The host: `:authority` in lower case, without port and trailing dot. `None` if that leaves nothing.
    #[inline(never)]
    pub fn host(&self) -> Option<&[u8]> {
        self.facts()
            .host
            .get_or_init(|| self.read(":authority").and_then(host::normal))
            .as_deref()
    }

    /// The method, with its case.
    pub fn method(&self) -> Option<&[u8]> {
        let method = &self.facts().method;
        method.get_or_init(|| self.read(":method")).as_deref()
    }

    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &'v str) -> Option<Cow<'_, [u8]>> {
        self.named(Kind::Header, name)
    }

    /// The first query parameter of a name, decoded as a form is (WHATWG URL, 5.1): parameters are parted by `&`,
    /// `+` is a space, `%41` is a byte, a `%` without two hexadecimal digits stands for itself, and what has no `=`
    /// is a parameter with an empty value. Names are compared decoded, with case.
    pub fn query_parameter(&self, name: &'v str) -> Option<Cow<'_, [u8]>> {
        self.named(Kind::Query, name)
    }

    /// The first cookie of a name (RFC 6265, 4.2.1): cookies are parted by `;`, space around names and values and
    /// one pair of double quotes around a value are dropped, names have case, and what has no `=` is a cookie with
    /// an empty value. All lines of the header are read.
    pub fn cookie(&self, name: &'v str) -> Option<Cow<'_, [u8]>> {
        self.named(Kind::Cookie, name)
    }

    /// A top-level claim of the token in `authorization: Bearer`, as text: a string, an integer of 64 bits or a
    /// boolean. The name is taken literally, dots and all; of a repeated claim the last counts (RFC 7519, 4). A token
    /// that is malformed or longer than 16 KiB has no claims. Its signature is not verified here.
    pub fn claim(&self, name: &'v str) -> Option<Cow<'_, [u8]>> {
        self.named(Kind::Claim, name)
    }

    /// The first member of a name in W3C Baggage (section 3.3), percent-decoded, without its properties; what is no member
    /// is passed over. An empty value counts as there.
    pub fn baggage(&self, name: &'v str) -> Option<Cow<'_, [u8]>> {
        self.named(Kind::Baggage, name)
    }

    /// The trace id of `traceparent` (W3C Trace Context, 3.2): 32 hexadecimal digits in lower case, not all zero.
    pub fn trace_id(&self) -> Option<Vec<u8>> {
        trace::id(&self.named(Kind::Header, "traceparent")?).map(<[u8]>::to_vec)
    }

    /// An attribute of the proxy.
    pub fn attribute(&self, id: AttributeId) -> Option<Cow<'v, [u8]>> {
        self.view.attribute(id)
    }

    /// The client's address; an IPv4-mapped IPv6 address is the IPv4 address. `None` for a client without one, as
    /// one on a Unix socket.
    ///
    /// With trusted hops it is the entry of `x-forwarded-for` that the outermost trusted proxy has written, and the
    /// peer if there is no such entry or it is no address: never an entry further left, and never `None` for that
    /// reason.
    #[inline(never)]
    pub fn client(&self, source: Client) -> Option<IpAddr> {
        let hops = source.trusted_hops;
        let client = &self.facts().client;
        match client.get() {
            Some((known, address)) if known == hops => address,
            _ => {
                let mut address = None;
                if hops > 0 {
                    let list = self.named(Kind::Header, client::FORWARDED_FOR);
                    address = list.and_then(|list| client::forwarded(&list, hops));
                }
                let address = address.or_else(|| self.peer(source.peer));
                client.set(Some((hops, address)));
                address
            }
        }
    }

    #[inline(never)]
    fn peer(&self, id: AttributeId) -> Option<IpAddr> {
        *self
            .facts()
            .peer
            .get_or_init(|| self.attribute(id).and_then(|text| client::address(&text)))
    }

    /// Service and method of a gRPC call: `content-type: application/grpc`, alone or with `+` or `;` after it, and
    /// a path of two segments. (`application/grpc-web` is another protocol.)
    pub fn grpc(&self) -> Option<(&[u8], &[u8])> {
        let path = self.path()?.strip_prefix(b"/")?;
        let slash = path.iter().position(|b| *b == b'/')?;
        let (service, method) = (path.get(..slash)?, path.get(slash.saturating_add(1)..)?);
        if service.is_empty() || method.is_empty() || method.contains(&b'/') {
            return None;
        }
        self.is_grpc().then_some((service, method))
    }

    /// Whether the content type is gRPC's.
    pub fn is_grpc(&self) -> bool {
        let content_type = self.header("content-type");
        let parts = content_type
            .as_deref()
            .and_then(|kind| kind.split_at_checked(b"application/grpc".len()));
        parts.is_some_and(|(essence, rest)| {
            essence.eq_ignore_ascii_case(b"application/grpc")
                && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        })
    }

    #[inline(never)]
    fn named(&self, kind: Kind, name: &'v str) -> Option<Cow<'_, [u8]>> {
        let mut slot = self.named.get_or_init(|| self.slot(kind, name));
        let mut further = 1..SLOTS;
        while !slot.is(kind, name) {
            if further.next().is_none() {
                return match self.find(kind, name) {
                    Value::Whole(value) => Some(value),
                    Value::Part(part) => self.part(kind, part).map(Cow::Borrowed),
                    Value::Absent => None,
                };
            }
            slot = slot.next.get_or_init(|| Box::new(self.slot(kind, name)));
        }
        match &slot.value {
            Value::Whole(value) => Some(Cow::Borrowed(value)),
            Value::Part(part) => self.part(kind, part.clone()).map(Cow::Borrowed),
            Value::Absent => None,
        }
    }

    fn slot(&self, kind: Kind, name: &'v str) -> Slot<'v> {
        Slot {
            kind,
            name,
            value: self.find(kind, name),
            next: OnceCell::new(),
        }
    }

    #[inline(never)]
    fn find(&self, kind: Kind, name: &str) -> Value<'v> {
        let decoded = |value: Option<Vec<u8>>| value.map_or(Value::Absent, |v| Value::Whole(Cow::Owned(v)));
        match kind {
            Kind::Header => self.read(name).map_or(Value::Absent, Value::Whole),
            Kind::Query => query::find(self.query(), name).map_or(Value::Absent, |part| {
                let raw = self.query().get(part.clone()).unwrap_or_default();
                query::decoded(raw).map_or(Value::Part(part), |value| Value::Whole(Cow::Owned(value)))
            }),
            Kind::Cookie => self
                .cookies()
                .and_then(|all| cookie::find(all, name))
                .map_or(Value::Absent, Value::Part),
            Kind::Claim => decoded(self.payload().and_then(|payload| claim::find(payload, name))),
            Kind::Baggage => decoded(self.read("baggage").and_then(|all| baggage::find(&all, name))),
        }
    }

    fn part(&self, kind: Kind, part: Range<usize>) -> Option<&[u8]> {
        match kind {
            Kind::Query => self.query().get(part),
            Kind::Cookie => self.cookies()?.get(part),
            Kind::Header | Kind::Claim | Kind::Baggage => None,
        }
    }

    #[inline(never)]
    fn cookies(&self) -> Option<&[u8]> {
        let cookies = &self.facts().cookies;
        cookies.get_or_init(|| self.read("cookie")).as_deref()
    }

    #[inline(never)]
    fn payload(&self) -> Option<&[u8]> {
        self.facts()
            .payload
            .get_or_init(|| claim::payload(&self.read("authorization")?))
            .as_deref()
    }
}

#[cfg(test)]
mod tests;
