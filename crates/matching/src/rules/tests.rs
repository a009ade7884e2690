use super::*;
use crate::{Cidr, ClientAddress, ClientSpec, GrpcSpec, HostSpec, PathSpec, Pattern, Template, TextSpec};
use fairlead_stage::memory::MemoryView;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod index;
mod steps;

const NO_RULE: [u32; 0] = [];

fn hosts(texts: &[&str]) -> MatchSpec {
    MatchSpec {
        hosts: texts.iter().map(|text| HostSpec::parse(text).unwrap()).collect(),
        ..MatchSpec::default()
    }
}

fn path(path: PathSpec) -> MatchSpec {
    MatchSpec {
        path: Some(path),
        ..MatchSpec::default()
    }
}

fn exact(text: &str) -> MatchSpec {
    path(PathSpec::Exact(text.to_owned()))
}

fn prefix(text: &str) -> MatchSpec {
    path(PathSpec::Prefix(text.to_owned()))
}

fn regex(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn not(spec: MatchSpec) -> MatchSpec {
    MatchSpec {
        not: Some(Box::new(spec)),
        ..MatchSpec::default()
    }
}

fn header(name: &str, text: TextSpec) -> MatchSpec {
    MatchSpec {
        headers: vec![(name.to_owned(), text)],
        ..MatchSpec::default()
    }
}

fn query(name: &str, text: TextSpec) -> MatchSpec {
    MatchSpec {
        query: vec![(name.to_owned(), text)],
        ..MatchSpec::default()
    }
}

fn cookie(name: &str, text: TextSpec) -> MatchSpec {
    MatchSpec {
        cookies: vec![(name.to_owned(), text)],
        ..MatchSpec::default()
    }
}

fn methods(names: &[&str]) -> MatchSpec {
    MatchSpec {
        methods: names.iter().map(|name| (*name).to_owned()).collect(),
        ..MatchSpec::default()
    }
}

fn client(cidrs: &[&str], trusted_hops: u8) -> MatchSpec {
    let cidrs = cidrs.iter().map(|cidr| Cidr::parse(cidr).unwrap()).collect();
    MatchSpec {
        client: Some(ClientSpec {
            cidrs,
            address: ClientAddress { trusted_hops },
        }),
        ..MatchSpec::default()
    }
}

fn grpc(service: &str, methods: &[&str]) -> MatchSpec {
    let methods = methods.iter().map(|name| (*name).to_owned()).collect();
    MatchSpec {
        grpc: Some(GrpcSpec {
            service: service.to_owned(),
            methods,
        }),
        ..MatchSpec::default()
    }
}

fn get(path: &str) -> MemoryView {
    MemoryView::get("shop.example.com", path)
}

/// The rules that match, for a view that may need to know the attributes.
fn matching(rules: &[Vec<MatchSpec>], view: impl FnOnce(&Needs) -> MemoryView) -> Vec<u32> {
    let mut needs = Needs::default();
    let rules = RuleSet::compile(rules, &mut needs);
    let view = view(&needs);
    let mut found = vec![7, 7];
    rules.matching(&Request::new(&view), &mut found);
    assert_eq!(rules.first(&Request::new(&view)), found.first().copied());
    assert_eq!(rules.any(&Request::new(&view)), !found.is_empty());
    found
}

/// Asserts whether a spec matches a request: alone, as an alternative, negated, and twice negated.
#[track_caller]
fn check(spec: &MatchSpec, view: &MemoryView, expect: bool) {
    let rules = [
        vec![spec.clone()],
        vec![not(MatchSpec::default()), spec.clone()],
        vec![not(not(spec.clone()))],
        vec![not(spec.clone())],
    ];
    let expected: &[u32] = if expect { &[0, 1, 2] } else { &[3] };
    assert_eq!(matching(&rules, |_| view.clone()), expected, "{spec:?}");
}

#[test]
fn a_host_is_compared_without_case_port_and_trailing_dot() {
    let cases = [
        (&["api.example.com"][..], "api.example.com", true),
        (&["API.Example.com"], "api.example.COM", true),
        (&["api.example.com"], "api.example.com:8443", true),
        (&["api.example.com"], "api.example.com.", true),
        (&["api.example.com."], "api.example.com.:443", true),
        (&["api.example.com"], "example.com", false),
        (&["api.example.com"], "xapi.example.com", false),
        (&["a.example", "b.example"], "b.example", true),
        (&["*.example.com"], "a.example.com", true),
        (&["*.example.com"], "A.B.Example.com:80", true),
        (&["*.example.com"], "example.com", false),
        (&["*.example.com"], ".example.com", false),
        (&["*.example.com"], "aexample.com", false),
        (&["*.example.com", "example.com"], "example.com", true),
        (&["*.com", "*.example.com"], "a.example.com", true),
        (&["*"], "anything", true),
        (&["*"], "", true),
        (&["a.example", "*"], "b.example", true),
        (&["[2001:db8::1]"], "[2001:DB8::1]:443", true),
        (&["192.0.2.1"], "192.0.2.1:80", true),
    ];
    for (specs, authority, expect) in cases {
        check(&hosts(specs), &MemoryView::get(authority, "/"), expect);
    }
    check(&hosts(&["*"]), &MemoryView::default(), true);
    check(&hosts(&["a"]), &MemoryView::default(), false);
}

#[test]
fn a_path_is_compared_without_query_and_fragment() {
    let template = |text| path(PathSpec::Template(Template::parse(text).unwrap()));
    let cases = [
        (exact("/a"), "/a", true),
        (exact("/a"), "/a?b=/c#d", true),
        (exact("/a"), "/a#d?e", true),
        (exact("/a"), "/A", false),
        (exact("/a"), "/a/", false),
        (prefix("/v1"), "/v1beta/x", true),
        (prefix("/v1/"), "/v1beta/x", false),
        (prefix("/v1/"), "/v1", false),
        (prefix(""), "/", true),
        (path(PathSpec::Regex(regex("/v[0-9]+"))), "/v17?x", true),
        (path(PathSpec::Regex(regex("/v[0-9]"))), "/v17", false),
        (path(PathSpec::Regex(regex("/a|/b"))), "/b", true),
        (path(PathSpec::Regex(regex("/a|/b"))), "/bc", false),
        (
            template("/users/{id}/orders/{order}"),
            "/users/7/orders/x?y=z",
            true,
        ),
        (template("/users/{id}/orders/{order}"), "/users//orders/x", false),
        (template("/users/{id}/orders/{order}"), "/users/7/orders/", false),
        (
            template("/users/{id}/orders/{order}"),
            "/users/7/orders/x/",
            false,
        ),
        (
            template("/users/{id}/orders/{order}"),
            "/users/7/8/orders/x",
            false,
        ),
        (template("/users/{id}"), "/users/", false),
        (template("/users/{id}/"), "/users/7/", true),
        (template("/{id}"), "/7", true),
        (template("/static"), "/static", true),
        (template("/static"), "/static/x", false),
    ];
    for (spec, sent, expect) in cases {
        check(&spec, &get(sent), expect);
    }
    for spec in [exact(""), prefix(""), path(PathSpec::Regex(regex(".*")))] {
        check(&spec, &MemoryView::default(), false);
    }
    check(
        &path(PathSpec::Regex(regex("/.*"))),
        &get("/").with("x", ""),
        true,
    );
    let not_text = MemoryView::default().with(":path", b"/\xff");
    check(&path(PathSpec::Regex(regex("/.*"))), &not_text, true);
    check(&path(PathSpec::Regex(regex("/[a-z]*"))), &not_text, false);
    check(&prefix("/"), &not_text, true);
}

#[test]
fn a_text_is_compared_with_case_and_by_its_first_value() {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let cases = [
        (TextSpec::Exact("gold".into()), Some("gold"), true),
        (TextSpec::Exact("gold".into()), Some("Gold"), false),
        (TextSpec::Exact("".into()), Some(""), true),
        (TextSpec::Exact("".into()), None, false),
        (TextSpec::Prefix("go".into()), Some("gold"), true),
        (TextSpec::Prefix("old".into()), Some("gold"), false),
        (TextSpec::Prefix("".into()), None, false),
        (TextSpec::Suffix("ld".into()), Some("gold"), true),
        (TextSpec::Suffix("go".into()), Some("gold"), false),
        (TextSpec::Regex(regex("g.ld")), Some("gold"), true),
        (TextSpec::Regex(regex("g.l")), Some("gold"), false),
        (TextSpec::Regex(regex("^g.ld$")), Some("gold"), true),
        (TextSpec::Regex(regex(".*")), None, false),
        (TextSpec::Present, Some(""), true),
        (TextSpec::Present, None, false),
        (TextSpec::Absent, None, true),
        (TextSpec::Absent, Some(""), false),
        (TextSpec::In(owned(&["gold", "silver"])), Some("silver"), true),
        (TextSpec::In(owned(&["gold", "silver"])), Some("silve"), false),
        (TextSpec::In(owned(&["gold", ""])), Some(""), true),
        (TextSpec::In(owned(&["gold", ""])), None, false),
        (TextSpec::In(vec![]), Some("gold"), false),
    ];
    for (text, value, expect) in cases {
        let mut view = get("/");
        if let Some(value) = value {
            view = MemoryView::get("h", &format!("/?x-tier={value}&x-tier=other"))
                .with("x-tier", value)
                .with("x-tier", "other")
                .with("cookie", format!("x-tier={value}; x-tier=other"));
        }
        check(&header("x-tier", text.clone()), &view, expect);
        check(&query("x-tier", text.clone()), &view, expect);
        check(&cookie("x-tier", text), &view, expect);
    }
}

#[test]
fn a_value_that_is_not_utf8_is_compared_as_bytes_and_a_dot_matches_a_stray_byte() {
    let view = get("/").with("x", b"a\xff");
    check(&header("x", TextSpec::Prefix("a".into())), &view, true);
    check(&header("x", TextSpec::Exact("a".into())), &view, false);
    check(&header("x", TextSpec::Regex(regex("a."))), &view, true);
    check(&header("x", TextSpec::Regex(regex("aÿ"))), &view, false);
    check(&query("q", TextSpec::Exact("ü".into())), &get("/?q=%C3%BC"), true);
    check(&query("q", TextSpec::Suffix("b".into())), &get("/?q=%ffb"), true);
    check(&query("q", TextSpec::Regex(regex("."))), &get("/?q=%ff"), true);
    check(
        &query("q", TextSpec::Regex(regex("."))),
        &get("/?q=%ff%ff"),
        false,
    );
}

#[test]
fn methods_are_compared_with_case() {
    check(&methods(&["GET", "POST"]), &get("/"), true);
    check(&methods(&["POST"]), &get("/"), false);
    check(&methods(&["get"]), &get("/"), false);
    check(&methods(&["GET"]), &MemoryView::default(), false);
}

#[test]
fn a_grpc_call_needs_the_content_type_and_a_path_of_two_segments() {
    let call = |content_type: &str, path: &str| MemoryView::get("h", path).with("content-type", content_type);
    let cases = [
        (
            grpc("demo.Trips", &[]),
            "application/grpc",
            "/demo.Trips/Create",
            true,
        ),
        (
            grpc("demo.Trips", &["List", "Create"]),
            "application/grpc+proto",
            "/demo.Trips/Create",
            true,
        ),
        (
            grpc("demo.Trips", &["Create"]),
            "application/grpc; charset=x",
            "/demo.Trips/Create",
            true,
        ),
        (
            grpc("demo.Trips", &["Create"]),
            "application/grpc",
            "/demo.Trips/CreateAll",
            false,
        ),
        (
            grpc("demo.Trips", &["Create"]),
            "application/grpc",
            "/demo.Trips/List",
            false,
        ),
        (
            grpc("demo.Trips", &[]),
            "application/grpc",
            "/demo.TripsX/Create",
            false,
        ),
        (
            grpc("demo.Trips", &[]),
            "application/grpc-web",
            "/demo.Trips/Create",
            false,
        ),
        (
            grpc("demo.Trips", &[]),
            "application/json",
            "/demo.Trips/Create",
            false,
        ),
        (grpc("demo.Trips", &[]), "application/grpc", "/demo.Trips/", false),
        (
            grpc("demo.Trips", &[]),
            "application/grpc",
            "/demo.Trips/A/B",
            false,
        ),
        (grpc("demo.Trips", &[]), "application/grpc", "/demo.Trips", false),
        (
            grpc("", &["Check"]),
            "application/grpc",
            "/grpc.health.v1.Health/Check",
            true,
        ),
        (grpc("", &[]), "application/grpc", "/a/b", true),
    ];
    for (spec, content_type, path, expect) in cases {
        check(&spec, &call(content_type, path), expect);
    }
    check(&grpc("demo.Trips", &[]), &get("/demo.Trips/Create"), false);
}

#[test]
fn the_client_lies_in_one_of_the_networks() {
    let from = |peer: &'static str, forwarded: Option<&'static str>, spec: &MatchSpec| {
        let rules = [vec![spec.clone()]];
        let found = matching(&rules, |needs| {
            let view = get("/").with_attribute(needs, &["source", "address"], peer);
            forwarded.map_or(view.clone(), |list| view.with("x-forwarded-for", list))
        });
        !found.is_empty()
    };
    let ten = client(&["10.0.0.0/8", "2001:db8::/32"], 0);
    assert!(from("10.1.2.3:555", None, &ten));
    assert!(from("[2001:db8::7]:555", None, &ten));
    assert!(from("[::ffff:10.1.2.3]:555", None, &ten));
    assert!(!from("11.1.2.3:555", Some("10.0.0.1"), &ten));
    assert!(!from("/run/socket", None, &client(&["0.0.0.0/0", "::/0"], 0)));
    let hop = client(&["10.0.0.0/8"], 1);
    assert!(from("192.0.2.1:5", Some("192.0.2.9, 10.0.0.1"), &hop));
    assert!(!from("192.0.2.1:5", Some("10.0.0.1, 192.0.2.9"), &hop));
    assert!(
        from("10.0.0.1:5", Some("10.0.0.2, rubbish"), &hop),
        "falls back to the peer"
    );
    assert!(
        !from("192.0.2.1:5", Some("10.0.0.2, rubbish"), &hop),
        "not to the left-most"
    );
}

#[test]
fn fields_are_anded_entries_are_ored_and_not_negates_an_entry() {
    let both = MatchSpec {
        methods: vec!["GET".into()],
        ..prefix("/v1/")
    };
    check(&both, &get("/v1/x"), true);
    check(&both, &get("/v2/x"), false);
    check(&both, &get("/v1/x").with("x", "y"), true);
    let but = MatchSpec {
        not: Some(Box::new(prefix("/v1/health"))),
        ..prefix("/v1/")
    };
    check(&but, &get("/v1/x"), true);
    check(&but, &get("/v1/healthz"), false);
    let either = [vec![exact("/a"), hosts(&["b"])], vec![exact("/c"), exact("/d")]];
    assert_eq!(matching(&either, |_| MemoryView::get("b", "/d")), [0, 1]);
    assert_eq!(matching(&either, |_| MemoryView::get("x", "/d")), [1]);
    assert_eq!(matching(&either, |_| MemoryView::get("x", "/a")), [0]);
    assert_eq!(matching(&either, |_| MemoryView::get("x", "/x")), NO_RULE);
}

#[test]
fn a_rule_without_entries_matches_everything_and_no_rules_match_nothing() {
    assert_eq!(
        matching(&[vec![], vec![exact("/a")], vec![]], |_| MemoryView::default()),
        [0, 2]
    );
    assert_eq!(matching(&[], |_| get("/")), NO_RULE);
    assert!(RuleSet::compile(&[], &mut Needs::default()).is_empty());
    assert_eq!(
        RuleSet::compile(&[vec![], vec![]], &mut Needs::default()).len(),
        2
    );
}

#[test]
fn a_rule_is_found_once_and_in_order_however_many_entries_match() {
    let rules = [
        vec![
            header("x", TextSpec::Present),
            exact("/a/b"),
            prefix("/a"),
            prefix("/"),
            hosts(&["*.h", "g.h"]),
        ],
        vec![prefix("/a/")],
        vec![exact("/a/b"), exact("/a/b")],
        vec![hosts(&["*.h"])],
        vec![],
        vec![hosts(&["g.h", "g.h"]), prefix("/a/b")],
    ];
    assert_eq!(
        matching(&rules, |_| MemoryView::get("g.h", "/a/b").with("x", "")),
        [0, 1, 2, 3, 4, 5]
    );
    assert_eq!(matching(&rules, |_| MemoryView::get("z", "/a/c")), [0, 1, 4]);
}

#[test]
fn exactly_what_is_read_is_declared() {
    let declared = |spec: MatchSpec| {
        let mut needs = Needs::default();
        let _rules = RuleSet::compile(&[vec![spec]], &mut needs);
        let mut names: Vec<String> = needs.headers().iter().map(|need| need.name.clone()).collect();
        names.extend(needs.attributes().iter().map(|path| path.join(".")));
        names.sort();
        names
    };
    let none: [&str; 0] = [];
    assert_eq!(declared(MatchSpec::default()), none);
    assert_eq!(declared(hosts(&["*"])), none);
    assert_eq!(declared(hosts(&["a"])), [":authority"]);
    assert_eq!(declared(hosts(&["*.a"])), [":authority"]);
    assert_eq!(declared(exact("/a")), [":path"]);
    assert_eq!(declared(path(PathSpec::Regex(regex("/a")))), [":path"]);
    assert_eq!(declared(methods(&["GET"])), [":method"]);
    assert_eq!(declared(header("x-a", TextSpec::Absent)), ["x-a"]);
    assert_eq!(declared(query("a", TextSpec::Present)), [":path"]);
    assert_eq!(declared(cookie("a", TextSpec::Present)), ["cookie"]);
    assert_eq!(declared(client(&["10.0.0.0/8"], 0)), ["source.address"]);
    assert_eq!(
        declared(client(&["10.0.0.0/8"], 2)),
        ["source.address", "x-forwarded-for"]
    );
    assert_eq!(declared(grpc("a.B", &[])), [":path", "content-type"]);
    assert_eq!(declared(not(not(hosts(&["a"])))), [":authority"]);
    assert_eq!(
        declared(MatchSpec {
            path: exact("/a").path,
            ..hosts(&["a"])
        }),
        [":authority", ":path"]
    );
}
