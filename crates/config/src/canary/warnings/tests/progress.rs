//! Advice on ramps and guards.

use super::*;

const STICKY: &str = r#""sticky":{"by":[{"header":"x-user-id"}]}"#;

/// A config with these variants, drawn by a header, and these fields gets exactly this advice.
fn check_with(variants: &str, fields: &str, expected: &[&str]) {
    check(
        &format!(r#"{{"release":"r1","variants":[{variants}],{STICKY},{fields}}}"#),
        expected,
    );
}

/// The fields of a ramp: from when on, and how many percent.
fn ramp(steps: &[(&str, &str)], more: &str) -> String {
    let steps: Vec<String> = steps
        .iter()
        .map(|(at, weight)| format!(r#"{{"at":"{at}","weight":"{weight}"}}"#))
        .collect();
    format!(
        r#""ramp":{{"start":"2026-11-20T09:00:00Z","steps":[{}]{more}}}"#,
        steps.join(",")
    )
}

const ONE: &str = r#"{"name":"v2"}"#;

#[test]
fn a_ramp_that_goes_down_is_pointed_out() {
    check_with(ONE, &ramp(&[("0s", "1%"), ("1h", "10%"), ("2h", "10%")], ""), &[]);
    check_with(
        ONE,
        &ramp(&[("0s", "10%"), ("1h", "5%"), ("2h", "50%")], ""),
        &[
            "warning: ramp.steps[1].weight: is less than the step before, so that users who were drawn go back",
        ],
    );
}

#[test]
fn a_ramp_of_several_variants_moves_nobody_between_them() {
    let two = r#"{"name":"a"},{"name":"b"}"#;
    check_with(two, &ramp(&[("0s", "10%"), ("1h", "50%")], ""), &[]);
}

#[test]
fn a_weight_beside_a_ramp_is_pointed_out() {
    check_with(
        r#"{"name":"v2","weight":"10%"}"#,
        &ramp(&[("0s", "1%")], ""),
        &["info: variants[0].weight: is not used: the ramp says how many are drawn"],
    );
    check_with(
        r#"{"name":"a","weight":"10%"},{"name":"b","weight":"20%"}"#,
        &ramp(&[("0s", "1%")], ""),
        &[],
    );
}

#[test]
fn a_pause_before_the_first_step_is_pointed_out() {
    let pause = "warning: ramp.pause: comes before the first step, so that nobody is ever drawn";
    let paused = |at: &str| ramp(&[("1h", "1%"), ("2h", "10%")], &format!(r#","pause":"{at}""#));
    check_with(ONE, &paused("2026-11-20T08:00:00Z"), &[pause]);
    check_with(ONE, &paused("2026-11-20T09:59:59Z"), &[pause]);
    check_with(ONE, &paused("2026-11-20T10:00:00Z"), &[]);
}

const JUDGED: &str = "info: guard.minimum_requests: at a weight of 10% a variant is judged from 9 requests a second on, all variants together";

#[test]
fn how_much_traffic_a_guard_needs_is_said() {
    let guard = |more: &str| format!(r#""guard":{{"error_rate":{{"max":"5%"}}{more}}}"#);
    let tenth = r#"{"name":"v2","weight":"10%"}"#;
    // 50 in 60 s are 0.83 a second, of a tenth of all requests.
    check_with(tenth, &guard(""), &[JUDGED]);
    check_with(
        tenth,
        &guard(r#","minimum_requests":100,"window":"1s""#),
        &[
            "info: guard.minimum_requests: at a weight of 10% a variant is judged from 1000 requests a second on, all variants together",
        ],
    );
    check_with(
        tenth,
        &guard(r#","minimum_requests":101,"window":"1s""#),
        &[
            "warning: guard.minimum_requests: at a weight of 10% a variant is judged from 1010 requests a second on, all variants together; write less, or a longer window",
        ],
    );
    check_with(
        ONE,
        &format!(
            "{},{}",
            ramp(&[("0s", "0%"), ("1h", "0.1%"), ("2h", "10%")], ""),
            guard("")
        ),
        &[
            "info: guard.minimum_requests: at a weight of 0.1% a variant is judged from 834 requests a second on, all variants together",
        ],
    );
}

#[test]
fn a_guard_without_a_task_is_pointed_out() {
    check_with(
        ONE,
        &format!(r#""guard":{{"error_rate":{{"max":"5%"}}}},"rules":[{RULE}]"#),
        &["warning: guard: nobody is drawn, so that it has nothing to take back"],
    );
    check_with(
        r#"{"name":"v2","weight":"10%"}"#,
        r#""guard":{"error_rate":{"max":"100%","or_above_stable_by":"100%"}}"#,
        &[
            JUDGED,
            "warning: guard.error_rate.max: can never be exceeded",
            "warning: guard.error_rate.or_above_stable_by: can never be exceeded",
        ],
    );
    for (weight, expected) in [
        ("9.9999%", vec![JUDGED]),
        (
            "10%",
            vec![
                JUDGED,
                "warning: guard.on_trip.weight: changes nothing: no variant ever has more than 10%",
            ],
        ),
    ] {
        check_with(
            r#"{"name":"v2","weight":"10%"}"#,
            &format!(r#""guard":{{"error_rate":{{"max":"5%"}},"on_trip":{{"weight":"{weight}"}}}}"#),
            &expected,
        );
    }
}

#[test]
fn a_quantile_of_too_few_requests_is_pointed_out() {
    let guard = |quantile: &str, minimum: u32| {
        format!(
            r#""guard":{{"latency":{{"quantile":"{quantile}","max":"1s"}},"minimum_requests":{minimum}}}"#
        )
    };
    let tenth = r#"{"name":"v2","weight":"10%"}"#;
    let judged = |per_second: u32| {
        format!(
            "info: guard.minimum_requests: at a weight of 10% a variant is judged from {per_second} requests a second on, all variants together"
        )
    };
    check_with(tenth, &guard("p95", 20), &[&judged(4)]);
    check_with(
        tenth,
        &guard("p95", 19),
        &[
            &judged(4),
            "info: guard.latency.quantile: of 19 requests this is the slowest one; write a minimum_requests of 20 or more",
        ],
    );
    check_with(
        tenth,
        &guard("p99.9", 50),
        &[
            &judged(9),
            "info: guard.latency.quantile: of 50 requests this is the slowest one; write a minimum_requests of 1000 or more",
        ],
    );
}

#[test]
fn a_comparison_with_nobody_is_pointed_out() {
    let all = r#"{"name":"v2","weight":"100%"}"#;
    let judged = "info: guard.minimum_requests: at a weight of 100% a variant is judged from 1 request a second on, all variants together";
    let hardly =
        "has hardly any requests of the default variant to compare with, as everyone is drawn; write max";
    let compared = r#""guard":{"error_rate":{"or_above_stable_by":"2%","max":"5%"},"latency":{"max_ratio_to_stable":1.5}}"#;
    check_with(
        all,
        compared,
        &[
            judged,
            &format!("warning: guard.error_rate.or_above_stable_by: {hardly}"),
            &format!("warning: guard.latency.max_ratio_to_stable: {hardly}"),
        ],
    );
    // A rule may see to it that there are some.
    let stable = r#""rules":[{"match":[{"methods":["GET"]}],"variant":"stable"}]"#;
    check_with(all, &format!("{compared},{stable}"), &[judged]);

    let later = "has hardly any requests of the default variant to compare with once everyone is drawn; write max too";
    let first = "info: guard.minimum_requests: at a weight of 10% a variant is judged from 9 requests a second on, all variants together";
    let relative = r#""guard":{"error_rate":{"or_above_stable_by":"2%"}}"#;
    let grows = ramp(&[("0s", "10%"), ("1h", "100%")], "");
    check_with(
        ONE,
        &format!("{grows},{relative}"),
        &[
            first,
            &format!("warning: guard.error_rate.or_above_stable_by: {later}"),
        ],
    );
    let promoted = ramp(&[("0s", "10%")], r#","finish":{"at":"1h","as":"promoted"}"#);
    check_with(
        ONE,
        &format!("{promoted},{relative}"),
        &[
            first,
            &format!("warning: guard.error_rate.or_above_stable_by: {later}"),
        ],
    );
    check_with(ONE, &format!("{grows},{compared}"), &[first]);
    check_with(
        ONE,
        &format!("{},{relative}", ramp(&[("0s", "10%"), ("1h", "99%")], "")),
        &[first],
    );
}

#[test]
fn steps_that_are_over_before_they_are_judged_are_pointed_out() {
    let steps = ramp(
        &[("0s", "10%"), ("59s", "20%"), ("119s", "30%"), ("120s", "40%")],
        "",
    );
    let sooner = "comes sooner than the guard's window after the step before, which is then not judged yet";
    check_with(
        ONE,
        &format!(r#"{steps},"guard":{{"error_rate":{{"max":"5%"}}}}"#),
        &[
            &format!("warning: ramp.steps[1].at: {sooner}"),
            &format!("warning: ramp.steps[3].at: {sooner}"),
            JUDGED,
        ],
    );
}
