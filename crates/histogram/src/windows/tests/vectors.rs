//! resilience4j's tests of its sliding window of time, as far as they are about what a histogram holds.

use super::*;
use crate::tests::{MS, SECOND};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn duration(text: &str) -> u64 {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, MS),
        None => (text.strip_suffix('s').unwrap(), SECOND),
    };
    number.parse::<u64>().unwrap() * unit
}

#[test]
fn it_counts_what_resilience4j_counts() {
    let vectors = include_str!("../../../vectors/resilience4j.tsv");
    let mut checks = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [name, window, steps] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let windows = Windows::new(Duration::from_nanos(duration(window)), Scale::DEFAULT);
        let (mut shared, mut now) = (Shared(windows, None), START);
        for step in steps.split(' ') {
            if let Some(passed) = step.strip_prefix('+') {
                now += duration(passed);
            } else if let Some(expected) = step.strip_prefix('[') {
                let read = shared.read(now);
                let (sum, mean) = (read.sum() / 1_000, read.mean().unwrap_or(0) / 1_000);
                assert_eq!(format!("{}/{sum}ms/{mean}ms]", read.count()), expected, "{name}");
                checks += 1;
            } else if let Some(slow) = step.strip_prefix("slow=") {
                let above = shared.read(now).count_above(5_000_000);
                assert_eq!(above.to_string(), slow, "{name}");
                checks += 1;
            } else {
                shared.add(&[duration(step) / 1_000], now);
            }
        }
    }
    assert_eq!(checks, 20);
}
