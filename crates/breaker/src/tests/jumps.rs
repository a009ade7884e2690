//! What holds whatever the clock does, whoever dies, and whatever bytes were found.

use super::*;
use crate::ring::Marks;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Clone, Debug)]
enum Event {
    Admit(u32, u64),
    End(usize, Call),
    Wait(u64),
    Jump(i64),
    At(u64),
    Dies(u32),
}

fn event() -> impl Strategy<Value = Event> {
    let ms = 1_000_000;
    let far = 4_000_000 * SECOND as i64;
    prop_oneof![
        10 => (1..5_u32, any::<u64>()).prop_map(|(own, entropy)| Event::Admit(own, entropy)),
        8 => (any::<usize>(), policies::any_call()).prop_map(|(position, call)| Event::End(position, call)),
        3 => (0..1_500_u64).prop_map(move |wait| Event::Wait(wait * ms)),
        1 => (-far..far).prop_map(Event::Jump),
        1 => (-5_000..5_000_i64).prop_map(move |jump| Event::Jump(jump * ms as i64)),
        1 => prop_oneof![Just(0), Just(u64::MAX), any::<u64>()].prop_map(Event::At),
        1 => (1..5_u32).prop_map(Event::Dies),
    ]
}

/// Bytes that were there before: none, any, or those of a record with any content.
fn found() -> impl Strategy<Value = Option<Vec<u8>>> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    let record = (0..3_u8, proptest::collection::vec(any::<u8>(), 36..150));
    prop_oneof![
        2 => Just(None),
        1 => bytes.prop_map(Some),
        1 => record.prop_map(|(phase, rest)| Some([vec![1, phase], rest].concat())),
    ]
}

/// The longest that a policy lets a breaker be open.
fn longest_open(policy: &Policy) -> u64 {
    let longest = policy.open.max.max(policy.open.duration).as_nanos() as u64;
    longest / 1_000 * (1_000_000 + u64::from(policy.open.jitter.ppm())) / 1_000 + 1
}

/// Sees that whatever the breaker is in is over in time.
fn check_ends(rig: &Rig, known: &Known) -> Result<(), TestCaseError> {
    let policy = rig.table.breaker().policy();
    let longest = match known.phase {
        Phase::Closed => policy.recovery_ramp.max(policy.warm_up).as_nanos() as u64,
        Phase::Open => longest_open(policy),
        Phase::HalfOpen => policy.half_open.max_wait.as_nanos() as u64,
    };
    let left = known.until.since(at(rig.now)).as_nanos() as u64;
    // At the beginning of time a phase begins one nanosecond later: 0 means never.
    prop_assert!(left <= longest + 1, "{:?}: {} of {}", known, left, longest);
    Ok(())
}

/// Sees that the breaker closes when all that it is asked to do succeeds, and nobody holds it up.
fn check_usable(rig: &mut Rig) -> Result<(), TestCaseError> {
    rig.now = START;
    rig.dead = (1..100).collect();
    for _ in 0..40 {
        let admission = rig.admit(500);
        match admission.pass {
            Pass::Refused { retry_after } => {
                prop_assert!(retry_after >= Duration::from_secs(1));
                rig.now = rig.now.max(admission.known.until.as_unix_nanos()) + 1_000_000;
            }
            Pass::Free | Pass::Probe => {
                rig.complete(500, admission.ticket(at(rig.now)), SUCCESS);
                // What was in the window may open it once more.
                if admission.pass == Pass::Free && rig.phase() == Phase::Closed {
                    return Ok(());
                }
            }
        }
    }
    prop_assert!(false, "still not closed: {:?}", rig.known());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "wasm32") { 64 } else { 768 }))]

    #[test]
    fn clocks_that_jump_and_bytes_that_are_foreign_leave_a_breaker_that_works(
        policy in policies::any_policy(),
        found in found(),
        events in proptest::collection::vec(event(), 1..160),
        outside in any::<bool>(),
    ) {
        let mut rig = Rig::new(policy, [Counted::Inside, Counted::Outside][usize::from(outside)]);
        rig.cell = found;
        let foreign = rig.known().generation;
        let mut flying: Vec<(u32, Ticket)> = Vec::new();
        // Of the generation: probes that have completed.
        let mut told = (0, 0);
        for event in events {
            match event {
                Event::Wait(wait) => rig.now = rig.now.saturating_add(wait),
                Event::Jump(jump) => rig.now = rig.now.saturating_add_signed(jump),
                Event::At(now) => rig.now = now,
                Event::Dies(own) => {
                    flying.retain(|(holder, _)| *holder != own);
                    rig.dead = vec![own];
                }
                Event::Admit(own, entropy) => {
                    rig.dead.retain(|dead| *dead != own);
                    rig.entropy = entropy;
                    let admission = rig.admit(own);
                    check_ends(&rig, &admission.known)?;
                    if !matches!(admission.pass, Pass::Refused { .. }) {
                        flying.push((own, admission.ticket(at(rig.now))));
                    }
                    let generation = admission.known.generation;
                    if told.0 != generation {
                        told = (generation, 0);
                    }
                    let ours = |(_, ticket): &&(u32, Ticket)| ticket.probe && ticket.generation == generation;
                    let probes = flying.iter().filter(ours).count();
                    if generation != foreign && admission.known.phase == Phase::HalfOpen {
                        prop_assert!(probes + told.1 <= policy.half_open.probes as usize);
                    }
                }
                Event::End(position, call) if !flying.is_empty() => {
                    let (own, ticket) = flying.swap_remove(position % flying.len());
                    let before = rig.known();
                    let evidence = outside.then_some((Counts { failures: 100, ..Counts::NONE }, 100));
                    let completion = rig.complete_with(own, ticket, call, evidence);
                    check_ends(&rig, &completion.known)?;
                    let after = rig.known();
                    if completion.late && completion.transition.is_none() {
                        prop_assert_eq!((after.phase, after.generation), (before.phase, before.generation));
                    }
                    let counts = call.outcome != Outcome::Ignored || policy.rules.ignored_succeed;
                    if !completion.late && ticket.probe && counts && told.0 == ticket.generation {
                        told.1 += 1;
                    }
                }
                Event::End(..) => {}
            }
        }
        check_usable(&mut rig)?;
    }

    #[test]
    fn foreign_bytes_in_a_set_leave_a_table_that_works(
        policy in policies::any_policy(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        set in any::<bool>(),
        key in any::<[u8; 3]>(),
    ) {
        let table = Table::keyed(Breaker::new(policy, Counted::Inside), count(1));
        let mut rig = Rig::of(table, &key);
        rig.cell = Some(if set { [vec![2], bytes].concat() } else { bytes });
        rig.pass(3_600 * SECOND);
        if rig.try_admit(1).is_some() {
            check_usable(&mut rig)?;
        }
    }

    #[test]
    fn any_ring_is_one_after_it_has_been_rolled(
        policy in policies::any_policy(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        shaped in any::<bool>(),
        now in any::<u64>(),
    ) {
        let window = policy.window;
        let mut ring = Vec::new();
        window.roll(&mut ring, 0, now);
        if shaped {
            ring.truncate(4);
        } else {
            ring.clear();
        }
        ring.extend_from_slice(&bytes);
        window.roll(&mut ring, 0, now);
        let before = window.sum(&ring).calls();
        window.add(&mut ring, Marks { failed: true, slow: true });
        prop_assert!(ring.len() <= window.ring_bytes() as usize);
        let counts = window.sum(&ring);
        prop_assert!(counts.calls() + u64::from(u32::MAX) > before);
        prop_assert!(counts.failures >= 1 && counts.slow >= 1);
    }
}
