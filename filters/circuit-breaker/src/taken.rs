//! What breakers have given to a request: a list that mostly has one entry, in the order in which they were asked.

use crate::say::KeyName;
use crate::state::Spot;
use fairlead_breaker::{Place, Ticket};

/// What a breaker has given to a request.
pub(crate) struct Taken {
    /// Index of the breaker.
    pub(crate) breaker: usize,
    /// Where the breaker is.
    pub(crate) spot: Spot,
    /// What its outcome is to be told with; `None`: nobody asks, or it was told.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) name: KeyName,
    /// It holds one of the places in flight: the hash of the key.
    pub(crate) in_flight: Option<Place>,
}

/// The list. In a box, as what a stream remembers is moved from callback to callback.
#[derive(Default)]
pub(crate) struct All {
    first: Option<Box<Taken>>,
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    list: Vec<Taken>,
}

impl All {
    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn push(&mut self, taken: Taken) {
        if self.first.is_none() {
            self.first = Some(Box::new(taken));
        } else {
            self.push_more(taken);
        }
    }

    #[cold]
    #[inline(never)]
    fn push_more(&mut self, taken: Taken) {
        self.more.get_or_insert_default().list.push(taken);
    }

    /// Whether some breaker waits for the outcome.
    pub(crate) fn is_told(&self) -> bool {
        let waits = |taken: &Taken| taken.ticket.is_some();
        let more = || self.more.as_ref().is_some_and(|more| more.list.iter().any(waits));
        self.first.as_deref().is_some_and(waits) || more()
    }

    /// The entry at a position.
    pub(crate) fn at(&mut self, position: usize) -> Option<&mut Taken> {
        match (position.checked_sub(1), &mut self.more) {
            (None, _) => self.first.as_deref_mut(),
            (Some(position), Some(more)) => more.list.get_mut(position),
            (Some(_), None) => None,
        }
    }
}
