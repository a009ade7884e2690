use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod properties;

const SEED: [u64; 2] = [1, 2];
const PLACE: Place = Place { cell: 0, tag: 7 };
const OTHER: Place = Place { cell: 0, tag: 8 };

/// 8 entries of up to 100 bytes for 200 s, refreshed every 10 s.
fn store() -> Store {
    Store::new(NonZeroU32::new(8).unwrap(), 100, Duration::from_secs(200))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_nanos((1_000_000 + seconds) * 1_000_000_000)
}

fn head(lines: &[(&str, &str)]) -> Head {
    let mut keeping = store().keeping();
    keeping.header(b":status", b"200");
    for (name, value) in lines {
        assert!(keeping.header(name.as_bytes(), value.as_bytes()), "{name}");
    }
    keeping.finish().unwrap()
}

/// One cell, as the proxy's store has it.
#[derive(Default)]
struct Shared(Option<Vec<u8>>);

impl Shared {
    fn keep(&mut self, place: Place, now: Timestamp, head: &Head, body: &[u8]) -> Kept {
        let mut new = Vec::new();
        match store().keep(place, now, head, body, self.0.as_deref(), &mut new) {
            Step::Keep(kept) => {
                assert!(new.is_empty() && kept != Kept::Stored);
                kept
            }
            Step::Write(kept) => {
                assert!(new.len() <= store().cell_bytes() as usize);
                self.0 = Some(new);
                kept
            }
        }
    }

    fn text(&mut self, place: Place, seconds: u64, body: &str) -> Kept {
        self.keep(place, at(seconds), &head(&[]), body.as_bytes())
    }

    fn find(&self, place: Place, now: Timestamp) -> Option<Found<'_>> {
        store().find(place, now, self.0.as_deref())
    }

    fn body(&self, place: Place, seconds: u64) -> Option<&str> {
        let found = self.find(place, at(seconds))?;
        Some(std::str::from_utf8(found.body).unwrap())
    }
}

#[test]
fn what_was_kept_is_found_as_it_was() {
    let mut cell = Shared::default();
    let head = head(&[("content-type", "text/plain"), ("x-a", ""), ("age", "5")]);
    assert_eq!(cell.keep(PLACE, at(0), &head, b"hello"), Kept::Stored);
    let found = cell.find(PLACE, at(7)).unwrap();
    assert_eq!((found.status, found.body), (200, &b"hello"[..]));
    assert_eq!(found.age, Duration::from_secs(12), "five before, seven here");
    let headers: Vec<_> = found.headers().collect();
    assert_eq!(
        headers,
        [
            (&b"content-type"[..], &b"text/plain"[..]),
            (&b"x-a"[..], &b""[..])
        ]
    );
}

#[test]
fn an_empty_cell_has_nothing() {
    assert_eq!(Shared::default().find(PLACE, at(0)), None);
}

#[test]
fn a_response_is_served_until_its_time_is_over() {
    let mut cell = Shared::default();
    cell.text(PLACE, 0, "a");
    assert_eq!(cell.body(PLACE, 199), Some("a"));
    assert_eq!(cell.body(PLACE, 200), None);
}

#[test]
fn a_response_that_must_be_revalidated_is_never_served_stale() {
    let mut cell = Shared::default();
    let strict = head(&[("cache-control", "must-revalidate, max-age=60"), ("age", "20")]);
    cell.keep(PLACE, at(0), &strict, b"a");
    assert_eq!(cell.body(PLACE, 39), Some("a"));
    assert_eq!(cell.body(PLACE, 40), None);
    let lasting = head(&[("cache-control", "s-maxage=86400")]);
    cell.keep(PLACE, at(40), &lasting, b"b");
    assert_eq!(cell.body(PLACE, 239), Some("b"));
    assert_eq!(cell.body(PLACE, 240), None, "no longer than the operator wants");
}

#[test]
fn another_request_of_the_cell_does_not_find_it() {
    let mut cell = Shared::default();
    cell.text(PLACE, 0, "a");
    assert_eq!(cell.body(OTHER, 0), None);
}

