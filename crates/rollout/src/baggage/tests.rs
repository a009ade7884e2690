use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const KEY: &str = "fairlead.r";
const MEMBER: &[u8] = b"fairlead.r=v2";

fn appended(baggage: &[u8]) -> Result<Vec<u8>, Full> {
    let mut out = Vec::new();
    append(baggage, KEY, "v2", &mut out).map(|()| out)
}

/// Reads `\t` and `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split('\\');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (byte, rest) = match piece.strip_prefix('t') {
            Some(rest) => (b'\t', rest),
            None => (u8::from_str_radix(&piece[1..3], 16).unwrap(), &piece[3..]),
        };
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

#[test]
fn baggage_becomes_what_the_vectors_say() {
    let vectors = include_str!("../../vectors/baggage.tsv");
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let (before, after) = line.split_once('\t').unwrap();
        assert_eq!(appended(&unescaped(before)), Ok(unescaped(after)), "{line}");
    }
}

#[test]
fn the_result_has_at_most_64_members() {
    let members = |count: usize| vec!["a=1"; count].join(",");
    assert!(appended(members(63).as_bytes()).is_ok());
    assert_eq!(appended(members(64).as_bytes()), Err(Full));
    assert_eq!(appended(members(100).as_bytes()), Err(Full));
    // One of them makes room.
    assert!(appended(format!("{KEY}=v1,{}", members(63)).as_bytes()).is_ok());
    assert_eq!(
        appended(format!("{KEY}=v1,{}", members(64)).as_bytes()),
        Err(Full)
    );
    // What is blank is no member.
    assert!(appended(format!(",, ,{}", members(63)).as_bytes()).is_ok());
}

#[test]
fn the_result_has_at_most_8192_bytes() {
    let longest = 8192 - 1 - MEMBER.len();
    let baggage = |length: usize| format!("a={}", "x".repeat(length - 2));
    assert_eq!(
        appended(baggage(longest).as_bytes()).map(|out| out.len()),
        Ok(8192)
    );
    assert_eq!(appended(baggage(longest + 1).as_bytes()), Err(Full));
    assert_eq!(appended(baggage(100_000).as_bytes()), Err(Full));
    // What is dropped does not count.
    let dropped = format!("{KEY}={},a=1", "x".repeat(100_000));
    assert_eq!(appended(dropped.as_bytes()), Ok(b"a=1,fairlead.r=v2".to_vec()));
    let mut out = Vec::new();
    assert_eq!(append(b"", "k", &"v".repeat(8191), &mut out), Err(Full));
    assert_eq!(append(b"", "k", &"v".repeat(8190), &mut out), Ok(()));
}

#[test]
fn what_the_buffer_held_stays_and_does_not_count() {
    let held = vec![b'-'; 8000];
    let mut out = held.clone();
    assert_eq!(append(&[b'x'; 8192], KEY, "v2", &mut out), Err(Full));
    assert_eq!(out, held);
    let baggage = [b'x'; 1000];
    assert_eq!(append(&baggage, KEY, "v2", &mut out), Ok(()));
    assert_eq!(out, [&held[..], &baggage, b",", MEMBER].concat());
}

/// Bytes of the header's grammar, some that are not, and members of the key.
fn baggage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(&b",;= \tab\"%\\\x00\x7f\xff"[..]).prop_map(|byte| vec![byte]),
        1 => Just(KEY.as_bytes().to_vec()),
        1 => Just(b",fairlead.r\t= v1;p=1 ,".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ];
    proptest::collection::vec(piece, 0..150).prop_map(|pieces| pieces.concat())
}

/// Whether a member is one of the key, told otherwise than the code under test does.
fn is_own(member: &[u8]) -> bool {
    let text: String = member.iter().map(|byte| char::from(*byte)).collect();
    let before_properties = text.split(';').next().unwrap_or_default();
    before_properties
        .split_once('=')
        .is_some_and(|(key, _)| key.trim_matches([' ', '\t']) == KEY)
}

proptest! {
    #[test]
    fn everything_else_stays_byte_for_byte_and_in_order(baggage in baggage()) {
        let others: Vec<_> = baggage.split(|byte| *byte == b',').filter(|member| !is_own(member)).collect();
        let joined = others.join(&b","[..]);
        let spaces = joined.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let mut expect = joined[spaces..].to_vec();
        if !expect.is_empty() {
            expect.push(b',');
        }
        expect.extend_from_slice(MEMBER);
        let members = others.iter().filter(|member| member.iter().any(|byte| !matches!(byte, b' ' | b'\t'))).count();
        let fits = expect.len() <= 8192 && members < 64;
        prop_assert_eq!(appended(&baggage), if fits { Ok(expect) } else { Err(Full) });
    }

    #[test]
    fn appending_again_changes_nothing(baggage in baggage()) {
        if let Ok(once) = appended(&baggage) {
            prop_assert_eq!(appended(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn no_input_panics_or_grows_beyond_the_limits(
        baggage in baggage(), key in ".{0,40}", value in ".{0,40}", held in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut out = held.clone();
        let result = append(&baggage, &key, &value, &mut out);
        prop_assert!(out.starts_with(&held));
        prop_assert!(out.len() - held.len() <= 8192);
        prop_assert!(result == Ok(()) || out == held);
    }
}
