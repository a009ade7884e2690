//! Requests that are left out are counted as such, and nowhere else.

use std::collections::BTreeMap;

use fairlead_envoy::{Bootstrap, Cluster, Route};
use fairlead_tests::canned::{Canned, Then};
use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, assert_alive};
use serde_json::json;

use crate::counts::{leave_after_the_head, leave_before_an_answer};
use crate::service::{Service, cluster, counted, listener, streams, unrouted};
use crate::{FILTER, PLUGIN};

#[test]
fn what_is_left_out_is_counted_by_reason_and_nowhere_else() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = json!({
        "labels": {"grpc_status": true},
        "buckets": ["1m"],
        "exclude": {
            "grpc_streams": true, "websockets": true, "client_aborts": true, "health_checks": true,
            "match": [{"path": {"prefix": "/internal"}}],
        },
        "slos": [{"name": "all", "threshold": "1m", "objective": "99%"}],
        "quantiles": {"of": ["50%"], "window": "1h"},
    });
    let sockets = Canned::start(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello",
        Then::Stay,
    );
    let listener = unrouted(lab.plugin(PLUGIN, &config))
        .route(Route::prefix("/socket").to("sockets"))
        .route(Route::prefix("/").to("main"))
        .with_manager("upgrade_configs", json!([{"upgrade_type": "websocket"}]));
    let more = |bootstrap: Bootstrap| bootstrap.cluster(cluster("sockets", sockets.address()));
    // HTTP/2, for its trailers.
    let service = Service::with(&lab, 2, listener, Cluster::http2, more);
    let call = |query: &str| {
        Request::post(
            &format!("/demo.Trips/Watch?grpc-status=0&{query}"),
            *b"\0\0\0\0\0",
        )
        .header("content-type", "application/grpc")
        .header("te", "trailers")
    };
    let upgrade = Request::get("/socket")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    // A stream is what goes on for more than a second.
    let streams_of_grpc = side_by_side(service.port(), 6, |_, connection| {
        connection
            .ask(&call("bytes=10&chunks=2&chunk-delay=1100ms"))
            .status
    });
    assert_eq!(streams_of_grpc, [200; 6]);
    let mut connection = Connection::open(service.port());
    for _ in 0..4 {
        assert_eq!(connection.ask(&call("bytes=10")).status, 200);
    }
    for _ in 0..5 {
        let check = Request::get("/").header("user-agent", "kube-probe/1.33");
        assert_eq!(connection.ask(&check).status, 200);
    }
    for _ in 0..9 {
        assert_eq!(connection.ask(&Request::get("/internal/metrics")).status, 200);
    }
    for _ in 0..10 {
        assert_eq!(connection.ask(&Request::get("/")).status, 200);
    }
    let open: Vec<Connection> = (0..7)
        .map(|_| {
            let mut socket = Connection::open(service.port());
            assert_eq!(socket.ask(&upgrade).status, 101);
            socket
        })
        .collect();
    drop(open);
    leave_before_an_answer(&service, &Request::get("/?hold=1"), 8);
    for _ in 0..3 {
        leave_after_the_head(service.port(), "/?bytes=20000&chunks=2&chunk-delay=9m");
    }

    let scraped = counted(&service.envoy, "excluded_total", 6 + 5 + 9 + 7 + 8 + 3);
    let expected = [
        ("grpc_stream", 6),
        ("health_check", 5),
        ("match", 9),
        ("websocket", 7),
        ("client_abort", 11),
    ];
    let expected = expected.map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(scraped.by("cache", "excluded_total"), BTreeMap::from(expected));
    let rest = 10 + 4;
    for name in [
        "window_requests",
        "slo_requests_total",
        "request_duration_milliseconds_count",
    ] {
        counted(&service.envoy, name, rest);
    }
    let scraped = counted(&service.envoy, "request_exact_microseconds_count", rest);
    let by_code = [("grpc=0", 4), ("grpc=none", 10)].map(|(tag, count)| (tag.to_owned(), count));
    assert_eq!(
        scraped.by("tag", "request_exact_microseconds_count"),
        by_code.into()
    );
    assert_eq!(streams(&service.envoy), rest + 38, "that is all there was");
    assert_alive(&service.envoy);
}

#[test]
fn only_requests_that_are_meant_are_seen_and_off_sees_none() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let plugin = |mode: &str| {
        let slo = json!({"name": "a", "threshold": "1m", "objective": "99%", "match": [{"path": {"exact": "/api/a"}}]});
        let config =
            json!({"mode": mode, "match": [{"path": {"prefix": "/api"}}], "labels": {}, "slos": [slo]});
        lab.plugin(mode, &config)
    };
    let listener = listener(plugin("enforce"))
        .filter(plugin("shadow"))
        .filter(plugin("off"));
    let service = Service::behind(&lab, 2, listener);
    side_by_side(service.port(), 2, |_, connection| {
        for _ in 0..5 {
            for path in ["/api/a", "/api/b", "/other"] {
                assert_eq!(connection.ask(&Request::get(path)).status, 200);
            }
        }
    });
    let scraped = counted(&service.envoy, "request_duration_milliseconds_count", 2 * 20);
    let of_both = |count: u64| ["enforce", "shadow"].map(|mode| (mode.to_owned(), count)).into();
    for (name, count) in [
        ("request_duration_milliseconds_count", 20),
        ("slo_requests_total", 10),
        ("slo_good_total", 10),
    ] {
        let seen: BTreeMap<String, u64> = scraped.by("component", name);
        assert_eq!(seen, of_both(count), "{name}");
    }
    assert_eq!(streams(&service.envoy), 30);
    assert_alive(&service.envoy);
}
