//! A header map that behaves as Envoy's: ordered, repeated names kept, names lower-cased, pseudo headers first.
//!
//! A plain list: maps on the request path have a dozen entries, where a scan beats hashing. Names and values are bytes,
//! because Envoy hands values that are not UTF-8 to filters unchanged.

use std::fmt;

/// Names that Envoy keeps in one slot of a request's map, so that adding to one that is present appends with a comma
/// (source: `envoy/http/header_map.h`, the `INLINE_*` lists). Sorted.
const SINGLE_IN_REQUEST: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "grpc-timeout",
    "keep-alive",
    "proxy-connection",
    "proxy-status",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-max-retries",
    "x-envoy-original-path",
    "x-envoy-retry-on",
    "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// The same for a response's map.
const SINGLE_IN_RESPONSE: &[&str] = &[
    ":status",
    "connection",
    "content-length",
    "content-type",
    "date",
    "grpc-message",
    "grpc-status",
    "keep-alive",
    "location",
    "proxy-connection",
    "proxy-status",
    "server",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-degraded",
    "x-envoy-ratelimited",
    "x-envoy-upstream-service-time",
    "x-request-id",
];

/// Which message a map belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None in particular: no name is special.
    #[default]
    Plain,
    Request,
    Response,
}

impl Kind {
    fn single(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Request => SINGLE_IN_REQUEST,
            Self::Response => SINGLE_IN_RESPONSE,
        }
    }
}

/// An ordered multimap of header names to values. Names are kept in lower case.
#[derive(Clone, Default)]
pub struct Headers {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    kind: Kind,
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Headers {}

impl Headers {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map of one kind of message.
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            entries: Vec::new(),
            kind,
        }
    }

    /// The first value of `name`, if it is present. `name` is matched without regard to case.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.entries
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The first value of `name` as text; `None` if it is absent or not UTF-8.
    #[must_use]
    pub fn text(&self, name: impl AsRef<[u8]>) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All values of `name`, in order.
    pub fn all(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = &[u8]> {
        let name = name.as_ref().to_ascii_lowercase();
        self.entries
            .iter()
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value.as_slice())
    }

    /// Adds a value and keeps those that are there. In the map of a message that a filter sees, names that Envoy keeps in one
    /// slot get their values joined by a comma.
    pub fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name = name.as_ref().to_ascii_lowercase();
        let value = value.as_ref();
        if self.is_single(&name)
            && let Some((_, present)) = self.entries.iter_mut().find(|(key, _)| *key == name)
        {
            // An empty value leaves the slot as it is; an empty slot takes the value without a comma.
            if !present.is_empty() && !value.is_empty() {
                present.push(b',');
            }
            present.extend_from_slice(value);
            return;
        }
        self.insert(name, value.to_vec());
    }

    /// Removes all values of `name`, then adds `value` at the end (pseudo headers stay in front).
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name = name.as_ref().to_ascii_lowercase();
        self.entries.retain(|(key, _)| *key != name);
        self.insert(name, value.as_ref().to_vec());
    }

    /// Removes all values of `name`; true if there were any.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref().to_ascii_lowercase();
        let before = self.entries.len();
        self.entries.retain(|(key, _)| *key != name);
        before != self.entries.len()
    }

    /// Names and values in order; a repeated name comes once for each value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The sum of the lengths of names and values: what Envoy calls the byte size of a map.
    #[must_use]
    pub fn byte_size(&self) -> usize {
        self.entries.iter().fold(0, |sum, (name, value)| {
            sum.saturating_add(name.len()).saturating_add(value.len())
        })
    }

    /// `name`'s values joined by commas, as the property `request.headers.<name>` gives them.
    pub(crate) fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let values: Vec<&[u8]> = self.all(name).collect();
        if values.is_empty() {
            None
        } else {
            Some(values.join(&b","[..]))
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    fn is_single(&self, name: &[u8]) -> bool {
        self.kind
            .single()
            .binary_search_by(|known| known.as_bytes().cmp(name))
            .is_ok()
    }

    fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        if name.first() == Some(&b':') {
            let at = self
                .entries
                .iter()
                .take_while(|(key, _)| key.first() == Some(&b':'))
                .count();
            self.entries.insert(at, (name, value));
        } else {
            self.entries.push((name, value));
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        let mut headers = Self::new();
        for (name, value) in pairs {
            headers.add(name, value);
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value))),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_single_headers_are_sorted_so_that_they_can_be_searched() {
        assert!(SINGLE_IN_REQUEST.is_sorted() && SINGLE_IN_RESPONSE.is_sorted());
    }

    #[test]
    fn a_repeated_name_keeps_its_values_and_set_leaves_one_at_the_end() {
        let mut map: Headers = [("a", "1"), ("B", "x"), ("a", "2")].into_iter().collect();
        assert_eq!(map.get("A"), Some(&b"1"[..]));
        assert_eq!(map.all("a").count(), 2);
        assert_eq!(map.joined(b"a"), Some(b"1,2".to_vec()));
        map.set("a", "3");
        let names: Vec<_> = map.iter().map(|(name, _)| name.to_vec()).collect();
        assert_eq!(names, [b"b".to_vec(), b"a".to_vec()]);
    }

    #[test]
    fn pseudo_headers_stay_in_front() {
        let mut map: Headers = [(":path", "/"), ("a", "1")].into_iter().collect();
        map.add(":status", "200");
        map.set(":path", "/b");
        let names: Vec<_> = map
            .iter()
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect();
        assert_eq!(names, [":status", ":path", "a"]);
    }

    #[test]
    fn adding_to_a_single_slot_name_joins_by_comma() {
        for (kind, entries) in [(Kind::Request, 1), (Kind::Response, 2), (Kind::Plain, 2)] {
            let mut map = Headers::of(kind);
            map.add("user-agent", "a");
            map.add("User-Agent", "b");
            assert_eq!(map.len(), entries, "{kind:?}");
        }
    }
}
