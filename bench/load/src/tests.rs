//! The loops against servers that behave well and badly.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::{Malformed, Rate, Request, Requests, Responder, Saturate, Serial};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What a server does with one request.
enum Act {
    /// Writes this.
    Answer(&'static str),
    /// Writes this and closes the connection.
    Close(&'static str),
    /// Takes a while, then writes this.
    Slow(Duration, &'static str),
    /// Nothing, until the client goes away.
    Silence,
}

/// A server with a thread a connection that asks `act` about each request, counted from 0 over all connections. With
/// `most`, it takes so many connections, stops to listen, and only then answers. Returns its address and the count of requests.
fn server(
    most: Option<usize>,
    act: impl Fn(u64, &str) -> Act + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let (counted, act) = (Arc::clone(&count), Arc::new(act));
    std::thread::spawn(move || {
        let handle = |stream: TcpStream| {
            let (count, act) = (Arc::clone(&counted), Arc::clone(&act));
            std::thread::spawn(move || serve(stream, &count, &*act));
        };
        match most {
            Some(most) => {
                let all: Vec<_> = listener.incoming().take(most).map(Result::unwrap).collect();
                drop(listener);
                all.into_iter().for_each(handle);
            }
            None => listener.incoming().map(Result::unwrap).for_each(handle),
        }
    });
    (address, count)
}

fn serve(mut stream: TcpStream, count: &AtomicU64, act: &dyn Fn(u64, &str) -> Act) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    // A client has one request under way, and requests are small: one read is one request.
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let written = match act(count.fetch_add(1, Ordering::SeqCst), &request) {
            Act::Answer(text) => stream.write_all(text.as_bytes()),
            Act::Close(text) => {
                let _ = stream.write_all(text.as_bytes());
                return;
            }
            Act::Slow(time, text) => {
                // The time that the service takes, not a wait for something to happen.
                std::thread::sleep(time);
                stream.write_all(text.as_bytes())
            }
            Act::Silence => Ok(()),
        };
        if written.is_err() {
            return;
        }
    }
}

fn get() -> crate::Prepared {
    Request::get("/").build()
}

const BRIEF: Duration = Duration::from_millis(150);

#[test]
fn serial_requests_share_a_connection_and_are_counted_exactly() {
    let (address, count) = server(Some(1), |number, _| {
        Act::Answer(if number % 2 == 0 {
            OK
        } else {
            "HTTP/1.1 204 No Content\r\n\r\n"
        })
    });
    let mut serial = Serial::connect(address).unwrap();
    assert_eq!(serial.ask(&get()).unwrap().body_bytes, 2);
    let last = serial.ask_times(&get(), 101).unwrap().unwrap();
    assert_eq!((last.status, count.load(Ordering::SeqCst)), (204, 102));
}

#[test]
fn serial_says_what_is_wrong_with_an_answer() {
    let (address, _) = server(None, |_, _| {
        Act::Close("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
    });
    let error = Serial::connect(address).unwrap().ask(&get()).unwrap_err();
    assert_eq!(error.downcast::<Malformed>().unwrap(), Malformed::Short);
}

#[test]
fn a_closed_loop_counts_what_the_server_counts() {
    let (address, count) = server(None, |number, _| {
        Act::Answer(if number % 3 == 0 {
            "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"
        } else {
            OK
        })
    });
    let seen = Saturate::new(address, get())
        .connections(5)
        .threads(2)
        .run(BRIEF)
        .unwrap();
    let total = count.load(Ordering::SeqCst);
    assert!(total > 10, "{seen:?}");
    assert_eq!((seen.requests, seen.errors, seen.lost), (total, 0, 0));
    assert_eq!(seen.status(503), total.div_ceil(3));
    assert_eq!(seen.status(200), total - total.div_ceil(3));
    assert!(seen.elapsed >= BRIEF / 2 && seen.per_second() > 0.0 && !seen.all_ok());
}

#[test]
fn a_connection_that_is_closed_after_an_answer_is_opened_again() {
    const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let (address, count) = server(None, |number, _| match number % 3 {
        0 => Act::Close(LAST),
        // It ends with the connection.
        1 => Act::Close("HTTP/1.1 200 OK\r\n\r\nok"),
        _ => Act::Answer(OK),
    });
    let seen = Saturate::new(address, get()).connections(3).run(BRIEF).unwrap();
    assert_eq!(seen.requests, count.load(Ordering::SeqCst));
    assert!(seen.all_ok() && seen.requests > 10, "{seen:?}");
}

#[test]
fn answers_that_break_off_are_errors_and_the_others_go_on() {
    let (address, count) = server(None, |number, _| match number % 4 {
        0 => Act::Close("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"),
        1 => Act::Close(""),
        2 => Act::Answer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nsurplus"),
        _ => Act::Answer(OK),
    });
    let seen = Saturate::new(address, get()).connections(3).run(BRIEF).unwrap();
    let total = count.load(Ordering::SeqCst);
    assert!(total > 10, "{seen:?}");
    assert_eq!(
        (seen.requests + seen.errors, seen.requests, seen.lost),
        (total, total / 4, 0)
    );
}

#[test]
fn a_server_that_goes_away_ends_the_run() {
    let (address, _) = server(Some(2), |number, _| {
        if number < 10 {
            Act::Answer(OK)
        } else {
            Act::Close("")
        }
    });
    let start = Instant::now();
    let seen = Saturate::new(address, get())
        .connections(2)
        .run(Duration::from_secs(60))
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!((seen.requests, seen.errors, seen.lost), (10, 2, 2));
    assert!(Saturate::new(address, get()).connect().is_err());
}

#[test]
fn a_request_that_is_never_answered_is_an_error() {
    let (address, count) = server(None, |number, _| {
        if number == 3 {
            Act::Silence
        } else {
            Act::Answer(OK)
        }
    });
    let saturate = Saturate::new(address, get())
        .connections(2)
        .patience(Duration::from_millis(20));
    let mut closed = saturate.connect().unwrap();
    let seen = closed.run(BRIEF).unwrap();
    assert_eq!(
        (seen.requests + 1, seen.errors),
        (count.load(Ordering::SeqCst), 1)
    );
    // The connection that hung is a new one in the next run.
    let seen = closed.run(BRIEF).unwrap();
    assert!(seen.all_ok(), "{seen:?}");
}

/// A server that notes the number in `x-user`, and requests that carry numbers.
fn numbered() -> (SocketAddr, Requests, Arc<Mutex<Vec<u64>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let users = Arc::clone(&seen);
    let (address, _) = server(None, move |_, request| {
        let user = request
            .split_once("x-user: ")
            .unwrap()
            .1
            .split_once("\r\n")
            .unwrap()
            .0;
        users.lock().unwrap().push(user.parse().unwrap());
        Act::Answer(OK)
    });
    let request = Request::get("/").header("x-user", "########").build();
    (address, request.numbered(10_000_000).unwrap(), seen)
}

fn sorted(numbers: &Mutex<Vec<u64>>) -> Vec<u64> {
    let mut numbers = numbers.lock().unwrap().clone();
    numbers.sort_unstable();
    numbers
}

#[test]
fn numbers_go_on_from_one_run_to_the_next() {
    let (address, requests, seen) = numbered();
    let mut closed = Saturate::new(address, requests).connections(4).connect().unwrap();
    let total = closed.run(BRIEF).unwrap().requests + closed.run(BRIEF).unwrap().requests;
    assert_eq!(sorted(&seen), (0..total).collect::<Vec<_>>());
}

#[test]
fn an_open_loop_takes_requests_in_turn() {
    let (address, requests, seen) = numbered();
    let rate = Rate::new(address, requests, 200.0).connections(4);
    assert_eq!(rate.run(Duration::from_millis(200)).unwrap().count(), 40);
    assert_eq!(sorted(&seen), (0..40).collect::<Vec<_>>());
}

#[test]
fn an_open_loop_sends_what_was_asked_for() {
    let (address, count) = server(None, |_, _| Act::Answer(OK));
    let seen = Rate::new(address, get(), 500.0)
        .connections(4)
        .run(Duration::from_millis(300))
        .unwrap();
    assert_eq!((seen.count(), seen.errors, seen.unanswered), (150, 0, 0));
    assert_eq!((count.load(Ordering::SeqCst), seen.by_status[&200]), (150, 150));
    assert!(seen.quantile(0.5) > Duration::ZERO && seen.quantile(0.5) <= seen.quantile(1.0));
}

#[test]
fn one_slow_answer_makes_all_that_were_due_meanwhile_slow() {
    const STALL: Duration = Duration::from_millis(200);
    let (address, _) = server(None, |number, _| {
        if number == 50 {
            Act::Slow(STALL, OK)
        } else {
            Act::Answer(OK)
        }
    });
    // One connection: 100 of 200 requests are due during the stall, at even distances.
    let rate = Rate::new(address, get(), 500.0).connections(1);
    let seen = rate.run(Duration::from_millis(400)).unwrap();
    assert_eq!((seen.count(), seen.unanswered), (200, 0));
    // Three quarters in order: half of those that had to wait, which is half of the stall. A closed loop would have
    // found one slow request of 200.
    assert!(
        seen.quantile(0.75) >= STALL.mul_f64(0.45),
        "{:?}",
        seen.quantile(0.75)
    );
    assert!(seen.quantile(1.0) >= STALL.mul_f64(0.99));
    assert!(seen.behind(1.0) >= STALL.mul_f64(0.95));
}

#[test]
fn what_is_not_answered_counts_as_slow_as_the_run() {
    let (address, _) = server(None, |number, _| {
        if number == 0 {
            Act::Silence
        } else {
            Act::Answer(OK)
        }
    });
    let rate = Rate::new(address, get(), 100.0).connections(1).patience(BRIEF);
    let seen = rate.run(Duration::from_millis(100)).unwrap();
    assert_eq!((seen.count(), seen.unanswered, seen.errors), (10, 10, 0));
    assert!(seen.quantile(0.01) >= BRIEF);
}

#[test]
fn an_open_loop_counts_broken_answers_and_goes_on() {
    let (address, _) = server(None, |number, _| {
        if number % 2 == 0 {
            Act::Close("HTTP/1.1 ")
        } else {
            Act::Answer(OK)
        }
    });
    let seen = Rate::new(address, get(), 200.0)
        .connections(3)
        .run(Duration::from_millis(200))
        .unwrap();
    assert_eq!((seen.count(), seen.errors), (20, 20));
}

#[test]
fn latencies_of_runs_add_up() {
    let responder = Responder::start("ok").unwrap();
    let rate = Rate::new(responder.address(), get(), 200.0);
    let mut all = rate.run(Duration::from_millis(100)).unwrap();
    all.merge(&rate.run(Duration::from_millis(50)).unwrap());
    assert_eq!((all.count(), all.by_status[&200]), (30, 30));
}

#[test]
fn a_rate_must_be_a_rate() {
    let responder = Responder::start("ok").unwrap();
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            Rate::new(responder.address(), get(), rate).run(BRIEF).is_err(),
            "{rate}"
        );
    }
}

#[test]
fn a_responder_answers_heads_however_they_arrive() {
    let responder = Responder::start("hello").unwrap();
    let mut serial = Serial::connect(responder.address()).unwrap();
    let answer = serial.ask(&get()).unwrap();
    assert_eq!((answer.status, answer.body_bytes, answer.close), (200, 5, false));

    let mut stream = TcpStream::connect(responder.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    // Two and a half requests, then the other half byte by byte.
    let request = get();
    let (half, rest) = request.bytes().split_at(21);
    stream
        .write_all(&[request.bytes(), request.bytes(), half].concat())
        .unwrap();
    for byte in rest {
        stream.write_all(&[*byte]).unwrap();
    }
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), 3);
}

#[test]
fn a_responder_that_is_dropped_listens_no_more() {
    let responder = Responder::start("ok").unwrap();
    let address = responder.address();
    let requests = Requests::cycle([get(), Request::get("/b").build()]);
    assert!(
        Saturate::new(address, requests)
            .run(Duration::from_millis(50))
            .unwrap()
            .all_ok()
    );
    drop(responder);
    assert!(TcpStream::connect(address).is_err());
}
