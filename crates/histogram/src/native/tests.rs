use super::*;
use crate::tests::scale;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    let number = |word: &str| word.parse().ok();
    text.split(' ')
        .filter(|word| *word != "-")
        .map(|word| number(word).unwrap())
        .collect()
}

/// `-2:6 2:1`: spans.
fn spans(text: &str) -> Vec<Span> {
    let span = |word: &str| {
        let (offset, length) = word.split_once(':').unwrap();
        Span {
            offset: offset.parse().unwrap(),
            length: length.parse().unwrap(),
        }
    };
    text.split(' ').map(span).collect()
}

#[test]
fn it_writes_what_prometheus_go_client_writes() {
    let vectors = include_str!("../../vectors/client_golang.tsv");
    let lines: Vec<&str> = vectors.lines().filter(|line| !line.starts_with('#')).collect();
    for line in &lines {
        let [name, schema, most, values, result, zeros, expected, deltas] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let schema = scale(schema.parse().unwrap());
        let native = Native::of_floats(schema, most.parse().unwrap(), &numbers(values));
        let written = Native {
            schema: result.parse().unwrap(),
            zero_count: zeros.parse().unwrap(),
            spans: spans(expected),
            deltas: numbers(deltas),
        };
        assert_eq!(native, written, "{name}");
    }
    assert_eq!(lines.len(), 8);
}

/// The example of Prometheus' specification, which bridges no gap.
#[test]
fn it_writes_the_example_of_the_specification() {
    let mut histogram = Histogram::new(scale(3));
    for (number, count) in [(-2, 3), (-1, 5), (2, 1), (4, 3), (5, 2)] {
        histogram.add_at(number - 1, count);
    }
    let native = Native::bridging(&histogram, 0);
    assert_eq!(native.deltas, [3, 2, -4, 2, -1]);
    assert_eq!(native.spans, spans("-2:2 2:1 1:2"));
    let bridged = Native::of(&histogram);
    assert_eq!(bridged.deltas, [3, 2, -5, 0, 1, -1, 3, -1]);
    assert_eq!(bridged.spans, spans("-2:8"));
    assert_eq!(native.buckets(), bridged.buckets());
}

#[test]
fn nothing_is_nothing() {
    let native = Native::of(&Histogram::new(scale(3)));
    assert_eq!(
        (native.spans.len(), native.deltas.len(), native.zero_count),
        (0, 0, 0)
    );
    assert_eq!(native.buckets(), []);
}

#[test]
fn what_is_no_number_from_zero_on_is_left_out() {
    let native = Native::of_floats(scale(2), 160, &[0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 1.0]);
    assert_eq!((native.zero_count, native.buckets()), (2, vec![(-1, 1)]));
}

#[test]
fn foreign_spans_are_survived() {
    let native = Native {
        schema: 3,
        zero_count: 0,
        spans: spans("2147483647:4294967295 2147483647:3 -2147483648:1"),
        deltas: vec![i64::MAX, i64::MAX, i64::MIN, i64::MIN, 1],
    };
    assert!(native.buckets().len() <= 5);
}

proptest! {
    #[test]
    fn buckets_are_read_as_they_were_written(
        values in proptest::collection::vec((any::<u64>(), 0..64_u32), 0..40), number in -4..=8_i8, most in 0..5_u32,
    ) {
        let mut histogram = Histogram::new(scale(number));
        for (bits, shift) in values {
            histogram.record(bits >> shift);
        }
        let native = Native::bridging(&histogram, most);
        prop_assert_eq!(native.buckets(), histogram.buckets().collect::<Vec<_>>());
        let length: u32 = native.spans.iter().map(|span| span.length).sum();
        prop_assert_eq!(length as usize, native.deltas.len());
        prop_assert!(native.spans.iter().skip(1).all(|span| span.offset > most as i32));
    }
}
