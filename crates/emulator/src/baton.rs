//! Seeded interleaving of workers.
//!
//! Each worker runs on an OS thread of its own, but only the one that holds the baton moves. At each host call that can
//! see or change what other workers see (shared data, queues, metrics, clocks), the holder draws a number and may hand the
//! baton on. All other host calls touch only the worker's own streams, so that a switch there could not be told from one
//! at the next shared call: the schedules explored are all there are. The same seed gives the same draws, hence the same
//! schedule; a running hash of the holders shows it.
//!
//! Cost: a switch is two futex calls, 5 to 10 us.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::rng::Rng;

struct State {
    rng: Rng,
    alive: Vec<usize>,
    holder: usize,
    hash: u64,
    switches: u64,
    /// One in this many host calls draws a new holder; chosen by the seed, as bugs differ in how many switches they need.
    every: usize,
}

/// The baton, and who may take it.
pub(crate) struct Baton {
    state: Mutex<State>,
    turns: Vec<Condvar>,
}

impl Baton {
    pub(crate) fn new(seed: u64, workers: usize) -> Arc<Self> {
        let mut rng = Rng::new(seed);
        let every = 1_usize << rng.below(3);
        Arc::new(Self {
            state: Mutex::new(State {
                rng,
                alive: Vec::new(),
                holder: 0,
                hash: 0xcbf2_9ce4_8422_2325,
                switches: 0,
                every,
            }),
            turns: (0..workers).map(|_| Condvar::new()).collect(),
        })
    }

    /// Starts a round in which these workers run; one of them gets the baton.
    pub(crate) fn start(&self, workers: &[usize]) {
        let mut state = self.lock();
        state.alive = workers.to_vec();
        let first = state.rng.below(workers.len());
        state.hand_to(first);
    }

    /// Waits until this worker holds the baton.
    pub(crate) fn wait(&self, worker: usize) {
        let mut state = self.lock();
        while state.holder != worker {
            let Some(turn) = self.turns.get(worker) else {
                return;
            };
            state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A point where the baton may pass to another worker; returns when this worker holds it again.
    pub(crate) fn yield_point(&self, worker: usize) {
        let mut state = self.lock();
        if state.alive.len() < 2 {
            return;
        }
        let every = state.every;
        if state.rng.below(every) != 0 {
            return;
        }
        let count = state.alive.len();
        let next = state.rng.below(count);
        state.hand_to(next);
        if state.holder == worker {
            return;
        }
        self.wake(&state);
        drop(state);
        self.wait(worker);
    }

    /// This worker is through with its round.
    pub(crate) fn finish(&self, worker: usize) {
        let mut state = self.lock();
        state.alive.retain(|alive| *alive != worker);
        let count = state.alive.len();
        if count > 0 {
            let next = state.rng.below(count);
            state.hand_to(next);
            self.wake(&state);
        }
    }

    /// A hash over all hand-overs so far: equal for equal schedules.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.lock().hash
    }

    /// The number of hand-overs from one worker to another so far.
    pub(crate) fn switches(&self) -> u64 {
        self.lock().switches
    }

    fn wake(&self, state: &MutexGuard<'_, State>) {
        if let Some(turn) = self.turns.get(state.holder) {
            turn.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hand_to(&mut self, index: usize) {
        let Some(next) = self.alive.get(index).copied() else {
            return;
        };
        if next != self.holder {
            self.switches = self.switches.wrapping_add(1);
        }
        self.holder = next;
        // FNV-1a over the holders.
        self.hash = (self.hash ^ next as u64).wrapping_mul(0x0100_0000_01b3);
    }
}
