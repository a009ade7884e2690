//! The state machine against a model that keeps every call, under a clock that does not go back.
//!
//! The model has no encoding, no ring and no early arithmetic: its window is a filter over a list, and probes are judged by
//! playing both the best and the worst that can still come.

mod reference;

use super::*;
use proptest::prelude::*;
use reference::Model;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Clone, Debug)]
enum Event {
    Admit {
        own: u32,
        entropy: u64,
    },
    End {
        position: usize,
        call: Call,
        entropy: u64,
    },
    Wait(u64),
    Dies(u32),
}

fn event() -> impl Strategy<Value = Event> {
    let ms = 1_000_000;
    prop_oneof![
        8 => (1..4_u32, any::<u64>()).prop_map(|(own, entropy)| Event::Admit { own, entropy }),
        8 => (any::<usize>(), policies::any_call(), any::<u64>())
            .prop_map(|(position, call, entropy)| Event::End { position, call, entropy }),
        2 => (0..400_u64).prop_map(move |wait| Event::Wait(wait * ms)),
        1 => (0..4_000_u64).prop_map(move |wait| Event::Wait(wait * ms)),
        1 => (1..4_u32).prop_map(Event::Dies),
    ]
}

/// Sees that both say the same of a breaker, and takes over how long it is open for.
fn compare(model: &mut Model, known: &Known, transition: Option<Transition>) -> Result<(), TestCaseError> {
    prop_assert_eq!(known.phase, model.phase);
    prop_assert_eq!(known.generation, model.generation);
    if let Some(transition) = transition {
        prop_assert_eq!(transition.to, model.phase);
        prop_assert_eq!(transition.generation, model.generation);
        if model.phase == Phase::Open {
            let length = transition.open_for.as_nanos() as u64;
            let (least, most) = model.bounds();
            prop_assert!(
                (least..=most).contains(&(length as f64)),
                "{} {} {}",
                least,
                length,
                most
            );
            model.until = model.since + length;
            prop_assert_eq!(known.until, at(model.until));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "wasm32") { 64 } else { 768 }))]

    #[test]
    fn a_breaker_does_what_the_model_does(
        policy in policies::any_policy(), events in proptest::collection::vec(event(), 1..160),
    ) {
        let mut model = Model::new(policy);
        let mut rig = Rig::new(policy, Counted::Inside);
        let mut flying: Vec<(u32, Ticket)> = Vec::new();
        for event in events {
            match event {
                Event::Wait(wait) => rig.pass(wait),
                Event::Dies(own) => {
                    // Its streams are gone with it; another one with another number takes its place.
                    flying.retain(|(holder, _)| *holder != own);
                    rig.dead = vec![own];
                }
                Event::Admit { own, entropy } => {
                    rig.dead.retain(|dead| *dead != own);
                    rig.entropy = entropy;
                    let before = rig.known();
                    let guess = rig.table.breaker().admit_known(&before, at(rig.now), entropy);
                    let admission = rig.admit(own);
                    let dead = rig.dead.clone();
                    let passes = model.admit(rig.now, own, &dead);
                    compare(&mut model, &admission.known, admission.transition)?;
                    let passed = !matches!(admission.pass, Pass::Refused { .. });
                    prop_assert_eq!(passes.unwrap_or(passed), passed);
                    prop_assert_eq!(admission.pass == Pass::Probe, passed && model.phase == Phase::HalfOpen);
                    if let Some(guess) = guess {
                        prop_assert_eq!(guess, admission.pass, "what a worker knows is what the record says");
                    }
                    if passed {
                        flying.push((own, admission.ticket(at(rig.now))));
                    }
                }
                Event::End { position, call, entropy } if !flying.is_empty() => {
                    let (own, ticket) = flying.swap_remove(position % flying.len());
                    rig.entropy = entropy;
                    let before = (rig.known(), model.phase);
                    let completion = rig.complete(own, ticket, call);
                    let late = model.complete(rig.now, own, ticket, call);
                    prop_assert_eq!(completion.late, late);
                    compare(&mut model, &completion.known, completion.transition)?;
                    if late && completion.transition.is_none() {
                        prop_assert_eq!(rig.known().phase, before.0.phase);
                        prop_assert_eq!(rig.known().generation, before.0.generation);
                    }
                }
                Event::End { .. } => {}
            }
        }
    }
}
