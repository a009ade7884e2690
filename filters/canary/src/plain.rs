//! What most releases are: users are drawn by one header, and nothing else has a say.
//!
//! Such a release is told apart when it is configured. Its requests are decided on here, in a straight line: what the full
//! decision would look for on the way is known not to be there. Both decide alike.

use crate::Canary;
use crate::configure::Sticky;
use crate::stream::{Flight, Removed};
use fairlead_config::canary as config;
use fairlead_matching::KeySource;
use fairlead_rollout::draw::Place;
use fairlead_rollout::ranges::{self, Range};
use fairlead_rollout::{Choice, Reason, Share};
use fairlead_stage::{Effects, HeaderMap, View};

/// A draw by one header, of ranges that stay as they are.
pub(crate) struct Plain {
    header: Box<str>,
    /// What stands in for it; an empty key draws nobody.
    default: Box<[u8]>,
    /// Of the variants, in order. Empty: nobody can be in any.
    ranges: Box<[Range]>,
}

impl Plain {
    /// The draw that is all there is to a filter; `None` if there is more to it.
    #[inline(never)]
    pub(crate) fn of(config: &config::Canary, canary: &Canary) -> Option<Self> {
        let has_more = canary.matches.is_some()
            || canary.force.is_there()
            || !canary.rules.set.is_empty()
            || canary.cookie.is_some()
            || canary.guard.is_some()
            || canary.baggage.is_some()
            || canary.traces.is_some();
        let ranges = canary.fixed.as_ref().filter(|_| !has_more)?;
        let [config::StickyKey::Parts(parts)] = config.sticky.by.as_slice() else {
            return None;
        };
        let [part] = parts.as_slice() else { return None };
        let KeySource::Header(header) = &part.source else {
            return None;
        };
        let open = ranges.iter().any(|range| range.open > Share::NONE);
        let count = if open { config.variants.len() } else { 0 };
        Some(Self {
            header: header.as_str().into(),
            default: part.default.as_deref().unwrap_or_default().as_bytes().into(),
            ranges: ranges.iter().take(count).copied().collect(),
        })
    }

    /// The user's place, where anybody can be drawn.
    fn place(&self, sticky: &Sticky, view: &impl View) -> Option<Place> {
        if self.ranges.is_empty() {
            return None;
        }
        let sent = view.header(HeaderMap::Request, &self.header);
        let key = sent.as_deref().unwrap_or(&self.default);
        (!key.is_empty()).then(|| sticky.draw.place(key))
    }
}

impl Canary {
    /// Decides on a request by the draw alone, and collects what is to be changed about it.
    #[inline]
    pub(crate) fn draw(&self, plain: &Plain, view: &impl View, effects: &mut Effects) -> Flight {
        let (choice, reason) = match plain.place(&self.sticky, view) {
            Some(place) => {
                let picked = ranges::pick(place, &plain.ranges);
                (picked.map_or(Choice::Default, Choice::Variant), Reason::Sticky)
            }
            None => (Choice::Default, Reason::Default),
        };
        let mut flight = Flight::decided(choice, reason);
        if self.enforced {
            match self.variants.value(choice) {
                // Where nobody is trusted with the header it is hardly ever there, and to look would cost more than it saves.
                Some(value) => effects.set_to(HeaderMap::Request, &self.header, value.as_bytes()),
                None if view.header(HeaderMap::Request, &self.header).is_some() => {
                    flight.removed = Removed::RoutingHeader;
                    effects.remove(HeaderMap::Request, &self.header);
                }
                None => {}
            }
        }
        flight
    }
}
