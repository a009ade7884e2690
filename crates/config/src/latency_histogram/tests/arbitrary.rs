//! Whatever the bytes are: no panic, and no refusal without a reason; and whatever is accepted holds what the types promise.

use super::*;
use crate::arbitrary::{any_json, refusal_has_reasons};
use proptest::prelude::*;
use serde_json::json;

/// What the filter relies on.
fn keeps_its_promises(config: &LatencyHistogram) {
    let LatencyHistogram {
        labels,
        phases,
        buckets,
        slos,
        ..
    } = config;
    assert!(labels.series() <= MAX_SERIES && labels.hosts.len() <= MAX_HOSTS);
    assert!(!phases.is_empty() && phases.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(buckets.len() <= MAX_BOUNDS && buckets.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(buckets.first().is_none_or(|first| *first > 0));
    assert!(slos.len() <= MAX_SLOS);
    for (index, slo) in slos.iter().enumerate() {
        assert!(phases.contains(&slo.phase) && !slo.threshold.is_zero());
        assert!(slo.objective > Share::NONE && slo.objective < Share::ALL);
        assert!(slos[..index].iter().all(|other| other.name != slo.name));
    }
    if let Some(quantiles) = &config.quantiles {
        let Quantiles { of, window, by, .. } = quantiles;
        assert!((1..=MAX_QUANTILES).contains(&of.len()) && phases.contains(&quantiles.phase));
        assert!(of.iter().all(|share| *share > Share::NONE && *share < Share::ALL));
        assert!((1..=3600).contains(&window.as_secs()));
        assert!(by.iter().all(|dimension| labels.has(*dimension)));
        assert!(by.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(labels.series_by(by) <= MAX_QUANTILE_SERIES);
    }
    if let Some(variant) = &labels.variant {
        assert!(!variant.header.is_empty() && !variant.default.is_empty());
        assert!(!variant.values.contains(&variant.default) && variant.values.len() <= MAX_VARIANTS);
    }
    let estimate = estimate(config);
    assert!(estimate.metrics <= MAX_METRICS && estimate.instructions > 0);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_json_panics_and_no_refusal_is_without_a_reason(
        top in any_json(), one in any_json(), two in any_json(), three in any_json(), four in any_json(),
    ) {
        let labels = json!({
            "labels": { "route": one, "variant": two, "host": three, "cluster": four }, "phases": top,
        });
        let lists = json!({ "labels": one, "buckets": two, "exclude": three, "sizes": four, "access_log": top });
        let goals = json!({
            "slos": [one, { "name": "a", "threshold": two, "objective": three, "phase": four }],
            "quantiles": { "of": top, "window": two, "by": three, "scale": one },
        });
        for config in [top, labels, lists, goals] {
            let parsed = parse(config.to_string().as_bytes());
            if let Ok(config) = &parsed {
                keeps_its_promises(config);
            }
            refusal_has_reasons(parsed);
        }
    }

    /// Fields that are nearly always good each, so that it is their company that decides.
    #[test]
    fn what_is_accepted_keeps_its_promises(
        templates in 0_usize..40, names in prop::option::of(1_u32..200), clusters in prop::option::of(1_u32..60),
        method in any::<bool>(), status in any::<bool>(),
        phases in prop::sample::subsequence(vec!["total", "upstream", "filter"], 1..3),
        by in prop::sample::subsequence(vec!["route", "method", "status_class", "cluster"], 0..4),
        timed in prop::sample::select(vec!["total", "upstream", "filter"]),
        bounds in prop::collection::vec(1_u32..1000, 0..6), scale in -1_i32..6, to in 1_u32..2000,
    ) {
        let mut labels = json!({ "method": method, "status_class": status });
        match names {
            Some(max) => labels["route"] = json!({ "name": true, "max": max }),
            None if templates > 0 => {
                let list: Vec<String> = (0..templates).map(|n| format!("/t{n}")).collect();
                labels["route"] = json!({ "templates": list });
            }
            None => {}
        }
        if let Some(max) = clusters { labels["cluster"] = json!({ "max": max }); }
        let mut config = json!({
            "labels": labels, "phases": phases,
            "slos": [{ "name": "a", "threshold": "5ms", "objective": "99%", "phase": phases[0] }],
            "quantiles": { "by": by, "phase": timed, "scale": scale },
        });
        if bounds.is_empty() {
            config["buckets"] = json!({ "from": "1ms", "to": format!("{to}ms"), "scale": scale });
        } else {
            config["buckets"] = bounds.iter().map(|bound| format!("{bound}ms")).collect();
        }
        match parse(config.to_string().as_bytes()) {
            Ok(config) => keeps_its_promises(&config),
            Err(errors) => prop_assert!(!errors.problems().is_empty()),
        }
    }
}
