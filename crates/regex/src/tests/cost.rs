//! What a match costs, in steps.

use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Whether `value` matches, and how many states were visited for each of its bytes.
#[track_caller]
fn steps_per_byte(pattern: &str, value: &[u8]) -> (bool, usize) {
    let pattern = Pattern::parse(pattern).unwrap();
    let mut steps = 0;
    let matches = run::run(&pattern.0, value, |_, _| steps += 1);
    assert_eq!(pattern.is_match(value), matches);
    assert!(steps <= pattern.size() * (value.len() + 1));
    (matches, steps / (value.len() + 1))
}

#[test]
fn what_is_exponential_with_backtracking_is_linear_here() {
    let long = vec![b'a'; 64 * 1024];
    let ended = [&long[..], b"!"].concat();
    for pattern in [
        "(a*)*b",
        "(a|aa)+$",
        "(a|a)*",
        "(a+)+",
        "((a*)*)*",
        "(a|a?)+b",
        "(.*)(.*)(.*)(.*)x",
        "([a-z]+)*!",
        r"(\b|a)*\bx",
    ] {
        for value in [&long, &ended] {
            let (matches, steps) = steps_per_byte(pattern, value);
            let oracle = regex::bytes::Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
            assert_eq!(matches, oracle.is_match(value), "{pattern}");
            assert!(steps <= 12, "{pattern}: {steps}");
        }
    }
}

#[test]
fn the_classic_of_optional_letters_is_linear_in_the_value() {
    let pattern = format!("{}{}", "a?".repeat(100), "a".repeat(100));
    for (n, expect) in [(99, false), (100, true), (200, true), (201, false)] {
        assert_eq!(steps_per_byte(&pattern, &vec![b'a'; n]).0, expect, "{n}");
    }
}

#[test]
fn a_count_keeps_alive_only_the_copies_that_are_reached() {
    for pattern in ["(x|y){1,80}.*z", "(x|y){0,80}z", "(x|y){80}.*z"] {
        let (matches, steps) = steps_per_byte(pattern, &[&[b'x'; 80][..], b"z"].concat());
        assert!(matches && steps <= 12, "{pattern}: {steps}");
    }
}

#[test]
fn a_mismatch_ends_the_match() {
    let mut value = vec![b'a'; 64 * 1024];
    value[0] = b'b';
    assert_eq!(steps_per_byte("a.*", &value), (false, 0));
}

#[test]
fn the_largest_automaton_keeps_to_its_bound() {
    // All of its states are alive all the time.
    let (matches, steps) = steps_per_byte("(?:a*){340}", &vec![b'a'; 2048]);
    assert!(matches && steps > 900 && steps <= MAX_STATES, "{steps}");
}
