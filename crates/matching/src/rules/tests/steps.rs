//! A thousand rules cost what one costs. Counted in steps, which no noise changes, not timed: eight bytes hashed,
//! eight bytes compared, a slot looked at, an entry or a condition checked.

use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const RULES: u32 = 1000;

/// The steps that a request to each of these rules takes, all together: with all the rules, and with its own rule
/// alone.
fn cost(rule: impl Fn(u32) -> MatchSpec, view: impl Fn(u32) -> MemoryView) -> (u64, u64) {
    let rules: Vec<_> = (0..RULES).map(|number| vec![rule(number)]).collect();
    let all = RuleSet::compile(&rules, &mut Needs::default());
    let (mut with_all, mut with_one) = (0, 0);
    let mut found = Vec::new();
    for (number, own) in (0..).zip(&rules) {
        let view = view(number);
        let one = RuleSet::compile(std::slice::from_ref(own), &mut Needs::default());
        with_one += work::of(|| one.matching(&Request::new(&view), &mut found));
        assert_eq!(found, [0]);
        with_all += work::of(|| all.matching(&Request::new(&view), &mut found));
        assert_eq!(found, [number]);
    }
    println!("{with_all} steps with all rules, {with_one} with one");
    (with_all, with_one)
}

/// 1.3 times as much at most.
#[track_caller]
fn assert_as_cheap_as_one((with_all, with_one): (u64, u64)) {
    assert!(
        with_all * 10 <= with_one * 13,
        "{with_all} steps with all rules, {with_one} with one"
    );
}

#[test]
fn a_thousand_hosts_cost_what_one_costs() {
    assert_as_cheap_as_one(cost(
        |number| hosts(&[&format!("svc-{number}.example.com")]),
        |number| MemoryView::get(&format!("svc-{number}.example.com:8080"), "/"),
    ));
}

#[test]
fn a_thousand_domains_cost_what_one_costs() {
    assert_as_cheap_as_one(cost(
        |number| hosts(&[&format!("*.tenant-{number}.example.com")]),
        |number| MemoryView::get(&format!("api.tenant-{number}.example.com"), "/"),
    ));
}

#[test]
fn a_thousand_exact_paths_cost_what_one_costs() {
    assert_as_cheap_as_one(cost(
        |number| exact(&format!("/api/v1/resource-{number}")),
        |number| get(&format!("/api/v1/resource-{number}?page=2")),
    ));
}

#[test]
fn a_thousand_prefixes_cost_what_one_costs() {
    assert_as_cheap_as_one(cost(
        |number| prefix(&format!("/team-{number:03}/")),
        |number| get(&format!("/team-{number:03}/orders/7")),
    ));
    assert_as_cheap_as_one(cost(
        |number| prefix(&format!("/team-{number}/")),
        |number| get(&format!("/team-{number}/orders/7")),
    ));
}

#[test]
fn prefixes_of_many_lengths_cost_a_few_probes() {
    // Unlike each other, of thirty lengths.
    let text = |number: u32| {
        let mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("/{mixed:016x}{}/", "x".repeat(mixed as usize % 30))
    };
    let (with_all, with_one) = cost(|number| prefix(&text(number)), |number| get(&text(number)));
    assert!(
        with_all <= with_one * 2,
        "{with_all} steps with all rules, {with_one} with one"
    );
    // The worst: of 200 lengths, and long beginnings in common.
    let text = |number: u32| format!("/{}-{number}/", "x".repeat(number as usize % 200));
    let (with_all, with_one) = cost(|number| prefix(&text(number)), |number| get(&text(number)));
    assert!(
        with_all <= with_one * 8,
        "{with_all} steps with all rules, {with_one} with one"
    );
}

#[test]
fn an_entry_is_filed_under_what_tells_it_from_the_others() {
    let with_host = |number: u32, path| MatchSpec {
        path,
        ..hosts(&[&format!("svc-{number}.example.com")])
    };
    for same in [PathSpec::Prefix("/".into()), PathSpec::Exact("/login".into())] {
        assert_as_cheap_as_one(cost(
            |number| with_host(number, Some(same.clone())),
            |number| MemoryView::get(&format!("svc-{number}.example.com"), "/login"),
        ));
    }
    assert_as_cheap_as_one(cost(
        |number| MatchSpec {
            path: exact(&format!("/{number}")).path,
            ..hosts(&["shop.example.com"])
        },
        |number| get(&format!("/{number}")),
    ));
    assert_as_cheap_as_one(cost(
        |number| grpc(&format!("demo.Service{number}"), &["Create", "List"]),
        |number| get(&format!("/demo.Service{number}/List")).with("content-type", "application/grpc"),
    ));
}

#[test]
fn a_request_that_no_rule_is_about_costs_no_more() {
    let rules: Vec<_> = (0..RULES)
        .map(|number| vec![hosts(&[&format!("svc-{number}.example.com")])])
        .collect();
    let set = RuleSet::compile(&rules, &mut Needs::default());
    let mut found = Vec::new();
    let steps: u64 = (0..RULES)
        .map(|number| {
            let view = MemoryView::get(&format!("other-{number}.example.com"), "/");
            work::of(|| set.matching(&Request::new(&view), &mut found))
        })
        .sum();
    // Three words of eight bytes and two or three slots.
    assert!(steps <= 6 * u64::from(RULES), "{steps}");
}
