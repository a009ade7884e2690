//! What a stage may ask inside one callback, answered by the host.
//!
//! Each returned buffer costs about 11,000 instructions, a whole header map about 23,000, finding a header absent 2,000:
//! from some number of headers on it is cheaper to fetch the map once and borrow from it. Which way is taken is settled
//! when the filter is configured.

use crate::abi;
use crate::faults::Faults;
use crate::pairs::Pairs;
use fairlead_stage::{
    AttributeId, Edit, EditKind, Effects, HeaderMap, Needs, Part, Timestamp, View, line_separator,
};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

/// What one read of a header costs that is there, of one that is not, and of a whole map, in thousands of instructions.
const READ: usize = 11;
const READ_ABSENT: usize = 2;
const READ_ALL: usize = 24;

/// How the headers and attributes of a configured stage are read.
#[derive(Debug)]
pub(crate) struct Reading {
    whole_request: bool,
    whole_response: bool,
    /// NUL-joined property paths by [`AttributeId`].
    paths: Vec<Vec<u8>>,
    /// Headers that several stages may read, so that a value is worth keeping for the next one; none for a single stage, which
    /// keeps them itself.
    shared: Vec<(HeaderMap, Vec<u8>)>,
    clock: Cell<Clock>,
    faults: Faults,
}

/// How many of the shared headers are kept; the others are read again.
const KEPT: usize = 4;

/// The headers that more than one of the stages declares of which a stage is made.
#[inline(never)]
fn shared(needs: &Needs) -> Vec<(HeaderMap, Vec<u8>)> {
    let readers = |map, name: &str| {
        let declares = |part: &&Part| {
            let mut headers = part.needs.headers().iter();
            headers.any(|need| need.map == map && need.name == name)
        };
        needs.parts().iter().filter(declares).count()
    };
    let headers = needs.headers().iter();
    let several = headers.filter(|need| readers(need.map, &need.name) > 1);
    several
        .map(|need| (need.map, need.name.clone().into_bytes()))
        .take(KEPT)
        .collect()
}

impl Reading {
    pub(crate) fn new(needs: &Needs, faults: Faults) -> Self {
        let is_dear = |map| {
            let costs = needs.headers().iter().filter(|need| need.map == map);
            let costs = costs.map(|need| if need.rare { READ_ABSENT } else { READ });
            costs.sum::<usize>() > READ_ALL
        };
        Self {
            whole_request: is_dear(HeaderMap::Request),
            whole_response: is_dear(HeaderMap::Response),
            paths: needs
                .attributes()
                .iter()
                .map(|path| path.join("\0").into_bytes())
                .collect(),
            shared: shared(needs),
            clock: Cell::new(Clock::Unsettled),
            faults,
        }
    }

    fn steady(&self) -> u64 {
        match self.clock.get() {
            Clock::Steady => abi::steady_time_nanos().unwrap_or(0),
            Clock::Wall => abi::current_time_nanos(),
            Clock::Unsettled => self.settle(),
        }
    }

    /// Makes an edit; one that the host refuses is counted.
    pub(crate) fn apply(&self, edit: Edit<'_>) {
        let map = match edit.map {
            HeaderMap::Request => abi::Map::RequestHeaders,
            HeaderMap::Response => abi::Map::ResponseHeaders,
            HeaderMap::ResponseTrailers => abi::Map::ResponseTrailers,
        };
        let done = match edit.kind {
            EditKind::Set => abi::set_header(map, edit.name, edit.value),
            EditKind::Add => abi::add_header(map, edit.name, edit.value),
            EditKind::Remove => abi::remove_header(map, edit.name),
        };
        if done.is_err() {
            self.faults.host_error();
        }
    }

    #[inline(never)]
    fn settle(&self) -> u64 {
        let steady = abi::steady_time_nanos();
        self.clock.set(if steady.is_some() {
            Clock::Steady
        } else {
            Clock::Wall
        });
        steady.unwrap_or_else(abi::current_time_nanos)
    }
}

/// What shows how much time has passed: a host without a steady clock has a wall clock at least. Settled at the first
/// reading, as times of the two are worlds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Unsettled,
    Steady,
    Wall,
}

/// Which callback the view belongs to: what the host would answer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Request,
    Response,
    Body,
    Trailers,
    /// The stream is logged: headers of both directions and all attributes are there.
    Log,
    /// The stream is being deleted: headers are gone, the clock and what the proxy knows of the stream are left.
    Deleted,
}

/// The surroundings of one callback.
pub(crate) struct HostView<'p> {
    reading: &'p Reading,
    phase: Phase,
    ends: bool,
    now: Cell<Option<Timestamp>>,
    steady: Cell<Option<Timestamp>>,
    /// Nothing, until something is worth keeping: most callbacks need none of it.
    fetched: OnceCell<Box<Fetched>>,
}

