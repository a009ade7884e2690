use super::super::tests::{START, at, guard, share};
use super::super::{Against, Bound, OnTrip};
use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const BREACH: Option<Breach> = Some(Breach {
    bound: Bound::ErrorRate,
    against: Against::Max,
    share: Share::ALL,
    limit: Share::NONE,
    threshold: None,
});

fn after(seconds: u64) -> Timestamp {
    at(START + seconds * 1_000_000_000)
}

/// Windows of 60 s, a hold of 600 s at 3 %.
fn then(then: Then) -> Guard {
    Guard {
        on_trip: OnTrip {
            weight: share("3%"),
            then,
            ..guard().on_trip
        },
        ..guard()
    }
}

fn limit(failure_limit: u32) -> Guard {
    Guard {
        failure_limit,
        ..then(Then::Resume)
    }
}

/// Runs a guard on its own state at these seconds; `!` marks a breach. Says what happened when.
fn run(guard: &Guard, ticks: &str) -> (State, Vec<(u64, Transition)>) {
    let (mut state, mut seen) = (State::default(), Vec::new());
    for tick in ticks.split(' ') {
        let breach = if tick.ends_with('!') { BREACH } else { None };
        let seconds = tick.trim_end_matches('!').parse().unwrap();
        let (next, transition) = guard.advance(state, after(seconds), breach);
        seen.extend(transition.map(|transition| (seconds, transition)));
        state = next;
    }
    (state, seen)
}

#[test]
fn a_good_canary_is_left_alone() {
    let (state, seen) = run(&then(Then::StepDown), "0 1 2 100000");
    assert_eq!((state, seen), (State::default(), vec![]));
    assert_eq!(
        state.cap(&then(Then::StepDown), share("40%")),
        share("40%"),
        "as planned"
    );
}

#[test]
fn a_breach_trips_at_once_and_the_hold_ends_after_its_time() {
    let guard = then(Then::StepDown);
    let (held, seen) = run(&guard, "5! 6! 604!");
    assert_eq!(seen, [(5, Transition::Tripped)]);
    assert_eq!((held.phase(), held.setbacks()), (Phase::Held, 0));
    assert_eq!(held.cap(&guard, share("40%")), share("3%"));
    assert_eq!(held.cap(&guard, share("1%")), share("1%"), "no more than planned");

    let (state, seen) = run(&guard, "5! 605");
    assert_eq!(seen, [(5, Transition::Tripped), (605, Transition::Resumed)]);
    assert_eq!((state.phase(), state.setbacks()), (Phase::Watching, 1));
}

#[test]
fn what_was_counted_before_the_end_of_a_hold_does_not_matter_any_more() {
    let guard = then(Then::StepDown);
    assert_eq!(run(&guard, "5!").0.since(), after(5));
    assert_eq!(run(&guard, "5! 605").0.since(), after(605));
    assert_eq!(
        run(&limit(1), "5!").0.since(),
        after(5),
        "nor that of a window that was counted"
    );
}

#[test]
fn each_trip_sets_a_canary_back_one_more_step_if_the_guard_says_so() {
    assert_eq!(run(&then(Then::StepDown), "0! 600 700! 1300").0.setbacks(), 2);
    assert_eq!(run(&then(Then::Resume), "0! 600 700! 1300").0.setbacks(), 0);
    let many: Vec<String> = (0..150)
        .map(|n| format!("{}! {}", n * 600, n * 600 + 600))
        .collect();
    assert_eq!(
        run(&then(Then::StepDown), &many.join(" ")).0.setbacks(),
        State::MAX_SETBACKS
    );
}

