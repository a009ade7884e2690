//! Mistakes in ramps, guards and what travels on.

use super::*;

/// The ramp is refused for these reasons, without `ramp.`; `fields` come beside a good start.
fn check_ramp(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("ramp.{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_fields(
        &format!(r#""ramp":{{"start":"2026-11-20T09:00:00Z",{fields}}}"#),
        &expected,
    );
}

/// The guard is refused for these reasons, without `guard.`.
fn check_guard(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("guard.{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_fields(&format!(r#""guard":{{{fields}}}"#), &expected);
}

#[test]
fn a_ramp_has_a_start_and_steps() {
    check_fields(
        r#""ramp":{}"#,
        &[
            "ramp.start: is missing: a ramp needs it",
            "ramp.steps: is missing: a ramp needs it",
        ],
    );
    check_ramp(r#""steps":[]"#, &["steps: is empty: write at least one step"]);
    check_ramp(
        r#""steps":[{"at":"0s"},{"weight":"1%"},5,{"at":0,"weight":10}]"#,
        &[
            "steps[0].weight: is missing: a step needs it",
            "steps[1].at: is missing: a step needs it",
            "steps[2]: 5 is not a step",
            "steps[3].at: 0 is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
            "steps[3].weight: 10 is not a percentage: write 10%",
        ],
    );
    let steps = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|i| format!(r#"{{"at":"{i}s","weight":"1%"}}"#))
            .collect();
        format!(r#""steps":[{}]"#, list.join(","))
    };
    check_ramp(&steps(64), &[]);
    check_ramp(&steps(65), &["steps: has 65 steps, and 64 are the most"]);
}

#[test]
fn steps_come_in_order() {
    let later = "is not later than the step before: write the steps in order";
    let steps = |times: &[&str]| {
        let list: Vec<String> = times
            .iter()
            .map(|at| format!(r#"{{"at":"{at}","weight":"1%"}}"#))
            .collect();
        format!(r#""steps":[{}]"#, list.join(","))
    };
    check_ramp(&steps(&["0s", "1m", "2m"]), &[]);
    check_ramp(&steps(&["0s", "60s", "1m"]), &[&format!("steps[2].at: {later}")]);
    check_ramp(
        &steps(&["0s", "2h", "1h", "90m", "3h", "1s"]),
        &[
            &format!("steps[2].at: {later}"),
            &format!("steps[3].at: {later}"),
            &format!("steps[5].at: {later}"),
        ],
    );
    // Beside a step that cannot be read the others keep their places, and a start that cannot be read changes nothing.
    check_fields(
        r#""ramp":{"start":5,"steps":[{"at":"1h","weight":"1%"},{"at":"x","weight":"1%"},{"at":"1m","weight":"1%"}]}"#,
        &[
            "ramp.start: 5 is not a time: write date, time and zone, as in 2026-11-20T09:00:00Z",
            "ramp.steps[1].at: \"x\" is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
            &format!("ramp.steps[2].at: {later}"),
        ],
    );
}

#[test]
fn a_ramp_is_over_after_its_last_step() {
    let steps = r#""steps":[{"at":"0s","weight":"1%"},{"at":"2h","weight":"50%"}]"#;
    let early = "finish.at: is not later than the last step: write a later one";
    let finish =
        |finish: &str, expected: &[&str]| check_ramp(&format!("{steps},\"finish\":{finish}"), expected);
    finish(r#"{"at":"2h","as":"promoted"}"#, &[early]);
    finish(r#"{"at":"7201s","as":"promoted"}"#, &[]);
    finish(
        r#"{}"#,
        &[
            "finish.at: is missing: an end of a ramp needs it",
            "finish.as: is missing: an end of a ramp needs it",
        ],
    );
    finish(
        r#"{"at":"6h","as":"done"}"#,
        &["finish.as: \"done\" is not an end of a release: write promoted or ended"],
    );
    finish(
        r#"{"at":"4000d","as":"ended"}"#,
        &["finish.at: \"4000d\" is not a duration from 0s to 3650d"],
    );
}

#[test]
fn times_are_moments() {
    let start = |written: &str, expected: &str| {
        check_fields(
            &format!(r#""ramp":{{"start":{written},"steps":[{{"at":"0s","weight":"1%"}}]}}"#),
            &[&format!("ramp.start: {expected}")],
        );
    };
    let any = "is not a time: write date, time and zone, as in 2026-11-20T09:00:00Z";
    start(r#""2026-11-20""#, &format!("\"2026-11-20\" {any}"));
    start(r#""20.11.2026 9:00""#, &format!("\"20.11.2026 9:00\" {any}"));
    start("1795165200", &format!("1795165200 {any}"));
    start(
        r#""2026-11-20T09:00:00""#,
        "\"2026-11-20T09:00:00\" is not a time: write the zone too: Z for UTC, or an offset as in +01:00",
    );
    start(
        r#""2026-02-29T09:00:00Z""#,
        "\"2026-02-29T09:00:00Z\" is not a time: there is no such day",
    );
    start(
        r#""1969-12-31T23:59:59Z""#,
        "\"1969-12-31T23:59:59Z\" is not a time: write a time from 1970 to 2100",
    );
    start(
        r#""2101-01-01T00:00:00Z""#,
        "\"2101-01-01T00:00:00Z\" is not a time: write a time from 1970 to 2100",
    );
    check_ramp(
        r#""steps":[{"at":"0s","weight":"1%"}],"pause":"now""#,
        &[&format!("pause: \"now\" {any}")],
    );
}

#[test]
fn a_guard_watches_something() {
    check_fields(
        r#""guard":{}"#,
        &["guard: is not a guard yet: write at least one of error_rate or latency"],
    );
    check_fields(r#""guard":true"#, &["guard: true is not a guard"]);
}

#[test]
fn bounds_of_a_guard_are_checked() {
    check_guard(
        r#""error_rate":{},"latency":{"quantile":"p95"}"#,
        &[
            "error_rate: is not a bound on failures yet: write at least one of max or or_above_stable_by",
            "latency: is not a bound on latency yet: write at least one of max or max_ratio_to_stable",
        ],
    );
    check_guard(
        r#""error_rate":{"max":5,"or_above_stable_by":"x"},"latency":{"max":800}"#,
        &[
            "error_rate.max: 5 is not a percentage: write 5%",
            "error_rate.or_above_stable_by: \"x\" is not a percentage: write a number and %, as in 10% or 0.5%",
            "latency.max: 800 is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
        ],
    );
    let quantile = "is not a quantile: write one between p0 and p100, as in p95 or p99.9";
    for (written, shown) in [
        (r#""p0""#, r#""p0""#),
        (r#""p100""#, r#""p100""#),
        (r#""100%""#, r#""100%""#),
        (r#""0%""#, r#""0%""#),
        (r#""95""#, r#""95""#),
        ("95", "95"),
        ("0.95", "0.95"),
        ("true", "true"),
    ] {
        check_guard(
            &format!(r#""latency":{{"max":"1s","quantile":{written}}}"#),
            &[&format!("latency.quantile: {shown} {quantile}")],
        );
    }
    check_guard(
        r#""latency":{"max":"1s","quantile":"p99.99999"}"#,
        &["latency.quantile: \"p99.99999\" is not a quantile: write at most four decimals, as in p99.9999"],
    );
    let factor = "is not a factor: write a number from 1.01 to 100";
    for (written, shown, more) in [
        ("1", "1", ""),
        ("1.009", "1.009", ""),
        ("100.001", "100.001", ""),
        ("-2", "-2", ""),
        ("true", "true", ""),
        (r#""1.5""#, r#""1.5""#, ", without quotes"),
        (r#""150%""#, r#""150%""#, ""),
    ] {
        check_guard(
            &format!(r#""latency":{{"max_ratio_to_stable":{written}}}"#),
            &[&format!("latency.max_ratio_to_stable: {shown} {factor}{more}")],
        );
    }
    for good in ["1.01", "2", "100", "1.5"] {
        check_guard(&format!(r#""latency":{{"max_ratio_to_stable":{good}}}"#), &[]);
    }
}

#[test]
fn numbers_of_a_guard_have_bounds() {
    check_guard(
        r#""error_rate":{"max":"5%"},"window":"999ms","minimum_requests":0,"failure_limit":101,"attempt":0,
        "on_trip":{"weight":"-1%","hold":"31d","then":"stop"}"#,
        &[
            "window: \"999ms\" is not a duration from 1s to 1h",
            "minimum_requests: 0 is not an integer from 1 to 1000000",
            "failure_limit: 101 is not an integer from 0 to 100",
            "on_trip.weight: \"-1%\" is not a percentage: write a number and %, as in 10% or 0.5%",
            "on_trip.hold: \"31d\" is not a duration from 1s to 30d",
            "on_trip.then: \"stop\" is not a way to go on: write step_down, resume or stay_out",
            "attempt: 0 is not an integer from 1 to 4294967295",
        ],
    );
    check_guard(
        r#""error_rate":{"max":"0%"},"window":"1h","minimum_requests":1000000,"failure_limit":100,"attempt":4294967295,
        "on_trip":{"weight":"100%","hold":"30d","then":"resume"}"#,
        &[],
    );
    check_guard(
        r#""latency":{"max":"0s"}"#,
        &["latency.max: \"0s\" is not a duration from 1ms to 1m"],
    );
}

#[test]
fn what_travels_on_is_checked() {
    check_fields(
        r#""propagate":{"baggage":"yes","trace":{"max_entries":0,"ttl":"2h","size":1}}"#,
        &[
            "propagate.baggage: \"yes\" is not true or false",
            "propagate.trace.size: unknown field: a table of traces can have max_entries, ttl",
            "propagate.trace.max_entries: 0 is not an integer from 1 to 1048576",
            "propagate.trace.ttl: \"2h\" is not a duration from 1s to 1h",
        ],
    );
    for good in [
        r#"{}"#,
        r#"{"trace":false}"#,
        r#"{"trace":true}"#,
        r#"{"trace":{}}"#,
        r#"{"baggage":true}"#,
    ] {
        check_fields(&format!(r#""propagate":{good}"#), &[]);
    }
}
