//! The decision on a request: what there is to say for each variant, read from the request as it is asked for.

use crate::Canary;
use crate::stream::{CookieWish, Flight, Kept, Removed};
use crate::trace::Traced;
use fairlead_config::canary::MAX_VARIANTS;
use fairlead_matching::Request;
use fairlead_rollout::draw::{self, Place, SEPARATOR};
use fairlead_rollout::ranges::{self, Range};
use fairlead_rollout::{Choice, Evidence, Reason, Share, baggage, decide};
use fairlead_stage::{Cell, Cells, Effects, HeaderMap, Step, Timestamp, View};
use std::borrow::Cow;

/// What the release cookie of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// There is none.
    Nothing,
    /// One that this release has issued.
    Token(Choice, Place),
    /// One that is of no use.
    Stale,
}

/// What there is to say about one request.
struct Asked<'v, V, C> {
    canary: &'v Canary,
    view: &'v V,
    cells: &'v C,
    request: &'v Request<'v, V>,
    /// The routing header as it came, where some callers are trusted with it.
    inbound: Option<Cow<'v, [u8]>>,
    /// Whether the force header is there.
    has_force_header: bool,
    ranges: Option<[Range; MAX_VARIANTS]>,
    held: Option<Held>,
    /// Where the draw has put the user.
    place: Option<Place>,
    drawn_at_random: bool,
    shadow_rule: Option<Choice>,
    traced: Traced,
}

impl Canary {
    /// Decides on a request, and collects what is to be changed about it.
    #[inline(never)]
    pub(crate) fn decide(&self, view: &impl View, cells: &impl Cells, effects: &mut Effects) -> Flight {
        let request = Request::new(view);
        if self
            .matches
            .as_ref()
            .is_some_and(|matches| !matches.any(&request))
        {
            return Flight::untouched();
        }
        let mut asked = Asked {
            inbound: (self.force.trusts_any())
                .then(|| view.header(HeaderMap::Request, &self.header))
                .flatten(),
            has_force_header: false,
            canary: self,
            view,
            cells,
            request: &request,
            ranges: self.fixed,
            held: None,
            place: None,
            drawn_at_random: false,
            shadow_rule: None,
            traced: Traced::No,
        };
        let (choice, reason) = decide(&mut asked);
        let mut flight = Flight::decided(choice, reason);
        flight.shadow_rule = asked.shadow_rule.map_or(Kept::NOTHING, Kept::of);
        if self.enforced {
            asked.carry_out(choice, &mut flight, effects);
        }
        flight.traced = asked.traced;
        flight
    }

    /// The ranges of the variants in force.
    #[inline(never)]
    pub(crate) fn ranges(&self, now: Timestamp, cells: &impl Cells) -> [Range; MAX_VARIANTS] {
        let states = self.guard.as_ref().map(|guard| (guard, guard.seen(cells)));
        let mut ranges = [Range::default(); MAX_VARIANTS];
        for (index, range) in ranges.iter_mut().enumerate().take(self.variants.list.len()) {
            let state = states
                .as_ref()
                .and_then(|(guard, states)| Some((guard, states.get(index)?)));
            let setbacks = state.map_or(0, |(_, state)| state.setbacks());
            *range = self.variants.range(index, now, setbacks);
            if let Some((guard, state)) = state {
                range.open = guard.cap(state, range.open);
            }
        }
        ranges
    }
}

