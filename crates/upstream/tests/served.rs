//! The upstream as its clients see it, over HTTP/1.1 and HTTP/2.

#![allow(
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

#[path = "served/client.rs"]
mod client;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use client::{Answer, Http, request, send};
use fairlead_upstream::{Behavior, Counts, Upstream};
use http_body_util::Full;
use serde_json::Value;

const BOTH: [Http; 2] = [Http::One, Http::Two];

fn start() -> Upstream {
    Upstream::bind("127.0.0.1:0", "v1").unwrap()
}

fn ask(http: Http, upstream: &Upstream, method: &str, target: &str) -> Answer {
    send(
        http,
        upstream.address(),
        request(method, upstream.address(), target),
    )
    .unwrap()
}

fn get(upstream: &Upstream, target: &str) -> Answer {
    ask(Http::One, upstream, "GET", target)
}

/// A connection of which no read waits for ever.
fn connect(upstream: &Upstream) -> TcpStream {
    let stream = TcpStream::connect(upstream.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// What still comes until the peer closes the connection, in order or not.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    received
}

/// Waits for something another thread does.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 20 s");
        thread::yield_now();
    }
}

#[test]
fn an_answer_names_the_version() {
    let upstream = start();
    for http in BOTH {
        let answer = ask(http, &upstream, "GET", "/any/path?user=alice");
        assert_eq!(
            (answer.status, answer.text()),
            (200, "hello from v1\n"),
            "{http:?}"
        );
        assert_eq!(answer.header("x-version"), Some("v1"));
        assert_eq!(answer.header("content-length"), Some("14"));
    }
}

#[test]
fn a_request_sets_its_status_by_query_or_header_and_the_query_wins() {
    let upstream = start();
    for http in BOTH {
        let answer = ask(http, &upstream, "GET", "/?status=503");
        assert_eq!(
            (answer.status, answer.text()),
            (503, "v1 answers 503\n"),
            "{http:?}"
        );
        for (target, status) in [("/", 404), ("/?status=418", 418)] {
            let mut both = request("GET", upstream.address(), target);
            both.headers_mut()
                .insert("x-upstream-status", "404".parse().unwrap());
            assert_eq!(
                send(http, upstream.address(), both).unwrap().status,
                status,
                "{http:?}"
            );
        }
    }
}

#[test]
fn an_answer_without_a_body_has_none() {
    let upstream = start();
    assert_eq!(get(&upstream, "/?status=204").body.len(), 0);
    assert_eq!(get(&upstream, "/?status=304&bytes=10").body.len(), 0);
    assert_eq!(ask(Http::One, &upstream, "HEAD", "/").body.len(), 0);
}

#[test]
fn a_delay_holds_the_answer_back() {
    let upstream = start();
    let answer = get(&upstream, "/?delay=80ms");
    assert_eq!(answer.status, 200);
    assert!(
        answer.elapsed >= Duration::from_millis(80),
        "{:?}",
        answer.elapsed
    );
}

#[test]
fn what_is_held_goes_out_when_the_upstream_is_told_anew() {
    let upstream = start();
    upstream.set(Behavior::parse("hold=1&status=503").unwrap());
    thread::scope(|scope| {
        let asked: Vec<_> = BOTH
            .into_iter()
            .map(|http| {
                let upstream = &upstream;
                scope.spawn(move || ask(http, upstream, "GET", "/held").status)
            })
            .collect();
        until("both are there", || upstream.active() == 2);
        // Requests of their own are none that are held.
        assert_eq!(get(&upstream, "/?hold=0").status, 503);
        assert!(asked.iter().all(|answer| !answer.is_finished()));
        upstream.set(Behavior::default());
        // They are answered as was decided when they came.
        assert!(asked.into_iter().all(|answer| answer.join().unwrap() == 503));
    });
    assert_eq!(get(&upstream, "/").status, 200);
}

