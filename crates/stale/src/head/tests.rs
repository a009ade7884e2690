use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MAX_BODY: u32 = 1000;

fn head(lines: &[(&[u8], &[u8])]) -> Option<Head> {
    let mut keeping = Keeping::new(MAX_BODY);
    for (name, value) in lines {
        keeping.header(name, value);
    }
    keeping.finish()
}

/// The head of a response in text, one line a header; a 200 if it does not say.
fn head_of(response: &str) -> Option<Head> {
    let mut lines: Vec<_> = response
        .lines()
        .map(|line| {
            let (name, value) = line.rsplit_once(": ").unwrap();
            (name.trim_start().as_bytes(), value.as_bytes())
        })
        .collect();
    if !response.contains(":status") {
        lines.insert(0, (b":status", b"200"));
    }
    head(&lines)
}

fn is_kept(response: &str) -> bool {
    head_of(response).is_some()
}

/// The headers that are kept of a response, in text.
fn kept_headers(response: &str) -> String {
    Headers(&head_of(response).unwrap().headers)
        .map(|(name, value)| format!("{}: {}\n", name.escape_ascii(), value.escape_ascii()))
        .collect()
}

#[test]
fn statuses_that_may_be_kept_unasked_and_are_no_errors_are_kept() {
    let kept: Vec<_> = (0..1000_u16)
        .filter(|status| is_kept(&format!(":status: {status}")))
        .collect();
    assert_eq!(kept, [200, 203, 204, 300, 301, 308, 410]);
    for bad in ["", "OK", "65736", "4294967496", "-200"] {
        assert!(!is_kept(&format!(":status: {bad}")), "{bad}");
    }
}

#[test]
fn a_response_without_a_status_is_not_kept() {
    assert_eq!(head(&[(b"content-type", b"text/plain")]), None);
    assert_eq!(head(&[]), None);
}

#[test]
fn what_a_response_says_about_itself_is_obeyed() {
    let table = [
        // RFC 9111, 5.2.2: what may not be stored by a shared cache.
        ("cache-control: no-store", false),
        ("cache-control: No-Store", false),
        ("cache-control: max-age=60, no-store", false),
        ("cache-control: max-age=60,,no-store ,", false),
        ("cache-control: private", false),
        ("cache-control: private=\"x-user\"", false),
        ("cache-control: private = x-user", false),
        ("cache-control: max-age=60\ncache-control: private", false),
        ("cache-control: ext=\"private", true),
        ("cache-control: ext=\"a, no-store", false),
        // 5.2.2.4: what may be stored and not be used.
        ("cache-control: no-cache", false),
        ("cache-control: no-cache=\"set-cookie\"", false),
        // Fresh for no time at all, which is what the store is for.
        ("cache-control: max-age=0", true),
        ("cache-control: max-age=60\nage: 100", true),
        ("expires: 0", true),
        ("pragma: no-cache", true),
        // What is not for us, or unknown.
        ("cache-control: public", true),
        ("cache-control: no-transform, immutable, stale-if-error=60", true),
        ("cache-control: community=\"no-store\"", true),
        ("cache-control: community=\"a, no-store, b\"", true),
        ("cache-control: xno-store", true),
        ("cache-control: x", true),
        ("x-cache-control: no-store", true),
        // 4.2.4: what may not be served stale has to be fresh for some time.
        ("cache-control: must-revalidate", false),
        ("cache-control: Must-Revalidate, max-age=0", false),
        ("cache-control: must-revalidate, max-age=60", true),
        ("cache-control: max-age=60\ncache-control: must-revalidate", true),
        ("cache-control: must-revalidate, max-age=60\nage: 60", false),
        ("cache-control: must-revalidate, max-age=60\nage: 59", true),
        ("cache-control: must-revalidate, max-age=soon", false),
        ("cache-control: must-revalidate, max-age", false),
        (
            "cache-control: must-revalidate\nexpires: Fri, 01 Jan 2100 00:00:00 GMT",
            false,
        ),
        ("cache-control: proxy-revalidate", false),
        ("cache-control: proxy-revalidate, max-age=60", true),
        ("cache-control: s-maxage=0", false),
        ("cache-control: s-maxage=0, max-age=60", false),
        ("cache-control: s-maxage=60", true),
        ("cache-control: s-maxage=60\nage: 61", false),
        // 4.1: one variant only, but for the coding.
        ("vary: *", false),
        ("vary: accept-encoding", true),
        ("vary: Accept-Encoding, ACCEPT-ENCODING", true),
        ("vary: accept-encoding, origin", false),
        ("vary: accept-encoding\nvary: accept", false),
        ("vary: accept-encoding, *", false),
        ("vary: cookie", false),
        ("vary: , ", true),
        // One user's, a part, or no plain response at all.
        ("set-cookie: a=b", false),
        ("Set-Cookie: a=b", false),
        ("content-range: bytes 0-1/2", false),
        ("content-type: application/grpc", false),
        ("content-type: application/grpc+proto", false),
        ("content-type: Application/gRPC-web-text", false),
        ("content-type: application/json", true),
        ("content-type: application/x-grpc", true),
        // The bound on the body.
        ("content-length: 1000", true),
        ("content-length: 1001", false),
        ("content-length: 18446744073709551617", false),
        ("content-length: 12, 12", false),
        ("content-length: many", false),
    ];
    for (response, expected) in table {
        assert_eq!(is_kept(response), expected, "{response}");
    }
}

