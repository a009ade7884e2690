//! Lines of the access log.

use super::{Bench, response, ride};
use fairlead_stage::memory::MemoryView;
use serde_json::{Value, json};

#[test]
fn slow_and_failed_requests_get_a_line_that_is_json() {
    let bench = Bench::new(json!({"access_log": {"slow_above": "1s", "max_per_second": 3}}));
    let needs = &bench.needs;
    let request = || {
        MemoryView::get("shop", "/search?token=secret")
            .with(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            )
            .with("x-request-id", "a\"b\\\n\u{1}\u{fc}")
    };
    bench.send(ride(1_000_000).request(request()));
    assert!(bench.journal.lines().is_empty());
    bench.send(
        ride(1_000_001)
            .request(request())
            .told(needs, &["response", "code"], 200_i64.to_le_bytes()),
    );
    bench.send(ride(10).answered(Some(response(502))).request(
        MemoryView::get("shop", "/").with("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
    ));
    let lines: Vec<Value> = bench
        .journal
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        json!({
            "access": "slow", "method": "GET", "host": "shop", "path": "/search", "status": 200,
            "duration_us": 1_000_001, "first_byte_us": null, "labels": "status=2xx",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "request_id": "a\"b\\\n\u{1}\u{fc}",
        })
        .as_object()
        .map(|all| all
            .clone()
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect::<Value>())
        .unwrap()
    );
    assert_eq!(
        (&lines[1]["access"], &lines[1]["status"]),
        (&json!("failed"), &json!(502))
    );
    assert_eq!(lines[1]["trace_id"], "80f198ee56343ba864fe8b2a57d3eff7");
    for _ in 0..4 {
        bench.send(ride(10).answered(None));
    }
    assert_eq!(bench.journal.lines().len(), 4, "no more than three in a second");
    let counts = ["slow", "failed"].map(|why| bench.count("access_log_lines_total", None, Some(why)));
    assert_eq!(
        (counts, bench.count("access_log_dropped_total", None, None)),
        ([1, 3], 2)
    );
}

#[test]
fn about_as_many_lines_are_sampled_as_asked_for() {
    let bench =
        Bench::new(json!({"access_log": {"sample": "10%", "failed": false, "max_per_second": 10_000}}));
    for _ in 0..10_000 {
        bench.send(ride(10));
    }
    let lines = bench.journal.lines().len();
    assert!((900..1_100).contains(&lines), "{lines}");
    assert_eq!(
        bench.count("access_log_lines_total", None, Some("sampled")),
        lines as u64
    );
}
