use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod population;
mod properties;

/// The rows of a file of vectors, cut at tabs.
fn rows<const COLUMNS: usize>(text: &str) -> Vec<[&str; COLUMNS]> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let row: Vec<_> = line.split('\t').collect();
        row.try_into()
            .unwrap_or_else(|_| panic!("not {COLUMNS} columns: {line}"))
    });
    let rows: Vec<_> = rows.collect();
    assert!(!rows.is_empty());
    rows
}

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

fn shares(list: &str) -> Vec<Share> {
    list.split(' ')
        .map(|percent| share(&format!("{percent}%")))
        .collect()
}

fn at(ppm: u32) -> Place {
    Place::from_ppm(ppm).unwrap()
}

#[test]
fn murmur3_agrees_with_its_published_vectors() {
    for [seed, bytes, hash] in rows(include_str!("../../vectors/murmur3.tsv")) {
        let number = |hex| u32::from_str_radix(hex, 16).unwrap();
        let bytes: Vec<u8> = (0..bytes.len() / 2)
            .map(|i| u8::from_str_radix(&bytes[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        assert_eq!(
            Murmur3::seeded(number(seed)).with(&bytes).finish(),
            number(hash),
            "{seed} {bytes:?}"
        );
        if number(seed) == 0 {
            assert_eq!(murmur3(&bytes), number(hash));
        }
    }
}

#[test]
fn murmur3_has_the_verification_value_of_smhasher() {
    let bytes: Vec<u8> = (0..=255).collect();
    let hashes: Vec<u8> = (0..256_usize)
        .flat_map(|length| {
            let seeded = Murmur3::seeded(256 - length as u32);
            seeded.with(&bytes[..length]).finish().to_le_bytes()
        })
        .collect();
    assert_eq!(murmur3(&hashes), 0xb0f5_7ee3);
}

#[test]
fn a_key_is_drawn_as_one_with_its_salt_wherever_that_ends() {
    let bytes: Vec<u8> = (0..40_u8).map(|i| i.wrapping_mul(37).wrapping_add(11)).collect();
    for hash in [Hash::Murmur3, Hash::Sha256Percent] {
        for end in 0..=bytes.len() {
            for cut in 0..=end {
                let salted = Salted::new(hash, &bytes[..cut]);
                assert_eq!(
                    salted.place(&bytes[cut..end]),
                    place(hash, &bytes[..end]),
                    "{cut}/{end}"
                );
            }
        }
    }
}

#[test]
fn flagd_draws_the_same_variants() {
    for [key, weights, variant] in rows(include_str!("../../vectors/flagd.tsv")) {
        let place = place(Hash::Murmur3, key.as_bytes());
        assert_eq!(
            pick(place, shares(weights)),
            Some(variant.parse().unwrap()),
            "{key}"
        );
    }
}

#[test]
fn the_edges_of_the_hash_are_the_edges_of_the_whole() {
    let ppm = |key: &str| place(Hash::Murmur3, key.as_bytes()).ppm();
    // Hashes 0, 1, 2^31 - 1, 2^31 and 2^32 - 1.
    let edges = ["ejOoVL", "bY9fO-", "SI7p-", "6LvT0", "ceQdGm"];
    assert_eq!(edges.map(ppm), [0, 0, 499_999, 500_000, 999_999]);
}

#[test]
fn higress_draws_the_same_users() {
    for [value, percent] in rows(include_str!("../../vectors/higress.tsv")) {
        let percent: u32 = percent.parse().unwrap();
        let place = place(Hash::Sha256Percent, value.as_bytes());
        assert_eq!(place.ppm(), percent * 10_000, "{value}");
        for threshold in 0..=100 {
            let drawn = pick(place, [Share::from_ppm(threshold * 10_000).unwrap()]).is_some();
            assert_eq!(drawn, percent < threshold, "{value} at {threshold}%");
        }
    }
}

#[test]
fn draws_without_a_key_are_siphash_of_clock_and_count() {
    for [now, count, ppm] in rows(include_str!("../../vectors/random.tsv")) {
        let now = Timestamp::from_unix_nanos(now.parse().unwrap());
        let place = random([1, 2], now, count.parse().unwrap());
        assert_eq!(place.ppm().to_string(), ppm);
    }
}

#[test]
fn a_place_lies_within_the_whole() {
    assert_eq!(Place::from_ppm(0).map(Place::ppm), Some(0));
    assert_eq!(Place::from_ppm(999_999).map(Place::ppm), Some(999_999));
    assert_eq!(Place::from_ppm(1_000_000), None);
    assert_eq!(Place::from_ppm(u32::MAX), None);
}

#[test]
fn weights_are_ranges_laid_end_to_end() {
    for (weights, ppm, variant) in [
        ("10 20", 0, Some(0)),
        ("10 20", 99_999, Some(0)),
        ("10 20", 100_000, Some(1)),
        ("10 20", 299_999, Some(1)),
        ("10 20", 300_000, None),
        ("10 20", 999_999, None),
        ("0 10", 0, Some(1)),
        ("0", 0, None),
        ("0.0001", 0, Some(0)),
        ("0.0001", 1, None),
        ("100", 999_999, Some(0)),
        // More than there is: the first ones win.
        ("60 60 60", 599_999, Some(0)),
        ("60 60 60", 999_999, Some(1)),
    ] {
        assert_eq!(pick(at(ppm), shares(weights)), variant, "{ppm} ppm in {weights}");
    }
    assert_eq!(pick(at(0), []), None);
}

#[test]
fn a_portion_is_in_proportion_to_the_weight() {
    for (total, weight, sum, count, expect) in [
        ("10%", "10%", "10%", 1, "10%"),
        ("50%", "10%", "40%", 2, "12.5%"),
        ("50%", "30%", "40%", 2, "37.5%"),
        ("1%", "0.0001%", "100%", 2, "0%"),
        ("100%", "33.3333%", "99.9999%", 3, "33.3333%"),
        ("100%", "10%", "10%", 3, "100%"),
        ("0%", "10%", "10%", 1, "0%"),
        // No weights: equal parts.
        ("30%", "0%", "0%", 3, "10%"),
        ("0.0005%", "0%", "0%", 2, "0.0002%"),
        ("100%", "0%", "0%", 1, "100%"),
        ("100%", "0%", "0%", 0, "0%"),
        // Nobody gets more than there is.
        ("10%", "50%", "20%", 2, "10%"),
    ] {
        let part = portion(share(total), share(weight), share(sum), count);
        assert_eq!(part, share(expect), "{weight} of {sum} of {total}");
    }
}