#[test]
fn a_canary_that_is_to_stay_out_is_out_at_once_and_for_good() {
    let guard = then(Then::StayOut);
    let (out, seen) = run(&guard, "5! 6! 605 100000 9999999!");
    assert_eq!(seen, [(5, Transition::Tripped)]);
    assert_eq!(
        (out.phase(), out.cap(&guard, Share::ALL)),
        (Phase::Out, Share::NONE)
    );
    // Also when the config has changed its mind since.
    let (resumed, _) = then(Then::Resume).advance(out, after(99_999_999), None);
    assert_eq!(resumed.phase(), Phase::Out);
    let (held, _) = run(&then(Then::Resume), "5!");
    let (out, told) = guard.advance(held, after(6), None);
    assert_eq!(
        (out.phase(), told),
        (Phase::Out, None),
        "it has already been told"
    );
}

#[test]
fn a_window_that_broke_a_bound_counts_once() {
    // A breach at every tick: the next one counts a whole window later.
    let ticks: Vec<String> = (0..180).map(|second| format!("{second}!")).collect();
    let (state, seen) = run(&limit(2), &ticks.join(" "));
    assert_eq!(
        seen,
        [
            (0, Transition::Broke),
            (60, Transition::Broke),
            (120, Transition::Tripped)
        ]
    );
    assert_eq!(state.phase(), Phase::Held);
    let (_, seen) = run(&limit(2), "0! 59! 119! 178! 179!");
    assert_eq!(
        seen,
        [
            (0, Transition::Broke),
            (119, Transition::Broke),
            (179, Transition::Tripped)
        ]
    );
}

#[test]
fn broken_windows_are_counted_anew_after_a_hold() {
    let (_, seen) = run(&limit(1), "0! 60! 660 661! 662!");
    assert_eq!(
        seen,
        [
            (0, Transition::Broke),
            (60, Transition::Tripped),
            (660, Transition::Resumed),
            (661, Transition::Broke)
        ]
    );
}