#[test]
fn a_response_that_may_not_be_served_stale_is_kept_for_its_own_lifetime() {
    let lifetime = |response: &str| head_of(response).unwrap().lifetime;
    assert_eq!(lifetime("cache-control: max-age=60"), u32::MAX);
    assert_eq!(lifetime("cache-control: must-revalidate, max-age=60"), 60);
    assert_eq!(
        lifetime("cache-control: must-revalidate, max-age=60\nage: 20"),
        40
    );
    assert_eq!(
        lifetime("age: 20\ncache-control: must-revalidate, max-age=\"60\""),
        40
    );
    assert_eq!(lifetime("cache-control: max-age=60, s-maxage=600"), 600);
    assert_eq!(
        lifetime("cache-control: s-maxage=600, max-age=60, s-maxage=300"),
        300
    );
    assert_eq!(
        lifetime("cache-control: s-maxage=600\ncache-control: s-maxage=900"),
        600
    );
}

#[test]
fn the_age_of_a_response_is_that_of_its_first_number() {
    let age = |response: &str| head_of(response).unwrap().age;
    assert_eq!(age("date: Fri, 01 Jan 2100 00:00:00 GMT"), 0);
    assert_eq!(age("age: 7"), 7);
    assert_eq!(age("age: 7, 9\nage: 11"), 7);
    assert_eq!(age("age: young"), 0);
    assert_eq!(age("age: 99999999999"), 1 << 31);
}

#[test]
fn headers_for_the_client_are_kept_and_those_of_one_exchange_are_not() {
    let response = "\
        :status: 200
        content-type: text/html
        content-length: 5
        date: Mon, 27 Jul 2026 10:00:00 GMT
        age: 3
        server: envoy
        warning: 199 - \"hm\"
        etag: \"abc\"
        cache-control: public, max-age=60
        vary: accept-encoding
        content-encoding: gzip
        keep-alive: timeout=5
        proxy-authenticate: Basic
        Proxy-Connection: keep-alive
        te: trailers
        trailer: x-checksum
        Transfer-Encoding: chunked
        upgrade: h2c
        x-envoy-upstream-service-time: 12
        X-Envoy-Decorator-Operation: op
        link: </a>
        link: </b>
        x-empty: \n"
        .trim_end_matches('\n');
    assert_eq!(
        kept_headers(response),
        "content-type: text/html\n\
         date: Mon, 27 Jul 2026 10:00:00 GMT\n\
         etag: \\\"abc\\\"\n\
         cache-control: public, max-age=60\n\
         vary: accept-encoding\n\
         content-encoding: gzip\n\
         link: </a>\n\
         link: </b>\n\
         x-empty: \n"
    );
}