#[test]
fn a_recent_entry_is_left_alone_whoever_it_is_of() {
    let mut cell = Shared::default();
    assert_eq!(cell.text(PLACE, 0, "a"), Kept::Stored);
    assert_eq!(cell.text(PLACE, 9, "b"), Kept::Recent);
    assert_eq!(cell.text(OTHER, 9, "c"), Kept::Occupied);
    assert_eq!(cell.body(PLACE, 9), Some("a"));
    assert_eq!(cell.text(PLACE, 10, "b"), Kept::Stored);
    assert_eq!(cell.body(PLACE, 10), Some("b"));
    assert_eq!(cell.text(OTHER, 20, "c"), Kept::Stored);
    assert_eq!((cell.body(PLACE, 20), cell.body(OTHER, 20)), (None, Some("c")));
}

#[test]
fn an_entry_whose_time_is_over_makes_room_at_once() {
    let mut cell = Shared::default();
    let fleeting = head(&[("cache-control", "s-maxage=2")]);
    cell.keep(PLACE, at(0), &fleeting, b"a");
    assert_eq!(cell.text(OTHER, 1, "b"), Kept::Occupied);
    assert_eq!(cell.text(OTHER, 2, "b"), Kept::Stored);
}

#[test]
fn a_busier_request_of_a_cell_does_not_write_it_more_often() {
    let mut cell = Shared::default();
    let stored = (0..200)
        .filter(|second| {
            let place = if second % 2 == 0 { PLACE } else { OTHER };
            cell.text(place, *second, "x") == Kept::Stored
        })
        .count();
    assert_eq!(stored, 20);
}

#[test]
fn after_a_clock_was_set_back_an_entry_has_its_age_for_a_while_and_is_then_absent() {
    let mut cell = Shared::default();
    cell.keep(PLACE, at(1000), &head(&[("age", "5")]), b"a");
    assert_eq!(
        cell.find(PLACE, at(800)).map(|found| found.age),
        Some(Duration::from_secs(5))
    );
    assert_eq!(cell.body(PLACE, 799), None);
    assert_eq!(cell.text(OTHER, 799, "b"), Kept::Stored, "absent makes room");
}

#[test]
fn an_entry_from_the_future_is_written_anew() {
    let mut cell = Shared::default();
    cell.text(PLACE, 1000, "a");
    assert_eq!(
        cell.text(PLACE, 991, "b"),
        Kept::Recent,
        "a worker that read its clock earlier"
    );
    assert_eq!(cell.text(PLACE, 990, "b"), Kept::Stored);
    assert_eq!(cell.body(PLACE, 990), Some("b"));
}

#[test]
fn a_clock_set_far_ahead_ends_entries() {
    let mut cell = Shared::default();
    cell.text(PLACE, 0, "a");
    assert_eq!(cell.find(PLACE, Timestamp::from_unix_nanos(u64::MAX)), None);
}

#[test]
fn a_body_that_was_cut_off_or_is_too_long_is_not_kept() {
    let mut cell = Shared::default();
    let announced = head(&[("content-length", "5")]);
    assert_eq!(cell.keep(PLACE, at(0), &announced, b"hell"), Kept::Unfit);
    assert_eq!(cell.keep(PLACE, at(0), &announced, b"hello!"), Kept::Unfit);
    assert_eq!(cell.keep(PLACE, at(0), &head(&[]), &[0; 101]), Kept::Unfit);
    assert_eq!(cell.find(PLACE, at(0)), None);
    assert_eq!(cell.keep(PLACE, at(0), &announced, b"hello"), Kept::Stored);
    assert_eq!(cell.keep(PLACE, at(10), &head(&[]), &[0; 100]), Kept::Stored);
}

#[test]
fn a_store_with_a_smaller_bound_does_not_serve_what_a_larger_one_kept() {
    let mut cell = Shared::default();
    cell.keep(PLACE, at(0), &head(&[]), &[b'x'; 100]);
    let smaller = Store::new(NonZeroU32::MIN, 99, Duration::from_secs(200));
    assert_eq!(smaller.find(PLACE, at(0), cell.0.as_deref()), None);
    let shorter = Store::new(NonZeroU32::MIN, 100, Duration::from_secs(5));
    assert_eq!(shorter.find(PLACE, at(5), cell.0.as_deref()), None);
}

