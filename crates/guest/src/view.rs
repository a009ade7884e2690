//! What a stage may ask inside one callback, answered by the host.
//!
//! Each returned buffer costs about 11,000 instructions, a whole header map about 23,000, finding a header absent 2,000:
//! from some number of headers on it is cheaper to fetch the map once and borrow from it. Which way is taken is settled
//! when the filter is configured.

use crate::abi;
use crate::faults::Faults;
use crate::pairs::Pairs;
use fairlead_stage::{
    AttributeId, Edit, EditKind, Effects, HeaderMap, Needs, Timestamp, View, line_separator, status_code,
};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::mem::ManuallyDrop;

/// What one read of a header costs that is there, of one that is not, and of a whole map, in thousands of instructions.
const READ: usize = 11;
const READ_ABSENT: usize = 2;
const READ_ALL: usize = 24;

/// How the headers and attributes of a configured stage are read.
#[derive(Debug)]
pub(crate) struct Reading {
    request: Lines,
    response: Lines,
    /// NUL-joined property paths by [`AttributeId`].
    paths: Vec<Vec<u8>>,
    clock: Cell<Clock>,
    faults: Faults,
}

/// How the headers of a map are read.
#[derive(Debug)]
struct Lines {
    /// All at once.
    whole: bool,
    /// Headers that several stages may read, so that a value is worth keeping for the next one; none for a single stage, which
    /// keeps them itself.
    shared: Vec<Vec<u8>>,
}

/// Kept as a number.
const STATUS: &str = ":status";

/// How many of the shared headers of a map are kept; the others are read again.
const KEPT: usize = 2;

impl Lines {
    #[inline(never)]
    fn new(needs: &Needs, map: HeaderMap) -> Self {
        let headers = needs.headers().iter().filter(|need| need.map == map);
        let costs = headers
            .clone()
            .map(|need| if need.rare { READ_ABSENT } else { READ });
        let whole = costs.sum::<usize>() > READ_ALL;
        let kept = headers.filter(|need| {
            let is_list = map == HeaderMap::Request && line_separator(&need.name).is_some();
            need.shared && !whole && !is_list && need.name != STATUS
        });
        Self {
            whole,
            shared: kept
                .map(|need| need.name.clone().into_bytes())
                .take(KEPT)
                .collect(),
        }
    }
}

/// Whether two names are the same: by words, where a call that compares bytes would take most of what a look at a kept
/// header takes.
#[inline]
fn are_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (4..=8, Some(first), Some(other_first)) =
        (one.len(), one.first_chunk::<4>(), other.first_chunk::<4>())
    {
        return first == other_first && one.last_chunk::<4>() == other.last_chunk::<4>();
    }
    if let (9..=16, Some(first), Some(other_first)) =
        (one.len(), one.first_chunk::<8>(), other.first_chunk::<8>())
    {
        return first == other_first && one.last_chunk::<8>() == other.last_chunk::<8>();
    }
    one == other
}

impl Reading {
    pub(crate) fn new(needs: &Needs, faults: Faults) -> Self {
        Self {
            request: Lines::new(needs, HeaderMap::Request),
            response: Lines::new(needs, HeaderMap::Response),
            paths: needs
                .attributes()
                .iter()
                .map(|path| path.join("\0").into_bytes())
                .collect(),
            clock: Cell::new(Clock::Unsettled),
            faults,
        }
    }

    #[inline(always)]
    fn steady(&self) -> u64 {
        match self.clock.get() {
            Clock::Steady => abi::steady_time_nanos().unwrap_or(0),
            Clock::Wall => abi::current_time_nanos(),
            Clock::Unsettled => self.settle(),
        }
    }

