//! Every request is counted once wherever it counts, however it ends.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fairlead_envoy::{Bootstrap, Cluster, Listener, Route};
use fairlead_tests::canned::{Canned, Then};
use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, assert_alive, wait};
use serde_json::json;

use crate::series::{Scraped, label_of};
use crate::service::{Service, cluster, counted, streams, unrouted};
use crate::{FILTER, PLUGIN};

const CONNECTIONS: usize = 4;
/// So many requests of each kind.
const OK: u64 = 400;
const OF_EACH: u64 = 24;

/// Sends a request whose answer is not waited for.
fn begin(port: u16, request: &Request) -> Connection {
    let mut connection = Connection::open(port);
    connection.send(std::slice::from_ref(request));
    connection
}

/// Sends a GET, and is gone as soon as the head of the response is there.
pub(crate) fn leave_after_the_head(port: u16, path: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test.local\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).unwrap();
        assert_ne!(count, 0, "no head");
        head.extend_from_slice(&piece[..count]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"));
}

/// Sends `count` requests, waits until all are with the upstream, and leaves.
pub(crate) fn leave_before_an_answer(service: &Service, request: &Request, count: usize) {
    let waiting: Vec<Connection> = (0..count).map(|_| begin(service.port(), request)).collect();
    wait("all are with the upstream", || service.upstream.active() == count);
    drop(waiting);
}

/// The routes by which requests end in every way there is.
fn endings(listener: Listener) -> Listener {
    let to = |path: &str, cluster: &str| Route::prefix(path).to(cluster);
    listener
        .route(to("/ok", "main"))
        .route(to("/reset", "main"))
        .route(to("/cut", "cut"))
        .route(to("/refused", "nowhere"))
        .route(Route::prefix("/direct").respond(429, "not now"))
        .route(to("/slow", "main").timeout(Duration::from_millis(60)))
        .route(to("/gone", "main"))
}

/// Sends so many requests that end well, and so many of each other kind.
fn send(service: &Service) {
    let own = |path: &str| match path {
        "/reset" => Request::get(path).header("x-upstream-reset", "1"),
        "/slow" => Request::get(path).header("x-upstream-delay", "9m"),
        path => Request::get(path),
    };
    side_by_side(service.port(), CONNECTIONS, |_, connection| {
        let each = |count: u64| 0..count / CONNECTIONS as u64;
        for _ in each(OK) {
            assert_eq!(connection.ask(&own("/ok")).status, 200);
        }
        for _ in each(OF_EACH) {
            for (path, status) in [
                ("/reset", 503),
                ("/refused", 503),
                ("/direct", 429),
                ("/slow", 504),
                ("/none", 404),
            ] {
                assert_eq!(connection.ask(&own(path)).status, status, "{path}");
            }
            let rest = begin(service.port(), &own("/cut")).rest();
            assert!(rest.starts_with(b"HTTP/1.1 200"));
            leave_after_the_head(service.port(), "/gone/late?bytes=20000&chunks=2&chunk-delay=9m");
        }
    });
    wait("timed out, and gone", || service.upstream.active() == 0);
    leave_before_an_answer(service, &Request::get("/gone/early?hold=1"), OF_EACH as usize);
}

/// What should be counted of them.
fn expected() -> BTreeMap<String, u64> {
    [
        ("/ok", "2xx", OK),
        ("/reset", "5xx", OF_EACH),
        ("/cut", "2xx", OF_EACH),
        ("/refused", "5xx", OF_EACH),
        ("/direct", "4xx", OF_EACH),
        ("/slow", "5xx", OF_EACH),
        ("_other", "4xx", OF_EACH),
        ("/gone/late", "2xx", OF_EACH),
        ("/gone/early", "none", OF_EACH),
    ]
    .map(|(route, status, count)| (format!("route={route},status={status}"), count))
    .into()
}