#[test]
fn the_failing_share_is_exact_also_under_concurrency() {
    let upstream = start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let status = get(&upstream, "/mix?fail=20%&fail-status=500").status;
                    assert!(status == 200 || status == 500, "{status}");
                }
            });
        }
    });
    let counts = upstream.counts();
    assert_eq!(
        (counts.status(200), counts.status(500), counts.total),
        (160, 40, 200)
    );
}

#[test]
fn each_share_is_counted_by_itself() {
    let upstream = start();
    let statuses: Vec<u16> = (0..4)
        .flat_map(|_| {
            [
                get(&upstream, "/?fail=50%").status,
                get(&upstream, "/?fail=100%").status,
            ]
        })
        .collect();
    assert_eq!(statuses, [200, 503, 503, 503, 200, 503, 503, 503]);
}

#[test]
fn setting_a_share_begins_its_count_anew() {
    let upstream = start();
    for _ in 0..2 {
        upstream.set(Behavior::parse("fail=50%").unwrap());
        let statuses = [(); 3].map(|()| get(&upstream, "/").status);
        assert_eq!(statuses, [200, 503, 200]);
    }
}

#[test]
fn a_reset_gives_no_answer_and_is_counted_as_such() {
    let upstream = start();
    for http in BOTH {
        let answer = send(
            http,
            upstream.address(),
            request("GET", upstream.address(), "/gone?reset=1"),
        );
        assert!(answer.is_err(), "{http:?}");
    }
    let counts = upstream.counts();
    assert_eq!((counts.resets, counts.path("/gone"), counts.total), (2, 2, 2));
    assert!(counts.by_status.is_empty());
    assert_eq!(get(&upstream, "/").status, 200);
}

#[test]
fn a_reset_closes_the_connection_without_a_byte() {
    let upstream = start();
    let mut stream = connect(&upstream);
    stream
        .write_all(b"GET /?reset=1 HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    assert_eq!(rest(&mut stream), b"");
}

#[test]
fn a_body_has_the_size_that_was_asked_for() {
    let upstream = start();
    for http in BOTH {
        for size in [0, 1, 1000, 65_536, 200_001] {
            let answer = ask(http, &upstream, "GET", &format!("/?bytes={size}"));
            assert_eq!(answer.body.len(), size, "{http:?}");
            // An empty HTTP/2 answer ends with its head and needs no length.
            let length = answer.header("content-length").unwrap_or("0");
            assert_eq!(length, size.to_string());
        }
    }
}

#[test]
fn a_body_in_pieces_has_its_pauses_and_no_length() {
    let upstream = start();
    for http in BOTH {
        let answer = ask(http, &upstream, "GET", "/?bytes=1001&chunks=5&chunk-delay=15ms");
        assert_eq!(answer.body.len(), 1001, "{http:?}");
        assert_eq!(answer.header("content-length"), None);
        assert!(
            answer.elapsed >= Duration::from_millis(60),
            "{:?}",
            answer.elapsed
        );
        let text = ask(http, &upstream, "GET", "/?chunks=9999");
        assert_eq!(text.text(), "hello from v1\n");
    }
}

#[test]
fn the_pieces_of_a_body_are_chunks_of_about_one_size() {
    let upstream = start();
    let mut stream = connect(&upstream);
    let asked = "GET /?bytes=10&chunks=3&chunk-delay=1ms HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(asked.as_bytes()).unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).unwrap();
    let (_, body) = received.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "4\r\nxxxx\r\n3\r\nxxx\r\n3\r\nxxx\r\n0\r\n\r\n");
}

