//! A host that refuses: whatever a host call answers, no VM ends, requests go on, and what can be counted is.

use std::collections::BTreeMap;
use std::time::Duration;

use fairlead_emulator::{Emulator, FaultKind, Request, Response, Upstream};
use fairlead_tests::modules;
use fairlead_tests::refusing::{Refusal, denied, forgetting_metrics, refusing};
use serde_json::json;

use crate::rig::{
    BUCKET, FILTER, MICROS, MS, QUANTILE, answered, ask, assert_grown, counting, counts, faults, full, jump,
    metrics, one, series, settle, slo, start, sum, taking, total, unlabelled, values, version, with,
};

/// A status that hosts give, and one that the SDK does not know.
const STATUSES: [i32; 2] = [1, 12];

/// Traffic of all kinds over all workers, with ticks in between; how many requests were sent.
fn play(proxy: &mut Emulator) -> u64 {
    let mut sent = 0;
    for round in 0..30_usize {
        let request = |n: usize| {
            let request = version(
                Request::get(format!("/users/{n}")),
                format!("v{}", (n + round) % 5),
            );
            let request = request
                .route(format!("r{}", n % 4))
                .cluster(format!("c{}", n % 3));
            let after = Duration::from_millis(n as u64 % 6);
            match n % 7 {
                0 => request.upstream(Upstream::Reset { after }),
                1 => request.upstream(Upstream::Never).abort_after(after),
                2 => request
                    .header("te", "trailers")
                    .header("content-type", "application/grpc")
                    .header("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1")
                    .body("x")
                    .upstream(Response::new(200).body("x").trailer("grpc-status", "14")),
                3 => request.header("user-agent", "kube-probe/1.31"),
                _ => {
                    request.upstream(Response::new(if n.is_multiple_of(2) { 200 } else { 503 }).after(after))
                }
            }
        };
        let report = ask(proxy, (0..42).map(request));
        assert_eq!(report.outcomes.len(), 42);
        for outcome in &report.outcomes {
            assert_eq!(outcome.route_refreshes, 0, "nothing is changed about a request");
        }
        sent += 42;
        let report = proxy.advance(Duration::from_millis(700));
        assert_eq!(report.faults, [], "{:?}", report.logs);
    }
    sent
}

#[test]
fn calls_that_are_refused_at_random_end_no_vm_and_hold_up_no_request() {
    for in_blocks in [true, false] {
        let refusal = Refusal {
            after_calls: 400,
            in_blocks,
        };
        let Some(module) = refusing(FILTER, refusal) else {
            return;
        };
        let mut proxy = start(Emulator::builder().workers(3), &module, &full());
        let sent = play(&mut proxy);
        let counted = total(&proxy, MICROS);
        assert!((1..=sent).contains(&counted), "{counted} of {sent}");
        // What the steady clock did not say is not taken from another.
        let longest = values(&proxy, MICROS).last().copied();
        assert!(longest <= Some(6000), "{longest:?}");
        assert!(sum(&proxy, BUCKET, "+Inf") <= sent);
    }
}

#[test]
fn calls_that_are_refused_from_the_very_first_refuse_a_config_at_the_worst() {
    let mut started = 0;
    // Each number is another course of calls.
    for after_calls in [0, 1, 2, 3, 5, 8, 13] {
        let refusal = Refusal {
            after_calls,
            in_blocks: false,
        };
        let Some(module) = refusing(FILTER, refusal) else {
            return;
        };
        let builder = Emulator::builder().workers(2).serve_refused(true);
        let mut proxy = start(builder, &module, &full());
        let requests = (0..50).map(|n| version(answered(503), format!("{n}")));
        let report = crate::rig::send(&mut proxy, requests);
        let traps = report
            .faults
            .iter()
            .filter(|fault| fault.kind != FaultKind::Refused);
        assert_eq!(traps.count(), 0, "{:?}", report.faults);
        started += usize::from(report.statuses().iter().all(|status| *status == 503));
        proxy.advance(Duration::from_secs(3));
    }
    assert!(started > 0, "no config was ever accepted");
}

