//! Clients of the reviews, which ask without a pause, and what they see, stretch by stretch.
//!
//! Who directs them begins a new stretch when what it waits for has happened; nobody waits for a fixed time.

use super::Script;
use crate::up::breaker::Breaker;
use crate::up::client::{Answer, Ask, Client};
use crate::up::mesh::REVIEWS;
use crate::up::stop::Stop;
use crate::up::timeline::Seen;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What all may read, so that it can be kept for a time when it is not to be had.
const KEPT: &str = "/reviews/1";
/// What is one user's: a cookie says so. It is never kept.
const OWN: &str = "/reviews/mine";
/// After each answer.
const PAUSE: Duration = Duration::from_millis(4);
/// What is waited for is looked at this often, even if nobody sees anything.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A request to the reviews: every second one is of the other kind.
pub(super) fn ask(n: usize) -> Ask {
    match n.is_multiple_of(2) {
        true => Ask::new(KEPT),
        false => Ask::new(OWN).header("cookie", "sid=demo"),
    }
}

/// What an answer to such a request is. `good` is the body of a good answer.
pub(super) fn judge(answer: Option<&Answer>, breaker: &Breaker, good: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let Some(answer) = answer else {
        seen.other = 1;
        return seen;
    };
    let longest = breaker.open_for(1).as_secs_f64().ceil() as u64;
    let told = |seconds: u64| (1..=longest).contains(&seconds);
    let from_upstream = answer.is_from(REVIEWS);
    let count = match (answer.status, answer.age, answer.retry_after) {
        (200, Some(_), None) if answer.warned && from_upstream && answer.body == good => &mut seen.stale,
        (status, None, Some(seconds))
            if breaker.refusal() == Some(status)
                && told(seconds)
                && !from_upstream
                && answer.body == breaker.refusal_body() =>
        {
            &mut seen.refused
        }
        (200, None, None) if from_upstream => &mut seen.good,
        (500.., None, None) => &mut seen.failed,
        _ => &mut seen.other,
    };
    *count = 1;
    seen
}

/// From one thing that happens to the next.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) begun: Instant,
    /// What each client has seen.
    pub(super) clients: Vec<Seen>,
    /// When the first of them got something else than an answer of the upstream.
    pub(super) first_fallback: Option<Instant>,
}

impl Stretch {
    fn new(clients: usize) -> Self {
        Self {
            begun: Instant::now(),
            clients: vec![Seen::default(); clients],
            first_fallback: None,
        }
    }

    /// What all have seen.
    pub(super) fn seen(&self) -> Seen {
        self.clients
            .iter()
            .fold(Seen::default(), |all, one| all.plus(*one))
    }

    /// How many clients have seen what this counts at least so often.
    pub(super) fn with(&self, least: u64, count: impl Fn(&Seen) -> u64) -> usize {
        self.clients.iter().filter(|seen| count(seen) >= least).count()
    }
}

/// What all clients have seen, and whether they are to go on.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
    clients: usize,
}

#[derive(Debug)]
struct State {
    stretches: Vec<Stretch>,
    over: bool,
}

impl Board {
    /// For so many clients; the first stretch begins.
    pub(super) fn new(clients: usize) -> Self {
        Self {
            state: Mutex::new(State {
                stretches: vec![Stretch::new(clients)],
                over: false,
            }),
            changed: Condvar::new(),
            clients,
        }
    }

    /// Begins the next stretch.
    pub(super) fn next(&self) -> Instant {
        let next = Stretch::new(self.clients);
        let begun = next.begun;
        self.lock().stretches.push(next);
        begun
    }

    /// Sends the clients home.
    pub(super) fn end(&self) {
        self.lock().over = true;
    }

