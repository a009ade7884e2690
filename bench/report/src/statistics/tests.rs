use super::*;

#[test]
fn quantiles_are_those_of_numpy() {
    let samples = [15.0, 20.0, 35.0, 40.0, 50.0];
    for (q, expected) in [
        (0.0, 15.0),
        (0.05, 16.0),
        (0.3, 23.0),
        (0.5, 35.0),
        (0.95, 48.0),
        (1.0, 50.0),
    ] {
        let found = quantile(&samples, q).unwrap();
        assert!((found - expected).abs() < 1e-9, "{q}: {found}");
    }
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    assert_eq!(quantile(&[1.0, 2.0], 7.0), Some(2.0));
    assert_eq!(median(&[]), None);
}

#[test]
fn the_middle_is_the_same_without_sorting() {
    let mut random = fastrand::Rng::with_seed(3);
    for count in 1..40 {
        let mut samples = exponential(&mut random, count);
        let sorted = median(&samples).unwrap();
        let found = middle_of(&mut samples).unwrap();
        assert!(
            (found - sorted).abs() < 1e-12,
            "{count}: {found} instead of {sorted}"
        );
    }
    assert_eq!(middle_of(&mut []), None);
}

#[test]
fn the_same_samples_give_the_same_interval() {
    let samples = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
    assert_eq!(Interval::bootstrap(&samples, 1), Interval::bootstrap(&samples, 1));
}

#[test]
fn samples_that_are_no_numbers_are_left_out() {
    let interval = Interval::bootstrap(&[f64::NAN, 2.0, f64::INFINITY, 2.0], 1);
    assert_eq!(interval, Some(Interval::exact(2.0)));
    assert_eq!(Interval::bootstrap(&[f64::NAN], 1), None);
    assert_eq!(Interval::bootstrap(&[], 1), None);
}

/// Draws from a skewed distribution with a known median: the exponential one, ln 2.
fn exponential(random: &mut fastrand::Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| -(1.0 - random.f64()).ln()).collect()
}

#[test]
fn an_interval_covers_the_true_median_about_95_times_in_100() {
    let mut random = fastrand::Rng::with_seed(42);
    let covered = |random: &mut fastrand::Rng, samples: usize| {
        let hit = |trial| {
            let interval = Interval::bootstrap(&exponential(random, samples), trial).unwrap();
            interval.contains(std::f64::consts::LN_2)
        };
        (0..200).map(hit).filter(|hit| *hit).count()
    };
    // The percentile bootstrap of a median is a little off 95 % for so few samples; two standard errors of 200 trials
    // are 3 %. What matters is that it is neither 80 % nor always.
    let twelve = covered(&mut random, 12);
    assert!((182..=199).contains(&twelve), "{twelve} of 200 with 12 samples");
    let forty = covered(&mut random, 40);
    assert!((182..=199).contains(&forty), "{forty} of 200 with 40 samples");
}

#[test]
fn more_samples_give_a_narrower_interval() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut width = |count| {
        let interval = Interval::bootstrap(&exponential(&mut random, count), 1).unwrap();
        interval.high - interval.low
    };
    let (few, many) = (width(20), width(2000));
    assert!(many < few / 3.0, "{few} to {many}");
}

#[test]
fn an_interval_is_turned_round_with_its_sign() {
    let interval = Interval {
        median: 2.0,
        low: 1.0,
        high: 4.0,
    };
    assert_eq!(format!("{:.1}", interval.scale(-2.0)), "-4.0 [-8.0, -2.0]");
}
