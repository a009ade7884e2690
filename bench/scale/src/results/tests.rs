use super::*;

fn point(sweep: Sweep, metric: Metric, series: &str, x: f64, value: Interval) -> Measurement {
    Measurement {
        sweep,
        id: series.into(),
        series: series.into(),
        metric,
        x,
        value,
    }
}

fn results() -> Results {
    let cost = Interval {
        median: 2.5,
        low: 2.25,
        high: 3.0,
    };
    Results {
        quick: true,
        measurements: vec![
            point(
                Sweep::Throughput,
                Metric::Share,
                "suite",
                2.0,
                Interval::exact(0.8125),
            ),
            point(Sweep::Rules, Metric::Cpu, "rate-limit", 1000.0, cost),
            point(Sweep::Rules, Metric::Cpu, "rate-limit", 1.0, cost),
            point(Sweep::Rules, Metric::Cpu, "canary", 1.0, Interval::exact(2.0)),
            point(
                Sweep::Rules,
                Metric::Instructions,
                "canary",
                1.0,
                Interval::exact(32_100.0),
            ),
        ],
        goals: vec![
            Goal {
                what: "share".into(),
                value: 0.8125,
                limit: 0.78,
                at_most: false,
            },
            Goal {
                what: "requests".into(),
                value: 16_999.6,
                limit: 17_000.0,
                at_most: false,
            },
        ],
    }
}

#[test]
fn tables_have_a_row_a_line_and_a_column_a_place() {
    let expected = "\
Instructions a request against rules

rules       1
canary  32100

CPU time a request against rules

rules                       1              1,000
rate-limit  2.50 [2.25, 3.00]  2.50 [2.25, 3.00]
canary                   2.00

Share of no filter

filters  Share of no filter
suite                 0.812

Goals

goal         bound  found
share      >= 0.78   0.81  met
requests  >= 17000  17000  NOT MET
";
    assert_eq!(results().text(), expected);
    assert!(!results().goals_met());
}

#[test]
fn a_page_has_a_plot_for_each_sweep_and_metric() {
    let html = results().page().render();
    assert_eq!(html.matches("<svg").count(), 3);
    for text in [
        "More rules",
        "As much as it takes",
        "rate-limit, 1,000: 2.5 us [2.25, 3]",
        "NOT MET",
    ] {
        assert!(html.contains(text), "{text}");
    }
    for text in ["More keys", "More workers"] {
        assert!(!html.contains(text), "{text}");
    }
}

#[test]
fn results_survive_being_stored() {
    let text = serde_json::to_string(&results()).unwrap();
    assert!(text.contains(r#""sweep":"throughput""#), "{text}");
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results());
}

#[test]
fn sweeps_have_names() {
    for sweep in Sweep::ALL {
        assert_eq!(sweep.to_string().parse(), Ok(sweep));
    }
    let error = "rule".parse::<Sweep>().unwrap_err();
    assert_eq!(
        error,
        "no sweep `rule`; there are rules, keys, workers, headers, throughput"
    );
}
