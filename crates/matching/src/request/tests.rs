use super::*;
use crate::{KeyPartSpec, KeySource, MatchSpec, Pattern, RuleSet, TextSpec};
use fairlead_stage::Needs;
use fairlead_stage::memory::MemoryView;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn text(value: Option<Cow<'_, [u8]>>) -> Option<String> {
    value.map(|value| String::from_utf8_lossy(&value).into_owned())
}

#[test]
fn path_and_query_are_parts_of_the_target() {
    let cases = [
        ("/a/b?c=d#e", "/a/b", "c=d"),
        ("/a/b", "/a/b", ""),
        ("/a?", "/a", ""),
        ("/a#b?c", "/a", ""),
        ("/a?b?c", "/a", "b?c"),
        ("?a", "", "a"),
        ("*", "*", ""),
        ("", "", ""),
        ("/a%3Fb", "/a%3Fb", ""),
    ];
    for (target, path, query) in cases {
        let view = MemoryView::get("h", target);
        let request = Request::new(&view);
        assert_eq!(request.path(), Some(path.as_bytes()), "{target}");
        assert_eq!(request.query(), query.as_bytes(), "{target}");
    }
    let view = MemoryView::default();
    assert_eq!(Request::new(&view).path(), None);
    assert_eq!(Request::new(&view).query(), b"");
}

#[test]
fn a_host_loses_case_port_and_one_trailing_dot() {
    let cases = [
        ("Example.COM", Some("example.com")),
        ("example.com:80", Some("example.com")),
        ("example.com:", Some("example.com")),
        ("example.com.:80", Some("example.com")),
        ("example.com..", Some("example.com.")),
        ("[2001:DB8::1]:80", Some("[2001:db8::1]")),
        ("[::1]", Some("[::1]")),
        ("::1", Some("::1")),
        ("a:b", Some("a:b")),
        ("a:8:9", Some("a:8:9")),
        ("", None),
        (":80", None),
        (".", None),
    ];
    for (authority, host) in cases {
        let view = MemoryView::get(authority, "/");
        assert_eq!(Request::new(&view).host(), host.map(str::as_bytes), "{authority}");
    }
}

#[test]
fn a_parameter_is_decoded_as_a_form_is() {
    let cases = [
        ("a=1", "a", Some("1")),
        ("a=1&a=2", "a", Some("1")),
        ("b&a=1", "b", Some("")),
        ("b=&a=1", "b", Some("")),
        ("a=1=2", "a", Some("1=2")),
        ("&&a=1", "a", Some("1")),
        ("a=b+c%20d%2B", "a", Some("b c d+")),
        ("%61%3d=1", "a=", Some("1")),
        ("a+b=1", "a b", Some("1")),
        ("a=%", "a", Some("%")),
        ("a=%4", "a", Some("%4")),
        ("a=%4g%41", "a", Some("%4gA")),
        ("a=%%34", "a", Some("%4")),
        ("A=1", "a", None),
        ("ab=1", "a", None),
        ("a;b=1", "b", None),
        ("=1", "", Some("1")),
        ("", "", None),
        ("", "a", None),
    ];
    for (query, name, value) in cases {
        let view = MemoryView::get("h", &format!("/?{query}"));
        assert_eq!(
            text(Request::new(&view).query_parameter(name)).as_deref(),
            value,
            "{query} {name}"
        );
    }
    let view = MemoryView::get("h", "/?a=%ff");
    assert_eq!(
        Request::new(&view).query_parameter("a").as_deref(),
        Some(&b"\xff"[..])
    );
}

