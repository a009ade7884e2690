use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SEED: [u64; 2] = [0x5eed, 0xf00d];

fn signer() -> Signer {
    Signer::from_seed(SEED, "checkout-2026-11")
}

fn token(variant: &[u8], ppm: u32) -> Token<'_> {
    let place = Place::from_ppm(ppm).unwrap();
    Token { variant, place }
}

fn written(signer: &Signer, token: &Token<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    signer.write(token, &mut bytes);
    bytes
}

#[test]
fn tokens_are_as_another_implementation_of_siphash_writes_them() {
    let vectors = include_str!("../../vectors/token.tsv");
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [key, release, variant, ppm, expect] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let seed: Result<Vec<u64>, _> = key.split(' ').map(str::parse).collect();
        let signer = match seed.as_deref() {
            Ok([k0, k1]) => Signer::from_seed([*k0, *k1], release),
            _ => Signer::from_secret(key, release),
        };
        let token = token(variant.as_bytes(), ppm.parse().unwrap());
        assert_eq!(written(&signer, &token), expect.as_bytes());
        assert_eq!(signer.read(expect.as_bytes()), Some(token));
    }
}

#[test]
fn the_same_token_says_the_same_however_often_it_is_read() {
    let bytes = written(&signer(), &token(b"v2", 123_456));
    // Another worker makes a signer of its own.
    for signer in [signer(), signer(), signer().clone()] {
        assert_eq!(signer.read(&bytes), Some(token(b"v2", 123_456)));
    }
}

#[test]
fn a_token_of_one_release_is_none_of_the_next() {
    let bytes = written(&signer(), &token(b"v2", 1));
    for release in ["checkout-2026-12", "checkout-2026-1", "checkout-2026-111", ""] {
        assert_eq!(Signer::from_seed(SEED, release).read(&bytes), None, "{release}");
    }
}

#[test]
fn a_token_under_another_key_is_refused() {
    let bytes = written(&signer(), &token(b"v2", 1));
    for seed in [[SEED[0], 0], [0, SEED[1]], [SEED[1], SEED[0]]] {
        assert_eq!(Signer::from_seed(seed, "checkout-2026-11").read(&bytes), None);
    }
    let with = |secret| Signer::from_secret(secret, "checkout-2026-11");
    assert_eq!(with("a secret of all proxies").read(&bytes), None);
    let bytes = written(&with("a secret of all proxies"), &token(b"v2", 1));
    assert!(with("a secret of all proxies").read(&bytes).is_some());
    assert_eq!(with("a secret of all proxies ").read(&bytes), None);
    assert_eq!(signer().read(&bytes), None);
}

#[test]
fn a_token_with_any_bit_flipped_is_refused() {
    for variant in ["v2", "a.b", "stable"] {
        let bytes = written(&signer(), &token(variant.as_bytes(), 99_999));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signer().read(&flipped), None, "bit {bit}");
        }
    }
}

#[test]
fn a_token_that_lost_or_gained_bytes_is_refused() {
    let bytes = written(&signer(), &token(b"v2", 99_999));
    for length in 0..bytes.len() {
        assert_eq!(signer().read(&bytes[..length]), None);
        assert_eq!(signer().read(&bytes[bytes.len() - length..]), None);
    }
    for byte in [b'0', b'.', b' ', 0] {
        assert_eq!(signer().read(&[&bytes[..], &[byte]].concat()), None);
        assert_eq!(signer().read(&[&[byte], &bytes[..]].concat()), None);
    }
}

#[test]
fn a_token_in_upper_case_is_refused() {
    // A signature and a place with letters in them.
    let bytes = written(&signer(), &token(b"v2", 0xabcde));
    let upper = [b"v2", &bytes[2..].to_ascii_uppercase()[..]].concat();
    assert_ne!(upper, bytes);
    assert_eq!(signer().read(&upper), None);
}

#[test]
fn nobody_can_move_a_signature_to_another_variant_or_place() {
    let bytes = written(&signer(), &token(b"v2", 99_999));
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [("v2.", "v3."), ("v2.", "v2.1869f."), ("1869f", "00000")] {
        let forged = text.replacen(from, to, 1);
        assert_eq!(signer().read(forged.as_bytes()), None, "{forged}");
    }
}

#[test]
fn where_the_release_ends_and_the_variant_begins_counts() {
    let signature = |release, variant: &[u8]| {
        let bytes = written(&Signer::from_seed(SEED, release), &token(variant, 1));
        bytes[bytes.len() - 16..].to_vec()
    };
    assert_ne!(signature("ab", b"c"), signature("a", b"bc"));
}

#[test]
fn a_variant_has_one_to_64_bytes() {
    for (length, read) in [(0, false), (1, true), (64, true), (65, false), (5000, false)] {
        let variant = vec![b'v'; length];
        let bytes = written(&signer(), &token(&variant, 7));
        assert_eq!(signer().read(&bytes).is_some(), read, "{length} bytes");
    }
}

#[test]
fn a_place_beyond_the_whole_is_refused_even_if_it_is_signed() {
    let beyond = 1_000_000_u32;
    let signature = signer()
        .release
        .clone()
        .text(b"v2")
        .number(beyond.into())
        .finish();
    let bytes = format!("v2.{beyond:05x}.{signature:016x}");
    assert_eq!(signer().read(bytes.as_bytes()), None);
}

#[test]
fn a_token_is_appended_to_what_is_there() {
    let mut bytes = b"release=".to_vec();
    signer().write(&token(b"v2", 1), &mut bytes);
    assert!(signer().read(bytes.strip_prefix(b"release=").unwrap()).is_some());
}

#[test]
fn a_signer_does_not_show_its_key() {
    assert_eq!(format!("{:?}", signer()), "Signer");
}

proptest! {
    #[test]
    fn whatever_is_written_is_read(
        seed in any::<[u64; 2]>(), release in ".{0,80}", variant in proptest::collection::vec(any::<u8>(), 1..=64),
        ppm in 0..1_000_000_u32,
    ) {
        let signer = Signer::from_seed(seed, &release);
        let token = token(&variant, ppm);
        let bytes = written(&signer, &token);
        prop_assert_eq!(signer.read(&bytes), Some(token));
    }

    #[test]
    fn no_bytes_panic_or_pass_unsigned(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), variant in "[a-z0-9.]{0,70}",
        place in any::<u32>(), signature in any::<u64>(), secret in ".{0,80}", release in ".{0,80}",
    ) {
        let formed = format!("{variant}.{place:05x}.{signature:016x}");
        for signer in [signer(), Signer::from_secret(&secret, &release)] {
            prop_assert_eq!(signer.read(&bytes), None);
            prop_assert_eq!(signer.read(formed.as_bytes()), None);
        }
    }
}
