use super::*;

fn point(sweep: Sweep, metric: Metric, id: &str, x: f64, value: f64) -> Measurement {
    let (id, series, value) = (id.to_owned(), format!("the {id}"), Interval::exact(value));
    Measurement {
        sweep,
        id,
        series,
        metric,
        x,
        value,
    }
}

fn found(measurements: &[Measurement]) -> Vec<(String, f64, bool)> {
    let goal = |goal: Goal| {
        (
            goal.what.clone(),
            (goal.value * 100.0).round() / 100.0,
            goal.is_met(),
        )
    };
    of(measurements).into_iter().map(goal).collect()
}

#[test]
fn more_rules_may_cost_a_little_more() {
    let of = |id: &str, values: [f64; 3]| {
        let at = |(x, value)| point(Sweep::Rules, Metric::Instructions, id, x, value);
        std::iter::zip([1.0, 10.0, 1000.0], values)
            .map(at)
            .collect::<Vec<_>>()
    };
    let all = [
        of("a", [100.0, 500.0, 129.0]),
        of("b", [100.0, 100.0, 131.0]),
        of(NOT_INDEXED, [1.0, 10.0, 1000.0]),
    ];
    let what = |id: &str| format!("the {id}: 1000 rules cost as much as one, times");
    assert_eq!(
        found(&all.concat()),
        [(what("a"), 1.29, true), (what("b"), 1.31, false)]
    );
}

#[test]
fn what_was_not_measured_well_does_not_hold() {
    let rules = |low: f64, high: f64| {
        let mut last = point(Sweep::Rules, Metric::Instructions, "a", 256.0, (low + high) / 2.0);
        last.value = Interval {
            low,
            high,
            ..last.value
        };
        [point(Sweep::Rules, Metric::Instructions, "a", 1.0, 100.0), last]
    };
    assert!(of(&rules(99.0, 101.0))[0].is_met());
    assert!(!of(&rules(-900.0, 400.0))[0].is_met());
    let mut backwards = rules(-900.0, 400.0);
    backwards.reverse();
    assert!(!of(&backwards)[0].is_met());
}

#[test]
fn a_further_worker_counts_from_the_first_to_the_last() {
    let of = |id: &str, last: f64| {
        let at = |(x, value)| point(Sweep::Workers, Metric::Memory, id, x, value);
        [(1.0, 90.0), (2.0, 95.0), (4.0, last)].map(at)
    };
    let all = [
        of("suite-worker", 96.0),
        of("rate-limit-worker", 97.0),
        of("chain-worker", 120.0),
    ]
    .concat();
    let what = |id: &str| format!("the {id}: MiB for a further worker");
    let expected = [
        (what("suite-worker"), 2.0, true),
        (what("rate-limit-worker"), 2.33, false),
    ];
    assert_eq!(found(&all), expected);
}

#[test]
fn throughput_is_that_of_the_suite_or_else_of_the_chain() {
    let at = |metric, id: &str, value| point(Sweep::Throughput, metric, id, 2.0, value);
    let chain = [
        at(Metric::Share, "chain-proxy", 0.6),
        at(Metric::Requests, "chain-proxy", 16_000.0),
    ];
    let failed = [
        (
            "the chain-proxy: share of the requests without a filter".to_owned(),
            0.6,
            false,
        ),
        ("the chain-proxy: requests a second".to_owned(), 16_000.0, false),
    ];
    assert_eq!(found(&chain), failed);
    let suite = [
        at(Metric::Share, "suite-proxy", 0.8),
        at(Metric::Requests, "none", 30_000.0),
    ];
    let met = (
        "the suite-proxy: share of the requests without a filter".to_owned(),
        0.8,
        true,
    );
    let slow = failed[1].clone();
    assert_eq!(found(&[chain.to_vec(), suite.to_vec()].concat()), [met, slow]);
}

#[test]
fn a_goal_without_a_number_is_not_met() {
    let goal = |at_most| Goal {
        what: String::new(),
        value: f64::NAN,
        limit: 1.0,
        at_most,
    };
    assert!(!goal(true).is_met() && !goal(false).is_met());
}
