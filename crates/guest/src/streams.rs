//! The streams of a module, by the number that the proxy gave each: what the proxy's callbacks about requests arrive at.
//!
//! The SDK's dispatcher would serve too; it looks every callback up in three hash tables with a keyed hash, makes a boxed
//! object of each stream, and costs a thousand instructions a request. Numbers of streams only grow, so that a table of the
//! next power of two which is indexed by their lowest bits rarely meets two of the same bits.
//!
//! A stream stands in a slot of a list and is not moved while it lives, but when the list grows. Slots are used again.

use crate::abi;
use crate::plugin::Plugin;
use crate::pulse::Pulse;
use crate::stream::{self, Stream};
use fairlead_stage::Stage;
use log::info;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

struct Table<S: Stage> {
    /// By the number of the root context: a VM serves several plugins of one module where the proxy shares it. `None` while
    /// one has no config that can be used: its streams are not known here, and pass.
    plugins: Vec<(u32, Option<Rc<Plugin<S>>>)>,
    /// The number of a stream, and its slot; 0 is no stream's number. At most half of them are taken.
    places: Vec<(u32, u32)>,
    taken: usize,
    slots: Vec<Option<Stream<S>>>,
    free: Vec<u32>,
}

/// The streams of a module that serves stage `S`.
pub struct Streams<S: Stage> {
    table: RefCell<Table<S>>,
    /// In a build that is not told of ends: the stream that was created last, and its plugin. A proxy creates a stream right
    /// before it shows its request headers, so that there is never more than this one to be remembered.
    last: Cell<(u32, u32)>,
    /// In a build that is not told of ends: which plugins tick.
    pulse: RefCell<Pulse>,
}

// SAFETY: a module has one thread.
#[allow(unsafe_code, reason = "a static of a module that has one thread")]
unsafe impl<S: Stage> Sync for Streams<S> {}

const FEWEST_PLACES: usize = 64;

impl<S: Stage> Table<S> {
    /// Where the search for a stream begins.
    fn home(&self, number: u32) -> usize {
        number as usize & self.places.len().wrapping_sub(1)
    }

    /// The place of a stream, or the empty one where it would be put; `None` if there are no places yet.
    #[inline(always)]
    fn find(&self, number: u32) -> Option<usize> {
        let mut at = self.home(number);
        loop {
            let (known, _) = *self.places.get(at)?;
            if known == number || known == 0 {
                return Some(at);
            }
            at = at.wrapping_add(1) & self.places.len().wrapping_sub(1);
        }
    }

    #[inline(never)]
    fn slot(&mut self, number: u32) -> Option<&mut Stream<S>> {
        let at = self.find(number)?;
        let (known, slot) = *self.places.get(at)?;
        if known != number {
            return None;
        }
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    fn insert(&mut self, number: u32, stream: Stream<S>) {
        if self.taken.saturating_mul(2) >= self.places.len() {
            self.grow();
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len())
                    .unwrap_or(u32::MAX)
                    .saturating_sub(1)
            }
        };
        if let Some(at) = self.find(number)
            && let (Some(place), Some(stands)) = (self.places.get_mut(at), self.slots.get_mut(slot as usize))
        {
            *place = (number, slot);
            *stands = Some(stream);
            self.taken = self.taken.saturating_add(1);
        }
    }

    #[inline(never)]
    fn grow(&mut self) {
        let size = self.places.len().saturating_mul(2).max(FEWEST_PLACES);
        let old = std::mem::replace(&mut self.places, vec![(0, 0); size]);
        for (number, slot) in old.into_iter().filter(|(number, _)| *number != 0) {
            if let Some(at) = self.find(number)
                && let Some(place) = self.places.get_mut(at)
            {
                *place = (number, slot);
            }
        }
    }

    /// Takes a stream out. Those that were put further on because its place was taken move up (Knuth, 6.4, algorithm R).
    fn remove(&mut self, number: u32) -> Option<Stream<S>> {
        let at = self.find(number)?;
        let (known, slot) = *self.places.get(at)?;
        if known != number {
            return None;
        }
        let mask = self.places.len().wrapping_sub(1);
        let mut hole = at;
        let mut next = at.wrapping_add(1) & mask;
        while let Some(&(other, other_slot)) = self.places.get(next)
            && other != 0
        {
            let from_home = next.wrapping_sub(self.home(other)) & mask;
            let from_hole = next.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                if let Some(place) = self.places.get_mut(hole) {
                    *place = (other, other_slot);
                }
                hole = next;
            }
            next = next.wrapping_add(1) & mask;
        }
        if let Some(place) = self.places.get_mut(hole) {
            *place = (0, 0);
        }
        self.taken = self.taken.saturating_sub(1);
        self.free.push(slot);
        self.slots.get_mut(slot as usize)?.take()
    }
}

