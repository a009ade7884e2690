//! What cannot work, and that the reason is said: each case by how its lines begin, and a word that they must have.

use super::*;

/// Each line must begin so and contain that; and there must be no others.
fn check(case: &Case, expected: &[(&str, &str)]) {
    let lines = case.render().expect_err("it was made");
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (begins, contains) in expected {
        let found = lines
            .iter()
            .any(|line| line.starts_with(&format!("{begins}: ")) && line.contains(contains));
        assert!(found, "{begins}: {contains} is not in {lines:#?}");
    }
}

#[test]
fn what_would_route_nothing_or_be_installed_nowhere() {
    use Attach::{Gateway, SidecarInbound, SidecarOutbound, Waypoint};
    let ask = |filters: &str, attach: Attach, ask: &dyn Fn(&mut Options)| {
        case(filters, Target::Istio, |options| {
            options.attach = Some(attach);
            ask(options);
        })
    };
    let refs = |refs: &'static [&'static str]| move |options: &mut Options| options.target_refs = texts(refs);
    let ports = |ports: &'static [&'static str]| move |options: &mut Options| options.ports = texts(ports);
    let labels =
        |labels: &'static [&'static str]| move |options: &mut Options| options.selector = texts(labels);
    let mode = |mode: Mode| move |options: &mut Options| options.mode = Some(mode);
    let none = |_: &mut Options| {};
    let rate = "rate_limit";
    check(
        &ask("canary", SidecarInbound, &none),
        &[("--attach", "one route only")],
    );
    check(
        &ask("rate_limit, canary", SidecarInbound, &none),
        &[("--attach", "gateway, waypoint or sidecar-outbound")],
    );
    check(
        &ask(rate, SidecarInbound, &mode(Mode::Client)),
        &[("--mode", "outbound side")],
    );
    check(
        &ask(rate, SidecarOutbound, &mode(Mode::Server)),
        &[("--mode", "inbound side")],
    );
    check(
        &ask(rate, Gateway, &mode(Mode::Server)),
        &[("--mode", "install nothing")],
    );
    check(
        &ask(rate, SidecarInbound, &labels(&["istio=ingressgateway"])),
        &[("--selector", "install nothing")],
    );
    check(
        &ask(rate, SidecarInbound, &refs(&["service/reviews"])),
        &[("--target-ref", "ignores targetRefs")],
    );
    check(
        &ask(rate, SidecarOutbound, &refs(&["gateway/eg"])),
        &[("--target-ref", "ignores targetRefs")],
    );
    check(
        &ask(rate, Gateway, &refs(&["service/reviews"])),
        &[("--target-ref", "is no gateway")],
    );
    check(
        &ask(rate, Waypoint, &none),
        &[("--attach", "takes only what names it")],
    );
    let to = |options: &mut Options| options.target_refs = texts(&["service/reviews"]);
    check(
        &ask(rate, Waypoint, &|options| {
            to(options);
            options.ports = texts(&["8000"]);
            options.mode = Some(Mode::Client);
        }),
        &[("--port", "install nothing"), ("--mode", "install nothing")],
    );
    check(
        &ask(rate, Waypoint, &|options| {
            to(options);
            options.selector = texts(&["app=x"]);
        }),
        &[
            ("--selector", "means nothing to a waypoint"),
            ("--target-ref", "one of them"),
        ],
    );
    check(
        &ask(rate, Waypoint, &refs(&["gatewayclass/mine"])),
        &[("--target-ref", "gatewayclass/istio-waypoint")],
    );
    check(
        &ask(rate, SidecarInbound, &ports(&["0", "65536", "x", "80", "80"])),
        &[
            ("--port", "\"0\""),
            ("--port", "\"65536\""),
            ("--port", "\"x\""),
            ("--port", "80 is there twice"),
        ],
    );
    check(
        &ask(rate, SidecarInbound, &labels(&["app", "a=*", "b=1", "b=2"])),
        &[
            ("--selector", "write key=value"),
            ("--selector", "wildcard"),
            ("--selector", "b is there twice"),
        ],
    );
    check(
        &ask(
            rate,
            Waypoint,
            &refs(&["pod/x", "service/X", "service/a", "service/a"]),
        ),
        &[
            ("--target-ref", "\"pod/x\""),
            ("--target-ref", "\"service/X\""),
            ("--target-ref", "service/a is there twice"),
        ],
    );
    let many: Vec<String> = (0..17).map(|index| format!("service/s{index}")).collect();
    check(
        &ask(rate, Waypoint, &|options| options.target_refs.clone_from(&many)),
        &[("--target-ref", "takes 16")],
    );
}