#[test]
fn a_cookie_is_found_among_what_is_not_one() {
    let cases = [
        ("a=1", "a", Some("1")),
        ("a=1; b=2", "b", Some("2")),
        ("a=1;b=2", "b", Some("2")),
        ("a=1; a=2", "a", Some("1")),
        ("x; a=1", "a", Some("1")),
        ("x; a=1", "x", Some("")),
        (" a = 1 2 ;", "a", Some("1 2")),
        ("a=\"1\"", "a", Some("1")),
        ("a=\"", "a", Some("\"")),
        ("a=\"\"", "a", Some("")),
        ("a=", "a", Some("")),
        ("a=b=c", "a", Some("b=c")),
        (";;; a=1", "a", Some("1")),
        ("A=1", "a", None),
        ("ab=1; b=a=1", "a", None),
        ("a=%31", "a", Some("%31")),
        ("", "a", None),
    ];
    for (header, name, value) in cases {
        let view = MemoryView::default().with("cookie", header).with("cookie", "z=1");
        let request = Request::new(&view);
        assert_eq!(text(request.cookie(name)).as_deref(), value, "{header} {name}");
        assert_eq!(
            text(request.cookie(name)).as_deref(),
            value,
            "{header} {name}, asked again"
        );
        assert_eq!(
            text(request.cookie("z")).as_deref(),
            Some("1"),
            "{header}: nobody hides a cookie in a second line"
        );
    }
}

/// A token with this payload, by an encoder that shares nothing with the decoder.
fn token(payload: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = payload.iter().map(|byte| format!("{byte:08b}")).collect();
    let encoded: String = bits
        .as_bytes()
        .chunks(6)
        .map(|six| format!("{:0<6}", std::str::from_utf8(six).unwrap()))
        .map(|six| char::from(alphabet[usize::from_str_radix(&six, 2).unwrap()]))
        .collect();
    format!("eyJhbGciOiJub25lIn0.{encoded}.c2ln")
}

fn claim(authorization: &str, name: &str) -> Option<String> {
    let view = MemoryView::default().with("authorization", authorization);
    text(Request::new(&view).claim(name))
}

#[test]
fn a_claim_is_a_string_an_integer_or_a_boolean_at_the_top() {
    let payload = r#"{"sub":"user-7","n":-12,"big":18446744073709551615,"yes":true,"no":false,
        "f":1.5,"e":1e3,"huge":18446744073709551616,"null":null,"list":["a"],"map":{"sub":"inner"},
        "a.b":"dotted","esc":"\u00fc\n\"","tw\u0069ce":1,"twice":2,"empty":"","":"nameless","after":"last"}"#;
    let bearer = format!("Bearer {}", token(payload.as_bytes()));
    let cases = [
        ("sub", Some("user-7")),
        ("n", Some("-12")),
        ("big", Some("18446744073709551615")),
        ("yes", Some("true")),
        ("no", Some("false")),
        ("f", None),
        ("e", None),
        ("huge", None),
        ("null", None),
        ("list", None),
        ("map", None),
        ("map.sub", None),
        ("a.b", Some("dotted")),
        ("esc", Some("ü\n\"")),
        ("twice", Some("2")),
        ("empty", Some("")),
        ("", Some("nameless")),
        ("after", Some("last")),
        ("other", None),
    ];
    for (name, value) in cases {
        assert_eq!(claim(&bearer, name).as_deref(), value, "{name}");
    }
}