#[test]
fn limits_are_those_of_argo_and_flagger() {
    let mut checked = 0;
    for line in include_str!("../../../vectors/guard-limit.tsv").lines() {
        if line.starts_with('#') {
            continue;
        }
        let [case, failure_limit, windows, outcome] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        if let Some(reason) = outcome.strip_prefix("inapplicable: ") {
            assert!(!reason.is_empty(), "{case}");
            continue;
        }
        let guard = limit(failure_limit.parse().unwrap());
        let ticks: Vec<String> = (1..)
            .zip(windows.chars())
            .map(|(window, kind)| format!("{}{}", window * 60, if kind == 'F' { "!" } else { "" }))
            .collect();
        let (_, seen) = run(&guard, &ticks.join(" "));
        let tripped = seen.iter().find(|(_, what)| *what == Transition::Tripped);
        let got = tripped.map_or("watching".to_owned(), |(seconds, _)| format!("tripped {seconds}"));
        assert_eq!(got, outcome, "{case}");
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn two_workers_that_see_the_same_breach_trip_once() {
    let guard = then(Then::StepDown);
    let (first, told) = guard.advance(State::default(), after(5), BREACH);
    assert_eq!(told, Some(Transition::Tripped));
    // The second one lost the race and runs again on what the first has left.
    assert_eq!(guard.advance(first, after(5), BREACH), (first, None));
}

#[test]
fn no_hold_lasts_longer_than_a_hold_from_now() {
    let guard = then(Then::Resume);
    let held = run(&guard, "5000!").0;
    // The clock is set back by more than an hour: the hold begins anew, once.
    let (state, told) = guard.advance(held, after(0), None);
    assert_eq!((state.phase(), told), (Phase::Held, None));
    let (state, told) = guard.advance(state, after(599), None);
    assert_eq!((state.phase(), told), (Phase::Held, None));
    assert_eq!(
        guard.advance(state, after(600), None).1,
        Some(Transition::Resumed)
    );
}

#[test]
fn a_clock_set_back_does_not_blind_the_guard() {
    let guard = limit(1);
    let broken = run(&guard, "5000!").0;
    let (state, _) = guard.advance(broken, after(0), None);
    assert_eq!(state.since(), after(0), "what is counted from now on matters");
    assert_eq!(guard.advance(state, after(59), BREACH).1, None);
    assert_eq!(
        guard.advance(state, after(60), BREACH).1,
        Some(Transition::Tripped)
    );
}

#[test]
fn the_stored_form_stays_the_same() {
    let mut bytes = Vec::new();
    run(&limit(1), "0! 60!").0.encode(&mut bytes);
    let (since, until) = (START + 60_000_000_000, START + 660_000_000_000);
    let mut expected = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    expected.extend(since.to_le_bytes());
    expected.extend(until.to_le_bytes());
    assert_eq!(bytes, expected);
    assert_eq!(bytes.len(), State::BYTES as usize);
}

#[test]
fn bytes_that_cannot_be_read_are_no_state() {
    let mut bytes = Vec::new();
    run(&then(Then::StepDown), "5!").0.encode(&mut bytes);
    assert_ne!(State::decode(Some(&bytes)), State::default());
    let mut longer = bytes.clone();
    longer.push(0);
    let mut other_version = bytes.clone();
    other_version[0] = 2;
    let mut no_phase = bytes.clone();
    no_phase[1] = 3;
    for bytes in [&bytes[..25], &longer, &other_version, &no_phase, &[]] {
        assert_eq!(State::decode(Some(bytes)), State::default());
    }
    assert_eq!(State::decode(None), State::default());
}

fn any_state() -> impl Strategy<Value = State> {
    (0..3u8, any::<[u8; 24]>()).prop_map(|(phase, rest)| {
        let bytes: Vec<u8> = [1, phase].into_iter().chain(rest).collect();
        State::decode(Some(&bytes))
    })
}

fn any_guard() -> impl Strategy<Value = Guard> {
    (0..3u32, 0..3usize, 1..100_000u64, 1..10_000u64).prop_map(|(failure_limit, kind, hold, window)| Guard {
        window: Duration::from_secs(window),
        failure_limit,
        on_trip: OnTrip {
            weight: share("3%"),
            hold: Duration::from_secs(hold),
            then: [Then::StepDown, Then::Resume, Then::StayOut][kind],
        },
        ..guard()
    })
}

proptest! {
    #[test]
    fn what_is_stored_is_read_again(state in any_state()) {
        let mut bytes = Vec::new();
        state.encode(&mut bytes);
        prop_assert_eq!(State::decode(Some(&bytes)), state);
    }

    #[test]
    fn any_state_at_any_time_is_watched_again_within_a_hold(
        guard in any_guard(), state in any_state(), now in any::<u64>(), breach in any::<bool>(),
    ) {
        let (next, told) = guard.advance(state, at(now), BREACH.filter(|_| breach));
        prop_assert!(next.setbacks() >= state.setbacks() && next.setbacks() <= state.setbacks() + 1);
        prop_assert!(next.since() <= at(now) || next.phase() != Phase::Watching);
        prop_assert_eq!(next.phase() != state.phase(), match told {
            Some(Transition::Tripped | Transition::Resumed) => true,
            Some(Transition::Broke) => false,
            None => state.phase() == Phase::Held && guard.on_trip.then == Then::StayOut,
        });
        // Run again on what it has left, it does nothing more.
        prop_assert_eq!(guard.advance(next, at(now), BREACH.filter(|_| next.phase() != Phase::Watching)), (next, None));
        if next.phase() == Phase::Held {
            let (later, _) = guard.advance(next, at(now).saturating_add(guard.on_trip.hold), None);
            prop_assert_eq!(later.phase(), Phase::Watching);
        }
    }

    #[test]
    fn setbacks_never_exceed_their_bound(guard in any_guard(), state in any_state(), now in any::<u64>()) {
        let (next, _) = guard.advance(state, at(now), None);
        prop_assert!(next.setbacks() <= State::MAX_SETBACKS);
    }
}
