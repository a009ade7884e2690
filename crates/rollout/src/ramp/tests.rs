use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_nanos(seconds * 1_000_000_000)
}

fn steps(list: &[(u64, u32)]) -> Vec<RampStep> {
    let step = |(seconds, percent): &(u64, u32)| RampStep {
        at: Duration::from_secs(*seconds),
        weight: Share::from_ppm(percent * 10_000).unwrap(),
    };
    list.iter().map(step).collect()
}

const LIST: [(u64, u32); 3] = [(0, 1), (60, 10), (120, 50)];

fn percent(ramp: &Ramp, seconds: u64, setback: u32) -> u32 {
    ramp.weight(at(seconds), setback).ppm() / 10_000
}

#[test]
fn each_step_holds_until_the_next_begins() {
    let ramp = Ramp::new(at(1000), steps(&LIST), None, None).unwrap();
    let seen: Vec<u32> = [0, 999, 1000, 1059, 1060, 1119, 1120, 9999]
        .map(|seconds| percent(&ramp, seconds, 0))
        .to_vec();
    assert_eq!(seen, [0, 0, 1, 1, 10, 10, 50, 50]);
    assert_eq!(ramp.standing(at(1060)), Standing::Step(1));
}

#[test]
fn nobody_is_drawn_before_a_first_step_that_begins_later() {
    let ramp = Ramp::new(at(0), steps(&[(30, 5)]), None, None).unwrap();
    assert_eq!(ramp.standing(at(29)), Standing::Ahead);
    assert_eq!(percent(&ramp, 30, 0), 5);
}

#[test]
fn a_paused_ramp_stands_still_from_that_moment() {
    let ramp = Ramp::new(at(0), steps(&LIST), Some(at(70)), None).unwrap();
    assert_eq!([percent(&ramp, 50, 0), percent(&ramp, 500, 0)], [1, 10]);
}

#[test]
fn a_ramp_ends_as_it_is_told() {
    let over = Duration::from_secs(600);
    let promoted = Ramp::new(at(0), steps(&LIST), None, Some((over, Finish::Promoted))).unwrap();
    let ended = Ramp::new(at(0), steps(&LIST), None, Some((over, Finish::Ended))).unwrap();
    assert_eq!(
        [percent(&promoted, 599, 0), percent(&promoted, 600, 0)],
        [50, 100]
    );
    assert_eq!([percent(&ended, 599, 0), percent(&ended, 600, 0)], [50, 0]);
}

#[test]
fn a_setback_holds_a_ramp_one_step_behind() {
    let ramp = Ramp::new(
        at(0),
        steps(&LIST),
        None,
        Some((Duration::from_secs(600), Finish::Promoted)),
    )
    .unwrap();
    let seen: Vec<u32> = [0, 60, 120, 600]
        .map(|seconds| percent(&ramp, seconds, 1))
        .to_vec();
    assert_eq!(seen, [0, 1, 10, 50]);
    assert_eq!(percent(&ramp, 600, 99), 0);
}

#[test]
fn steps_that_are_no_ramp_are_refused() {
    let new = |list: &[(u64, u32)], over: Option<u64>| {
        let finish = over.map(|over| (Duration::from_secs(over), Finish::Ended));
        Ramp::new(at(0), steps(list), None, finish).map(|_| ())
    };
    assert_eq!(new(&[], None), Err(RampError::Count));
    assert_eq!(new(&[(0, 1); 65], None), Err(RampError::Count));
    assert_eq!(new(&[(0, 1), (0, 2)], None), Err(RampError::NotLater(1)));
    assert_eq!(new(&[(0, 1), (9, 2), (8, 3)], None), Err(RampError::NotLater(2)));
    assert_eq!(new(&LIST, Some(120)), Err(RampError::FinishTooEarly));
}