/// What has been read of headers in this callback.
#[derive(Default)]
struct Fetched {
    request: OnceCell<Pairs>,
    response: OnceCell<Pairs>,
    shared: [OnceCell<Option<Vec<u8>>>; KEPT],
}

impl<'p> HostView<'p> {
    pub(crate) fn new(reading: &'p Reading, phase: Phase, ends: bool) -> Self {
        Self {
            reading,
            phase,
            ends,
            now: Cell::new(None),
            steady: Cell::new(None),
            fetched: OnceCell::new(),
        }
    }
}

impl HostView<'_> {
    fn fetched(&self) -> &Fetched {
        self.fetched.get_or_init(Box::default)
    }

    /// A header that another stage may have read before, or will read.
    #[inline(never)]
    fn kept(&self, map: HeaderMap, host_map: abi::Map, name: &str) -> Option<Cow<'_, [u8]>> {
        let read = || abi::header(host_map, name.as_bytes());
        let mut shared = self.reading.shared.iter();
        let place = shared.position(|(of, known)| *of == map && known.as_slice() == name.as_bytes());
        match place.and_then(|place| self.fetched().shared.get(place)) {
            Some(kept) => kept.get_or_init(read).as_deref().map(Cow::Borrowed),
            None => read().map(Cow::Owned),
        }
    }

    /// A whole map; there is none of trailers.
    fn pairs(&self, map: HeaderMap, host_map: abi::Map) -> Option<&Pairs> {
        let fetched = self.fetched();
        let pairs = match map {
            HeaderMap::Request => &fetched.request,
            HeaderMap::Response => &fetched.response,
            HeaderMap::ResponseTrailers => return None,
        };
        Some(pairs.get_or_init(|| Pairs::new(abi::header_pairs(host_map))))
    }

    /// All lines of a request header as one value. The host's single read answers the first line only; as an attribute it
    /// joins them by commas, which tells all about a value without any.
    #[inline(never)]
    fn list(&self, whole: bool, name: &str, separator: &[u8]) -> Option<Cow<'_, [u8]>> {
        let is_fetched = || self.fetched.get().is_some_and(|it| it.request.get().is_some());
        if !whole && !is_fetched() {
            let value = abi::property(&[b"request\0headers\0", name.as_bytes()].concat())?;
            if separator == b"," || !value.contains(&b',') {
                return Some(Cow::Owned(value));
            }
        }
        let pairs = self.pairs(HeaderMap::Request, abi::Map::RequestHeaders)?;
        pairs.joined(name.as_bytes(), separator)
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

    fn steady(&self) -> Timestamp {
        self.steady.get().unwrap_or_else(|| {
            let steady = Timestamp::from_unix_nanos(self.reading.steady());
            self.steady.set(Some(steady));
            steady
        })
    }

    fn header(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>> {
        let (phase, whole, host_map) = match map {
            HeaderMap::Request => (
                Phase::Request,
                self.reading.whole_request,
                abi::Map::RequestHeaders,
            ),
            HeaderMap::Response => (
                Phase::Response,
                self.reading.whole_response,
                abi::Map::ResponseHeaders,
            ),
            HeaderMap::ResponseTrailers => (Phase::Trailers, false, abi::Map::ResponseTrailers),
        };
        if self.phase != phase && self.phase != Phase::Log {
            return None;
        }
        let list = line_separator(name).filter(|_| map == HeaderMap::Request);
        if let Some(separator) = list {
            return self.list(whole, name, separator);
        }
        if whole {
            return self.pairs(map, host_map)?.get(name.as_bytes()).map(Cow::Borrowed);
        }
        if self.reading.shared.is_empty() {
            return abi::header(host_map, name.as_bytes()).map(Cow::Owned);
        }
        self.kept(map, host_map, name)
    }

    #[inline(never)]
    fn each_header(&self, map: HeaderMap, show: &mut dyn FnMut(&[u8], &[u8])) {
        let (phase, host_map) = match map {
            HeaderMap::Request => (Phase::Request, abi::Map::RequestHeaders),
            HeaderMap::Response => (Phase::Response, abi::Map::ResponseHeaders),
            HeaderMap::ResponseTrailers => return,
        };
        if self.phase == phase
            && let Some(pairs) = self.pairs(map, host_map)
        {
            pairs.each(show);
        }
    }

    fn ends(&self) -> bool {
        self.ends
    }

    fn attribute(&self, id: AttributeId) -> Option<Cow<'_, [u8]>> {
        abi::property(self.reading.paths.get(id.index())?).map(Cow::Owned)
    }

    #[inline(never)]
    fn apply(&self, edits: &mut Effects) {
        edits.pending().for_each(|edit| self.reading.apply(edit));
        edits.settle();
    }
}
