//! Several workers, their own cells and the ones they share, tick by tick.

use super::*;
use fairlead_stage::Step;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const WORKERS: usize = 3;

/// A canary (0) and the stable variant (1).
struct Proxy {
    guard: Guard,
    pending: [[Option<Vec<u8>>; 2]; WORKERS],
    shared: [Option<Vec<u8>>; 2],
    state: Vec<u8>,
    told: Vec<(u64, Transition)>,
}

impl Proxy {
    fn new(guard: Guard) -> Self {
        Self {
            guard,
            pending: Default::default(),
            shared: Default::default(),
            state: Vec::new(),
            told: Vec::new(),
        }
    }

    fn state(&self) -> State {
        State::decode(Some(&self.state))
    }

    /// A second of requests of 20 ms at each worker: so many of each variant, of which the first few fail.
    fn second(&mut self, second: u64, canary: (u32, u32), stable: (u32, u32)) {
        let windows = self.guard.windows();
        for worker in 0..WORKERS {
            let cells = &mut self.pending[worker];
            for ((bad, all), cell) in [canary, stable].into_iter().zip(cells.iter_mut()) {
                for request in 0..all {
                    let outcome = Outcome {
                        failed: request < bad,
                        latency: Some(Duration::from_millis(20)),
                    };
                    let mut new = Vec::new();
                    windows.record(cell.as_deref(), outcome, &mut new);
                    *cell = Some(new);
                }
            }
            self.tick(worker, second);
        }
    }

    fn tick(&mut self, worker: usize, second: u64) {
        // Workers do not read the clock at the same moment.
        let now = at(START + second * SECOND - worker as u64 * 1_000);
        let windows = self.guard.windows();
        for (pending, shared) in self.pending[worker].iter_mut().zip(&mut self.shared) {
            let mut new = Vec::new();
            let taken = pending.take().unwrap_or_default();
            if windows.merge(shared.as_deref(), &taken, now, &mut new) == Step::Write(()) {
                *shared = Some(new);
            }
        }
        let state = self.state();
        let [canary, stable] = self
            .shared
            .each_ref()
            .map(|cell| windows.counts(cell.as_deref(), now, state.since()));
        let (state, told) = self.guard.advance(state, now, self.guard.judge(&canary, &stable));
        self.state.clear();
        state.encode(&mut self.state);
        self.told.extend(told.map(|told| (second, told)));
    }
}

#[test]
fn a_canary_that_begins_to_fail_is_taken_out_once_and_comes_back() {
    let mut proxy = Proxy::new(guard());
    for second in 0..120 {
        proxy.second(second, (0, 1), (0, 9));
    }
    assert_eq!(proxy.told, []);
    // All of its requests fail from now on, three a second.
    let mut second = 120;
    while proxy.told.is_empty() {
        proxy.second(second, (1, 1), (0, 9));
        second += 1;
    }
    assert!(second <= 130, "it took {second} seconds");
    let tripped = second - 1;
    assert_eq!(proxy.state().phase(), Phase::Held);
    // What is still on its way fails; then there is none; then it is good.
    for second in second..tripped + 700 {
        let canary = match second - tripped {
            ..30 => (1, 1),
            30..600 => (0, 0),
            _ => (0, 1),
        };
        proxy.second(second, canary, (0, 9));
    }
    assert_eq!(
        proxy.told,
        [
            (tripped, Transition::Tripped),
            (tripped + 600, Transition::Resumed)
        ]
    );
    assert_eq!(proxy.state().setbacks(), 1);
}

#[test]
fn failures_from_before_a_hold_do_not_trip_again() {
    // A hold that is much shorter than the window, which still has them all.
    let mut short = guard();
    short.on_trip.hold = Duration::from_secs(5);
    let mut proxy = Proxy::new(short);
    for second in 0..30 {
        proxy.second(second, (1, 1), (0, 9));
        if !proxy.told.is_empty() {
            break;
        }
    }
    let begin = proxy.told[0].0;
    for second in begin + 1..begin + 120 {
        proxy.second(second, (0, 1), (0, 9));
    }
    assert_eq!(
        proxy.told,
        [(begin, Transition::Tripped), (begin + 5, Transition::Resumed)]
    );
}

#[test]
fn a_canary_that_goes_on_failing_is_caught_again_after_each_hold() {
    let mut proxy = Proxy::new(guard());
    for second in 0..3 * 700 {
        proxy.second(second, (1, 1), (0, 9));
    }
    assert_eq!(proxy.state().setbacks(), 3);
    assert_eq!(proxy.told.len(), 7);
}

#[test]
fn a_limit_lets_as_many_windows_pass() {
    let mut proxy = Proxy::new(Guard {
        failure_limit: 2,
        ..guard()
    });
    for second in 0..200 {
        proxy.second(second, (1, 1), (0, 9));
    }
    let first = proxy.told[0].0;
    assert!((16..20).contains(&first), "50 requests of three workers: {first}");
    assert_eq!(
        proxy.told,
        [
            (first, Transition::Broke),
            (first + 60, Transition::Broke),
            (first + 120, Transition::Tripped)
        ]
    );
}

#[test]
fn a_slow_canary_is_taken_out_for_being_slow() {
    let mut proxy = Proxy::new(latency_guard(Some(Duration::from_millis(10)), None));
    for second in 0..20 {
        proxy.second(second, (0, 1), (0, 9));
    }
    assert_eq!(proxy.state().phase(), Phase::Held);
    let mut proxy = Proxy::new(latency_guard(Some(Duration::from_millis(30)), Some(1500)));
    for second in 0..200 {
        proxy.second(second, (0, 1), (0, 9));
    }
    assert_eq!(proxy.told, []);
}

#[test]
fn a_clock_that_jumps_neither_trips_a_good_canary_nor_saves_a_bad_one() {
    let mut proxy = Proxy::new(guard());
    for second in [10_000, 20_000, 5_000, 5_060, 1_000] {
        for more in 0..60 {
            proxy.second(second + more, (0, 1), (0, 9));
        }
    }
    assert_eq!(proxy.told, []);
    for second in 100..220 {
        proxy.second(second, (1, 1), (0, 9));
    }
    assert_eq!(proxy.told.len(), 1);
    let (tripped, _) = proxy.told[0];
    assert!(tripped <= 140, "tripped at {tripped}");
}
