//! Cells that hold what nobody can have left.

use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// All cells of the index but the last, which says how far the log was read.
#[test]
fn an_index_that_is_damaged_admits_nothing_twice() {
    for bytes in [
        None,
        Some(vec![]),
        Some(vec![9; 20]),
        Some(vec![VERSION; 5]),
        Some(vec![VERSION; 200]),
    ] {
        for cell in 0..16 {
            let (store, values) = (Store::default(), label(8));
            let worker = Worker::new(&store, values);
            for value in ["a", "b", "c"] {
                known(values, &worker, value);
            }
            match &bytes {
                Some(bytes) => worker.heap.borrow_mut().insert(cell, bytes.clone()),
                None => worker.heap.borrow_mut().remove(&cell),
            };
            for (value, number) in [("c", 2), ("b", 1), ("a", 0), ("d", 3)] {
                assert_eq!(known(values, &worker, value), Some(number), "{cell} {bytes:?}");
            }
            assert_eq!(logged_values(&store), ["a", "b", "c", "d"]);
        }
    }
}

/// A full log is not read again, so what is lost stays lost, but nothing else does.
#[test]
fn a_damaged_cell_of_an_index_hides_no_other() {
    let (store, values) = (Store::default(), label(8));
    let worker = Worker::new(&store, values);
    let names = colliding(values, 5, 8);
    for name in &names {
        known(values, &worker, name);
    }
    worker.heap.borrow_mut().insert(5, vec![9; 20]);
    for (number, name) in (0..).zip(&names) {
        assert_eq!(known(values, &worker, name), (number > 0).then_some(number));
    }
}

#[test]
fn how_far_was_read_may_be_anything() {
    for bytes in [
        vec![],
        vec![2, 9],
        vec![2, 255, 255, 255, 255],
        vec![2, 0, 0, 0, 0],
        vec![2, 2, 0, 0, 0],
    ] {
        let (store, values) = (Store::default(), label(8));
        let worker = Worker::new(&store, values);
        for value in ["a", "b", "c"] {
            known(values, &worker, value);
        }
        worker.heap.borrow_mut().insert(16, bytes.clone());
        for (value, number) in [("a", 0), ("b", 1), ("c", 2)] {
            assert_eq!(known(values, &worker, value), Some(number), "{bytes:?}");
        }
        assert_eq!(logged_values(&store), ["a", "b", "c"]);
    }
}

#[test]
fn cells_of_the_log_that_cannot_be_read_are_free() {
    for bytes in [
        &[][..],
        &[VERSION],
        &[VERSION; 66],
        b"\x02a",
        b"\x01a,b",
        b"\x01a b",
        b"\x01\xff",
    ] {
        let (store, values) = (Store::default(), label(2));
        store.log.borrow_mut().insert(0, bytes.to_vec());
        let (one, other) = (Worker::new(&store, values), Worker::new(&store, values));
        assert_eq!(values.value(0, &one), None);
        assert_eq!(known(values, &one, "a"), Some(0));
        assert_eq!(known(values, &other, "b"), Some(1));
        assert_eq!(known(values, &one, "b"), Some(1));
        assert_eq!(known(values, &one, "c"), None);
    }
}

#[test]
fn a_value_that_stands_twice_in_the_log_has_its_lower_number() {
    let (store, values) = (Store::default(), label(4));
    for (cell, value) in [(0, "a"), (1, "b"), (2, "a")] {
        store
            .log
            .borrow_mut()
            .insert(cell, [&[VERSION], value.as_bytes()].concat());
    }
    let worker = Worker::new(&store, values);
    for (value, number) in [
        ("c", Some(3)),
        ("a", Some(0)),
        ("b", Some(1)),
        ("d", None),
        ("a", Some(0)),
    ] {
        assert_eq!(known(values, &worker, value), number);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        cells in proptest::collection::vec((0..9_u32, proptest::collection::vec(any::<u8>(), 0..8), any::<bool>()), 0..12),
        value in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let (store, values) = (Store::default(), label(4));
        let worker = Worker::new(&store, values);
        for (cell, mut bytes, shared) in cells {
            if let (0..5, Some(first)) = (cell, bytes.first_mut()) {
                *first = VERSION;
            }
            if let (8, Some(first)) = (cell, bytes.first_mut()) {
                *first = CURSOR_VERSION;
            }
            let map = if shared && cell < 4 { &store.log } else { &worker.heap };
            map.borrow_mut().insert(cell, bytes);
        }
        for value in [&value[..], b"x", &value, b"x"] {
            if let Admitted::Known(number) = values.number(value, &worker) {
                prop_assert!(number < 4);
            }
        }
        prop_assert!(store.log.borrow().keys().all(|cell| *cell < 4));
    }
}
