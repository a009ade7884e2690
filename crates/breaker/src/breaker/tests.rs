use super::*;
use crate::policy::Window;
use crate::tests::{FAILURE, IGNORED, Rig, SECOND, START, SUCCESS, at, policy, share};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn seconds(pass: Pass) -> u64 {
    match pass {
        Pass::Refused { retry_after } => retry_after.as_secs(),
        _ => panic!("not refused: {pass:?}"),
    }
}

#[test]
fn a_refusal_says_when_to_come_back_in_whole_seconds() {
    let mut rig = Rig::new(policy("default min=1"), Counted::Inside);
    rig.call(FAILURE);
    assert_eq!(seconds(rig.admit(1).pass), 30);
    rig.pass(1);
    assert_eq!(seconds(rig.admit(1).pass), 30);
    rig.pass(SECOND);
    assert_eq!(seconds(rig.admit(1).pass), 29);
    rig.pass(29 * SECOND - 2);
    assert_eq!(seconds(rig.admit(1).pass), 1);
    rig.pass(1);
    assert_eq!(rig.admit(1).pass, Pass::Probe);
    assert_eq!(seconds(rig.admit(1).pass), 1);
}

#[test]
fn what_a_worker_knows_survives_its_cell() {
    for phase in [Phase::Closed, Phase::Open, Phase::HalfOpen] {
        let known = Known {
            phase,
            generation: 0x0102_0304,
            since: at(START),
            until: at(START + 5),
            base: Counts {
                successes: u64::MAX,
                failures: 2,
                slow: 3,
            },
        };
        let mut bytes = Vec::new();
        known.encode(&mut bytes);
        assert_eq!(bytes.len(), Known::BYTES as usize);
        assert_eq!(Known::decode(&bytes), Some(known));
        assert_eq!(Known::decode(&bytes[1..]), None);
        assert_eq!(Known::decode(&bytes[..bytes.len() - 1]), None);
        bytes.push(0);
        assert_eq!(Known::decode(&bytes), None);
    }
}

#[test]
fn a_worker_answers_itself_unless_the_record_may_have_changed() {
    let rules = policy("default min=1");
    let mut rig = Rig::new(rules, Counted::Inside);
    let breaker = *rig.table.breaker();
    assert!(rig.known().passes_freely());
    let known = rig.call(FAILURE).known;
    let ask = |now| breaker.admit_known(&known, at(now), 0);
    assert_eq!(ask(START).map(seconds), Some(30));
    assert_eq!(ask(START - 1), None, "the clock was set back");
    assert_eq!(
        ask(START + 30 * SECOND),
        None,
        "the probe is for the record to give"
    );
    rig.pass(30 * SECOND);
    let known = rig.admit(1).known;
    assert_eq!(breaker.admit_known(&known, at(rig.now), 0), None);
}

#[test]
fn the_ramp_lets_a_growing_share_pass() {
    let mut rig = Rig::new(policy("default min=1 open=1s ramp=10s"), Counted::Inside);
    rig.call(FAILURE);
    rig.pass(SECOND);
    let known = rig.call(SUCCESS).known;
    assert!(!known.passes_freely());
    for tenth in 0..=10_u64 {
        let passed = |entropy: u64| {
            let known = rig
                .table
                .breaker()
                .admit_known(&known, at(rig.now + tenth * SECOND), entropy);
            known.unwrap() == Pass::Free
        };
        // One of each thousandth of what can be drawn.
        let share = (0..1_000_u64)
            .filter(|draw| passed(draw * (u64::MAX / 1_000)))
            .count();
        assert!(share.abs_diff(tenth as usize * 100) <= 1, "{tenth}: {share}");
    }
    rig.pass(10 * SECOND);
    assert!(rig.admit(1).known.passes_freely());
}

#[test]
fn jitter_spreads_over_its_whole_range_and_no_further() {
    let opens_for = |entropy| {
        let mut rig = Rig::new(policy("default min=1 open=10s jitter=10%"), Counted::Inside);
        rig.entropy = entropy;
        rig.call(FAILURE).transition.unwrap().open_for
    };
    assert_eq!(opens_for(0), Duration::from_secs(9));
    assert_eq!(opens_for(1 << 63), Duration::from_secs(10));
    assert_eq!(opens_for(u64::MAX), Duration::from_secs(11));
}

#[test]
fn backoff_grows_to_its_bound_and_ends_with_a_recovery() {
    let mut rig = Rig::new(
        policy("default min=1 open=10s backoff=2 max=35s"),
        Counted::Inside,
    );
    let mut lengths = Vec::new();
    for _ in 0..4 {
        let length = rig.call(FAILURE).transition.unwrap().open_for;
        lengths.push(length.as_secs());
        rig.pass(length.as_nanos() as u64);
    }
    assert_eq!(lengths, [10, 20, 35, 35]);
    rig.call(SUCCESS);
    assert_eq!(
        rig.call(FAILURE).transition.unwrap().open_for,
        Duration::from_secs(10)
    );
}

#[test]
fn a_probe_of_a_worker_that_died_gives_its_permit_back() {
    let mut rig = Rig::new(policy("default min=1 open=1s"), Counted::Inside);
    rig.call(FAILURE);
    rig.pass(SECOND);
    let lost = rig.admit(7);
    assert_eq!(lost.pass, Pass::Probe);
    assert_eq!(seconds(rig.admit(8).pass), 1);
    rig.dead = vec![7];
    let second = rig.admit(8);
    assert_eq!(second.pass, Pass::Probe);
    // It was not dead after all, but its place is taken.
    assert!(rig.complete(7, lost.ticket(at(rig.now)), FAILURE).late);
    let closed = rig.complete(8, second.ticket(at(rig.now)), SUCCESS);
    assert_eq!(closed.transition.map(|it| it.to), Some(Phase::Closed));
}