#[test]
fn counts_equal_what_was_sent_however_requests_end() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let paths = [
        "/ok",
        "/reset",
        "/cut",
        "/refused",
        "/direct",
        "/slow",
        "/gone/early",
        "/gone/late",
    ];
    let slo = |name: &str, failures: &str| json!({"name": name, "threshold": "1m", "objective": "99%", "failures": failures});
    let config = json!({
        "labels": {"route": {"templates": paths}, "status_class": true},
        "phases": ["total", "upstream", "filter"],
        "buckets": ["10ms", "1m"],
        "sizes": {"request": true, "response": true},
        "slos": [slo("count", "count"), slo("bad", "bad"), slo("ignore", "ignore")],
        "quantiles": {"of": ["50%"], "window": "1h"},
    });
    let cut = Canned::start(
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ntoo short",
        Then::Close,
    );
    let others = |bootstrap: Bootstrap| {
        bootstrap
            .cluster(cluster("cut", cut.address()))
            .cluster(Cluster::new("nowhere"))
    };
    let listener = endings(unrouted(lab.plugin(PLUGIN, &config)));
    let service = Service::with(&lab, 2, listener, |cluster| cluster, others);
    send(&service);
    let expected = expected();
    let sent = expected.values().sum();
    let failed = 4 * OF_EACH;
    // Windows are what a worker hands on last.
    counted(&service.envoy, "window_requests", sent);
    let scraped = counted(&service.envoy, "request_duration_milliseconds_count", sent);
    assert_eq!(streams(&service.envoy), sent, "that is all there was");
    for name in [
        "request_duration_milliseconds_count",
        "request_exact_microseconds_count",
        "request_size_bytes_count",
        "response_size_bytes_count",
    ] {
        assert_eq!(scraped.by("tag", name), expected, "{name}");
    }
    assert_eq!(to_infinity(&scraped, "request"), expected);

    // Only who has seen a head knows when it came, and only of a whole response it is known how long the upstream took.
    let but = |routes: &[&str]| -> BTreeMap<String, u64> {
        let left_out = |tag: &str| {
            routes
                .iter()
                .any(|route| tag.starts_with(&format!("route={route},")))
        };
        expected
            .iter()
            .filter(|(tag, _)| !left_out(tag))
            .map(|(tag, count)| (tag.clone(), *count))
            .collect()
    };
    assert_eq!(to_infinity(&scraped, "first_byte"), but(&["/gone/early"]));
    let whole = but(&[
        "/gone/early",
        "/gone/late",
        "/cut",
        "/reset",
        "/refused",
        "/direct",
        "/slow",
        "_other",
    ]);
    assert_eq!(to_infinity(&scraped, "upstream"), whole);

    let slo = |name: &str| scraped.by("tag", name);
    let of = |counts: [(&str, u64); 3]| BTreeMap::from(counts.map(|(slo, count)| (slo.to_owned(), count)));
    assert_eq!(
        slo("slo_requests_total"),
        of([("count", sent), ("bad", sent), ("ignore", sent - failed)])
    );
    assert_eq!(
        slo("slo_good_total"),
        of([("count", sent), ("bad", sent - failed), ("ignore", sent - failed)])
    );
    assert_alive(&service.envoy);
}

/// The last bucket of all, by tag: in Envoy's own histogram as many as in ours.
fn to_infinity(scraped: &Scraped, phase: &str) -> BTreeMap<String, u64> {
    let exact = scraped.by("tag", &format!("{phase}_exact_microseconds_count"));
    let name = format!("{phase}_exact_microseconds_bucket");
    for sample in scraped
        .named(&name)
        .filter(|sample| label_of(sample, "cache") == "+Inf")
    {
        assert_eq!(sample.value, exact[label_of(sample, "tag")] as f64, "{sample:?}");
    }
    assert_eq!(
        scraped.by("tag", &format!("{phase}_duration_milliseconds_count")),
        exact
    );
    exact
}