#[test]
fn the_other_sides_port() {
    let at = |attach, port: &'static str| {
        let ask = |options: &mut Options| {
            options.attach = Some(attach);
            options.ports = texts(&[port]);
        };
        case("rate_limit", Target::Istio, ask).with_services()
    };
    check(&at(Attach::SidecarOutbound, "8080"), &[("--port", "write 8000")]);
    check(&at(Attach::SidecarInbound, "8000"), &[("--port", "write 8080")]);
    check(
        &at(Attach::SidecarInbound, "9"),
        &[("--port", "9 is no port of reviews")],
    );
    check(&at(Attach::Gateway, "8000"), &[("--service", "leave it out")]);
    at(Attach::SidecarOutbound, "8000").render().unwrap();
    at(Attach::SidecarInbound, "8080").render().unwrap();
}

#[test]
fn names_and_references_that_are_none() {
    let rate = |ask: &dyn Fn(&mut Options)| case("rate_limit", Target::Istio, ask);
    check(
        &rate(&|options| options.name = Some("A_b".to_owned())),
        &[("--name", "\"A_b\"")],
    );
    check(
        &rate(&|options| options.namespace = Some("a.b".to_owned())),
        &[("--namespace", "\"a.b\"")],
    );
    check(
        &rate(&|options| options.registry = Some("https://r".to_owned())),
        &[("--registry", "scheme")],
    );
    check(
        &rate(&|options| options.tag = Some("a:b".to_owned())),
        &[("--tag", "\"a:b\"")],
    );
    check(
        &rate(&|options| options.pull_secret = Some(String::new())),
        &[("--pull-secret", "is empty")],
    );
    let all = "latency_histogram, rate_limit, canary, circuit_breaker";
    let long = case(all, Target::Istio, |options| {
        options.shape = Some(Shape::Filters);
        options.name = Some(["a"; 120].join("."));
    });
    check(
        &long,
        &[("--name", "257 characters"), ("--name", "255 characters")],
    );
    check(
        &case(all, Target::Istio, |options| {
            options.shape = Some(Shape::Filters);
            options.priority = Some(i64::from(i32::MAX) - 29);
        }),
        &[("--priority", "32 bits")],
    );
}

#[test]
fn a_lean_build_that_lacks_what_is_needed() {
    let lean = |filters: &str, change: &dyn Fn(&mut Value)| {
        let mut case = case(filters, Target::Istio, |options| options.build = Build::Lean).with_images();
        change(&mut case.policy);
        case
    };
    check(
        &lean("rate_limit", &|_| {}),
        &[("--build", "lacks response_headers")],
    );
    check(
        &lean("latency_histogram", &|_| {}),
        &[("--build", "no lean build of latency-histogram")],
    );
    let stale = |policy: &mut Value| {
        policy["circuit_breaker"]["breakers"][0]["fallback"] = json!({ "stale": { "max_age": "1m" } });
    };
    check(&lean("circuit_breaker", &stale), &[("--build", "fallback.stale")]);
    check(
        &lean("rate_limit, circuit_breaker", &stale),
        &[("--build", "lacks response_body")],
    );
    lean("circuit_breaker", &|_| {}).render().unwrap();
}