impl<V: View, C: Cells> Asked<'_, V, C> {
    /// The clock, where weights follow it.
    fn now(&self) -> Timestamp {
        if self.canary.variants.follow_the_clock() {
            self.view.now()
        } else {
            Timestamp::default()
        }
    }

    fn ranges(&mut self) -> &[Range; MAX_VARIANTS] {
        let now = self.now();
        self.ranges
            .get_or_insert_with(|| self.canary.ranges(now, self.cells))
    }

    /// Whether anybody can be in a variant.
    fn is_open(&mut self, index: usize) -> bool {
        self.ranges()
            .get(index)
            .is_some_and(|range| range.open > Share::NONE)
    }

    /// What the release cookie says, read once.
    #[inline(never)]
    fn held(&mut self) -> Held {
        if let Some(held) = self.held {
            return held;
        }
        let held = self.canary.cookie.as_ref().map_or(Held::Nothing, |cookie| {
            self.request.cookie(&cookie.name).map_or(Held::Nothing, |value| {
                cookie.with_signer(self.cells, |signer| {
                    let known = signer.read(&value);
                    let known = known.and_then(|token| {
                        let choice = self.canary.variants.named(token.variant)?;
                        Some(Held::Token(choice, token.place))
                    });
                    known.unwrap_or(Held::Stale)
                })
            })
        });
        self.held = Some(held);
        held
    }

    /// The user's place by the first key that the request has, or by chance.
    #[inline(never)]
    fn place(&mut self) -> Option<Place> {
        let sticky = &self.canary.sticky;
        let mut joined = Vec::with_capacity(64);
        for key in &sticky.keys {
            joined.clear();
            if key.write_joined(self.request, SEPARATOR, &mut joined) && !joined.is_empty() {
                return Some(sticky.draw.place(&joined));
            }
        }
        let group = sticky.random?;
        self.drawn_at_random = true;
        if let Held::Token(Choice::Default, place) = self.held() {
            return Some(place);
        }
        let count = self.cells.update(Cell { group, index: 0 }, |old, new| {
            let count = old
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_le_bytes);
            new.extend_from_slice(&count.wrapping_add(1).to_le_bytes());
            Step::Write(count)
        });
        Some(draw::random(
            self.cells.seed(),
            self.view.now(),
            count.unwrap_or(0),
        ))
    }

    /// Changes the request as was decided.
    fn carry_out(&mut self, choice: Choice, flight: &mut Flight, effects: &mut Effects) {
        let canary = self.canary;
        self.route(choice, flight, effects);
        if self.has_force_header
            && let Some(header) = &canary.force.header
        {
            effects.remove(HeaderMap::Request, header);
        }
        if let (Some(name), Choice::Variant(_)) = (&canary.baggage, choice) {
            self.append_baggage(name, choice, flight, effects);
        }
        if let Some(traces) = &canary.traces
            && let noted @ (Traced::Stored | Traced::Evicted) =
                traces.store(choice, self.request, self.view, self.cells)
        {
            self.traced = noted;
        }
        if canary.cookie.is_some() {
            self.wish_for_cookie(choice, flight);
        }
        if let Some(guard) = &canary.guard
            && !flight.reason.is_forced()
        {
            flight.watched = true;
            if guard.measures_latency() {
                flight.start = self.view.now();
            }
        }
    }

    /// Sets the routing header, or takes off what a client has sent. Each write makes the proxy match its routes again.
    fn route(&mut self, choice: Choice, flight: &mut Flight, effects: &mut Effects) {
        let canary = self.canary;
        let Some(value) = canary.variants.value(choice) else {
            let sent = match &self.inbound {
                None if !canary.force.trusts_any() => {
                    self.view.header(HeaderMap::Request, &canary.header).is_some()
                }
                inbound => inbound.is_some(),
            };
            if sent {
                flight.removed = Removed::RoutingHeader;
                effects.remove(HeaderMap::Request, &canary.header);
            }
            return;
        };
        if self.inbound.as_deref() == Some(value.as_bytes()) {
            // The first line alone says nothing of further ones, which a route may match.
            let lines = self.view.attribute(canary.header_lines);
            if lines.is_some_and(|lines| lines.as_ref() == value.as_bytes()) {
                return;
            }
        }
        if self.inbound.is_some() && flight.reason != Reason::RoutingHeader {
            flight.removed = Removed::RoutingHeader;
        }
        // Where nobody is trusted with the header it is hardly ever there, and to look would cost more than it saves.
        effects.set_to(HeaderMap::Request, &canary.header, value.as_bytes());
    }

    #[inline(never)]
    fn append_baggage(&self, name: &str, choice: Choice, flight: &mut Flight, effects: &mut Effects) {
        let known = self
            .view
            .header(HeaderMap::Request, "baggage")
            .unwrap_or_default();
        let variant = self.canary.variants.name(choice);
        let mut all = Vec::new();
        match baggage::append(&known, name, variant, &mut all) {
            Ok(()) => effects.set_to(HeaderMap::Request, "baggage", &all),
            Err(_) => flight.baggage_full = true,
        }
    }

    /// Whether the user needs a cookie, or has one of no use.
    #[inline(never)]
    fn wish_for_cookie(&mut self, choice: Choice, flight: &mut Flight) {
        let held = self.held();
        let is_of_use = match held {
            Held::Token(Choice::Variant(index), _) => self.is_open(index) && !self.has_ended(),
            Held::Token(Choice::Default, _) => !self.has_ended(),
            Held::Nothing | Held::Stale => false,
        };
        flight.cookie_rejected = held == Held::Stale;
        let says_so = matches!(held, Held::Token(said, _) if is_of_use && said == choice);
        let keeps = matches!(choice, Choice::Variant(_)) || self.drawn_at_random;
        match self.place {
            Some(place) if flight.reason == Reason::Sticky && keeps && !says_so => {
                flight.cookie = CookieWish::Issue;
                flight.place = place;
            }
            _ if held != Held::Nothing && !is_of_use => flight.cookie = CookieWish::Clear,
            _ => {}
        }
    }
}