#[test]
fn what_connection_names_is_left_out_wherever_it_stands() {
    let response = "x-first: 1\nconnection: close, X-First\nx-second: 2\nconnection: x-third\nx-third: 3";
    assert_eq!(kept_headers(response), "x-second: 2\n");
    let long = format!("connection: {}", "x-hop, ".repeat(100));
    assert!(!is_kept(&long), "a list without end");
}

#[test]
fn headers_are_kept_up_to_their_bound() {
    let line = |length: usize| {
        let value = vec![b'v'; length];
        head(&[(b":status", b"200"), (b"x-long", &value)])
    };
    let room = MAX_HEADER_BYTES as usize - 4 - "x-long".len();
    assert_eq!(
        line(room).map(|head| head.headers.len()),
        Some(MAX_HEADER_BYTES as usize)
    );
    assert_eq!(line(room + 1), None);
    assert_eq!(line(0x1_0000), None, "no length wraps around");
    let many: Vec<(&[u8], &[u8])> = std::iter::once((&b":status"[..], &b"200"[..]))
        .chain(std::iter::repeat_n((&b"a"[..], &b"b"[..]), 2000))
        .collect();
    assert_eq!(head(&many), None);
}

#[test]
fn once_refused_a_response_stays_refused() {
    let mut keeping = Keeping::new(MAX_BODY);
    assert!(keeping.header(b":status", b"200"));
    assert!(!keeping.header(b"set-cookie", b"a=b"));
    assert!(!keeping.header(b"content-type", b"text/html"));
    assert_eq!(keeping.finish(), None);
}

#[test]
fn a_header_without_a_name_is_left_out() {
    assert_eq!(head(&[(b":status", b"200"), (b"", b"x")]).unwrap().headers, b"");
}

fn any_line() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let names = prop_oneof![
        3 => prop::sample::select(vec![
            "cache-control", "vary", "age", "connection", "content-length", "content-type", "set-cookie", "x-a", "x-b",
            ":status",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    let values = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[ ,=\"a-z0-9\\\\-]{0,40}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "200",
            "no-store",
            "max-age=5",
            "s-maxage=9",
            "must-revalidate",
            "x-a",
            "accept-encoding"
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
    ];
    (names, values)
}

proptest! {
    #[test]
    fn no_header_panics_and_what_is_kept_is_within_its_bounds(lines in prop::collection::vec(any_line(), 0..20)) {
        let mut keeping = Keeping::new(MAX_BODY);
        keeping.header(b":status", b"200");
        for (name, value) in &lines {
            keeping.header(name, value);
        }
        if let Some(head) = keeping.finish() {
            prop_assert!(head.headers.len() <= MAX_HEADER_BYTES as usize && head.lifetime > 0);
            prop_assert!(keeps(head.status) && head.content_length.is_none_or(|length| length <= MAX_BODY));
            prop_assert!(Headers(&head.headers).are_whole());
            for (name, value) in Headers(&head.headers) {
                prop_assert!(!is_left_out(name) && name != b"set-cookie" && name != b"connection");
                prop_assert!(lines.iter().any(|line| line.0 == name && line.1 == value), "nothing is made up");
            }
        }
    }

    #[test]
    fn no_store_is_found_in_any_company(
        before in prop::collection::vec("[a-z]{1,8}(=([0-9]{1,4}|\"[a-z, =]{0,9}\"))?", 0..4),
        after in prop::collection::vec("[a-z]{1,8}(=\"[a-z, ]{0,9})?", 0..4),
    ) {
        let all: Vec<_> = before.into_iter().chain(["no-store".to_owned()]).chain(after).collect();
        let kept = is_kept(&format!("cache-control: {}", all.join(" ,")));
        prop_assert!(!kept, "{:?}", all);
    }
}
