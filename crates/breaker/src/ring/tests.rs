use super::*;
use crate::tests::{SECOND, START, count, policy};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const FAILED: Marks = Marks {
    failed: true,
    slow: false,
};
const SLOW: Marks = Marks {
    failed: false,
    slow: true,
};

fn window(text: &str) -> Window {
    policy(text).window
}

#[test]
fn buckets_leave_one_by_one() {
    let window = window("default window=10s/10");
    let mut ring = Vec::new();
    for second in 0..10 {
        window.roll(&mut ring, START, START + second * SECOND);
        window.add(&mut ring, if second % 2 == 0 { FAILED } else { SLOW });
    }
    assert_eq!(ring.len(), window.ring_bytes() as usize);
    for second in 10..=19 {
        window.roll(&mut ring, START, START + second * SECOND);
        let counts = window.sum(&ring);
        assert_eq!(counts.calls(), 19 - second);
        assert_eq!(counts.slow, (20 - second) / 2);
    }
    window.roll(&mut ring, START, START + 20 * SECOND);
    assert_eq!(ring.len(), 12, "a window without calls is its head");
}

#[test]
fn a_day_later_nothing_is_left() {
    let window = window("default window=5s/5");
    let mut ring = Vec::new();
    for second in 0..5 {
        window.roll(&mut ring, START, START + second * SECOND);
        window.add(&mut ring, FAILED);
    }
    assert_eq!(window.sum(&ring).calls(), 5);
    window.roll(&mut ring, START, START + 5 * SECOND);
    assert_eq!(window.sum(&ring).calls(), 4);
    assert!(window.roll(&mut ring, START, START + 86_405 * SECOND));
    assert_eq!(window.sum(&ring), Counts::NONE);
}

#[test]
fn a_clock_a_little_behind_counts_on_and_one_set_back_empties() {
    let window = window("default window=10s/10");
    let mut ring = Vec::new();
    window.roll(&mut ring, START, START);
    window.add(&mut ring, FAILED);
    assert!(!window.roll(&mut ring, START, START - SECOND));
    assert_eq!(window.sum(&ring).failures, 1);
    assert!(window.roll(&mut ring, START, START - SECOND - 1));
    assert_eq!(window.sum(&ring), Counts::NONE);
    window.add(&mut ring, FAILED);
    window.roll(&mut ring, START, START + 8 * SECOND - 2);
    assert_eq!(
        window.sum(&ring).failures,
        1,
        "the new buckets begin with the new clock"
    );
}

#[test]
fn the_last_calls_count_and_no_other() {
    for size in [1, 2, 3, 4, 5, 63, 1_000] {
        let window = Window::Calls(count(size));
        let (mut ring, mut log) = (Vec::new(), Vec::new());
        for call in 0..2 * size + 3 {
            let marks = Marks {
                failed: call % 3 == 0,
                slow: call % 5 < 2,
            };
            window.roll(&mut ring, 0, 0);
            window.add(&mut ring, marks);
            log.push(marks);
            let last = || log.iter().rev().take(size as usize);
            let counts = window.sum(&ring);
            assert_eq!(counts.calls(), last().count() as u64);
            assert_eq!(
                counts.failures,
                last().filter(|marks| marks.failed).count() as u64
            );
            assert_eq!(counts.slow, last().filter(|marks| marks.slow).count() as u64);
        }
        assert_eq!(ring.len(), window.ring_bytes() as usize);
    }
}

#[test]
fn a_ring_of_another_shape_is_empty() {
    let shapes = [
        "window=10s/10",
        "window=20s/10",
        "window=10s/5",
        "calls=10",
        "calls=100",
    ];
    for one in shapes {
        for other in shapes {
            let (before, after) = (
                window(&format!("default {one}")),
                window(&format!("default {other}")),
            );
            let mut ring = Vec::new();
            before.roll(&mut ring, START, START);
            before.add(&mut ring, FAILED);
            after.roll(&mut ring, START, START);
            assert_eq!(after.sum(&ring).calls(), u64::from(one == other), "{one} {other}");
        }
    }
}
