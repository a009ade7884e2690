//! The table and the page, from made-up results.

use std::collections::BTreeMap;

use fairlead_report::Interval;

use super::*;
use crate::footprint::Start;
use crate::machine::Memory;

fn cost(total: f64, added: f64) -> Cost {
    let around = |value: f64| Interval {
        median: value,
        low: value - 0.25,
        high: value + 0.5,
    };
    Cost {
        total: around(total),
        added: around(added),
        share: Interval::exact(added / (total - added)),
    }
}

fn row(name: &str, over: &str, group: Group, instructions: (f64, f64)) -> Row {
    let counted = |total: f64, added: f64| Instructions {
        total,
        added,
        spread: 80.0,
    };
    let memory = |kib| Memory {
        rss_kib: kib,
        private_dirty_kib: kib / 4,
    };
    Row {
        name: name.to_owned(),
        title: format!("title of {name}"),
        group,
        over: over.to_owned(),
        status: 200,
        module_bytes: if group == Group::None { 0 } else { 174_650 },
        instructions: Some(counted(instructions.0, instructions.1)),
        instructions_proxied: (group == Group::None).then(|| counted(200_000.0, 0.0)),
        cpu_us: Some(cost(14.0, 2.5)),
        cpu_us_proxied: Some(cost(30.0, 3.25)),
        latency_us: Some(Latency {
            p50: cost(150.0, 16.0),
            p99: cost(300.0, 20.0),
        }),
        footprint: Some(Footprint {
            memory: BTreeMap::from([(1, memory(65_536)), (2, memory(66_560))]),
            start: Start {
                cpu_ms: 167.4,
                wall_ms: 113.0,
            },
        }),
    }
}

fn results() -> Results {
    Results {
        envoy: "1.40.0".to_owned(),
        cores: Some(Cores { proxy: 0, load: 1 }),
        others: Some(0.01),
        plan: Plan::quick(),
        rows: vec![
            row("none", "none", Group::None, (100_000.0, 0.0)),
            row("none-canary-route", "none", Group::None, (106_000.0, 6_000.0)),
            row("limit", "none", Group::Filter, (136_570.0, 36_570.0)),
            row(
                "canary",
                "none-canary-route",
                Group::Filter,
                (137_800.0, 31_800.0),
            ),
        ],
    }
}

fn line(table: &str, title: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.contains(title)).unwrap();
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_first_row_is_absolute_and_the_others_are_what_they_add() {
    let table = results().table().to_string();
    assert_eq!(
        line(&table, "title of none "),
        [
            "title of none",
            "100.0k",
            "14.00 [13.75, 14.50]",
            "30.00 [29.75, 30.50]",
            "150 [150, 150]",
            "300 [300, 300]",
            "64.0/65.0",
            "167",
        ]
    );
    assert_eq!(
        line(&table, "title of limit"),
        [
            "title of limit",
            "+36.6k",
            "36.6 %",
            "18.3 %",
            "2.50 [2.25, 3.00]",
            "21.7 %",
            "3.25 [3.00, 3.75]",
            "12.1 %",
            "16 [16, 16]",
            "20 [20, 20]",
            "64.0/65.0",
            "167",
            "174.7",
        ]
    );
}

#[test]
fn what_counts_from_another_row_is_marked_and_shared_by_that_row() {
    let results = results();
    let table = results.table().to_string();
    assert_eq!(
        line(&table, "title of canary")[..3],
        ["title of canary *", "+31.8k", "30.0 %"]
    );
    let (bare, proxied) = results
        .instruction_shares(results.row("canary").unwrap())
        .unwrap();
    assert_eq!((bare, proxied), (31_800.0 / 106_000.0, 31_800.0 / 200_000.0));
}

#[test]
fn what_was_not_measured_has_no_column_and_no_chart() {
    let mut results = results();
    results.plan = Plan {
        instructions: results.plan.instructions,
        cpu: None,
        latency: None,
        footprint: None,
    };
    for row in &mut results.rows {
        (row.cpu_us, row.cpu_us_proxied, row.latency_us, row.footprint) = (None, None, None, None);
    }
    let table = results.table().to_string();
    assert_eq!(
        line(&table, "title of limit"),
        ["title of limit", "+36.6k", "36.6 %", "18.3 %"]
    );
    assert_eq!(results.page().render().matches("<figure>").count(), 1);
}

#[test]
fn the_page_has_a_chart_for_each_question_and_all_numbers() {
    let page = results().page().render();
    assert_eq!(page.matches("<figure>").count(), 4);
    for text in ["title of canary *", "2 workers", "proxied", "p99", "+36.6k"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn results_survive_json() {
    let results = results();
    let text = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
}

#[test]
fn one_core_is_said() {
    let mut results = results();
    assert!(!results.notes().iter().any(|note| note.contains("one core")));
    results.cores = None;
    assert!(results.notes().iter().any(|note| note.contains("one core")));
}

#[test]
fn a_busy_machine_is_said() {
    let said = |results: &Results| {
        results
            .notes()
            .iter()
            .any(|note| note.contains("Other programs took 40 %"))
    };
    let mut results = results();
    assert!(!said(&results));
    results.others = Some(0.4);
    assert!(said(&results));
}
