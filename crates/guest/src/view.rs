//! What a stage may ask inside one callback, answered by the host.
//!
//! Each returned buffer costs about 11,000 instructions, a whole header map about 23,000: from three headers on it is
//! cheaper to fetch the map once and borrow from it. Which way is taken is settled when the filter is configured.

use crate::abi;
use crate::pairs::Pairs;
use fairlead_stage::{AttributeId, HeaderMap, Needs, Timestamp, View};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

/// From how many headers of one map on the whole map is fetched.
const READ_ALL_FROM: usize = 3;

/// The one header whose lines are one value: HTTP/2 clients split it (RFC 9113, 8.2.3), and applications put it together.
const COOKIE: &str = "cookie";

/// How the headers and attributes of a configured stage are read.
#[derive(Debug)]
pub(crate) struct Reading {
    whole_request: bool,
    whole_response: bool,
    /// NUL-joined property paths by [`AttributeId`].
    paths: Vec<Vec<u8>>,
}

impl Reading {
    pub(crate) fn new(needs: &Needs) -> Self {
        let named = |map| needs.headers().iter().filter(|(m, _)| *m == map).count();
        let reads_cookies = needs
            .headers()
            .iter()
            .any(|(map, name)| *map == HeaderMap::Request && name == COOKIE);
        Self {
            // The host's single read answers the first line only; cookies may come in several.
            whole_request: named(HeaderMap::Request) >= READ_ALL_FROM || reads_cookies,
            whole_response: named(HeaderMap::Response) >= READ_ALL_FROM,
            paths: needs
                .attributes()
                .iter()
                .map(|path| path.join("\0").into_bytes())
                .collect(),
        }
    }
}

/// Which callback the view belongs to: what the host would answer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Request,
    Response,
    /// The stream is logged: headers of both directions and all attributes are there.
    Log,
    /// The stream is being deleted: only the clock is left.
    Deleted,
}

/// The surroundings of one callback.
pub(crate) struct HostView<'p> {
    reading: &'p Reading,
    phase: Phase,
    now: Cell<Option<Timestamp>>,
    request: OnceCell<Pairs>,
    response: OnceCell<Pairs>,
}

impl<'p> HostView<'p> {
    pub(crate) fn new(reading: &'p Reading, phase: Phase) -> Self {
        Self {
            reading,
            phase,
            now: Cell::new(None),
            request: OnceCell::new(),
            response: OnceCell::new(),
        }
    }
}

impl View for HostView<'_> {
    fn now(&self) -> Timestamp {
        self.now.get().unwrap_or_else(|| {
            let now = Timestamp::from_unix_nanos(abi::current_time_nanos());
            self.now.set(Some(now));
            now
        })
    }

    fn header(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>> {
        let (readable, whole, fetched, host_map) = match map {
            HeaderMap::Request => {
                let readable = matches!(self.phase, Phase::Request | Phase::Log);
                (
                    readable,
                    self.reading.whole_request,
                    Some(&self.request),
                    abi::Map::RequestHeaders,
                )
            }
            HeaderMap::Response => {
                let readable = matches!(self.phase, Phase::Response | Phase::Log);
                (
                    readable,
                    self.reading.whole_response,
                    Some(&self.response),
                    abi::Map::ResponseHeaders,
                )
            }
            HeaderMap::ResponseTrailers => {
                (self.phase == Phase::Log, false, None, abi::Map::ResponseTrailers)
            }
        };
        if !readable {
            return None;
        }
        match fetched {
            Some(fetched) if whole => {
                let pairs = fetched.get_or_init(|| Pairs::new(abi::header_pairs(host_map)));
                if name == COOKIE {
                    return pairs.joined(COOKIE.as_bytes(), b"; ");
                }
                pairs.get(name.as_bytes()).map(Cow::Borrowed)
            }
            _ => abi::header(host_map, name.as_bytes()).map(Cow::Owned),
        }
    }

    fn attribute(&self, id: AttributeId) -> Option<Cow<'_, [u8]>> {
        if self.phase == Phase::Deleted {
            return None;
        }
        abi::property(self.reading.paths.get(id.index())?).map(Cow::Owned)
    }
}