#[test]
fn a_probe_that_was_lost_opens_where_the_rules_say_so() {
    let mut rig = Rig::new(policy("hystrix min=1"), Counted::Inside);
    rig.call(FAILURE);
    rig.pass(5 * SECOND);
    assert_eq!(rig.admit(7).pass, Pass::Probe);
    rig.dead = vec![7];
    let admission = rig.admit(8);
    assert_eq!(seconds(admission.pass), 5);
    assert_eq!(admission.transition.map(|it| it.cause), Some(Cause::ProbeLost));
}

#[test]
fn without_probes_it_closes_by_itself() {
    let mut rig = Rig::new(policy("envoy open=1s"), Counted::Inside);
    for _ in 0..5 {
        rig.call(FAILURE);
    }
    rig.pass(SECOND);
    let admission = rig.admit(1);
    assert_eq!(admission.pass, Pass::Free);
    let transition = admission.transition.unwrap();
    assert_eq!((transition.from, transition.to), (Phase::Open, Phase::Closed));
    assert_eq!(transition.cause, Cause::OpenEnded);
}

#[test]
fn transitions_say_what_they_were_judged_by() {
    let mut rig = Rig::new(policy("default min=4 open=1s probes=2"), Counted::Inside);
    rig.call(SUCCESS);
    rig.call(IGNORED);
    rig.call(SUCCESS);
    rig.call(FAILURE);
    let opened = rig.call(FAILURE).transition.unwrap();
    let expected = Transition {
        from: Phase::Closed,
        to: Phase::Open,
        cause: Cause::ErrorRate,
        generation: 1,
        counts: Counts {
            successes: 2,
            failures: 2,
            slow: 0,
        },
        open_for: Duration::from_secs(1),
    };
    assert_eq!(opened, expected);
    rig.pass(SECOND);
    let probing = rig.admit(1).transition.unwrap();
    assert_eq!(
        (probing.to, probing.cause, probing.generation),
        (Phase::HalfOpen, Cause::OpenEnded, 2)
    );
    assert_eq!((probing.counts, probing.open_for), (Counts::NONE, Duration::ZERO));
}

#[test]
fn counting_outside_begins_anew_with_what_the_counters_read_at_the_close() {
    let mut rig = Rig::new(policy("default min=1 open=1s"), Counted::Outside);
    let admission = rig.admit(1);
    assert_eq!(admission.known, Known::default());
    let failed = Counts {
        failures: 1,
        ..Counts::NONE
    };
    let ticket = admission.ticket(at(rig.now));
    assert_eq!(
        rig.complete_with(1, ticket, FAILURE, None).transition,
        None,
        "no evidence"
    );
    let opened = rig.complete_with(1, ticket, FAILURE, Some((failed, 1)));
    assert_eq!(opened.known.phase, Phase::Open);
    rig.pass(SECOND);
    rig.totals = failed;
    let known = rig.call(SUCCESS).known;
    assert_eq!(
        (known.phase, known.base, known.since),
        (Phase::Closed, failed, at(rig.now))
    );
}

#[test]
fn a_warm_up_of_a_breaker_that_counts_outside_begins_with_its_first_request() {
    let mut rig = Rig::new(policy("default min=1 warmup=10s"), Counted::Outside);
    // The counters have gone on from an earlier config.
    rig.totals.failures = 500;
    let admission = rig.admit(1);
    assert!(admission.known.passes_freely());
    assert_eq!(admission.known.base, rig.totals);
    assert_eq!(admission.known.until, at(rig.now + 10 * SECOND));
    let ticket = admission.ticket(at(rig.now));
    let evidence = Some((rig.totals, 1));
    rig.pass(10 * SECOND - 1);
    assert_eq!(rig.complete_with(1, ticket, FAILURE, evidence).transition, None);
    rig.pass(1);
    assert!(
        rig.complete_with(1, ticket, FAILURE, evidence)
            .transition
            .is_some()
    );
}

#[test]
fn only_rolling_windows_of_time_are_counted_outside() {
    for (rules, counted) in [
        ("default", Counted::Outside),
        ("default window=10s/1", Counted::Inside),
        ("default calls=10", Counted::Inside),
    ] {
        let breaker = Breaker::new(policy(rules), Counted::Outside);
        assert_eq!(breaker.counted(), counted, "{rules}");
        assert_eq!(
            matches!(breaker.policy().window, Window::Calls(_)),
            rules.contains("calls")
        );
    }
}

#[test]
fn slow_is_what_takes_longer() {
    let breaker = Breaker::new(policy("default slow=50%"), Counted::Inside);
    assert!(!breaker.is_slow(Duration::from_secs(4)));
    assert!(breaker.is_slow(Duration::from_nanos(4_000_000_001)));
    assert!(!Breaker::new(policy("default"), Counted::Inside).is_slow(Duration::MAX));
}

#[test]
fn a_rate_trips_at_its_bound_and_never_without_a_failure() {
    let counts = |successes, failures| Counts {
        successes,
        failures,
        slow: 0,
    };
    let mut rules = policy("default min=2 error=50%");
    let judge = |rules, counts: Counts| Breaker::new(rules, Counted::Inside).judge(&counts, 0);
    assert_eq!(judge(rules, counts(1, 1)), Some(Cause::ErrorRate));
    assert_eq!(judge(rules, counts(2, 1)), None);
    assert_eq!(judge(rules, counts(0, 1)), None, "too few");
    assert_eq!(
        judge(rules, counts(u64::MAX / 2, u64::MAX)),
        Some(Cause::ErrorRate)
    );
    rules.trip.error_rate = Some(share("0%"));
    assert_eq!(judge(rules, counts(2, 0)), None);
}