#[test]
fn any_call_that_is_always_refused_ends_no_vm_and_holds_up_no_request() {
    let imports = [
        "proxy_define_metric",
        "proxy_record_metric",
        "proxy_increment_metric",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "proxy_get_property",
        "proxy_get_header_map_value",
        "proxy_get_header_map_pairs",
        "proxy_get_current_time_nanoseconds",
        "proxy_set_tick_period_milliseconds",
        "clock_time_get",
        "random_get",
    ];
    for (import, status) in imports.into_iter().zip(STATUSES.into_iter().cycle()) {
        let Some(module) = denied(FILTER, import, status) else {
            return;
        };
        let mut proxy = start(Emulator::builder().workers(2), &module, &full());
        let requests = (0..30).map(|n| version(answered(200), format!("v{n}")));
        let report = ask(&mut proxy, requests);
        assert_eq!(report.statuses(), [200; 30], "{import} {status}");
        settle(&mut proxy);
        // Under whatever name it knows the plugin by.
        let metrics = proxy.metrics();
        let own = metrics
            .histograms
            .iter()
            .filter(|(name, _)| name.ends_with(MICROS));
        let counted: usize = own
            .filter(|(name, _)| name.contains("_request_"))
            .map(|(_, histogram)| histogram.count())
            .sum();
        let is_metric = ["proxy_define_metric", "proxy_record_metric"].contains(&import);
        assert_eq!(counted, if is_metric { 0 } else { 30 }, "{import} {status}");
    }
}

#[test]
fn a_host_that_defines_no_metric_is_asked_once_for_each() {
    let Some(module) = denied(FILTER, "proxy_define_metric", 10) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &counting());
    ask(&mut proxy, vec![answered(200); 100]);
    settle(&mut proxy);
    assert_eq!(metrics(&proxy), 0);
    let fuel = |proxy: &mut Emulator| {
        // The second since the last tick.
        let report = ask(proxy, vec![answered(200).worker(0); 2]);
        report.outcomes[1].fuel
    };
    let first = fuel(&mut proxy);
    // Asking anew would write the metric's name, which is some thousands. Where a stream finds its place varies a little.
    assert!(fuel(&mut proxy).abs_diff(first) < 100);
    // Less than if it could count.
    let original = modules::compiled(FILTER).expect("it was there a moment ago");
    let mut counts = start(Emulator::builder().workers(2), &original, &counting());
    ask(&mut counts, vec![answered(200); 100]);
    let counted = fuel(&mut counts);
    assert!(first <= counted, "{first} without metrics, {counted} with");
}

#[test]
fn without_shared_data_all_but_windows_and_values_of_traffic_counts() {
    for import in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        let Some(module) = denied(FILTER, import, 10) else {
            return;
        };
        let config = with(
            counting(),
            json!({"labels": {"status_class": true, "variant": {"header": "x-version", "max": 3}}}),
        );
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        ask(
            &mut proxy,
            (0..20).map(|n| version(answered(200), format!("v{}", n % 2))),
        );
        ask(&mut proxy, vec![answered(500); 10]);
        settle(&mut proxy);
        let expected = BTreeMap::from([
            ("status=2xx,variant=_other".to_owned(), 20),
            ("status=5xx,variant=none".to_owned(), 10),
        ]);
        assert_eq!(counts(&proxy, MICROS), expected, "{import}");
        assert_eq!(series(&proxy, BUCKET, "+Inf"), expected, "{import}");
        assert_eq!(slo(&proxy, "fast"), (30, 30), "{import}");
        assert_eq!(one(&proxy, "", "variant", "label_overflow_total"), 20);
        assert_eq!(sum(&proxy, "window_requests", ""), 0, "{import}");
        assert!(faults(&proxy, "host_error") > 0, "{import}");
    }
}

