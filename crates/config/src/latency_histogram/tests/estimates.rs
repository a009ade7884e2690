//! What a config costs.

use super::*;

fn of(config: &str) -> Estimate {
    estimate(&parsed(config))
}

/// What each filter has whatever its config.
const COMMON: u64 = 6;

#[test]
fn metrics_are_counted_one_by_one() {
    for (config, metrics) in [
        ("{}", 6),
        (r#"{"labels":{}}"#, 1),
        (r#"{"labels":{},"envoy_histogram":false}"#, 0),
        (r#"{"labels":{},"phases":["total","upstream","filter"]}"#, 3),
        // Two bounds, what is above them, sum and count.
        (
            r#"{"labels":{},"envoy_histogram":false,"buckets":["1ms","2ms"]}"#,
            5,
        ),
        (
            r#"{"labels":{"method":true},"buckets":["1ms"],"phases":["total","filter"]}"#,
            10 * 2 * (1 + 4),
        ),
        (
            r#"{"labels":{"method":true},"sizes":{"request":true,"response":true}}"#,
            10 * 3,
        ),
        // Each quantile, and how many requests are in the window.
        (r#"{"labels":{},"quantiles":{"of":["50%","95%"]}}"#, 1 + 3),
        (
            r#"{"labels":{"method":true,"status_class":true},"quantiles":{"by":["status_class"]}}"#,
            60 + 6 * 4,
        ),
        (
            r#"{"labels":{},"slos":[{"name":"a","threshold":"1ms","objective":"9%"},{"name":"b","threshold":"1ms","objective":"9%"}]}"#,
            1 + 2 * 4,
        ),
        (
            r#"{"labels":{},"exclude":{"grpc_streams":true,"websockets":true,"client_aborts":false}}"#,
            1 + 2,
        ),
        (
            r#"{"labels":{},"exclude":{"health_checks":true,"client_aborts":true,"match":[{"grpc":{}}]}}"#,
            1 + 3,
        ),
        (r#"{"labels":{},"access_log":{}}"#, 1 + 4),
        // What is taken from traffic can overflow.
        (r#"{"labels":{"cluster":{"max":8}}}"#, 10 + 1),
        (
            r#"{"labels":{"route":{"name":true,"max":3},"variant":{"header":"x","max":2}}}"#,
            5 * 4 + 2,
        ),
    ] {
        assert_eq!(of(config).metrics, metrics + COMMON, "{config}");
    }
}

#[test]
fn memory_is_what_is_kept_between_requests() {
    let bytes = |config: &str| {
        let estimate = of(config);
        // Each metric is known by four bytes.
        estimate.memory_bytes - 4 * estimate.metrics
    };
    assert_eq!(bytes("{}"), 0);
    // Version, sum, and four bytes for each bucket, of each set of labels and phase.
    assert_eq!(
        bytes(r#"{"labels":{"method":true},"phases":["total","filter"],"buckets":["1ms","2ms","3ms"]}"#),
        10 * 2 * (9 + 4 * 4)
    );
    let windows = fairlead_histogram::Windows::new(Duration::from_secs(60), Scale::DEFAULT);
    let window = u64::from(windows.pending_bytes() + windows.window_bytes());
    assert_eq!(bytes(r#"{"quantiles":{}}"#), window);
    assert_eq!(bytes(r#"{"quantiles":{"by":["status_class"]}}"#), 6 * window);
    assert_eq!(bytes(r#"{"access_log":{}}"#), 20);
    let cluster = bytes(r#"{"labels":{"cluster":{"max":100}}}"#);
    // Each value is 65 bytes, and a little more in a worker's own table of twice as many places.
    assert!((100 * 65 * 3..100 * 70 * 4).contains(&cluster), "{cluster}");
}

#[test]
fn time_is_what_a_request_asks_the_proxy_for() {
    const BASE: u64 = 17_200;
    const STATUS: u64 = 10_800;
    for (config, more) in [
        (r#"{"labels":{}}"#, 0),
        ("{}", STATUS),
        (
            r#"{"labels":{"status_class":true},"exclude":{"websockets":true}}"#,
            STATUS,
        ),
        (r#"{"labels":{"method":true}}"#, 10_800),
        (r#"{"labels":{"method":true,"host":["a"]}}"#, 21_600),
        // From the third on, all at once.
        (
            r#"{"labels":{"method":true,"host":["a"],"route":{"templates":["/a"]}}}"#,
            24_000,
        ),
        (
            r#"{"labels":{"method":true,"host":["a"],"variant":{"header":"x"}}}"#,
            24_000,
        ),
        (
            r#"{"labels":{"method":true,"host":["a"],"variant":{"response_header":"x"}}}"#,
            21_600 + 10_800,
        ),
        (r#"{"labels":{"grpc_status":true}}"#, STATUS + 2000),
        (r#"{"labels":{},"exclude":{"grpc_streams":true}}"#, 2000),
        (r#"{"labels":{},"exclude":{"health_checks":true}}"#, 10_800),
        (r#"{"labels":{},"exclude":{"client_aborts":true}}"#, 12_300),
        (r#"{"labels":{},"phases":["filter","total"]}"#, 1200 + 1300),
        (r#"{"labels":{},"phases":["upstream"]}"#, 12_300),
        (r#"{"labels":{},"envoy_histogram":false,"buckets":["1ms"]}"#, 0),
        (
            r#"{"labels":{"route":{"name":true},"cluster":{"max":1}}}"#,
            2 * 12_300,
        ),
        (r#"{"labels":{},"sizes":{"response":true}}"#, 12_300 + 1300),
        (
            r#"{"labels":{},"slos":[{"name":"a","threshold":"1ms","objective":"9%"}]}"#,
            2 * 1300,
        ),
        (
            r#"{"labels":{},"slos":[{"name":"a","threshold":"1ms","objective":"9%","failures":"bad"}]}"#,
            2 * 1300 + STATUS + 2000,
        ),
        (
            r#"{"labels":{},"match":[{"path":{"prefix":"/a/"}},{"path":{"exact":"/b"}}]}"#,
            10_800,
        ),
        (
            r#"{"labels":{},"match":[{"not":{"headers":{"x-a":{"present":true}}}}],"exclude":{"match":[{"methods":["GET"]}]}}"#,
            21_600,
        ),
        (
            r#"{"labels":{},"match":[{"client":{"cidrs":["10.0.0.0/8"]}}]}"#,
            12_300,
        ),
        (
            r#"{"labels":{},"access_log":{"failed":false,"slow_above":"1s"}}"#,
            24_000,
        ),
        (r#"{"labels":{"method":true},"access_log":{}}"#, 24_000 + STATUS),
        (
            r#"{"labels":{},"access_log":{"failed":false,"sample":"10%"}}"#,
            2400,
        ),
    ] {
        assert_eq!(of(config).instructions, BASE + more, "{config}");
    }
}

#[test]
fn a_filter_that_is_off_keeps_nothing() {
    let off = of(r#"{"mode":"off","buckets":["1ms"],"quantiles":{}}"#);
    assert_eq!((off.series, off.metrics, off.memory_bytes), (0, COMMON, 0));
    assert!(off.instructions < of("{}").instructions);
    assert_eq!(of(r#"{"mode":"shadow"}"#), of("{}"));
}
