//! What counts as what: clients that leave, gRPC, responses that are cut off, connections that become something else.

use fairlead_envoy::Envoy;
use fairlead_tests::canned::{Canned, Then};
use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, assert_alive, port, wait};
use serde_json::{Value, json};

use crate::service::{Service, counted, listener, phases, refused, stat};
use crate::{FILTER, MINIMUM, PLUGIN, get, one};

#[test]
fn clients_that_leave_never_open_it() {
    const CONNECTIONS: usize = 8;
    const ROUNDS: usize = 30;
    let Some(lab) = Lab::enter(FILTER) else { return };
    let service = Service::open(&lab, &one(json!({"trip": {"error_rate": "10%"}})));
    service.does("delay=20ms");
    let aborted: usize = side_by_side(service.port(), CONNECTIONS, |index, connection| {
        let mut aborted = 0;
        for round in 0..ROUNDS {
            if (index + round) % 10 < 3 {
                // Sent, and gone before there is an answer.
                let mut leaving = Connection::open(service.port());
                leaving.send(&[get()]);
                aborted += 1;
            } else {
                assert_eq!(connection.ask(&get()).status, 200);
            }
        }
        aborted
    })
    .into_iter()
    .sum();
    let sent = (CONNECTIONS * ROUNDS) as u64;
    let [success, failure, ignored] = counted(&service.envoy, ["success", "failure", "ignored"], sent);
    assert_eq!((success + ignored, failure), (sent, 0));
    // One whose request Envoy has read together with the end of its connection is no request.
    assert!(
        ignored > aborted as u64 / 2,
        "{ignored} of {aborted} were seen to leave"
    );
    assert_eq!(phases(&service.envoy), [""; 0]);
    // If it is told to, it minds.
    let service = Service::open(&lab, &one(json!({"ignore": {"client_abort": false}})));
    service.does("delay=300ms");
    wait("it opens", || {
        let mut leaving = Connection::open(service.port());
        leaving.send(&[get()]);
        drop(leaving);
        !phases(&service.envoy).is_empty()
    });
}

#[test]
fn grpc_says_in_its_trailers_how_it_went_and_is_refused_in_its_own_words() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let service = Service::with(
        &lab,
        2,
        listener(lab.plugin(PLUGIN, &one(json!({})))),
        fairlead_envoy::Cluster::http2,
        |bootstrap| bootstrap,
    );
    let call = || {
        Request::post("/demo.Trips/Create", *b"\0\0\0\0\0")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    };
    // What is the caller's fault is none of the service's.
    service.does("grpc-status=3");
    let mut connection = Connection::open(service.port());
    for _ in 0..MINIMUM {
        assert!(!refused(&connection.ask(&call())));
    }
    let [success, failure] = counted(&service.envoy, ["success", "failure"], MINIMUM as u64);
    assert_eq!((success, failure), (MINIMUM as u64, 0));
    service.does("grpc-status=14");
    let through = (0..3 * MINIMUM)
        .map(|_| connection.ask(&call()))
        .take_while(|response| !refused(response))
        .count();
    // As many as were good before: then half of all have failed. Trailers are counted when the client has them already.
    assert!((MINIMUM..MINIMUM + 3).contains(&through), "{through}");
    // Who is refused before the body has been read loses the connection.
    let answer = Connection::open(service.port()).ask(&call());
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("14")));
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

/// Envoy before an upstream that answers with 200 and is cut off in the middle of its body.
fn cut_off(lab: &Lab, fields: &Value) -> (Envoy, Canned) {
    let upstream = Canned::start(
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ntoo short",
        Then::Close,
    );
    let listener = listener(lab.plugin(PLUGIN, &one(fields.clone())));
    (Service::before(lab, upstream.address(), listener), upstream)
}

fn ask_and_read_all(envoy: &Envoy, request: &Request) {
    let mut connection = Connection::open(port(envoy, "main"));
    connection.send(std::slice::from_ref(request));
    let rest = connection.rest();
    assert!(
        rest.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
}

#[test]
fn a_response_that_is_cut_off_is_a_failure_where_that_is_asked_for() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    for (truncated, expected) in [(false, [5, 0]), (true, [0, 5])] {
        let (envoy, _upstream) = cut_off(&lab, &json!({"failure": {"truncated": truncated}}));
        (0..5).for_each(|_| ask_and_read_all(&envoy, &get()));
        assert_eq!(
            counted(&envoy, ["success", "failure"], 5),
            expected,
            "truncated: {truncated}"
        );
        assert_eq!(stat(&envoy, "requests_total", "ignored"), 0);
    }
}

#[test]
fn a_grpc_call_that_is_cut_off_before_its_trailers_is_a_failure() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let (envoy, _upstream) = cut_off(&lab, &json!({}));
    let call = Request::post("/demo.Trips/Create", *b"\0\0\0\0\0")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    (0..5).for_each(|_| ask_and_read_all(&envoy, &call));
    assert_eq!(counted(&envoy, ["failure", "ignored", "success"], 5), [5, 0, 0]);
}

#[test]
fn a_websocket_counts_when_it_is_accepted_and_holds_its_place_until_it_ends() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let upstream = Canned::start(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello",
        Then::Stay,
    );
    let config = one(json!({"max_in_flight": 2}));
    let listener = listener(lab.plugin(PLUGIN, &config))
        .with_manager("upgrade_configs", json!([{"upgrade_type": "websocket"}]));
    let envoy = Service::before(&lab, upstream.address(), listener);
    let ask = || {
        let mut connection = Connection::open(port(&envoy, "main"));
        let request = get()
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let status = connection.ask(&request).status;
        (connection, status)
    };
    let sockets = [ask(), ask()];
    assert_eq!(sockets.each_ref().map(|(_, status)| *status), [101; 2]);
    assert_eq!(counted(&envoy, ["success"], 2), [2]);
    assert_eq!(ask().1, 503, "both places are taken");
    drop(sockets);
    wait("their places are free", || ask().1 == 101);
    assert_eq!(stat(&envoy, "requests_total", "failure"), 0);
    assert_alive(&envoy);
}
