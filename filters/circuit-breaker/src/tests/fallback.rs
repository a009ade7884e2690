//! What a refused request gets: replies, kept responses, another route.

use super::*;

fn stale(more: Value) -> Rig {
    Rig::new(&policy(json!({"fallback": more})))
}

/// A response with headers and a body, seen in parts.
fn respond(rig: &Rig, mut flight: Flight, headers: &[(&str, &str)], parts: &[&str]) {
    let proxy = rig.proxy(&rig.cells);
    let mut effects = Effects::default();
    let mut view =
        MemoryView::default()
            .when(rig.now.get())
            .with_header(HeaderMap::Response, ":status", "200");
    for (name, value) in headers {
        view = view.with_header(HeaderMap::Response, name, value);
    }
    rig.stage.on_response(&mut flight, &view, &proxy, &mut effects);
    for (index, part) in parts.iter().enumerate() {
        if rig.stage.wants_body(&flight) {
            let view = if index + 1 == parts.len() {
                view.clone().ended()
            } else {
                view.clone()
            };
            rig.stage.on_body(&mut flight, part.as_bytes(), &view, &proxy);
        }
    }
    rig.stage.on_done(Some(flight), &view, &proxy);
}

#[test]
fn a_static_fallback_is_what_the_config_says() {
    let rig = stale(
        json!({"status": 200, "body": "{\"items\":[]}", "content_type": "application/json", "headers": {"x-from": "fallback"}}),
    );
    rig.open();
    let begun = rig.begin(get());
    assert_eq!(
        begun.reply.unwrap(),
        (200, "circuit_breaker/b".to_owned(), "{\"items\":[]}".to_owned())
    );
    assert_eq!(
        begun.edits,
        [
            "content-type=application/json",
            "x-from=fallback",
            "retry-after=10"
        ]
    );
    assert_eq!(rig.count("fallbacks_total", Some("reply")), 2);
}

#[test]
fn the_last_good_response_is_served_with_its_age() {
    let rig = stale(json!({"stale": {"max_age": "5m"}, "body": "sorry"}));
    let begun = rig.begin(get());
    respond(
        &rig,
        begun.flight,
        &[
            ("content-type", "text/plain"),
            ("x-envoy-upstream-service-time", "3"),
        ],
        &["hel", "lo"],
    );
    assert_eq!(rig.count("stale_total", Some("stored")), 1);
    for _ in 0..3 {
        rig.call(Upstream::Status(500));
    }
    rig.pass_time(Duration::from_secs(3));
    let begun = rig.begin(get());
    assert_eq!(begun.reply.unwrap().2, "hello");
    assert_eq!(
        begun.edits,
        [
            "content-type=text/plain",
            "age=3",
            "warning=110 - \"Response is Stale\""
        ]
    );
    let other = rig.begin(MemoryView::get("shop.example.com", "/other").ended());
    assert_eq!(other.reply.unwrap().2, "sorry");
    let private = rig.begin(get().with("authorization", "Bearer x"));
    assert_eq!(private.reply.unwrap().2, "sorry");
    assert_eq!(rig.count("fallbacks_total", Some("stale")), 1);
    assert_eq!(rig.count("stale_total", Some("missing")), 2);
}

#[test]
fn what_is_for_one_user_only_is_not_kept() {
    let rig = stale(json!({"stale": {}}));
    let begun = rig.begin(get());
    respond(&rig, begun.flight, &[("set-cookie", "a=1")], &["x"]);
    let begun = rig.begin(get().with("authorization", "Bearer x"));
    respond(&rig, begun.flight, &[], &["x"]);
    assert_eq!(rig.count("stale_total", Some("stored")), 0);
}

#[test]
fn another_route_is_asked_instead_and_clients_cannot_ask_for_it() {
    let rig = stale(json!({"reroute": {"header": "x-fallback", "value": "1"}}));
    assert_eq!(rig.begin(get().with("x-fallback", "1")).edits, ["-x-fallback="]);
    for _ in 0..4 {
        rig.call(Upstream::Status(500));
    }
    let begun = rig.begin(get());
    assert!(begun.reply.is_none());
    assert_eq!(begun.edits, ["x-fallback=1"]);
    // Nor what it is sent there with.
    let forged = rig.begin(get().with("x-fallback", "2"));
    assert_eq!(forged.edits, ["-x-fallback=", "x-fallback=1"]);
    rig.end(forged.flight, Upstream::Status(500));
    rig.end(begun.flight, Upstream::Status(500));
    assert_eq!(rig.count("requests_total", Some("failure")), 4);
    assert_eq!(rig.count("fallbacks_total", Some("reroute")), 2);
}
