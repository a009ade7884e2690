//! What is compared can be told apart, and every filter accepts its configuration.

use std::collections::BTreeSet;

use fairlead_config::{circuit_breaker, rate_limit, suite};

use super::ours::{breaker, canary, histogram, limit, open_breaker};
use super::*;

/// A folder with files of the names of modules; that they are no modules does not matter here.
fn dist(suite: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let four = ["canary", "circuit-breaker", "latency-histogram", "rate-limit"];
    let lean = ["canary-lean", "circuit-breaker-lean", "rate-limit-lean"];
    let suites = ["suite", "suite-lean"].into_iter().filter(|_| suite);
    for name in four.into_iter().chain(lean).chain(suites) {
        std::fs::write(folder.path().join(format!("{name}.wasm")), name).unwrap();
    }
    folder
}

fn all(dist: &Path) -> Vec<Variant> {
    let mut all = none();
    all.extend(bare(dist, None).unwrap());
    all.extend(ours(dist).unwrap());
    all.extend(native());
    all.extend(lua());
    all
}

fn names(variants: &[Variant]) -> Vec<&str> {
    variants.iter().map(|variant| variant.name.as_str()).collect()
}

#[test]
fn names_are_unique_and_fit_for_a_command_line() {
    let dist = dist(true);
    let all = all(dist.path());
    let unique: BTreeSet<&str> = names(&all).into_iter().collect();
    assert_eq!(unique.len(), all.len());
    for name in unique {
        let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(name.bytes().all(fit), "{name}");
    }
    let titles: BTreeSet<&str> = all.iter().map(|variant| variant.title.as_str()).collect();
    assert_eq!(titles.len(), all.len());
}

#[test]
fn no_two_plugins_have_the_same_name() {
    let dist = dist(true);
    let bootstrap = crate::scene::bootstrap(&all(dist.path()), None).to_json();
    let listeners = bootstrap["static_resources"]["listeners"].as_array().unwrap();
    let filters = listeners.iter().flat_map(|listener| {
        let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["http_filters"].as_array().unwrap()
    });
    let plugins: Vec<&str> = filters
        .filter_map(|filter| filter["typed_config"]["config"]["name"].as_str())
        .collect();
    let unique: BTreeSet<&str> = plugins.iter().copied().collect();
    assert_eq!(plugins.len(), 1 + 12 + 6 + 2 * 4 + 2 * 8);
    assert_eq!(unique.len(), plugins.len());
}

#[test]
fn the_suite_is_measured_as_soon_as_it_is_there() {
    let suites = |suite| {
        let dist = dist(suite);
        let all = ours(dist.path()).unwrap();
        names(&all)
            .iter()
            .filter(|name| name.starts_with("suite-"))
            .count()
    };
    assert_eq!((suites(false), suites(true)), (0, 2 * 8));
}

#[test]
fn a_filter_alone_in_the_suite_counts_from_what_its_own_module_counts_from() {
    let dist = dist(true);
    let all = ours(dist.path()).unwrap();
    let baseline = |name: &str| {
        let variant = all.iter().find(|variant| variant.name == name).unwrap();
        variant.over.baseline()
    };
    for (suite, module) in [
        ("suite-canary", "canary-drawn"),
        ("suite-circuit-breaker", "circuit-breaker-closed"),
        ("suite-latency-histogram", "latency-histogram-status"),
        ("suite-rate-limit", "rate-limit-worker"),
        ("suite-worker", "chain-worker"),
    ] {
        assert_eq!(baseline(suite), baseline(module), "{suite}");
    }
}

#[test]
fn a_missing_module_is_named_with_the_remedy() {
    let dist = dist(true);
    std::fs::remove_file(dist.path().join("canary.wasm")).unwrap();
    let error = ours(dist.path()).unwrap_err().to_string();
    assert!(error.ends_with("canary.wasm: run `cargo xtask build`"), "{error}");
    assert!(module(&dist.path().join("canary.wasm"), None).is_err());
}

#[test]
fn a_name_selects_itself_and_those_that_it_begins() {
    let dist = dist(true);
    let only = |names: &[&str]| {
        let only: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        select(all(dist.path()), &only)
            .map(|found| found.into_iter().map(|variant| variant.name).collect::<Vec<_>>())
    };
    assert_eq!(
        only(&["native-trio"]).unwrap(),
        ["none", "none-canary-route", "native-trio"]
    );
    assert_eq!(only(&["circuit-breaker"]).unwrap().len(), 2 + 3);
    assert_eq!(
        only(&["circuit-breaker", "circuit-breaker-open"]).unwrap().len(),
        2 + 3
    );
    assert_eq!(only(&[]).unwrap().len(), all(dist.path()).len());
    // `can` is the beginning of no word.
    for unknown in ["can", "canary-drown"] {
        let error = only(&["lua", unknown]).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("no variant `{unknown}`; there are none, ")),
            "{error}"
        );
    }
}

#[test]
fn what_needs_the_route_of_a_canary_counts_from_envoy_with_that_route() {
    let dist = dist(true);
    for variant in all(dist.path()) {
        let alone = ["circuit-breaker", "latency-histogram", "rate-limit"];
        let alone = alone
            .iter()
            .any(|filter| variant.name.starts_with(&format!("suite-{filter}")));
        let four = matches!(variant.group, Group::Four) && !alone;
        let canary = variant.name.starts_with("canary-") || variant.name == "native-trio";
        assert_eq!(variant.over == Routes::Canary, four || canary, "{}", variant.name);
    }
}

#[test]
fn modules_are_weighed_once_each() {
    let dist = dist(false);
    let twice = dist.path().join("canary.wasm");
    let variant = Variant::new("a", "a", Group::Filter)
        .wasm("one", &twice, "")
        .wasm("two", &twice, "")
        .wasm("three", &dist.path().join("rate-limit.wasm"), "");
    assert_eq!(
        variant.module_bytes().unwrap(),
        ("canary".len() + "rate-limit".len()) as u64
    );
}

#[test]
fn every_filter_accepts_its_configurations() {
    let bytes = |config: serde_json::Value| config.to_string().into_bytes();
    for scope in ["worker", "proxy"] {
        for fields in ["none", "ietf"] {
            rate_limit::parse(&bytes(limit(scope, fields))).unwrap();
        }
    }
    for weight in ["100%", "0.0001%", "0%"] {
        fairlead_config::canary::parse(&bytes(canary(weight))).unwrap();
    }
    circuit_breaker::parse(&bytes(breaker())).unwrap();
    circuit_breaker::parse(&bytes(open_breaker())).unwrap();
    fairlead_config::latency_histogram::parse(&bytes(histogram())).unwrap();
    for scope in ["worker", "proxy"] {
        let four = ours::four(scope);
        suite::parse(&bytes(serde_json::Value::Object(four.clone()))).unwrap();
        suite::parse(&bytes(ours::idle(four.clone()))).unwrap();
        suite::parse(&bytes(ours::off(four))).unwrap();
    }
}
