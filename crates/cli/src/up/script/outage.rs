//! An outage of the reviews, from its beginning to its end.
//!
//! Eight clients ask without a pause, on all workers. The reviews answer with errors until the breaker opens. Then they hold
//! what reaches them, until as many requests as may probe are there and all other clients were refused again: that is all who
//! ever get through, and only then do they fail. The next round is held in the same way, and succeeds.

use super::Script;
use super::crew::{Board, Stretch, ask, judge};
use crate::up::breaker::Breaker;
use crate::up::client::{Answer, Client};
use crate::up::metrics::{State, Tallies};
use crate::up::timeline::Seen;
use fairlead_upstream::{Behavior, RequestHead};
use std::thread;
use std::time::{Duration, Instant};

/// For what happens at once, on a machine that is busy with other things.
const WITHIN: Duration = Duration::from_secs(5);
/// For a metric to show what has happened; less than the shortest time open.
const SHOWN_WITHIN: Duration = Duration::from_millis(500);
/// Envoy reads the clock that is set by others, the checks read one that runs evenly.
const CLOCKS_DIFFER_BY: Duration = Duration::from_millis(10);

/// What has happened. Lists are shorter where it has not come to that.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) start: Instant,
    /// Before it.
    pub(super) well: Seen,
    /// When it began.
    pub(super) failing: Instant,
    /// Since then: failing, open, half-open, open, half-open, closed.
    pub(super) stretches: Vec<Stretch>,
    /// What the metric said before it, and in each stretch but the first.
    pub(super) states: Vec<Option<State>>,
    /// Requests that reached the reviews until all clients were refused.
    pub(super) until_open: u64,
    /// When so many had reached the reviews that the breaker could open.
    pub(super) could_open: Option<Instant>,
    pub(super) rounds: Vec<Round>,
    /// Requests that reached the reviews after the last round.
    pub(super) after: u64,
    /// Whether all clients got new reviews in the end.
    pub(super) recovered: bool,
}

/// A time open and the probes after it, as the reviews have seen them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// Since when nothing should reach the reviews.
    pub(super) shut: Instant,
    /// Requests that did, before it was time.
    pub(super) early: u64,
    /// Requests from then on.
    pub(super) probes: u64,
    /// When the first of those was there.
    pub(super) first: Option<Instant>,
}

impl Round {
    fn of(requests: &[RequestHead], shut: Instant, due: Instant) -> Self {
        let arrived = || requests.iter().map(|request| request.arrived);
        let since = |from: Instant| arrived().filter(move |at| *at >= from);
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Self {
            shut,
            early: count(since(shut).filter(|at| *at < due).count()),
            probes: count(since(shut.max(due)).count()),
            first: since(shut.max(due)).min(),
        }
    }
}

impl Script<'_> {
    /// Plays it all.
    pub(super) fn outage(&self, breaker: &Breaker, crew: &[Client]) -> anyhow::Result<Outage> {
        let start = Instant::now();
        let (mut well, mut body) = (Seen::default(), None);
        for (n, client) in crew.iter().enumerate() {
            let answer = client.send(&ask(n)).ok();
            let body =
                body.get_or_insert_with(|| answer.as_ref().map_or_else(Vec::new, |it| it.body.clone()));
            well = well.plus(judge(answer.as_ref(), breaker, body));
        }
        let body = body.unwrap_or_default();
        let state = self.shown(breaker, State::Closed)?;
        let board = Board::new(crew.len());
        let mut outage = Outage {
            start,
            well,
            failing: Instant::now(),
            stretches: Vec::new(),
            states: vec![state],
            until_open: 0,
            could_open: None,
            rounds: Vec::new(),
            after: 0,
            recovered: false,
        };
        self.mesh.reviews.set(Behavior::parse("status=500")?);
        thread::scope(|scope| {
            for (number, client) in crew.iter().enumerate() {
                let judge = |answer: Option<&Answer>| judge(answer, breaker, &body);
                let board = &board;
                scope.spawn(move || board.work(number, client, judge, self.stop));
            }
            let directed = self.direct(breaker, &board, crew.len(), &mut outage);
            self.mesh.reviews.set(Behavior::default());
            board.end();
            directed
        })?;
        outage.stretches = board.stretches();
        let before = outage.rounds.iter().fold(
            outage.until_open.saturating_add(outage.well.good),
            |sum, round| sum.saturating_add(round.early).saturating_add(round.probes),
        );
        outage.after = self.mesh.reviews.counts().total.saturating_sub(before);
        Ok(outage)
    }

    /// Makes the reviews fail and mends them as the breaker goes on; returns where it does not.
    fn direct(
        &self,
        breaker: &Breaker,
        board: &Board,
        everyone: usize,
        outage: &mut Outage,
    ) -> anyhow::Result<()> {
        let reviews = &self.mesh.reviews;
        let (probes, minimum) = (
            usize::try_from(breaker.probes())?,
            usize::try_from(breaker.minimum())?,
        );
        let others = everyone.saturating_sub(probes);
        let refused = |all: &[Stretch], times, clients| {
            let last = all.last();
            last.is_some_and(|last| last.with(times, Seen::fallbacks) >= clients)
        };
        let opened = board.wait(WITHIN, |all| refused(all, 1, everyone));
        outage.until_open = reviews.counts().total.saturating_sub(outage.well.good);
        if !opened {
            return Ok(());
        }
        // From here on no request is on its way that was let pass before.
        let mut shut = board.next();
        let arrived = reviews.requests();
        let decisive = arrived
            .get(minimum.saturating_sub(1))
            .map(|request| request.arrived);
        outage.could_open = decisive;
        let mut since = decisive.unwrap_or(outage.failing);
        for (nth, then) in (0_u32..).zip(["hold=1&reset=1", "hold=1"]) {
            reviews.set(Behavior::parse(then)?);
            // Those who were held until now have their answer.
            let answered = |all: &[Stretch]| {
                let earlier = all.len().checked_sub(2).and_then(|place| all.get(place));
                earlier.is_some_and(|earlier| earlier.seen().failed >= u64::from(breaker.probes()))
            };
            board.wait(WITHIN, answered);
            outage.states.push(self.shown(breaker, State::Open)?);
            let open_for = breaker.open_for(nth);
            if !board.wait(open_for.saturating_add(WITHIN), |_| reviews.active() > 0) {
                return Ok(());
            }
            board.next();
            board.wait(WITHIN, |all| {
                reviews.active() >= probes && refused(all, 2, others)
            });
            outage.states.push(self.shown(breaker, State::HalfOpen)?);
            let due = since.checked_add(open_for.saturating_sub(CLOCKS_DIFFER_BY));
            let due = due.unwrap_or(since);
            outage.rounds.push(Round::of(&reviews.requests(), shut, due));
            shut = board.next();
            since = shut;
        }
        reviews.set(Behavior::default());
        outage.recovered = board.wait(WITHIN, |all| {
            let last = all.last();
            last.is_some_and(|last| last.with(2, |seen| seen.good) >= everyone)
        });
        outage.states.push(self.shown(breaker, State::Closed)?);
        Ok(())
    }

    /// What the metric says, once it says this or for want of patience.
    fn shown(&self, breaker: &Breaker, state: State) -> anyhow::Result<Option<State>> {
        let tallies = Tallies::wait(&self.mesh.envoy, SHOWN_WITHIN, |now| {
            now.breaker(breaker).state == Some(state)
        })?;
        anyhow::ensure!(!self.stop.is_set(), "interrupted");
        Ok(tallies.breaker(breaker).state)
    }
}