impl<V: View, C: Cells> Evidence for Asked<'_, V, C> {
    fn force_header(&mut self) -> Option<Choice> {
        let canary = self.canary;
        let value = self
            .view
            .header(HeaderMap::Request, canary.force.header.as_ref()?)?;
        self.has_force_header = true;
        let choice = canary.variants.forced(&value)?;
        canary.force.admits(self.request).then_some(choice)
    }

    fn force_cookie(&mut self) -> Option<Choice> {
        let canary = self.canary;
        let value = self.request.cookie(canary.force.cookie.as_ref()?)?;
        let choice = canary.variants.forced(&value)?;
        canary.force.admits(self.request).then_some(choice)
    }

    fn routing_header(&mut self) -> Option<Choice> {
        let canary = self.canary;
        if !canary.force.trusts_any() {
            return None;
        }
        let choice = canary.variants.routed(self.inbound.as_ref()?)?;
        canary.force.trusts(self.request).then_some(choice)
    }

    fn has_ended(&mut self) -> bool {
        let variants = &self.canary.variants;
        variants.follow_the_clock() && variants.have_ended(self.view.now())
    }

    fn trace(&mut self) -> Option<Choice> {
        let traces = self.canary.traces.as_ref()?;
        let (choice, traced) = traces.find(self.request, self.view, self.cells);
        self.traced = traced;
        choice
    }

    fn release_cookie(&mut self) -> Option<Choice> {
        self.canary.cookie.as_ref()?;
        let Held::Token(choice @ Choice::Variant(index), _) = self.held() else {
            return None;
        };
        self.is_open(index).then_some(choice)
    }

    fn rule(&mut self) -> Option<Choice> {
        let rules = &self.canary.rules;
        if rules.set.is_empty() {
            return None;
        }
        let at = |index: u32| rules.outcomes.get(usize::try_from(index).ok()?).copied();
        if !rules.any_in_shadow {
            return Some(at(rules.set.first(self.request)?)?.choice);
        }
        let mut found = Vec::new();
        rules.set.matching(self.request, &mut found);
        let matching: Vec<_> = found.into_iter().filter_map(at).collect();
        let enforced = matching.iter().position(|rule| rule.enforced);
        let before = matching
            .get(..enforced.unwrap_or(matching.len()))
            .unwrap_or_default();
        self.shadow_rule = before.first().map(|rule| rule.choice);
        Some(matching.get(enforced?)?.choice)
    }

    fn sticky(&mut self) -> Option<Choice> {
        if self.ranges().iter().all(|range| range.open == Share::NONE) {
            return None;
        }
        let place = self.place()?;
        self.place = Some(place);
        Some(ranges::pick(place, self.ranges()).map_or(Choice::Default, Choice::Variant))
    }
}