#[test]
fn without_a_steady_clock_the_wall_clock_measures_and_never_below_zero() {
    let Some(module) = denied(FILTER, "clock_time_get", 58) else {
        return;
    };
    let config = with(unlabelled(), json!({"phases": ["total", "filter"]}));
    let mut proxy = start(Emulator::builder(), &module, &config);
    ask(&mut proxy, [taking(MS * 5), taking(MS * 9)]);
    assert_eq!(values(&proxy, MICROS), [5000, 9000]);
    // What the wall clock says is what there is: nothing less than nothing, and no more than the jump.
    for (seconds, expected) in [(-3600, 0), (3600, 3_600_005_000)] {
        let now = proxy.now();
        proxy.request(now, taking(MS * 5));
        proxy.run_until(now + MS);
        jump(&mut proxy, seconds);
        proxy.run();
        let all = counts(&proxy, MICROS)[""];
        let last = crate::rig::recorded(&proxy, MICROS)[""][all as usize - 1];
        assert_eq!(last, expected, "{seconds} s");
    }
    settle(&mut proxy);
    assert_eq!(sum(&proxy, BUCKET, "+Inf"), 4);
}

#[test]
fn without_attributes_labels_say_none_and_what_needs_them_is_left_out() {
    let Some(module) = denied(FILTER, "proxy_get_property", 1) else {
        return;
    };
    let labels = json!({
        "route": {"name": true, "max": 2},
        "status_class": true,
        "variant": {"header": "x-version", "max": 2},
        "cluster": {"max": 2},
    });
    let mut config = with(
        full(),
        json!({"exclude": {"client_aborts": true}, "labels": labels}),
    );
    config["quantiles"]["by"] = json!([]);
    // Nor does it know its name, then.
    let mut proxy = start(Emulator::builder(), &module, &config);
    let leaves = Request::get("/").upstream(Upstream::Never).abort_after(MS);
    ask(&mut proxy, [version(answered(200), "v1"), leaves, answered(503)]);
    settle(&mut proxy);
    let histograms = proxy.metrics().histograms;
    let of = |name: &str| -> Vec<(String, usize)> {
        let name = format!(".fairlead_latency_histogram_{name}");
        let own = histograms.iter().filter(|(full, _)| full.ends_with(&name));
        own.map(|(full, histogram)| {
            let tag = full.split_once("tag.").expect("labels").1;
            (
                tag.split_once(";.").expect("labels").0.to_owned(),
                histogram.count(),
            )
        })
        .collect()
    };
    let labels =
        |status: &str, variant: &str| format!("route=none,status={status},variant={variant},cluster=none");
    assert_eq!(
        of(MICROS),
        [
            (labels("2xx", "v1"), 1),
            (labels("5xx", "none"), 1),
            (labels("none", "none"), 1),
        ]
    );
    for name in [
        "upstream_duration_microseconds",
        "request_size_bytes",
        "response_size_bytes",
    ] {
        assert_eq!(of(name), [], "{name}");
    }
}

#[test]
fn without_a_status_a_response_is_none() {
    let Some(module) = denied(FILTER, "proxy_get_header_map_value", 1) else {
        return;
    };
    let config = with(counting(), json!({"labels": {"status_class": true}}));
    let mut proxy = start(Emulator::builder(), &module, &config);
    ask(&mut proxy, [answered(200), answered(503)]);
    assert_eq!(
        counts(&proxy, MICROS),
        BTreeMap::from([("status=none".to_owned(), 2)])
    );
}

#[test]
fn where_metrics_cannot_be_read_back_nothing_is_different() {
    let (Some(forgetting), Some(module)) = (forgetting_metrics(FILTER), modules::compiled(FILTER)) else {
        return;
    };
    let [first, second] = [module, forgetting].map(|module| {
        let mut proxy = start(Emulator::builder().workers(3), &module, &full());
        play(&mut proxy);
        proxy.metrics()
    });
    assert_eq!(first, second);
}

#[test]
fn what_a_failed_merge_could_not_hand_on_is_handed_on_later() {
    // Reads work, and one write in some does not.
    let refusal = Refusal {
        after_calls: 100,
        in_blocks: true,
    };
    let Some(module) = refusing(FILTER, refusal) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &counting());
    for _ in 0..20 {
        let before = proxy.metrics();
        ask(&mut proxy, (0..20).map(|_| taking(MS * 5)));
        settle(&mut proxy);
        assert_grown(&before, &proxy);
        let window = one(&proxy, "status=2xx", "", "window_requests");
        assert!(window <= 400, "{window}");
        let median = one(&proxy, "status=2xx", "p50", QUANTILE);
        assert!(median == 0 || median >= 4780, "{median}");
    }
}
