//! What labels say, and how many values they can have.

use super::{Bench, Ride, response, ride};
use fairlead_stage::HeaderMap;
use fairlead_stage::memory::MemoryView;
use serde_json::json;

/// Longer than a label value that is taken from traffic can be, and with what would end a label.
const LONG: &str =
    "/api/v1/organizations/{organization}/projects/{project}/environments/{environment}/a;b=c/deploy";

#[test]
fn labels_say_what_the_request_and_its_end_say() {
    let bench = Bench::new(json!({"labels": {
        "route": {"templates": ["/users/{id}", LONG, "/users/{id}/orders"]},
        "method": true, "status_class": true,
        "variant": {"header": "x-canary", "values": ["v2"], "default": "stable"},
        "host": ["shop.example.com", "*.cdn.example.com"],
    }}));
    bench.send(ride(1_000));
    let request = MemoryView::default()
        .with(":method", "BREW")
        .with(":authority", "IMG.cdn.example.com:443")
        .with(":path", "/users/7/orders?all=1")
        .with("x-canary", "v2");
    bench.send(ride(1_000).request(request).answered(Some(response(503))));
    let odd = MemoryView::get("else.example.com", "/users/1/2/3").with("x-canary", "v3");
    bench.send(ride(1_000).request(odd).answered(None));
    let long = MemoryView::get("shop.example.com", &LONG.replace(['{', '}'], ""));
    bench.send(ride(1_000).request(long));
    let name = format!(
        "route={},method=GET,status=2xx,variant=stable,host=shop.example.com",
        LONG.replace(';', "_")
    );
    assert!(bench.labels().contains(&name), "templates are not cut");
    let labels = bench.labels().into_iter().filter(|label| *label != name);
    assert_eq!(
        labels.collect::<Vec<_>>(),
        [
            "route=/users/{id}/orders,method=_OTHER,status=5xx,variant=v2,host=*.cdn.example.com",
            "route=_other,method=GET,status=2xx,variant=stable,host=shop.example.com",
            "route=_other,method=GET,status=none,variant=_other,host=_other",
        ]
    );
}

#[test]
fn labels_say_what_the_proxy_and_the_response_say() {
    let bench = Bench::new(json!({"labels": {
        "route": {"name": true, "max": 2}, "cluster": {"max": 3}, "variant": {"response_header": "x-version", "max": 2},
    }}));
    let needs = &bench.needs;
    let routed = |route: &str, cluster: &[u8]| {
        ride(1_000)
            .told(needs, &["xds", "route_name"], route)
            .told(needs, &["xds", "cluster_name"], cluster)
    };
    bench.send(routed("checkout", b"shop"));
    bench.send(routed("", b"a,b;c=\xff").answered(None));
    let versioned = response(200).with_header(HeaderMap::Response, "x-version", "v7");
    bench.send(ride(1_000).answered(Some(versioned)));
    assert_eq!(
        bench.labels(),
        [
            "route=checkout,variant=none,cluster=shop",
            "route=none,variant=none,cluster=a_b_c__",
            "route=none,variant=v7,cluster=none",
        ]
    );
}

#[test]
fn grpc_calls_are_labelled_by_what_their_trailers_say() {
    let bench = Bench::new(json!({"labels": {"grpc_status": true}}));
    let call = || {
        MemoryView::get("shop", "/demo.Trips/Create")
            .with("te", "trailers")
            .with("content-type", "application/grpc")
    };
    for (code, times) in [("0", 2), ("14", 1), ("99", 1), ("x", 1)] {
        for _ in 0..times {
            bench.send(Ride {
                trailers: Some(MemoryView::default().with_header(
                    HeaderMap::ResponseTrailers,
                    "grpc-status",
                    code,
                )),
                ..ride(1_000).request(call())
            });
        }
    }
    // A call that fails at once says so in its headers; what is no call has no code.
    let at_once = response(200).with_header(HeaderMap::Response, "grpc-status", "14");
    bench.send(ride(1_000).request(call()).answered(Some(at_once)));
    bench.send(ride(1_000));
    let recorded = bench.recorded("request_duration_milliseconds");
    let counts: Vec<(&str, usize)> = recorded
        .iter()
        .map(|(text, all)| (text.as_str(), all.len()))
        .collect();
    assert_eq!(
        counts,
        [("grpc=0", 2), ("grpc=14", 2), ("grpc=2", 2), ("grpc=none", 1)]
    );
}

#[test]
fn a_label_has_no_more_values_than_its_bound() {
    let bench = Bench::new(json!({"labels": {"variant": {"header": "x-version", "max": 3}}}));
    for number in 0..1_000 {
        let request = MemoryView::get("shop", "/").with("x-version", format!("v{number}"));
        bench.send(ride(1_000).request(request));
    }
    bench.send(ride(1_000));
    // Written like what stands for no header.
    bench.send(ride(1_000).request(MemoryView::get("shop", "/").with("x-version", "none")));
    let recorded = bench.recorded("request_duration_milliseconds");
    let counts: Vec<(&str, usize)> = recorded
        .iter()
        .map(|(text, all)| (text.as_str(), all.len()))
        .collect();
    assert_eq!(
        counts,
        [
            ("variant=_other", 997),
            ("variant=none", 2),
            ("variant=v0", 1),
            ("variant=v1", 1),
            ("variant=v2", 1)
        ]
    );
    assert_eq!(bench.count("label_overflow_total", None, Some("variant")), 997);
}