#[test]
fn a_malformed_token_has_no_claims() {
    let good = token(br#"{"sub":"a"}"#);
    assert_eq!(claim(&format!("bEARER   {good} "), "sub").as_deref(), Some("a"));
    let cut = good.rsplit_once('.').unwrap().0;
    let cases = [
        good.clone(),
        format!("Basic {good}"),
        format!("Bearer{good}"),
        format!("Bearer {cut}"),
        format!("Bearer {good}.x"),
        format!("Bearer {}", good.replace('.', "=.")),
        "Bearer ".to_owned(),
        "Bearer ..".to_owned(),
        "Bearer a.a.a".to_owned(),
        format!("Bearer {}", token(b"")),
        format!("Bearer {}", token(b"[]")),
        format!("Bearer {}", token(b"null")),
        format!("Bearer {}", token(br#""sub""#)),
        format!("Bearer {}", token(br#"{"sub":"a""#)),
        format!("Bearer {}", token(br#"{"sub":"a"} x"#)),
        format!("Bearer {}", token(br#"{"sub":"a",}"#)),
        format!("Bearer {}", token(b"{\"sub\":\"\xff\"}")),
        format!("Bearer {}", token(br#"{"sub":"a","x":"#)),
    ];
    for authorization in cases {
        assert_eq!(claim(&authorization, "sub"), None, "{authorization}");
    }
}

#[test]
fn a_token_over_16_kib_has_no_claims_and_deep_nesting_is_harmless() {
    let of_size = |bytes: usize| {
        format!(
            "Bearer {}",
            token(format!(r#"{{"sub":"a","x":"{}"}}"#, "y".repeat(bytes)).as_bytes())
        )
    };
    assert_eq!(claim(&of_size(11_000), "sub").as_deref(), Some("a"));
    assert_eq!(claim(&of_size(13_000), "sub"), None);
    let deep = format!(r#"{{"x":{}{},"sub":"a"}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(
        claim(&format!("Bearer {}", token(deep.as_bytes())), "sub").as_deref(),
        Some("a")
    );
    // What was asked for is not a plain value: nothing is followed into it.
    let _missing_or_malformed = claim(&format!("Bearer {}", token(deep.as_bytes())), "x");
}

#[test]
fn names_beyond_the_slots_are_answered_too() {
    let names: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
    let query: Vec<String> = names.iter().map(|name| format!("{name}=q-{name}")).collect();
    let mut view = MemoryView::get("h", &format!("/?{}", query.join("&"))).with("cookie", query.join("; "));
    for name in &names {
        view = view.with(name, format!("h-{name}"));
    }
    let request = Request::new(&view);
    for _twice in 0..2 {
        for name in &names {
            assert_eq!(text(request.header(name)), Some(format!("h-{name}")));
            assert_eq!(text(request.query_parameter(name)), Some(format!("q-{name}")));
            assert_eq!(text(request.cookie(name)), Some(format!("q-{name}")));
        }
        assert_eq!(request.header("other"), None);
    }
}

/// A rule and a key that read everything there is to read.
fn reads_everything(needs: &mut Needs) -> (RuleSet, crate::Key) {
    let name = || "x".to_owned();
    let any = || TextSpec::Regex(Pattern::parse("(?s).*x?").unwrap());
    let address = crate::ClientAddress { trusted_hops: 2 };
    let spec = MatchSpec {
        hosts: vec![crate::HostSpec::parse("*.x").unwrap()],
        path: Some(crate::PathSpec::Template(
            crate::Template::parse("/{a}/{b}").unwrap(),
        )),
        methods: vec!["GET".into()],
        headers: vec![(name(), any())],
        query: vec![(name(), any())],
        cookies: vec![(name(), any())],
        client: Some(crate::ClientSpec {
            cidrs: vec![crate::Cidr::parse("0.0.0.0/0").unwrap()],
            address,
        }),
        grpc: Some(crate::GrpcSpec {
            service: String::new(),
            methods: vec![],
        }),
        not: Some(Box::new(MatchSpec {
            headers: vec![(name(), TextSpec::Absent)],
            ..MatchSpec::default()
        })),
    };
    let alone = [
        MatchSpec {
            hosts: spec.hosts.clone(),
            ..MatchSpec::default()
        },
        MatchSpec {
            path: spec.path.clone(),
            ..MatchSpec::default()
        },
        MatchSpec {
            headers: spec.headers.clone(),
            ..MatchSpec::default()
        },
        MatchSpec {
            query: spec.query.clone(),
            ..MatchSpec::default()
        },
        MatchSpec {
            cookies: spec.cookies.clone(),
            ..MatchSpec::default()
        },
        MatchSpec {
            client: spec.client.clone(),
            ..MatchSpec::default()
        },
        MatchSpec {
            grpc: spec.grpc.clone(),
            ..MatchSpec::default()
        },
    ];
    let rules: Vec<_> = std::iter::once(spec)
        .chain(alone)
        .map(|spec| vec![spec])
        .collect();
    let parts = [
        KeySource::Header(name()),
        KeySource::Cookie(name()),
        KeySource::Query(name()),
        KeySource::Path,
        KeySource::Host,
        KeySource::Method,
        KeySource::Template(crate::Template::parse("/{a}/{b}").unwrap()),
        KeySource::ClientIp {
            address,
            ipv4_prefix: 24,
            ipv6_prefix: 64,
        },
        KeySource::JwtClaim(name()),
        KeySource::Property(vec!["xds".into(), "route_name".into()]),
    ]
    .map(|source| KeyPartSpec {
        source,
        default: Some("-".into()),
    });
    let rules = RuleSet::compile(&rules, needs);
    (rules, crate::Key::compile(&parts, needs))
}

fn run(view: &MemoryView, (rules, key): &(RuleSet, crate::Key)) -> bool {
    let request = Request::new(view);
    let mut found = Vec::new();
    rules.matching(&request, &mut found);
    assert_eq!(rules.first(&request), found.first().copied());
    key.write(&request, &mut Vec::new())
}

/// Any bytes, and bytes that look like something.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(
            proptest::sample::select(b"ax=;&?#%+/.:,[]\"1 \t{}\\\xff\x00\xc3\xbc".to_vec()),
            0..40
        ),
    ]
}

proptest! {
    #[test]
    fn any_bytes_anywhere_are_decoded_without_a_panic(values in proptest::collection::vec(bytes(), 9)) {
        let mut needs = Needs::default();
        let compiled = reads_everything(&mut needs);
        let names = [":path", ":authority", ":method", "x", "cookie", "x-forwarded-for", "authorization"];
        let mut view = MemoryView::default().with("content-type", "application/grpc");
        for (name, value) in names.iter().zip(&values) {
            view = view.with(name, value);
        }
        view = view
            .with_attribute(&needs, &["source", "address"], &values[7])
            .with_attribute(&needs, &["xds", "route_name"], &values[8]);
        prop_assert!(run(&view, &compiled), "every part has a default");
    }

    #[test]
    fn any_payload_of_a_token_is_looked_into_without_a_panic(payload in bytes(), inner in bytes()) {
        let mut needs = Needs::default();
        let compiled = reads_everything(&mut needs);
        for payload in [&payload[..], &[b"{\"x\":", &inner[..], b"}"].concat()] {
            let view = MemoryView::default().with("authorization", format!("Bearer {}", token(payload)));
            prop_assert!(run(&view, &compiled));
        }
        let raw = [b"Bearer a.", &inner[..], b".b"].concat();
        prop_assert!(run(&MemoryView::default().with("authorization", raw), &compiled));
    }

    #[test]
    fn a_claim_comes_back_as_it_was_put_in(value in ".*", name in "[a-z.]{1,8}", number in any::<i64>()) {
        let payload = serde_json::json!({ "0": [1], name.clone(): value, "~": { name.clone(): 1 } });
        let bearer = format!("Bearer {}", token(payload.to_string().as_bytes()));
        prop_assert_eq!(claim(&bearer, &name), Some(value));
        let bearer = format!("Bearer {}", token(serde_json::json!({ name.clone(): number }).to_string().as_bytes()));
        prop_assert_eq!(claim(&bearer, &name), Some(number.to_string()));
    }
}

#[test]
fn values_of_64_kib_are_fine() {
    let mut needs = Needs::default();
    let compiled = reads_everything(&mut needs);
    for filler in [
        "x", ";", "&", "=", "%41", ",", ".", "/", "\"", "1.2.3.4,", "a.", "x=", "\u{fc}",
    ] {
        let long = filler.repeat(64 * 1024 / filler.len());
        let mut view = MemoryView::get(&long, &format!("/{long}?{long}"));
        for name in ["x", "cookie", "x-forwarded-for", "content-type"] {
            view = view.with(name, &long);
        }
        view = view.with("authorization", format!("Bearer {long}"));
        assert!(run(&view, &compiled));
    }
}