#[test]
fn bytes_of_another_form_count_as_absent_and_are_replaced() {
    let mut good = Shared::default();
    good.keep(PLACE, at(0), &head(&[("x-a", "b")]), b"");
    let good = good.0.unwrap();
    let mut versioned = good.clone();
    versioned[0] = 2;
    let mut unkept = good.clone();
    // The status: an error is not served, even if some other code has written one.
    unkept[25..27].copy_from_slice(&503_u16.to_le_bytes());
    let mut longer = good.clone();
    longer[27] += 1;
    for foreign in [vec![], vec![1], versioned, unkept, longer] {
        let mut cell = Shared(Some(foreign));
        assert_eq!(cell.find(PLACE, at(0)), None);
        assert_eq!(cell.text(PLACE, 0, "b"), Kept::Stored);
        assert_eq!(cell.body(PLACE, 0), Some("b"));
    }
    for end in 0..good.len() {
        assert_eq!(
            store().find(PLACE, at(0), Some(&good[..end])),
            None,
            "cut at {end}"
        );
    }
    let mut torn = good.clone();
    // One byte of headers fewer: the last value does not end in them.
    torn[27] -= 1;
    assert_eq!(store().find(PLACE, at(0), Some(&torn)), None);
    let mut nameless = good;
    // The name's four bytes become the value's.
    (nameless[31], nameless[33]) = (0, 4);
    assert_eq!(store().find(PLACE, at(0), Some(&nameless)), None);
}

#[test]
fn the_bytes_are_the_same_on_every_platform() {
    let mut cell = Shared::default();
    cell.keep(
        Place {
            cell: 0,
            tag: 0x0102_0304_0506_0708,
        },
        Timestamp::from_unix_nanos(0x1112_1314_1516_1718),
        &head(&[("a", "bc"), ("age", "3"), ("cache-control", "s-maxage=10")]),
        b"de",
    );
    let expected = [
        &[1_u8, 8, 7, 6, 5, 4, 3, 2, 1][..],
        &[0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11],
        &[3, 0, 0, 0, 7, 0, 0, 0, 200, 0, 35, 0, 0, 0],
        b"\x01\x00\x02\x00abc\x0d\x00\x0b\x00cache-controls-maxage=10de",
    ]
    .concat();
    assert_eq!(cell.0, Some(expected));
}

#[test]
fn a_store_says_what_it_needs() {
    let refresh = |seconds| {
        let store = Store::new(NonZeroU32::MIN, 1, Duration::from_secs(seconds));
        store.refresh()
    };
    assert_eq!(refresh(1), Duration::from_secs(1));
    assert_eq!(refresh(300), Duration::from_secs(15));
    assert_eq!(refresh(86_400), Duration::from_secs(60));
    assert_eq!((store().cells(), store().cell_bytes()), (8, 100 + 8192 + 31));
    let largest = Store::new(NonZeroU32::MAX, u32::MAX, Duration::MAX);
    assert_eq!(largest.cell_bytes(), u32::MAX);
    assert_eq!(largest.refresh(), Duration::from_secs(60));
}

#[test]
fn where_the_parts_of_a_request_end_is_part_of_its_place() {
    let place = |parts: &[&str]| store().locate(SEED, parts.iter().map(|part| part.as_bytes()));
    let all = [
        place(&["a.example", "/b", "gzip"]),
        place(&["a.example", "/b", ""]),
        place(&["a.example", "/bgzip", ""]),
        place(&["a.example/b", "", "gzip"]),
        place(&["a.example", "/b"]),
        store().locate([1, 3], [&b"a.example"[..], b"/b", b"gzip"]),
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(all.iter().skip(i + 1).all(|other| one.tag != other.tag), "{i}");
    }
    assert_eq!(place(&["a.example", "/b", "gzip"]), all[0]);
}

#[test]
fn the_place_of_a_request_is_the_same_on_every_platform() {
    let place = store().locate(SEED, [&b"a.example"[..], b"/b?c", b"gzip"]);
    assert_eq!(
        place,
        Place {
            cell: 6,
            tag: 14_539_938_774_126_590_978,
        }
    );
}

#[test]
fn requests_are_spread_over_all_cells() {
    let mut taken = [0_u32; 8];
    for i in 0..8000_u32 {
        taken[store().locate(SEED, [&i.to_le_bytes()[..]]).cell as usize] += 1;
    }
    // Binomial: 1000 each, standard deviation 30.
    assert!(taken.iter().all(|taken| (850..1150).contains(taken)), "{taken:?}");
}

#[test]
fn a_body_is_collected_up_to_the_bound_of_the_store() {
    let mut body = store().body(&head(&[("content-length", "100")]));
    assert!(body.push(&[0; 100]));
    assert!(!body.push(&[0]));
}
