use super::*;
use crate::tests::share;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const HOUR: Duration = Duration::from_secs(3_600);

fn budget(text: &str) -> Budget {
    Budget {
        objective: share(text),
    }
}

fn close(got: Option<f64>, expected: f64) -> bool {
    got.is_some_and(|got| (got - expected).abs() < 1e-9)
}

#[test]
fn what_takes_as_long_as_the_threshold_is_good() {
    let slo = Slo {
        threshold_us: 500_000,
    };
    assert!(slo.is_good(0) && slo.is_good(500_000));
    assert!(!slo.is_good(500_001) && !slo.is_good(u64::MAX));
}

#[test]
fn a_budget_that_is_spent_as_planned_burns_at_one() {
    for (objective, good, total, rate) in [
        ("95%", 95, 100, 1.0),
        ("95%", 100, 100, 0.0),
        ("95%", 0, 100, 20.0),
        ("99.9%", 985_600, 1_000_000, 14.4),
        ("99.9%", 5, 3, 0.0),
        ("0%", 1, 2, 0.5),
    ] {
        assert!(
            close(budget(objective).burn_rate(good, total), rate),
            "{objective} {good}/{total}"
        );
        assert!(close(budget(objective).left(good, total), 1.0 - rate));
    }
    assert_eq!(budget("95%").burn_rate(0, 0), None);
    assert_eq!(budget("100%").left(1, 2), None);
}

/// The four alerts of Google's SRE workbook over 30 days, as sloth generates them.
#[test]
fn alerts_fire_at_the_rates_of_the_sre_workbook() {
    for (part, hours, rate) in [
        ("2%", 1, 14.4),
        ("5%", 6, 6.0),
        ("10%", 24, 3.0),
        ("10%", 72, 1.0),
    ] {
        let got = Budget::rate_that_spends(share(part), HOUR * hours, HOUR * 720);
        assert!(close(got, rate), "{part} in {hours} h: {got:?}");
    }
    assert_eq!(Budget::rate_that_spends(share("2%"), Duration::ZERO, HOUR), None);
}