    /// Makes an edit; one that the host refuses is counted.
    pub(crate) fn apply(&self, edit: Edit<'_>) {
        let map = host_map(edit.map);
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

const fn host_map(map: HeaderMap) -> abi::Map {
    match map {
        HeaderMap::Request => abi::Map::RequestHeaders,
        HeaderMap::Response => abi::Map::ResponseHeaders,
        HeaderMap::ResponseTrailers => abi::Map::ResponseTrailers,
    }
}

/// The surroundings of one callback.
pub(crate) struct HostView<'p> {
    reading: &'p Reading,
    phase: Phase,
    /// The map that this callback is about, and the shared headers of it.
    map: HeaderMap,
    shared: &'p [Vec<u8>],
    ends: bool,
    now: Cell<Option<Timestamp>>,
    steady: Cell<Option<Timestamp>>,
    /// The status of the response, once it has been read.
    status: Cell<Option<Option<u16>>>,
    /// Whether anything is kept: most callbacks keep nothing, and have nothing to give back.
    keeps: Cell<bool>,
    /// The shared headers of the map that this callback is about, as far as they have been read.
    kept: ManuallyDrop<[OnceCell<Option<Vec<u8>>>; KEPT]>,
    maps: ManuallyDrop<OnceCell<Box<Maps>>>,
}

/// Whole maps.
#[derive(Default)]
struct Maps {
    request: OnceCell<Pairs>,
    response: OnceCell<Pairs>,
}

impl<'p> HostView<'p> {
    #[inline(always)]
    pub(crate) fn new(reading: &'p Reading, phase: Phase, ends: bool) -> Self {
        let (map, shared) = match phase {
            Phase::Request => (HeaderMap::Request, reading.request.shared.as_slice()),
            Phase::Response => (HeaderMap::Response, reading.response.shared.as_slice()),
            _ => (HeaderMap::ResponseTrailers, &[][..]),
        };
        Self {
            reading,
            phase,
            map,
            shared,
            ends,
            now: Cell::new(None),
            steady: Cell::new(None),
            status: Cell::new(None),
            keeps: Cell::new(false),
            kept: ManuallyDrop::new([const { OnceCell::new() }; KEPT]),
            maps: ManuallyDrop::new(OnceCell::new()),
        }
    }
}

impl Drop for HostView<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.keeps.get() {
            self.give_back();
        }
    }
}

impl HostView<'_> {
    #[inline(never)]
    fn give_back(&mut self) {
        for kept in &mut *self.kept {
            if let Some(Some(value)) = kept.take() {
                abi::give_back(value);
            }
        }
        self.maps.take();
    }

    /// A header that is not kept.
    #[inline(never)]
    fn lone(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>> {
        let (phase, whole) = match map {
            HeaderMap::Request => (Phase::Request, self.reading.request.whole),
            HeaderMap::Response => (Phase::Response, self.reading.response.whole),
            HeaderMap::ResponseTrailers => (Phase::Trailers, false),
        };
        if self.phase != phase && self.phase != Phase::Log {
            return None;
        }
        let list = line_separator(name).filter(|_| map == HeaderMap::Request);
        if let Some(separator) = list {
            return self.list(whole, name, separator);
        }
        if whole {
            return self.pairs(map)?.get(name.as_bytes()).map(Cow::Borrowed);
        }
        abi::header(host_map(map), name.as_bytes()).map(Cow::Owned)
    }

    #[inline(never)]
    fn read_status(&self) -> Option<u16> {
        let status = if self.phase == Phase::Response && !self.reading.response.whole {
            let value = abi::header(abi::Map::ResponseHeaders, STATUS.as_bytes());
            value.and_then(|value| {
                let status = status_code(&value);
                abi::give_back(value);
                status
            })
        } else {
            let value = self.lone(HeaderMap::Response, STATUS);
            value.and_then(|value| status_code(&value))
        };
        self.status.set(Some(status));
        status
    }

    /// A whole map; there is none of trailers.
    fn pairs(&self, map: HeaderMap) -> Option<&Pairs> {
        self.keeps.set(true);
        let maps = self.maps.get_or_init(Box::default);
        let pairs = match map {
            HeaderMap::Request => &maps.request,
            HeaderMap::Response => &maps.response,
            HeaderMap::ResponseTrailers => return None,
        };
        Some(pairs.get_or_init(|| Pairs::new(abi::header_pairs(host_map(map)))))
    }

    /// All lines of a request header as one value. The host's single read answers the first line only; as an attribute it
    /// joins them by commas, which tells all about a value without any.
    #[inline(never)]
    fn list(&self, whole: bool, name: &str, separator: &[u8]) -> Option<Cow<'_, [u8]>> {
        let is_fetched = || self.maps.get().is_some_and(|it| it.request.get().is_some());
        if !whole && !is_fetched() {
            let value = abi::property(&[b"request\0headers\0", name.as_bytes()].concat())?;
            if separator == b"," || !value.contains(&b',') {
                return Some(Cow::Owned(value));
            }
        }
        let pairs = self.pairs(HeaderMap::Request)?;
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
        if map == self.map {
            for (known, kept) in self.shared.iter().zip(self.kept.iter()) {
                if are_same(known, name.as_bytes()) {
                    self.keeps.set(true);
                    let value = kept.get_or_init(|| abi::header(host_map(map), name.as_bytes()));
                    return value.as_deref().map(Cow::Borrowed);
                }
            }
        }
        self.lone(map, name)
    }

    fn status(&self) -> Option<u16> {
        self.status.get().unwrap_or_else(|| self.read_status())
    }

    #[inline(never)]
    fn each_header(&self, map: HeaderMap, show: &mut dyn FnMut(&[u8], &[u8])) {
        if self.map == map
            && let Some(pairs) = self.pairs(map)
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
