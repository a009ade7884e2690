//! What a response counts as.

use super::*;

#[test]
fn what_says_nothing_of_the_upstream_does_not_count() {
    let rig = Rig::new(&policy(json!({"ignore": {"status": [501]}})));
    for upstream in [
        Upstream::Aborted,
        Upstream::Status(501),
        Upstream::Local(503, 0x80),
        Upstream::Local(404, 0x100),
        Upstream::Local(429, 0x800),
    ] {
        for _ in 0..5 {
            assert!(rig.call(upstream), "{upstream:?}");
        }
    }
    assert_eq!(rig.count("requests_total", Some("ignored")), 25);
    assert_eq!(rig.count("requests_total", Some("failure")), 0);
    for local in [Upstream::Local(503, 0x20), Upstream::Local(504, 0x4)] {
        rig.call(local);
    }
    assert_eq!(rig.count("requests_total", Some("failure")), 2);
}

#[test]
fn grpc_says_in_its_trailers_how_it_went() {
    let rig = Rig::new(&policy(json!({})));
    let call = || {
        MemoryView::get("shop.example.com", "/demo.Trips/Create")
            .with("content-type", "application/grpc")
            .with("te", "trailers")
    };
    for code in [0, 0, 14] {
        rig.call_for(call(), Upstream::Trailers(code));
    }
    assert_eq!(rig.count("requests_total", Some("success")), 2);
    assert_eq!(rig.count("requests_total", Some("failure")), 1);
    rig.call_for(call(), Upstream::Trailers(4));
    assert_eq!(rig.state(), 2);
}

#[test]
fn a_call_that_only_looks_like_grpc_counts_by_its_status() {
    let rig = Rig::new(&policy(json!({})));
    let post = || MemoryView::get("shop.example.com", "/cart").with("te", "trailers");
    // Browsers send `te: trailers` with every request: known at the headers.
    let begun = rig.begin(post().with("content-type", "application/json"));
    rig.end(begun.flight, Upstream::Status(200));
    // Who says gRPC to what speaks none hides nothing, neither success nor failure.
    for status in [200, 503, 503] {
        rig.call_for(
            post().with("content-type", "application/grpc"),
            Upstream::Status(status),
        );
    }
    assert_eq!(rig.count("requests_total", Some("ignored")), 0);
    assert_eq!(rig.count("requests_total", Some("success")), 2);
    assert_eq!(rig.state(), 2);
}

#[test]
fn a_browsers_request_is_judged_by_the_headers_of_its_response() {
    let rig = Rig::new(&policy(json!({})));
    let view = MemoryView::get("shop.example.com", "/cart").with("te", "trailers");
    let mut flight = rig.begin(view).flight;
    let response =
        MemoryView::default()
            .when(rig.now.get())
            .with_header(HeaderMap::Response, ":status", "200");
    let mut effects = Effects::default();
    let proxy = rig.proxy(&rig.cells);
    rig.stage
        .on_response(&mut flight, &response, &proxy, &mut effects);
    assert_eq!(rig.count("requests_total", Some("success")), 1);
}

#[test]
fn a_long_grpc_stream_is_not_slow() {
    let slow = json!({"trip": {"slow": {"above": "200ms", "rate": "10%"}}});
    let rig = Rig::new(&policy(slow));
    for _ in 0..8 {
        let call = MemoryView::get("shop.example.com", "/demo.Trips/Watch")
            .with("content-type", "application/grpc")
            .with("te", "trailers");
        let mut flight = rig.begin(call).flight;
        let proxy = rig.proxy(&rig.cells);
        let headers =
            MemoryView::default()
                .when(rig.now.get())
                .with_header(HeaderMap::Response, ":status", "200");
        rig.stage
            .on_response(&mut flight, &headers, &proxy, &mut Effects::default());
        rig.pass_time(Duration::from_secs(60));
        let trailers =
            headers
                .when(rig.now.get())
                .with_header(HeaderMap::ResponseTrailers, "grpc-status", "0");
        rig.stage.on_trailers(&mut flight, &trailers, &proxy);
        rig.stage.on_done(Some(flight), &trailers, &proxy);
    }
    assert_eq!(rig.count("requests_total", Some("success")), 8);
    assert_eq!(rig.count("slow_total", None), 0);
}

#[test]
fn slow_calls_open_it_though_they_succeed() {
    let rig = Rig::new(&policy(
        json!({"trip": {"slow": {"above": "200ms", "rate": "80%"}}}),
    ));
    for _ in 0..3 {
        rig.call(Upstream::After(200, 1000));
    }
    assert_eq!(rig.state(), 0);
    rig.call(Upstream::After(200, 201));
    assert_eq!(rig.state(), 2);
    assert_eq!(rig.count("slow_total", None), 4);
    let fast = Rig::new(&policy(
        json!({"trip": {"slow": {"above": "200ms", "rate": "80%"}}}),
    ));
    for _ in 0..20 {
        fast.call(Upstream::After(200, 200));
    }
    assert_eq!(fast.state(), 0);
}
