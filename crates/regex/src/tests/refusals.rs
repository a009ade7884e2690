//! What is refused, why and where.

use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[track_caller]
fn refused(pattern: &str, kind: ErrorKind, at: usize) {
    assert_eq!(Pattern::parse(pattern), Err(Error { kind, at }), "{pattern}");
}

#[test]
fn bad_syntax_is_refused_where_it_is() {
    use ErrorKind as E;
    let cases = [
        ("ab(c", E::UnclosedGroup, 2),
        ("((a)", E::UnclosedGroup, 0),
        ("a)|(b", E::UnopenedGroup, 1),
        ("(?i)a)", E::UnopenedGroup, 5),
        ("(?x)a", E::BadGroup, 0),
        ("a(?", E::BadGroup, 1),
        ("(?)", E::BadGroup, 0),
        ("(?-)", E::BadGroup, 0),
        ("(?i-:a)", E::BadGroup, 0),
        ("(?i--s)", E::BadGroup, 0),
        ("(?#note)", E::BadGroup, 0),
        ("(?>a)", E::BadGroup, 0),
        ("(?P<>a)", E::BadGroup, 0),
        ("(?P<a-b>a)", E::BadGroup, 0),
        ("(?<é>a)", E::BadGroup, 0),
        ("(?<a", E::BadGroup, 0),
        ("(?Pa)", E::BadGroup, 0),
        ("(?i<a>a)", E::BadGroup, 0),
        ("é(?=a)", E::LookAround, 2),
        ("(?!a)", E::LookAround, 0),
        ("(?<=a)", E::LookAround, 0),
        ("(?<!a)", E::LookAround, 0),
        (r"(a)\1", E::BackReference, 3),
        (r"\k<a>", E::BackReference, 0),
        ("(?P=a)", E::BackReference, 0),
        (r"a\p{L}", E::Unicode, 1),
        (r"[\PL]", E::Unicode, 1),
        (r"\", E::BadEscape, 0),
        (r"[\", E::BadEscape, 1),
        (r"\0", E::BadEscape, 0),
        (r"\q", E::BadEscape, 0),
        (r"\Z", E::BadEscape, 0),
        (r"\Qa\E", E::BadEscape, 0),
        (r"\<a", E::BadEscape, 0),
        (r"\é", E::BadEscape, 0),
        ("\\\0", E::BadEscape, 0),
        (r"\x4", E::BadEscape, 0),
        (r"\x{}", E::BadEscape, 0),
        (r"\x{41", E::BadEscape, 0),
        (r"\x{110000}", E::BadEscape, 0),
        (r"\x{ffffffffffff}", E::BadEscape, 0),
        (r"\ud800", E::BadEscape, 0),
        ("a[", E::UnclosedClass, 1),
        ("[^", E::UnclosedClass, 0),
        ("[]", E::UnclosedClass, 0),
        ("[a-", E::UnclosedClass, 0),
        ("[a[b]]", E::BadClass, 2),
        ("[[:nope:]]", E::BadClass, 1),
        ("[[:alpha]]", E::BadClass, 1),
        ("[a&&b]", E::BadClass, 2),
        ("[a--b]", E::BadClass, 2),
        ("[a~~b]", E::BadClass, 2),
        (r"[a\b]", E::BadClass, 2),
        ("[b-a]", E::BadRange, 1),
        (r"[\d-z]", E::BadRange, 1),
        (r"[a-\d]", E::BadRange, 1),
        ("[[:alpha:]-z]", E::BadRange, 1),
        ("/users/{id}", E::BadRepeat, 7),
        ("a{", E::BadRepeat, 1),
        ("a{}", E::BadRepeat, 1),
        ("a{,2}", E::BadRepeat, 1),
        ("a{1, 2}", E::BadRepeat, 1),
        ("a{2,1}", E::BadRepeat, 1),
        ("a{2", E::BadRepeat, 1),
        ("*", E::NothingToRepeat, 0),
        ("a|*", E::NothingToRepeat, 2),
        ("(+)", E::NothingToRepeat, 1),
        ("a**", E::NothingToRepeat, 2),
        ("a+++", E::NothingToRepeat, 2),
        ("a???", E::NothingToRepeat, 3),
        ("a{2}{3}", E::NothingToRepeat, 4),
        ("a(?i)*", E::NothingToRepeat, 5),
        ("{2}", E::NothingToRepeat, 0),
    ];
    for (pattern, kind, at) in cases {
        refused(pattern, kind, at);
    }
}

#[test]
fn an_expression_is_bounded() {
    let longest = format!("(?:{})", "[ab]".repeat((MAX_LENGTH - 4) / 4));
    assert_eq!(longest.len(), MAX_LENGTH);
    assert_eq!(Pattern::parse(&longest).unwrap().size(), 1024);
    refused(&format!("{longest} "), ErrorKind::TooLong, MAX_LENGTH);
    assert_eq!(Pattern::parse("a{1023}").unwrap().size(), MAX_STATES);
    refused("a{1024}", ErrorKind::TooLarge, 7);
    refused("a{1025}b", ErrorKind::TooLarge, 1);
    refused("a{99999999999999999999}", ErrorKind::TooLarge, 1);
    refused("(?:a{1,100}){1,100}", ErrorKind::TooLarge, 12);
    refused("(a{1000}){1000}", ErrorKind::TooLarge, 9);
    refused(&"a|".repeat(1024), ErrorKind::TooLarge, 683);
    // As many groups as there can be, and counts of nothing.
    assert!(Pattern::parse(&format!("{}{}", "(".repeat(2048), ")".repeat(2048))).is_ok());
    refused(&"(".repeat(4096), ErrorKind::UnclosedGroup, 4095);
    assert!(Pattern::parse(&"(){1024}".repeat(512)).is_ok());
    assert!(Pattern::parse(&"(?i)".repeat(1024)).is_ok());
    let ranges = |n: u32| {
        (0..n)
            .filter_map(|i| char::from_u32(0x100 + 2 * i))
            .collect::<String>()
    };
    assert!(Pattern::parse(&format!("é[{}a-z]", ranges(32))).is_ok());
    refused(&format!("é[{}a-z]", ranges(33)), ErrorKind::TooManyRanges, 2);
}

#[test]
fn a_refusal_says_where_and_how_to_mend_it() {
    let cases = [
        (
            "a)|(b",
            r#"")" closes nothing; write "\)" for the character (at byte 1)"#,
        ),
        (
            "a{1024}b",
            "more than 1024 states; lower the counts in {n,m} (at byte 7)",
        ),
        (
            "/{id}",
            r#"a count is {n}, {n,} or {n,m} with n <= m; write "\{" for the character (at byte 1)"#,
        ),
    ];
    for (pattern, text) in cases {
        assert_eq!(
            Pattern::parse(pattern).map_err(|error| error.to_string()),
            Err(text.to_owned())
        );
    }
    let longer = Error {
        kind: ErrorKind::TooLong,
        at: 0,
    };
    assert!(longer.to_string().contains(&MAX_LENGTH.to_string()));
}