impl<S: Stage> Default for Streams<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Stage> Streams<S> {
    /// No stream yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            table: RefCell::new(Table {
                plugins: Vec::new(),
                places: Vec::new(),
                taken: 0,
                slots: Vec::new(),
                free: Vec::new(),
            }),
            last: Cell::new((0, 0)),
            pulse: RefCell::new(Pulse::new()),
        }
    }

    /// Has the streams of a plugin that come from now on served so.
    #[inline(never)]
    pub(crate) fn serve(&self, plugin: u32, configured: Rc<Plugin<S>>) {
        let Ok(mut table) = self.table.try_borrow_mut() else {
            return;
        };
        let mut plugins = table.plugins.iter_mut();
        let known = plugins.find(|(number, _)| *number == plugin);
        let earlier = known.and_then(|(_, stands)| stands.replace(configured));
        // What may be the last of a config does its own work when it goes.
        drop(table);
        drop(earlier);
    }

    /// A plugin comes; it serves no stream until it has a config.
    #[inline(never)]
    pub fn announce(&self, plugin: u32) {
        if let Ok(mut table) = self.table.try_borrow_mut() {
            table.plugins.push((plugin, None));
        }
    }

    /// Forgets a plugin; false if there is no such.
    #[inline(never)]
    fn retire(&self, plugin: u32) -> bool {
        let Ok(mut table) = self.table.try_borrow_mut() else {
            return false;
        };
        let place = table.plugins.iter().position(|(number, _)| *number == plugin);
        let retired = place.map(|place| table.plugins.swap_remove(place));
        drop(table);
        retired.is_some()
    }

    /// A stream of a plugin begins.
    pub fn begin(&self, stream: u32, plugin: u32) {
        let Ok(mut table) = self.table.try_borrow_mut() else {
            return;
        };
        let mut plugins = table.plugins.iter();
        if let Some((_, Some(plugin))) = plugins.find(|(number, _)| *number == plugin) {
            let begun = Stream::new(Rc::clone(plugin));
            table.insert(stream, begun);
        }
    }

    /// Something happened on a stream: whether the proxy is to stop there, because it was answered.
    fn on(&self, stream: u32, happened: impl FnOnce(&mut Stream<S>) -> bool) -> bool {
        match self.table.try_borrow_mut() {
            Ok(mut table) => table.slot(stream).is_some_and(happened),
            Err(_) => false,
        }
    }

    /// Request headers have arrived; whether the proxy is to stop, because the request was answered.
    pub fn request_headers(&self, stream: u32, ends: bool) -> bool {
        self.on(stream, |stream| stream.on_request(ends))
    }

    /// Response headers have arrived; whether the proxy is to stop, because the request was answered otherwise.
    pub fn response_headers(&self, stream: u32, ends: bool) -> bool {
        self.on(stream, |stream| stream.on_response(ends))
    }

    /// A part of the response body has arrived.
    pub fn response_body(&self, stream: u32, size: usize, ends: bool) {
        self.on(stream, |stream| {
            stream.on_body(size, ends);
            false
        });
    }

    /// Response trailers have arrived.
    pub fn response_trailers(&self, stream: u32) {
        self.on(stream, |stream| {
            stream.on_trailers();
            false
        });
    }

    /// The stream is being logged.
    pub fn log(&self, stream: u32) {
        self.on(stream, |stream| {
            stream.on_log();
            false
        });
    }

    /// A stream of a plugin begins, in a build that is not told of ends: its request headers come next.
    #[inline(always)]
    pub fn expect(&self, stream: u32, plugin: u32) {
        self.last.set((stream, plugin));
    }

    /// Request headers have arrived, and nothing else will, in a build that is not told of ends; whether the proxy is to stop,
    /// because the request was answered.
    #[inline(always)]
    pub fn pass(&self, stream: u32, ends: bool) -> bool {
        let (expected, plugin) = self.last.get();
        let Ok(table) = self.table.try_borrow() else {
            return false;
        };
        let mut plugins = table.plugins.iter();
        match plugins.find(|(number, _)| *number == plugin) {
            Some((_, Some(plugin))) if expected == stream => stream::pass(plugin, ends),
            _ => false,
        }
    }

    /// From now on a plugin ticks once in a period, in a build that is not told of ends.
    pub(crate) fn watch(&self, plugin: u32, period: Duration) {
        if let Ok(mut pulse) = self.pulse.try_borrow_mut() {
            pulse.watch(plugin, period);
        }
    }

    /// Whether a plugin is there.
    #[must_use]
    pub fn has(&self, plugin: u32) -> bool {
        let Ok(table) = self.table.try_borrow() else {
            return false;
        };
        table.plugins.iter().any(|(number, _)| *number == plugin)
    }

    /// A plugin ticks, in a build that is not told of ends. Gives one that has gone meanwhile, if there is one, which is no
    /// longer served; the rest when asked again.
    #[inline(never)]
    pub fn outlived(&self, plugin: u32) -> Option<u32> {
        let now = abi::steady_time_nanos().unwrap_or_else(abi::current_time_nanos);
        let gone = self.pulse.try_borrow_mut().ok()?.beat(plugin, now)?;
        info!(
            "{}: context {gone} ticks no more, its config is forgotten",
            S::NAME
        );
        self.retire(gone).then_some(gone)
    }

    /// A stream or a plugin ends; whether it is a plugin.
    pub fn end(&self, number: u32) -> bool {
        let Ok(mut table) = self.table.try_borrow_mut() else {
            return false;
        };
        let Some(mut ended) = table.remove(number) else {
            drop(table);
            return self.retire(number);
        };
        drop(table);
        ended.on_delete();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlead_stage::{Effects, Needs, Proxy, Refusal, Verdict, View};
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeSet;

    thread_local!(static ENDED: Cell<u32> = const { Cell::new(0) });

    /// Counts the streams that end.
    struct Counts;

    impl Stage for Counts {
        type Flight = ();

        const NAME: &'static str = "counts";

        fn plan(_config: &[u8]) -> Result<(Self, Needs), Refusal> {
            let mut needs = Needs::default();
            needs.request = true;
            needs.done = fairlead_stage::Done::Ended;
            Ok((Self, needs))
        }

        fn on_request<'s>(
            &'s self,
            _view: &impl View,
            _proxy: &impl Proxy,
            _effects: &mut Effects,
        ) -> (Verdict<'s>, ()) {
            (Verdict::Continue, ())
        }

        fn on_done(&self, flight: Option<()>, _view: &impl View, _proxy: &impl Proxy) {
            ENDED.set(ENDED.get() + u32::from(flight.is_some()));
        }
    }

    const PLUGIN: u32 = 1;

    fn configured() -> Streams<Counts> {
        let (stage, needs) = Counts::plan(b"").unwrap();
        let streams = Streams::new();
        streams.announce(PLUGIN);
        let plugin = Rc::new(Plugin::new("p", stage, needs));
        streams.serve(PLUGIN, plugin);
        streams
    }

    #[test]
    fn a_plugin_without_a_config_serves_nothing_and_is_forgotten_once() {
        let streams = Streams::<Counts>::new();
        streams.announce(PLUGIN);
        streams.begin(2, PLUGIN);
        assert!(!streams.request_headers(2, true));
        assert!(!streams.end(2), "a stream");
        assert!(streams.end(PLUGIN), "a plugin");
        assert!(!streams.end(PLUGIN), "nothing");
    }

    #[test]
    fn streams_go_on_under_the_config_that_they_began_with() {
        let streams = configured();
        streams.begin(2, PLUGIN);
        streams.request_headers(2, true);
        assert!(streams.end(PLUGIN));
        let before = ENDED.get();
        assert!(!streams.end(2));
        assert_eq!(ENDED.get(), before + 1);
    }

    proptest! {
        /// Numbers that share their lowest bits, as those of streams that live long and of young ones do.
        #[test]
        fn each_stream_is_found_until_it_ends(steps in prop::collection::vec((any::<bool>(), 0_u32..12, 0_u32..40), 0..400)) {
            let streams = configured();
            let mut open = BTreeSet::new();
            for (begins, low, high) in steps {
                let number = 2 + low + high * 64;
                let before = ENDED.get();
                if begins && open.insert(number) {
                    streams.begin(number, PLUGIN);
                    streams.request_headers(number, true);
                } else {
                    prop_assert!(!streams.end(number));
                    prop_assert_eq!(ENDED.get() - before, u32::from(open.remove(&number)));
                }
                let table = streams.table.borrow();
                prop_assert_eq!(table.taken, open.len());
                prop_assert!(table.slots.len() <= 400);
            }
            for number in open {
                let before = ENDED.get();
                streams.end(number);
                prop_assert_eq!(ENDED.get(), before + 1);
            }
        }
    }
}