    /// All stretches.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        self.lock().stretches.clone()
    }

    /// Waits until `enough` holds of all stretches; false if the time was over before.
    pub(super) fn wait(&self, within: Duration, enough: impl Fn(&[Stretch]) -> bool) -> bool {
        let deadline = Instant::now().checked_add(within);
        let mut state = self.lock();
        loop {
            if enough(&state.stretches) {
                return true;
            }
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return false;
            }
            let waited = self.changed.wait_timeout(state, LOOK_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks on and on, until it is over; then every client has its last answer.
    pub(super) fn work(
        &self,
        number: usize,
        client: &Client,
        judge: impl Fn(Option<&Answer>) -> Seen,
        stop: &Stop,
    ) {
        for n in number.. {
            let sent = Instant::now();
            let answer = client.send(&ask(n)).ok();
            let over = self.note(number, sent, judge(answer.as_ref()));
            if over || stop.within(PAUSE) {
                return;
            }
        }
    }

    /// Enters what a client has seen. What was asked of the upstream counts for the stretch in which it was asked: the answer
    /// may be the very event that ends it.
    fn note(&self, client: usize, sent: Instant, seen: Seen) -> bool {
        let mut state = self.lock();
        let over = state.over;
        let all = &mut state.stretches;
        let is_earlier = seen.fallbacks() == 0 && all.last().is_some_and(|last| sent < last.begun);
        let place = all.len().saturating_sub(if is_earlier { 2 } else { 1 });
        if let Some(stretch) = all.get_mut(place) {
            if seen.fallbacks() > 0 {
                stretch.first_fallback.get_or_insert_with(Instant::now);
            }
            if let Some(one) = stretch.clients.get_mut(client) {
                *one = one.plus(seen);
            }
        }
        drop(state);
        self.changed.notify_all();
        over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script<'_> {
    /// The last eight of these clients. They reach both workers as well: where there are more, connections were opened until
    /// the second worker had one, which is the last.
    pub(super) fn crew<'c>(&self, clients: &'c [Client]) -> &'c [Client] {
        const CREW: usize = 8;
        clients
            .get(clients.len().saturating_sub(CREW)..)
            .unwrap_or(clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;

    fn answer(version: Option<&str>, status: u16) -> Answer {
        Answer {
            body: b"hello".to_vec(),
            ..Answer::from(version, status)
        }
    }

    #[test]
    fn a_fallback_counts_if_it_says_what_it_is() {
        let policy = Policy::demo().unwrap();
        let breaker = &policy.breakers[0];
        let check = |answer: Answer, good: [u64; 5]| {
            let seen = judge(Some(&answer), breaker, b"hello");
            let counts = [seen.good, seen.failed, seen.stale, seen.refused, seen.other];
            assert_eq!(counts, good, "{answer:?}");
        };
        let reviews = || answer(Some("reviews"), 200);
        check(reviews(), [1, 0, 0, 0, 0]);
        check(answer(Some("reviews"), 500), [0, 1, 0, 0, 0]);
        check(answer(None, 503), [0, 1, 0, 0, 0]);
        check(answer(Some("v1"), 200), [0, 0, 0, 0, 1]);
        let stale = |body: &[u8], warned| Answer {
            age: Some(0),
            warned,
            body: body.to_vec(),
            ..reviews()
        };
        check(stale(b"hello", true), [0, 0, 1, 0, 0]);
        check(stale(b"hello", false), [0, 0, 0, 0, 1]);
        check(stale(b"other", true), [0, 0, 0, 0, 1]);
        let refused = |seconds, body: &[u8]| Answer {
            retry_after: Some(seconds),
            body: body.to_vec(),
            ..answer(None, 503)
        };
        let text = b"no reviews at the moment\n";
        check(refused(2, text), [0, 0, 0, 1, 0]);
        check(refused(0, text), [0, 0, 0, 0, 1]);
        check(refused(3, text), [0, 0, 0, 0, 1]);
        check(refused(1, b""), [0, 0, 0, 0, 1]);
        assert_eq!(judge(None, breaker, b"").other, 1);
    }

    #[test]
    fn the_answer_that_ends_a_stretch_belongs_to_it() {
        let board = Board::new(2);
        let sent = Instant::now();
        let good = Seen {
            good: 1,
            ..Seen::default()
        };
        let refused = Seen {
            refused: 1,
            ..Seen::default()
        };
        board.next();
        assert!(!board.note(0, sent, good) && !board.note(1, sent, refused));
        assert!(!board.note(1, Instant::now(), good));
        let [first, second] = board.stretches().try_into().unwrap();
        assert_eq!((first.seen(), first.first_fallback), (good, None));
        assert_eq!(second.seen(), good.plus(refused));
        assert!(second.first_fallback.is_some());
        assert_eq!(second.with(1, |seen| seen.good), 1);
        board.end();
        assert!(board.note(0, sent, good));
    }
}
