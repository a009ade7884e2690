use super::*;
use fairlead_emulator::{LocalReply, Response, Upstream};

fn setting() -> Setting<'static> {
    Setting {
        folder: Path::new("traffic"),
        workers: 2,
    }
}

fn lines(text: &str) -> Vec<Line> {
    parse(text, setting()).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:?}"))
}

/// The lines are refused for exactly these reasons.
fn check_wrong(text: &str, expected: &[&str]) {
    let shown: Vec<String> = match parse(text, setting()) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(|mistake| mistake.show("t")).collect(),
    };
    assert_eq!(shown, expected, "{text}");
}

fn request(line: &Line) -> &Repeated {
    match &line.what {
        What::Request(repeated) => repeated,
        What::Event(event) => panic!("{event:?}"),
    }
}

#[test]
fn an_empty_object_is_a_request() {
    let lines = lines("{}\n\n{\"at\":\"1.5s\",\"id\":7}\n{\"times\":3,\"every\":10}\n");
    let what: Vec<_> = lines
        .iter()
        .map(|line| (line.number, line.at.as_millis(), request(line).id.as_str()))
        .collect();
    assert_eq!(what, [(1, 0, "1"), (3, 1500, "7"), (4, 1500, "4")]);
    let repeated = request(&lines[2]);
    assert_eq!((repeated.times, repeated.every), (3, Duration::from_millis(10)));
    assert_eq!([0, 1, 2].map(|index| repeated.id_of(index)), ["4", "4#2", "4#3"]);
}

#[test]
fn every_field_of_a_request_is_taken() {
    let lines = lines(
        r#"{"at":5,"method":"POST","authority":"a","path":"/x?y","headers":[["A","1"],["a",{"base64":"//4="}]],"source":"[::1]:5","cluster":"c","route":"r","worker":1,"upstream":{"status":503,"after":"20ms","headers":{"x":"y"},"trailers":{"t":"u"},"body":"b"},"abort_after":"1s"}"#,
    );
    let shown = format!("{:?}", request(&lines[0]).request);
    let upstream = Response::new(503)
        .after(Duration::from_millis(20))
        .header("x", "y")
        .trailer("t", "u")
        .body("b");
    let expected = Request::new("POST", "/x?y")
        .authority("a")
        .header("a", "1")
        .header("a", b"\xff\xfe")
        .source("[::1]:5")
        .cluster("c")
        .route("r")
        .worker(1)
        .upstream(upstream)
        .abort_after(Duration::from_secs(1));
    assert_eq!(shown, format!("{expected:?}"));
}

