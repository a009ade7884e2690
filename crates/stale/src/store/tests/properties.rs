//! What holds for every response, cell and clock.

use super::*;
use crate::Pace;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn any_headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    prop::collection::vec(("x-[a-z]{1,12}", prop::collection::vec(1..=255_u8, 0..40)), 0..12)
}

fn any_store() -> impl Strategy<Value = Store> {
    (1..=1024_u32, 1..=200_u32, 1..=500_u64).prop_map(|(entries, body, seconds)| {
        Store::new(
            NonZeroU32::new(entries).unwrap(),
            body,
            Duration::from_secs(seconds),
        )
    })
}

/// A moment near others, or anywhere.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    let nanos = prop_oneof![
        4 => (0..1000_u64).prop_map(|seconds| at(seconds).as_unix_nanos()),
        1 => any::<u64>(),
    ];
    nanos.prop_map(Timestamp::from_unix_nanos)
}

proptest! {
    #[test]
    fn every_response_that_is_kept_is_found_as_it_was(
        headers in any_headers(), body in prop::collection::vec(any::<u8>(), 0..=100), now in any_moment(), tag in any::<u64>(),
        later in 0..200_000_000_000_u64,
    ) {
        let mut keeping = store().keeping();
        keeping.header(b":status", b"203");
        for (name, value) in &headers {
            prop_assert!(keeping.header(name.as_bytes(), value));
        }
        let (mut cell, place) = (Shared::default(), Place { cell: 0, tag });
        prop_assert_eq!(cell.keep(place, now, &keeping.finish().unwrap(), &body), Kept::Stored);
        let then = now.saturating_add(Duration::from_nanos(later));
        let found = cell.find(place, then).unwrap();
        prop_assert_eq!((found.status, found.body), (203, &body[..]));
        prop_assert_eq!(found.age, then.since(now));
        let found: Vec<_> = found.headers().collect();
        let expected: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), &value[..])).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_panic_and_none_are_served_beyond_the_bounds(
        store in any_store(), bytes in prop::collection::vec(any::<u8>(), 0..200), valid in any::<bool>(),
        tag in any::<u64>(), status in prop::sample::select(vec![200_u16, 410, 500, 0]), kept in any_moment(), now in any_moment(),
    ) {
        // Most bytes at random fail at the first: so a frame that decodes, with random bytes behind it.
        let mut old = Vec::new();
        if valid {
            let (headers, body) = bytes.split_at(bytes.len() / 2);
            Entry { tag, kept, age: u32::MAX, lifetime: u32::MAX, status, headers, body }.encode(&mut old);
        } else {
            old = bytes;
        }
        let place = Place { cell: 0, tag };
        if let Some(found) = store.find(place, now, Some(&old)) {
            prop_assert!(found.body.len() <= old.len() && found.headers().count() <= old.len());
            prop_assert!(matches!(found.status, 200 | 410));
        }
        let mut new = Vec::new();
        match store.keep(place, now, &head(&[]), b"x", Some(&old), &mut new) {
            Step::Write(_) => prop_assert_eq!(store.find(place, now, Some(&new)).unwrap().body, b"x"),
            Step::Keep(_) => prop_assert!(new.is_empty()),
        }
    }

    #[test]
    fn no_clock_yields_an_entry_that_is_stuck_or_served_for_too_long(
        moments in prop::collection::vec((any_moment(), any::<bool>()), 1..30),
    ) {
        let (mut cell, mut last) = (Shared::default(), None::<(Timestamp, Place)>);
        for (now, first) in moments {
            let place = if first { PLACE } else { OTHER };
            if let Some((kept, owner)) = last {
                let usable = now.since(kept) < Duration::from_secs(200) && kept.since(now) <= Duration::from_secs(200);
                prop_assert_eq!(cell.find(place, now).is_some(), usable && owner == place);
            }
            let outcome = cell.keep(place, now, &head(&[]), b"x");
            let recent = last.filter(|(kept, _)| now.since(*kept).max(kept.since(now)) < Duration::from_secs(10));
            let expected = match recent {
                None => Kept::Stored,
                Some((_, owner)) if owner == place => Kept::Recent,
                Some(_) => Kept::Occupied,
            };
            prop_assert_eq!(outcome, expected);
            if outcome == Kept::Stored {
                last = Some((now, place));
            }
        }
    }

    #[test]
    fn a_lost_race_keeps_what_the_winner_has_kept(early in 0..1000_u64, late in 0..9_u64) {
        // Both workers saw a free cell: the slower one runs again on what the faster one has left.
        let mut cell = Shared::default();
        prop_assert_eq!(cell.text(PLACE, early + late, "winner"), Kept::Stored);
        prop_assert_eq!(cell.text(PLACE, early, "loser"), Kept::Recent);
        prop_assert_eq!(cell.body(PLACE, early), Some("winner"));
    }

    #[test]
    fn every_place_is_a_cell_of_its_store(store in any_store(), seed in any::<[u64; 2]>(), part in any::<[u8; 9]>()) {
        let place = store.locate(seed, [&part[..]]);
        prop_assert!(place.cell < store.cells());
        prop_assert!(Pace::new(&store).is_due(place, at(0)));
    }
}
