//! What a refused client gets: a reply, a kept response, another service.

use std::collections::BTreeMap;

use fairlead_tests::client::{Connection, Request, Response};
use fairlead_tests::proxy::{Lab, PATIENCE, assert_alive};
use serde_json::{Value, json};

use crate::service::{Service, refused, stat};
use crate::{FILTER, MINIMUM, get, one};

/// Opens it by failures; how many that took.
fn open(service: &Service, connection: &mut Connection) {
    service.does("status=500");
    let failed = (0..5 * MINIMUM)
        .map(|_| connection.ask(&Request::get("/fails")))
        .take_while(|response| response.status == 500)
        .count();
    assert!(failed < 5 * MINIMUM, "it does not open");
}

#[test]
fn a_refusal_says_when_to_come_back_and_the_access_log_names_the_breaker() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let fallback = json!({"status": 429, "body": "later\n", "headers": {"x-breaker": "yes"}});
    let config = one(json!({"open": {"duration": "30s"}, "fallback": fallback}));
    let service = Service::open(&lab, &config);
    let mut connection = Connection::open(service.port());
    open(&service, &mut connection);
    let answer = connection.ask(&get());
    assert!(refused(&answer));
    assert_eq!((answer.status, answer.body.as_slice()), (429, &b"later\n"[..]));
    let wait: u64 = answer.header("retry-after").expect("a wait").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    let log = service.envoy.wait_for_access_log(MINIMUM + 1, PATIENCE).unwrap();
    let last = log.last().unwrap();
    assert_eq!(
        (&last["status"], &last["response_code_details"]),
        (&json!(429), &json!("circuit_breaker/b"))
    );
}

/// Headers that are the response's own.
fn own(response: &Response) -> BTreeMap<&str, &[u8]> {
    let theirs = [
        "date",
        "server",
        "x-envoy-upstream-service-time",
        "age",
        "warning",
    ];
    let lines = response
        .headers
        .iter()
        .filter(|(name, _)| !theirs.contains(&name.as_str()));
    lines
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect()
}

/// Asks for pages until one is kept beside what is kept already. The hash that chooses a page's cell has a seed of the
/// proxy's own, so that one page of 32 meets the kept one in its cell and waits there.
fn second_kept(service: &Service, connection: &mut Connection) -> (Request, Response) {
    let kept = || stat(&service.envoy, "stale_total", "stored");
    let pages = (1..9).map(|page| Request::get(&format!("/page?q={page}")));
    let mut asked = pages.map(|page| {
        let response = connection.ask(&page);
        // An answer on the same connection: the worker has done with the one before.
        connection.ask(&Request::get("/page?q=none").header("cookie", "sid=1"));
        (page, response)
    });
    asked.find(|_| kept() == 2).expect("a cell of its own")
}

#[test]
fn while_it_is_open_the_last_good_response_is_served_byte_for_byte() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let stale = json!({"max_age": "5m", "max_body": "64KiB", "max_entries": 32});
    let fallback = json!({"headers": {"x-breaker": "yes"}, "stale": stale});
    let service = Service::open(&lab, &one(json!({"fallback": fallback})));
    let mut connection = Connection::open(service.port());
    service.does("bytes=50000&chunks=7&h-etag=one&h-content-type=image/png&h-cache-control=max-age=1");
    let good = connection.ask(&get());
    assert_eq!((good.status, good.body.len()), (200, 50_000));
    service.does("h-content-type=text/html");
    let (page_request, page) = second_kept(&service, &mut connection);
    // Larger than what is kept.
    service.does("bytes=70000");
    assert_eq!(connection.ask(&Request::get("/large")).body.len(), 70_000);
    open(&service, &mut connection);
    let reached = service.reached();
    // By both workers, whoever has kept it.
    for mut connection in [(); 4].map(|()| Connection::open(service.port())) {
        for (request, expected) in [(get(), &good), (page_request.clone(), &page)] {
            let stale = connection.ask(&request);
            assert_eq!((stale.status, &stale.body), (200, &expected.body));
            let mut headers = own(&stale);
            headers.remove("content-length");
            let mut originals = own(expected);
            originals.remove("content-length");
            originals.remove("transfer-encoding");
            assert_eq!(headers, originals);
            let age: u64 = stale.header("age").expect("an age").parse().unwrap();
            assert!(age < 60, "{age}");
            assert!(
                stale
                    .header("warning")
                    .is_some_and(|warning| warning.starts_with("110 ")),
                "{stale:?}"
            );
            assert!(!refused(&stale));
        }
        for other in [
            Request::get("/page?q=none"),
            Request::get("/large"),
            Request::get("/fails"),
            get().header("authorization", "Bearer x"),
            get().header("cookie", "sid=1"),
            get().header("range", "bytes=0-1"),
            get().header("accept-encoding", "gzip"),
        ] {
            let answer = connection.ask(&other);
            assert_eq!((answer.status, refused(&answer)), (503, true), "{other:?}");
        }
    }
    assert_eq!(service.reached(), reached);
    let told = |outcome: &str| stat(&service.envoy, "fallbacks_total", outcome);
    assert_eq!(told("stale"), 8);
    assert_eq!(stat(&service.envoy, "stale_total", "stored"), 2);
    assert_alive(&service.envoy);
}

#[test]
fn while_it_is_open_another_service_answers_and_clients_do_not_choose_it() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let reroute = json!({"fallback": {"reroute": {"header": "x-fallback", "value": "1"}}});
    let service = Service::open(&lab, &one(reroute));
    let mut connection = Connection::open(service.port());
    let version = |response: &Response| response.header("x-version").map(str::to_owned);
    for request in [
        get(),
        get().header("x-fallback", "1"),
        get().header("X-Fallback", "0").header("x-fallback", "1"),
    ] {
        assert_eq!(version(&connection.ask(&request)).as_deref(), Some("main"));
    }
    service.does("status=500");
    let failed = (0..5 * MINIMUM)
        .map(|_| connection.ask(&get()))
        .take_while(|response| version(response).as_deref() == Some("main"))
        .count();
    assert!((MINIMUM - 3..=MINIMUM).contains(&failed), "{failed}");
    let reached = service.reached();
    for mut connection in [(); 4].map(|()| Connection::open(service.port())) {
        for request in [
            get(),
            get().header("x-fallback", "0"),
            Request::post("/", *b"body"),
        ] {
            let response = connection.ask(&request);
            assert_eq!(
                (response.status, version(&response).as_deref()),
                (200, Some("other"))
            );
        }
    }
    assert_eq!(service.reached(), reached);
    let seen = service.other.requests();
    let wrong = seen.iter().find(|head| head.header("x-fallback") != Some("1"));
    assert_eq!(wrong, None);
    let log: Vec<Value> = service.envoy.access_log();
    assert!(log.iter().all(|line| line["status"] != 503), "{log:?}");
}