#[test]
fn response_headers_are_added_and_replaced() {
    let upstream = start();
    let answer = get(
        &upstream,
        "/?h-x-foo=bar&h-retry-after=3&h-content-type=text/html",
    );
    assert_eq!(answer.header("x-foo"), Some("bar"));
    assert_eq!(answer.header("retry-after"), Some("3"));
    assert_eq!(answer.headers.get_all("content-type").iter().count(), 1);
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

#[test]
fn a_grpc_status_comes_in_the_trailers() {
    let upstream = start();
    for http in BOTH {
        let answer = ask(
            http,
            &upstream,
            "POST",
            "/pkg.Service/Method?grpc-status=14&grpc-message=try+later",
        );
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{http:?}");
        assert_eq!(answer.header("content-type"), Some("application/grpc"));
        assert_eq!(answer.header("grpc-status"), None);
        assert_eq!(answer.trailers.get("grpc-status").unwrap(), "14", "{http:?}");
        assert_eq!(answer.trailers.get("grpc-message").unwrap(), "try later");
    }
}

#[test]
fn a_grpc_answer_that_fails_is_a_plain_http_failure() {
    let upstream = start();
    let answer = ask(Http::Two, &upstream, "POST", "/?grpc-status=0&fail=100%");
    assert_eq!((answer.status, answer.trailers.len()), (503, 0));
}

#[test]
fn echo_returns_the_request() {
    let upstream = start();
    for (http, version) in [(Http::One, "HTTP/1.1"), (Http::Two, "HTTP/2.0")] {
        let mut asked = request("POST", upstream.address(), "/a/b?echo=1&user=alice");
        asked.headers_mut().append("x-twice", "1".parse().unwrap());
        asked.headers_mut().append("x-twice", "2".parse().unwrap());
        *asked.body_mut() = Full::from("12345");
        let answer = send(http, upstream.address(), asked).unwrap();
        let echo: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(echo["method"], "POST");
        assert_eq!(echo["target"], "/a/b?echo=1&user=alice");
        assert_eq!(echo["path"], "/a/b");
        assert_eq!(echo["version"], version);
        assert_eq!(echo["body_bytes"], 5);
        let headers: Vec<(String, String)> = serde_json::from_value(echo["headers"].clone()).unwrap();
        let values = |name: &str| -> Vec<&str> {
            headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .collect()
        };
        assert_eq!(values("x-twice"), ["1", "2"]);
        assert_eq!(values("host"), [upstream.address().to_string()], "{http:?}");
    }
}

#[test]
fn wrong_settings_are_answered_with_400_and_the_reason() {
    let upstream = start();
    let answer = get(&upstream, "/?delay=50");
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.text(),
        "delay=50: not a duration such as 50ms (us, ms, s or m, at most 10m)\n"
    );
    assert_eq!(answer.header("x-version"), Some("v1"));
    let mut unknown = request("GET", upstream.address(), "/");
    unknown
        .headers_mut()
        .insert("x-upstream-dely", "5ms".parse().unwrap());
    let answer = send(Http::One, upstream.address(), unknown).unwrap();
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("dely=5ms: no such setting"),
        "{}",
        answer.text()
    );
    assert_eq!(upstream.counts().status(400), 2);
}

#[test]
fn the_handle_breaks_and_mends_a_version_live() {
    let upstream = start();
    upstream.set(Behavior::parse("status=503&h-x-cause=demo").unwrap());
    let broken = get(&upstream, "/");
    assert_eq!((broken.status, broken.header("x-cause")), (503, Some("demo")));
    assert_eq!(get(&upstream, "/?status=200").status, 200);
    upstream.set(Behavior::default());
    assert_eq!(get(&upstream, "/").status, 200);
}

#[test]
fn the_control_path_does_the_same_as_the_handle() {
    let upstream = start();
    let set = ask(Http::One, &upstream, "POST", "/_control?status=500&delay=1ms");
    assert_eq!((set.status, set.text()), (200, "status=500&delay=1000us\n"));
    assert_eq!(
        upstream.behavior(),
        Behavior::parse("status=500&delay=1ms").unwrap()
    );
    assert_eq!(get(&upstream, "/").status, 500);
    assert_eq!(get(&upstream, "/_control").text(), "status=500&delay=1000us\n");
    assert_eq!(ask(Http::One, &upstream, "POST", "/_control").status, 200);
    assert_eq!(get(&upstream, "/").status, 200);
}

