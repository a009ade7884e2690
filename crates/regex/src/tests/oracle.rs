//! The regex crate says the same, whatever the expression and the value.

use super::*;
use crate::utf8::{INVALID, decode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The regex crate for a whole value, or why it refuses the expression.
fn oracle(pattern: &str, unicode: bool) -> Result<regex::bytes::Regex, String> {
    let build = |text: &str| {
        regex::bytes::RegexBuilder::new(text)
            .unicode(unicode)
            .build()
            .map_err(|error| error.to_string())
    };
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

const ASCII_ATOMS: [&str; 38] = [
    "a",
    "b",
    "c",
    "B",
    "1",
    "_",
    "-",
    r"\.",
    ".",
    "[ab]",
    "[^a]",
    "[a-c1]",
    "[^b-z]",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    "[[:alpha:]]",
    "[[:^upper:]]",
    "[[:punct:]]",
    r"[\W\d]",
    r"[^\s_]",
    r"\b",
    r"\B",
    "^",
    "$",
    r"\A",
    r"\z",
    "(?i)",
    "(?-i)",
    "(?s)",
    "(?m)",
    r"\x61",
    r"\n",
    "(?i:aB)",
    "()",
];

const UNICODE_ATOMS: [&str; 16] = [
    "a",
    "é",
    "ж",
    "€",
    "\u{1f600}",
    ".",
    "[é]",
    "[^é]",
    "[a-é]",
    "[^a-я]",
    "[€-\u{1f600}]",
    r"\x{e9}",
    "(?s)",
    r"\n",
    "^",
    "$",
];

/// Expressions of the grammar around these atoms.
fn expressions(atoms: &'static [&'static str]) -> impl Strategy<Value = String> {
    let count = select(vec![
        "*", "+", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "{0}", "*?", "+?", "??", "{1,2}?",
    ]);
    let atom = select(atoms).prop_map(str::to_owned);
    atom.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            4 => vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join("|"))),
            1 => vec(inner.clone(), 1..3).prop_map(|parts| parts.join("|")),
            3 => (inner.clone(), count.clone()).prop_map(|(part, count)| format!("(?:{part}){count}")),
            1 => (inner, select(vec!["i", "s", "m", "U", "i-s", "-i"])).prop_map(|(part, flags)| format!("(?{flags}:{part})")),
        ]
    })
}

fn values(characters: &'static str) -> impl Strategy<Value = Vec<String>> {
    let character = select(characters.chars().collect::<Vec<_>>());
    vec(vec(character, 0..7).prop_map(String::from_iter), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ascii_matches_as_in_the_regex_crate(pattern in expressions(&ASCII_ATOMS), values in values("aaabbcBA1_-. \n")) {
        let ours = Pattern::parse(&pattern).map_err(|error| TestCaseError::fail(format!("{pattern}: {error}")))?;
        let theirs = oracle(&pattern, false).map_err(TestCaseError::fail)?;
        for value in values.iter().map(String::as_bytes) {
            prop_assert_eq!(ours.is_match(value), theirs.is_match(value), "{} on {:?}", pattern, value);
        }
    }

    #[test]
    fn characters_beyond_ascii_match_as_in_the_regex_crate(
        pattern in expressions(&UNICODE_ATOMS),
        values in values("aabééж€я\u{1f600}\n"),
    ) {
        // The regex crate folds them, this one does not.
        let pattern = pattern.replace("(?i:", "(?:").replace("(?i-s:", "(?-s:").replace("(?-i:", "(?:");
        let ours = Pattern::parse(&pattern).map_err(|error| TestCaseError::fail(format!("{pattern}: {error}")))?;
        let theirs = oracle(&pattern, true).map_err(TestCaseError::fail)?;
        for value in values.iter().map(String::as_bytes) {
            prop_assert_eq!(ours.is_match(value), theirs.is_match(value), "{} on {:?}", pattern, value);
        }
    }

    /// Pieces of syntax in any order: what is accepted here is accepted there and means the same.
    #[test]
    fn what_is_accepted_means_what_it_means_in_the_regex_crate(
        pieces in vec(select(vec![
            "a", "b", "A", "1", "-", "-", ",", ":", "[", "[", "[^", "]", "]", "(", "(", ")", ")", "|", "*", "+", "?", "{", "}",
            "{1}", "{1,2}", "^", "$", ".", "&", "~", r"\", r"\d", r"\W", r"\b", r"\]", r"\x41", "(?i)", "(?:", "(?s-i", "(?P<n",
            ">", "<", "=", "!", "P", "[:alpha:]", "[:^lower:]", "\n", " ", "#",
        ]), 0..9),
        values in values("aabA11-,:[](){}&~ \n"),
    ) {
        let pattern = pieces.concat();
        if let Ok(ours) = Pattern::parse(&pattern) {
            match oracle(&pattern, false) {
                Ok(theirs) => for value in values.iter().map(String::as_bytes) {
                    prop_assert_eq!(ours.is_match(value), theirs.is_match(value), "{} on {:?}", pattern, value);
                },
                Err(error) => prop_assert!(error.contains("duplicate"), "{}", error),
            }
        }
    }

    #[test]
    fn no_expression_and_no_value_panics_or_visits_a_state_twice(
        pattern in prop_oneof![any::<String>(), expressions(&ASCII_ATOMS)],
        value in vec(any::<u8>(), 0..40),
    ) {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            prop_assert!((1..=MAX_STATES).contains(&pattern.size()));
            let mut visits = Vec::new();
            run::run(&pattern.0, &value, |at, state| visits.push((at, state)));
            let all = visits.len();
            visits.sort_unstable();
            visits.dedup();
            prop_assert_eq!(visits.len(), all, "a state is visited twice at one place");
        }
    }

    #[test]
    fn bytes_are_read_as_the_standard_library_reads_them(
        bytes in vec(prop_oneof![any::<u8>(), 0x80..0xc0_u8, select(b"\xe0\xed\xef\xf0\xf4a".to_vec())], 0..12),
    ) {
        let mut expected = Vec::new();
        for chunk in bytes.utf8_chunks() {
            expected.extend(chunk.valid().chars().map(u32::from));
            expected.extend(chunk.invalid().iter().map(|_| INVALID));
        }
        let mut read = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (c, len) = decode(&bytes, at);
            read.push(c);
            at += len;
        }
        prop_assert_eq!(at, bytes.len());
        prop_assert_eq!(read, expected);
        prop_assert_eq!(decode(&bytes, at).1, 0);
    }
}

#[test]
fn every_character_is_read() {
    for c in '\0'..=char::MAX {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).as_bytes();
        assert_eq!(decode(bytes, 0), (u32::from(c), bytes.len()));
    }
}