#[test]
fn a_grpc_request_is_as_its_clients_send_it() {
    let called = |kind: &str, te: &str| {
        Request::new("POST", "/a.B/C")
            .header("content-type", kind)
            .header("te", te)
            .body([0; 5])
    };
    let other = |kind: &str| Request::get("/a.B/C").header("content-type", kind);
    for (fields, expected) in [
        (
            r#""headers":{"content-type":"application/grpc"}"#,
            called("application/grpc", "trailers"),
        ),
        (
            r#""headers":{"content-type":"application/grpc+proto","te":"deflate"}"#,
            called("application/grpc+proto", "deflate"),
        ),
        (
            r#""headers":{"content-type":"application/grpc-web"}"#,
            other("application/grpc-web"),
        ),
        (
            r#""headers":{"content-type":"application/json"}"#,
            other("application/json"),
        ),
    ] {
        let lines = lines(&format!(r#"{{"path":"/a.B/C",{fields}}}"#));
        let answer = Response::new(200).after(Duration::from_millis(1));
        assert_eq!(
            format!("{:?}", request(&lines[0]).request),
            format!("{:?}", expected.upstream(answer)),
            "{fields}"
        );
    }
    let lines = lines(r#"{"method":"PUT","headers":{"content-type":"application/grpc"}}"#);
    assert!(format!("{:?}", request(&lines[0]).request).contains(&format!("{:?}", b"PUT")));
}

#[test]
fn upstreams_can_fail_in_their_ways() {
    for (text, upstream) in [
        (
            "{}",
            Upstream::Response(Response::new(200).after(Duration::from_millis(1))),
        ),
        (
            r#"{"reset":true,"after":5}"#,
            Upstream::Reset {
                after: Duration::from_millis(5),
            },
        ),
        (
            r#"{"local_reply":"UT","after":"3s"}"#,
            Upstream::LocalReply {
                reply: LocalReply::Timeout,
                after: Duration::from_secs(3),
            },
        ),
        (r#"{"never":true}"#, Upstream::Never),
        (
            r#"{"status":101}"#,
            Upstream::Response(Response::new(101).after(Duration::from_millis(1))),
        ),
    ] {
        let lines = lines(&format!("{{\"upstream\":{text}}}"));
        let expected = Request::get("/").upstream(upstream);
        assert_eq!(
            format!("{:?}", request(&lines[0]).request),
            format!("{expected:?}"),
            "{text}"
        );
    }
}

#[test]
fn events_stand_on_lines_of_their_own() {
    let lines = lines(
        "{\"at\":\"5s\",\"policy\":\"next.yaml\"}\n{\"clock_jump\":\"-3s\"}\n{\"clock_jump\":1}\n{\"kill_worker\":1}\n{\"tick\":true}\n",
    );
    let events: Vec<&Event> = lines
        .iter()
        .map(|line| match &line.what {
            What::Event(event) => event,
            What::Request(_) => panic!("a request"),
        })
        .collect();
    let expected = [
        Event::Policy(PathBuf::from("traffic/next.yaml")),
        Event::ClockJump(-3_000_000_000),
        Event::ClockJump(1_000_000),
        Event::KillWorker(1),
        Event::Tick,
    ];
    assert_eq!(events, expected.iter().collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line.at == Duration::from_secs(5)));
}

#[test]
fn lines_that_are_no_objects_are_refused() {
    check_wrong(
        "[]\n5\n",
        &[
            "t:1: a list is not a request: write one object a line",
            "t:2: 5 is not a request: write one object a line",
        ],
    );
    check_wrong(
        "{\"at\":0}\n{\"at\":\n",
        &["t:2: is not JSON: column 6: EOF while parsing a value: write one object a line"],
    );
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    let known = "a request can have at, id, method, authority, path, headers, source, cluster, route, worker, upstream, abort_after, times, every";
    check_wrong(
        r#"{"verb":"GET","at":1,"at":2}"#,
        &[
            &format!("t:1: verb: unknown field: {known}"),
            "t:1: at: is there twice: write it once",
        ],
    );
    check_wrong(
        r#"{"tick":true,"path":"/"}"#,
        &["t:1: path: unknown field: an event can have at, tick"],
    );
    check_wrong(
        r#"{"upstream":{"never":true,"status":200}}"#,
        &["t:1: upstream.status: unknown field: an upstream that never answers can have never"],
    );
    check_wrong(
        r#"{"upstream":{"code":200}}"#,
        &[
            "t:1: upstream.code: unknown field: an upstream (reset, local_reply and never stand without a status) can have status, after, headers, trailers, body",
        ],
    );
}

#[test]
fn values_that_cannot_be_are_refused_all_at_once() {
    let duration = "is not a duration: write a number of milliseconds, or text as in \"250ms\", \"1.5s\", \"5m\", \"1h\"";
    check_wrong(
        r#"{"at":"soon","id":[],"method":"a b","authority":"","path":"a b","source":"1.2.3.4","worker":2,"abort_after":-1,"times":0}"#,
        &[
            &format!("t:1: at: \"soon\" {duration}"),
            "t:1: id: a list is not an id: write text or a number",
            "t:1: times: 0 is not a number of requests: write an integer from 1 to 100000000",
            "t:1: method: \"a b\" is not a method: write a name, as in GET",
            "t:1: path: \"a b\" is not a path: write it without blanks, as in /orders?page=2",
            "t:1: authority: \"\" is not a host: write it as text, as in api.example.com",
            "t:1: source: \"1.2.3.4\" is not an address: write address:port, as in 10.0.0.1:50000 or [2001:db8::1]:50000",
            "t:1: worker: 2 is not a worker: write 0 to 1, or run more with --workers",
            "t:1: abort_after: -1 is negative: write 0 or more",
        ],
    );
    check_wrong(
        r#"{"every":5}"#,
        &["t:1: every: means nothing without times: write times, or leave it out"],
    );
    check_wrong(
        r#"{"upstream":{"status":700,"after":true}}"#,
        &[
            &format!("t:1: upstream.after: true {duration}"),
            "t:1: upstream.status: 700 is not a status: write an integer from 200 to 599, or 101",
        ],
    );
    check_wrong(
        r#"{"upstream":{"local_reply":"XX"}}"#,
        &["t:1: upstream.local_reply: \"XX\" is not a reply of the proxy itself: write UF, UT, NR or UO"],
    );
    check_wrong(
        "{\"kill_worker\":9}\n{\"tick\":false}\n{\"policy\":5}\n{\"clock_jump\":\"1 s\"}",
        &[
            "t:1: kill_worker: 9 is not a worker: write 0 to 1, or run more with --workers",
            "t:2: tick: false is not true: write true, or leave the line out",
            "t:3: policy: 5 is not the name of a policy file beside this one",
            &format!("t:4: clock_jump: \"1 s\" {duration}"),
        ],
    );
}

#[test]
fn headers_that_cannot_be_sent_are_refused() {
    check_wrong(
        r#"{"headers":{"a b":"1","x":5,"y":"a\nb","host":"h","A":"1","a":"2","z":{"base64":"?"}}}"#,
        &[
            "t:1: headers[\"a b\"]: \"a b\" is not a header name: write letters, digits and -",
            "t:1: headers.x: 5 is not text: write it in quotes, or bytes as {\"base64\": \"..\"}",
            "t:1: headers.y: \"a\\nb\" is not a header value: write one line",
            "t:1: headers.host: is not a header here: write it in the field authority",
            "t:1: headers.a: is there twice: write all headers as a list of pairs [name, value]",
            "t:1: headers.z.base64: \"?\" is not base64: Invalid symbol 63, offset 0.",
        ],
    );
    check_wrong(
        r#"{"headers":[["a"],5]}"#,
        &[
            "t:1: headers[0]: a list is not a pair: write [name, value]",
            "t:1: headers[1]: 5 is not a pair: write [name, value]",
        ],
    );
    check_wrong(
        r#"{"headers":5}"#,
        &[
            "t:1: headers: 5 is not headers: write a map, or a list of pairs as in [[\"accept\", \"a\"], [\"accept\", \"b\"]]",
        ],
    );
}

#[test]
fn lines_out_of_order_are_refused() {
    check_wrong(
        "{\"at\":\"2s\"}\n{\"at\":\"1s\"}\n",
        &[
            "t:2: at: 1s is before the line above it (2s): sort the lines, or leave at out to mean the same moment",
        ],
    );
}