#[test]
fn a_wrong_control_request_changes_nothing() {
    let upstream = start();
    upstream.set(Behavior::parse("status=500").unwrap());
    for query in ["status=abc", "colour=red", "delay=1"] {
        let refused = ask(Http::One, &upstream, "POST", &format!("/_control?{query}"));
        assert_eq!(refused.status, 400, "{query}");
    }
    assert_eq!(ask(Http::One, &upstream, "DELETE", "/_control").status, 405);
    assert_eq!(get(&upstream, "/").status, 500);
}

#[test]
fn health_checks_stay_well_and_uncounted() {
    let upstream = start();
    upstream.set(Behavior::parse("status=503&delay=10m").unwrap());
    let health = get(&upstream, "/_health");
    assert_eq!(
        (health.status, health.text(), health.header("x-version")),
        (200, "ok\n", Some("v1"))
    );
    assert_eq!(upstream.counts(), Counts::default());
    assert!(upstream.requests().is_empty());
}

#[test]
fn counts_are_by_path_and_status_and_can_be_read_by_anyone() {
    let upstream = start();
    for target in ["/a", "/a?status=503", "/b?x=1"] {
        get(&upstream, target);
    }
    let counts = upstream.counts();
    assert_eq!(
        (counts.path("/a"), counts.path("/b"), counts.path("/c")),
        (2, 1, 0)
    );
    assert_eq!(
        (counts.status(200), counts.status(503), counts.status(500)),
        (2, 1, 0)
    );
    let read: Value = serde_json::from_slice(&get(&upstream, "/_counts").body).unwrap();
    assert_eq!(read, counts.to_json());
    upstream.reset_counts();
    assert_eq!(upstream.counts(), Counts::default());
}

#[test]
fn the_paths_that_are_counted_one_by_one_are_bounded() {
    let upstream = start();
    for n in 0..1005 {
        get(&upstream, &format!("/{n}"));
    }
    let counts = upstream.counts();
    assert_eq!(
        (counts.path("/0"), counts.path("/999"), counts.path("/1004")),
        (1, 1, 0)
    );
    assert_eq!(
        (counts.path(Counts::OTHER), counts.by_path.len(), counts.total),
        (5, 1001, 1005)
    );
}

#[test]
fn the_last_request_heads_are_kept() {
    let (upstream, before) = (start(), Instant::now());
    for n in 0..1030 {
        get(&upstream, &format!("/?n={n}"));
    }
    let heads = upstream.requests();
    assert_eq!(heads.len(), 1024);
    assert_eq!(
        (heads[0].target.as_str(), heads[1023].target.as_str()),
        ("/?n=6", "/?n=1029")
    );
    assert_eq!(heads[0].header("te"), Some("trailers"));
    assert_eq!(heads[0].header("absent"), None);
    assert!(heads.is_sorted_by_key(|head| head.arrived) && heads[0].arrived >= before);
}

#[test]
fn a_request_is_active_until_its_client_goes() {
    let upstream = start();
    let mut waiting = connect(&upstream);
    waiting
        .write_all(b"GET /slow?delay=10m HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    until("active", || upstream.active() == 1);
    until("counted", || upstream.counts().path("/slow") == 1);
    drop(waiting);
    until("no longer active", || upstream.active() == 0);
}

#[test]
fn dropping_the_handle_ends_it_with_its_connections() {
    let upstream = start();
    let address = upstream.address();
    let mut waiting = connect(&upstream);
    waiting
        .write_all(b"GET /?delay=10m HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    until("active", || upstream.active() == 1);
    drop(upstream);
    assert_eq!(rest(&mut waiting), b"");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_in_use_and_a_wrong_name_are_errors() {
    let upstream = start();
    let taken = Upstream::bind(upstream.address(), "v2").unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    let name = Upstream::bind("127.0.0.1:0", "v1\n").unwrap_err();
    assert_eq!(name.kind(), std::io::ErrorKind::InvalidInput);
}