#[test]
fn an_image_that_is_not_on_record() {
    let only = r#"{"format":1,"images":[]}"#;
    let mut case = case("rate_limit", Target::Istio, |_| {});
    case.images = Some(Record::parse(only).unwrap());
    check(&case, &[("--images", "no image of rate-limit")]);
    for broken in [
        "",
        "[]",
        r#"{"format":2,"images":[]}"#,
        r#"{"format":1,"images":[{"module":"suite","build":"full","digest":"sha256:12"}]}"#,
        r#"{"format":1,"images":[{"module":"suite","build":"full","digest":"00"}]}"#,
    ] {
        assert!(Record::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn options_that_mean_nothing_for_a_target() {
    let everything = |options: &mut Options| {
        options.attach = Some(Attach::Gateway);
        options.mode = Some(Mode::Client);
        options.selector = texts(&["a=b"]);
        options.phase = Some(PhaseWord::Authn);
        options.priority = Some(1);
        options.ports = texts(&["1"]);
        options.namespace = Some("demo".to_owned());
        options.target_refs = texts(&["gateway/eg"]);
        options.registry = Some("r".to_owned());
        options.tag = Some("1".to_owned());
        options.pull_secret = Some("s".to_owned());
        options.modules = Some("dist".to_owned());
        options.listen = Some(std::net::Ipv4Addr::UNSPECIFIED.into());
        options.admin_port = Some(1);
        options.upstreams = texts(&["127.0.0.1:1"]);
    };
    let nothing: &[&str] = &[
        "--attach",
        "--mode",
        "--selector",
        "--phase",
        "--priority",
        "--service",
        "--port",
        "--namespace",
        "--target-ref",
        "--registry",
        "--tag",
        "--pull-secret",
        "--listen",
        "--admin-port",
        "--upstream",
    ];
    let lines = |target| {
        let lines = case("rate_limit", target, everything)
            .with_services()
            .render()
            .unwrap_err();
        let nothing = lines
            .into_iter()
            .filter(|line| line.contains("means nothing for"));
        nothing
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(Target::Envoy), nothing);
    assert_eq!(
        lines(Target::Istio),
        ["--modules", "--listen", "--admin-port", "--upstream"]
    );
    assert_eq!(
        lines(Target::EnvoyGateway),
        [
            "--attach",
            "--mode",
            "--selector",
            "--phase",
            "--priority",
            "--service",
            "--port",
            "--modules",
            "--listen",
            "--admin-port",
            "--upstream",
        ]
    );
}

#[test]
fn what_envoy_gateway_and_envoy_cannot_have() {
    let gateway = |ask: &dyn Fn(&mut Options)| case("rate_limit", Target::EnvoyGateway, ask);
    check(&gateway(&|_| {}), &[("--target-ref", "is missing")]);
    check(
        &gateway(&|options| {
            options.target_refs = texts(&["service/a"]);
            options.fail_strategy = Some(FailStrategy::Reload);
        }),
        &[
            ("--target-ref", "httproute/<name>"),
            ("--fail-strategy", "write close"),
        ],
    );
    let bootstrap = |upstreams: &'static [&'static str], ports: &'static [&'static str]| {
        case("canary", Target::Envoy, |options| {
            options.bootstrap = true;
            options.upstreams = texts(upstreams);
            options.ports = texts(ports);
        })
    };
    check(
        &bootstrap(&["v3=a:1", "a", ":1", "a:0", "a b:1"], &["x"]),
        &[
            ("--upstream", "write v2"),
            ("--upstream", "\"a\""),
            ("--upstream", "\":1\""),
            ("--upstream", "\"a:0\""),
            ("--upstream", "\"a b:1\""),
            ("--port", "\"x\""),
        ],
    );
    check(
        &bootstrap(&["a:1", "b:1"], &["1", "2"]),
        &[("--upstream", "one already"), ("--port", "one listener")],
    );
}
