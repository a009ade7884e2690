//! Mistakes in what is counted: buckets, objectives, quantiles.

use super::*;

#[test]
fn bounds_are_ascending_and_bounded() {
    let check = |buckets: &str, expected: &[&str]| check(&format!(r#"{{"buckets":{buckets}}}"#), expected);
    check(
        "[]",
        &["buckets: is empty: write at least one bound, or leave the field out"],
    );
    check(
        r#"["5ms","5ms","4999us","6ms","0us","25h","1.5ms",7]"#,
        &[
            "buckets[4]: \"0us\" is not a duration from 1us to 24h",
            "buckets[5]: \"25h\" is not a duration from 1us to 24h",
            "buckets[6]: \"1.5ms\" is not a duration: write a whole number and its unit, us ms s m h or d, as in 250ms",
            "buckets[7]: 7 is not a duration: write a whole number and its unit, us ms s m h or d, as in 250ms",
            "buckets[1]: 5ms is not more than the bound before, 5ms: write the bounds in order",
            "buckets[2]: 4999us is not more than the bound before, 5ms: write the bounds in order",
        ],
    );
    for (wrong, shown) in [("5", "5"), (r#""5ms""#, r#""5ms""#)] {
        check(
            wrong,
            &[&format!(
                "buckets: {shown} is not a set of buckets: write [5ms, 10ms, 25ms], or {{scale: 3, from: 1ms, to: 10s}}"
            )],
        );
    }
    let list = |count: u32| {
        let list: Vec<String> = (1..=count).map(|n| format!(r#""{n}us""#)).collect();
        format!("[{}]", list.join(","))
    };
    assert_eq!(
        parsed(&format!(r#"{{"buckets":{}}}"#, list(160))).buckets.len(),
        160
    );
    check(&list(161), &["buckets: has 161 bounds, and 160 are the most"]);
}

#[test]
fn exponential_buckets_are_bounded() {
    let check = |buckets: &str, expected: &[&str]| check(&format!(r#"{{"buckets":{buckets}}}"#), expected);
    check(
        "{}",
        &[
            "buckets.from: is missing: a set of exponential buckets needs it",
            "buckets.to: is missing: a set of exponential buckets needs it",
        ],
    );
    for to in ["1ms", "1000us", "10us"] {
        let shown = if to == "10us" { "10us" } else { "1ms" };
        check(
            &format!(r#"{{"from":"1ms","to":"{to}"}}"#),
            &[&format!("buckets.to: {shown} is not more than from: write more")],
        );
    }
    for scale in ["-2", "6", "1.5", r#""3""#] {
        check(
            &format!(r#"{{"scale":{scale},"from":"1ms","to":"1s"}}"#),
            &[&format!(
                "buckets.scale: {scale} is not a scale: write an integer from -1 to 5"
            )],
        );
    }
    check(
        r#"{"scale":5,"from":"1ms","to":"1s"}"#,
        &[
            "buckets: make 321 bounds, and 160 are the most: write a smaller scale, or less between from and to",
        ],
    );
}

#[test]
fn objectives_have_names_and_numbers() {
    check(
        r#"{"slos":[{"threshold":"1ms","objective":"99%"},{"name":"a b","threshold":"1ms","objective":"99%"},
            {"name":"a","threshold":"1ms","objective":"99%"},{"name":"a","threshold":"0ms","objective":"99%"}]}"#,
        &[
            "slos[3].name: \"a\" is taken by entry 2: write a unique one",
            "slos[0].name: is missing: an objective needs it",
            "slos[1].name: \"a b\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "slos[3].threshold: \"0ms\" is not a duration from 1us to 24h",
        ],
    );
    for objective in ["0%", "100%", "100.0%"] {
        check(
            &format!(r#"{{"slos":[{{"name":"a","threshold":"1ms","objective":"{objective}"}}]}}"#),
            &[&format!(
                "slos[0].objective: \"{objective}\" is not a percentage above 0% and below 100%"
            )],
        );
    }
    check(
        r#"{"slos":[{"name":"a","threshold":"1ms","objective":0.95,"failures":"good"}]}"#,
        &[
            "slos[0].objective: 0.95 is not a percentage: write 0.95% or 95%",
            "slos[0].failures: \"good\" is not a word for failures: write count, bad or ignore",
        ],
    );
    let config = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"name":"s{n}","threshold":"1ms","objective":"99%"}}"#))
            .collect();
        format!(r#"{{"slos":[{}]}}"#, list.join(","))
    };
    assert_eq!(parsed(&config(16)).slos.len(), 16);
    check(&config(17), &["slos: has 17 objectives, and 16 are the most"]);
}

#[test]
fn quantiles_are_between_nothing_and_all() {
    let check =
        |quantiles: &str, expected: &[&str]| check(&format!(r#"{{"quantiles":{{{quantiles}}}}}"#), expected);
    check(
        r#""of":["0%","p100",95,"95"],"window":"500ms","scale":6"#,
        &[
            "quantiles.of[0]: \"0%\" is not a quantile: write one between p0 and p100, as in p95 or p99.9",
            "quantiles.of[1]: \"p100\" is not a quantile: write one between p0 and p100, as in p95 or p99.9",
            "quantiles.of[2]: 95 is not a quantile: write one between p0 and p100, as in p95 or p99.9",
            "quantiles.of[3]: \"95\" is not a quantile: write one between p0 and p100, as in p95 or p99.9",
            "quantiles.window: \"500ms\" is not a duration from 1s to 1h",
            "quantiles.scale: 6 is not a scale: write an integer from -1 to 5",
        ],
    );
    check(
        r#""of":["p95","50%","95%","95.0%"],"by":["status_class","status","status_class"]"#,
        &[
            "quantiles.of: have 95% twice: write it once",
            "quantiles.of: have 95% twice: write it once",
            "quantiles.by[1]: \"status\" is not a label: write route, method, status_class, grpc_status, variant, host or cluster",
            "quantiles.by[2]: \"status_class\" is there twice: write it once",
        ],
    );
    check(
        r#""of":[]"#,
        &["quantiles.of: is empty: write at least one entry, or leave the field out"],
    );
    check(
        r#""of":["1%","2%","3%","4%","5%","6%","7%","8%","9%"]"#,
        &["quantiles.of: has 9 quantiles, and 8 are the most"],
    );
    assert_eq!(
        parsed(r#"{"quantiles":{"of":["1%","2%","3%","4%","5%","6%","7%","8%"]}}"#)
            .quantiles
            .unwrap()
            .of
            .len(),
        8
    );
}
