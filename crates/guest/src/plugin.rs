//! A configured plugin: the stage and everything it was promised.

use crate::faults::Faults;
use crate::pairs;
use crate::surroundings::{HostProxy, Surroundings};
use crate::view::{HostView, Phase, Reading};
use crate::{abi, cells};
use fairlead_stage::{EditKind, Effects, HeaderMap, Needs, Reply, Stage, Timestamp, Verdict};
use std::cell::{Cell, RefCell};

/// A stage with its state, metrics and buffers. Streams hold it until they end, so that a config update leaves the
/// streams in flight under the config that they began with.
pub(crate) struct Plugin<S: Stage> {
    pub(crate) stage: S,
    pub(crate) needs: Needs,
    surroundings: Surroundings,
    reading: Reading,
    faults: Faults,
    effects: RefCell<Effects>,
    reply_headers: Cell<Vec<u8>>,
}

impl<S: Stage> Plugin<S> {
    #[inline(never)]
    pub(crate) fn new(name: &str, stage: S, needs: Needs) -> Self {
        let faults = Faults::define(S::NAME, name);
        let surroundings = Surroundings::new(S::NAME, name, &needs, faults);
        cells::forget_unused();
        Self {
            surroundings,
            reading: Reading::new(&needs, faults),
            faults,
            effects: RefCell::default(),
            reply_headers: Cell::default(),
            stage,
            needs,
        }
    }

    /// What a callback may ask.
    #[inline(always)]
    pub(crate) fn view(&self, phase: Phase, ends: bool) -> HostView<'_> {
        HostView::new(&self.reading, phase, ends)
    }

    /// What the host lends to the stage.
    pub(crate) const fn proxy(&self) -> HostProxy<'_> {
        self.surroundings.proxy()
    }

    /// Runs a part of the stage with the worker's buffer for edits, and applies what it asks for. Says whether the
    /// request was answered.
    pub(crate) fn run<'s>(&'s self, part: impl FnOnce(&'s S, &mut Effects) -> Verdict<'s>) -> Outcome {
        // One callback runs at a time, so that the buffer is never lent twice.
        let Ok(mut effects) = self.effects.try_borrow_mut() else {
            return Outcome::Continued;
        };
        let verdict = part(&self.stage, &mut effects);
        let outcome = match verdict {
            Verdict::Continue => {
                if effects.is_empty() {
                    return Outcome::Continued;
                }
                effects.pending().for_each(|edit| self.reading.apply(edit));
                Outcome::Continued
            }
            Verdict::Deny(reply) => self.reply(&reply, &effects),
        };
        effects.clear();
        outcome
    }

    /// A config is retired when another one has taken over and its last stream has ended.
    fn retire(&self) {
        let now = Timestamp::from_unix_nanos(abi::current_time_nanos());
        self.stage.on_retire(now, &self.proxy());
    }

    #[inline(never)]
    fn reply(&self, reply: &Reply<'_>, effects: &Effects) -> Outcome {
        let of_request = effects.pending().filter(|edit| edit.map == HeaderMap::Request);
        of_request.for_each(|edit| self.reading.apply(edit));
        let headers = effects
            .edits()
            .filter(|edit| edit.map == HeaderMap::Response && edit.kind != EditKind::Remove)
            .map(|edit| (edit.name, edit.value));
        let mut encoded = self.reply_headers.take();
        pairs::encode(&mut encoded, headers);
        let sent = abi::send_local_response(
            u32::from(reply.status),
            reply.details.as_bytes(),
            &reply.body,
            &encoded,
            reply.grpc_status,
        );
        self.reply_headers.set(encoded);
        if sent.is_err() {
            // The proxy would not answer for us: the request goes on, and the count shows it.
            self.faults.host_error();
            return Outcome::Continued;
        }
        Outcome::Replied
    }
}

impl<S: Stage> Drop for Plugin<S> {
    fn drop(&mut self) {
        self.retire();
    }
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Continued,
    Replied,
}
