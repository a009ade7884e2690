use super::*;

fn ruler(axis: &Axis, values: &[f64]) -> Ruler {
    Ruler::new(axis, values.iter().copied(), 0.0, 100.0)
}

fn close(found: &[f64], expected: &[f64]) {
    let same = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1e-6));
    assert!(same, "{found:?} instead of {expected:?}");
}

#[test]
fn linear_ticks_are_round_and_hold_zero_and_all_values() {
    let axis = Axis::linear("", "");
    for (values, ticks) in [
        (&[3.0, 11.0][..], &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0][..]),
        (&[0.3], &[0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]),
        (&[-4.0, 20.0], &[-5.0, 0.0, 5.0, 10.0, 15.0, 20.0]),
        (
            &[51_000.0],
            &[0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0, 60_000.0],
        ),
        (&[0.0], &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (&[], &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ] {
        close(&ruler(&axis, values).ticks, ticks);
    }
}

#[test]
fn logarithmic_ticks_are_powers_of_ten_or_finer() {
    let axis = Axis::log("", "");
    for (values, ticks) in [
        (&[1.0, 1000.0][..], &[1.0, 10.0, 100.0, 1000.0][..]),
        (&[1.0, 1e6], &[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]),
        (&[5.0, 100.0], &[5.0, 10.0, 20.0, 50.0, 100.0]),
        (&[7.0], &[5.0, 10.0]),
        (&[10.0], &[10.0, 20.0]),
        (&[0.0, -3.0, f64::NAN], &[1.0, 2.0, 5.0, 10.0]),
    ] {
        close(&ruler(&axis, values).ticks, ticks);
    }
}

#[test]
fn values_have_their_place() {
    let log = ruler(&Axis::log("", ""), &[1.0, 10_000.0]);
    assert_eq!(log.place(100.0), Some(50.0));
    assert_eq!(log.place(0.0), None);
    assert_eq!(log.place(-1.0), None);
    let linear = ruler(&Axis::linear("", ""), &[10.0]);
    assert_eq!(linear.place(2.5), Some(25.0));
    assert_eq!(linear.place(f64::NAN), None);
}

#[test]
fn numbers_are_short() {
    for (value, text) in [
        (0.0, "0"),
        (1.0, "1"),
        (12.345, "12.3"),
        (999.6, "1,000"),
        (36_612.4, "36,612"),
        (1e6, "1,000,000"),
        (-2500.0, "-2,500"),
        (0.001_234, "0.00123"),
        (0.05, "0.05"),
        (99.95, "100"),
        (f64::NAN, "-"),
    ] {
        assert_eq!(number(value), text, "{value}");
    }
}
