//! What clients may send to hurt a filter.

use fairlead_emulator::Request;

/// What filters read keys from.
const READ: [&str; 8] = [
    "cookie",
    "authorization",
    "x-forwarded-for",
    "host",
    "content-type",
    "accept",
    "baggage",
    "traceparent",
];

/// Base64url of `{"alg":"none"}`.
const JWT_HEAD: &str = "eyJhbGciOiJub25lIn0";

/// Requests that break other filters: bytes that are not text, nothing, too much, and what looks like something. `headers`
/// are those that the filter under test reads, besides the ones that every filter may.
#[must_use]
pub fn requests(headers: &[&str]) -> Vec<Request> {
    let bytes: Vec<u8> = (0x80..=0xff).collect();
    let names: Vec<&str> = headers.iter().copied().chain(READ).collect();
    let with_all = |value: &[u8]| {
        names
            .iter()
            .fold(Request::new(value, value).authority(value), |request, name| {
                request.header(name, value)
            })
    };
    let mut all = vec![
        with_all(&bytes),
        with_all(b""),
        with_all(b"\0\0\0"),
        with_all(b"="),
        with_all(b";;;;,,,,"),
        with_all(&[b'%'; 4096]),
        with_all(&[b'x'; 64 * 1024]),
        Request::get("/?q&q=&=q&%&%4&%zz&q=%ff%fe&&&"),
        Request::get("*"),
        Request::get("//users//orders/?"),
        Request::get(format!(
            "/users/{}/orders/{}",
            "%2f".repeat(3000),
            "\u{1f980}".repeat(3000)
        )),
        Request::get(format!("/{}", "a".repeat(60_000))),
        Request::get(format!("/?{}", "q=1&".repeat(15_000))),
        (0..1000).fold(Request::get("/"), |request, n| {
            request.header(format!("x-{n}"), "v")
        }),
        (0..1000).fold(Request::get("/"), |request, n| {
            request.header("cookie", format!("sid={n}"))
        }),
        Request::get("/").header("cookie", "sid; =x; sid=; sid=\"a; sid=b\"; \u{e9}=1; sid==;=;"),
        Request::get("/").header("cookie", "a=b; ".repeat(12_000)),
        Request::get("/").source("").header("x-forwarded-for", "1.2.3.4"),
        Request::get("/").source("pipe:/run/envoy.sock"),
        Request::get("/").source("[::1%eth0]:1"),
    ];
    all.extend(names.iter().map(|name| {
        (0..1000).fold(Request::get("/"), |request, n| {
            request.header(name, n.to_string())
        })
    }));
    let addresses = [
        ",".repeat(10_000),
        "1.2.3.4, ".repeat(10_000),
        vec!["[2001:db8::1]:443"; 10_000].join(","),
        "999.999.999.999".to_owned(),
        "1.2.3.4:99999".to_owned(),
        "[::1".to_owned(),
        "::ffff:1.2.3.4]:80, unknown, _hidden, \"[::1]:80\"".to_owned(),
        "1.2.3.4.5.6.7.8, 0x7f.1, 127.1, 0177.0.0.1".to_owned(),
        ":::::::::::::::::::::::::::::".to_owned(),
        "fe80::1%lo".to_owned(),
    ];
    all.extend(
        addresses
            .iter()
            .map(|value| Request::get("/").header("x-forwarded-for", value)),
    );
    let payloads = [
        "",
        "!",
        "e30",
        "bnVsbA",
        "W10",
        "eyJzdWIiOm51bGx9",
        "eyJzdWIiOiJcdWQ4MDAifQ",
        "eyJzdWIiOg",
        "_w",
    ];
    let tokens = payloads
        .iter()
        .map(|payload| format!("Bearer {JWT_HEAD}.{payload}.sig"));
    let deep = format!("Bearer {JWT_HEAD}.{}.sig", "W1tbW1tb".repeat(5000));
    let odd = [
        "Bearer",
        "Bearer ",
        "bearer ...",
        "Basic YTpi",
        "Bearer a.b.c.d.e",
        deep.as_str(),
    ];
    all.extend(
        tokens
            .chain(odd.map(str::to_owned))
            .map(|value| Request::get("/").header("authorization", value)),
    );
    all
}
