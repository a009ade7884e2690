//! What is made: the fields that Istio and Envoy act by.

use super::*;

fn specs(case: &Case) -> Vec<Value> {
    case.documents()
        .iter()
        .map(|document| document["spec"].clone())
        .collect()
}

const ALL: &str = "latency_histogram, rate_limit, canary, circuit_breaker";

#[test]
fn each_place_has_its_own_match() {
    let at = |attach, refs: &[&str], ports: &[&str]| {
        let ask = |options: &mut Options| {
            options.attach = Some(attach);
            options.target_refs = texts(refs);
            options.ports = texts(ports);
        };
        specs(&case("rate_limit", Target::Istio, ask)).remove(0)
    };
    let inbound = at(Attach::SidecarInbound, &[], &["8080"]);
    assert_eq!(
        inbound["match"],
        json!([{ "mode": "SERVER", "ports": [{ "number": 8080 }] }])
    );
    assert_eq!(inbound["selector"], Value::Null);
    let outbound = at(Attach::SidecarOutbound, &[], &[]);
    assert_eq!(outbound["match"], json!([{ "mode": "CLIENT" }]));
    let gateway = at(Attach::Gateway, &[], &[]);
    assert_eq!(gateway["match"], Value::Null);
    assert_eq!(
        gateway["selector"],
        json!({ "matchLabels": { "istio": "ingressgateway" } })
    );
    let named = at(Attach::Gateway, &["gateway/eg"], &["443"]);
    assert_eq!(named["match"], json!([{ "ports": [{ "number": 443 }] }]));
    let group = "gateway.networking.k8s.io";
    assert_eq!(
        named["targetRefs"],
        json!([{ "group": group, "kind": "Gateway", "name": "eg" }])
    );
    let waypoint = at(Attach::Waypoint, &["Service/reviews"], &[]);
    assert_eq!(waypoint["match"], Value::Null);
    assert_eq!(
        waypoint["targetRefs"],
        json!([{ "group": "", "kind": "Service", "name": "reviews" }])
    );
}

#[test]
fn filters_go_where_they_work_unless_told() {
    let mode = |filters: &str| specs(&case(filters, Target::Istio, |_| {}))[0]["match"][0]["mode"].clone();
    assert_eq!(mode("rate_limit"), "SERVER");
    assert_eq!(mode("latency_histogram, rate_limit"), "SERVER");
    assert_eq!(mode("circuit_breaker"), "CLIENT");
    for on_a_gateway in ["canary", "rate_limit, canary", "rate_limit, circuit_breaker", ALL] {
        assert_eq!(mode(on_a_gateway), Value::Null, "{on_a_gateway}");
    }
}

#[test]
fn a_services_ports_are_taken_from_it() {
    let ports = |attach| {
        let case = case("rate_limit", Target::Istio, |options| {
            options.attach = Some(attach)
        })
        .with_services();
        specs(&case)[0]["match"][0]["ports"].clone()
    };
    assert_eq!(ports(Attach::SidecarInbound), json!([{ "number": 8080 }]));
    assert_eq!(ports(Attach::SidecarOutbound), json!([{ "number": 8000 }]));
}

#[test]
fn both_kinds_of_istio_say_the_same() {
    for shape in [Shape::Suite, Shape::Filters, Shape::Parts] {
        let ask = |options: &mut Options| {
            options.shape = Some(shape);
            options.pull_secret = Some("regcred".to_owned());
        };
        let old = specs(&case(ALL, Target::Istio, ask).with_images());
        let new = specs(&case(ALL, Target::TrafficExtension, ask).with_images());
        assert_eq!(old.len(), if shape == Shape::Suite { 1 } else { 4 });
        for (old, new) in old.into_iter().zip(new) {
            let mut flat = new.as_object().unwrap().clone();
            let wasm = flat.remove("wasm").unwrap();
            flat.extend(wasm.as_object().unwrap().clone());
            assert_eq!(Value::Object(flat), old);
        }
    }
}

#[test]
fn a_config_is_what_was_written() {
    let whole = policy(ALL);
    let config = |shape| {
        let case = case(ALL, Target::Istio, |options| options.shape = Some(shape));
        specs(&case)
            .iter()
            .map(|spec| spec["pluginConfig"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(config(Shape::Suite), std::slice::from_ref(&whole));
    let names: Vec<&str> = ALL.split(", ").collect();
    let own: Vec<Value> = names.iter().map(|name| whole[name].clone()).collect();
    assert_eq!(config(Shape::Filters), own);
    let parts: Vec<Value> = names.iter().map(|name| json!({ *name: whole[name] })).collect();
    assert_eq!(config(Shape::Parts), parts);
}

#[test]
fn plugins_are_named_and_ordered_after_the_policy() {
    let ask = |options: &mut Options| {
        options.shape = Some(Shape::Parts);
        options.name = Some("edge".to_owned());
        options.namespace = Some("demo".to_owned());
    };
    let documents = case("canary, rate_limit", Target::Istio, ask).documents();
    let names: Vec<&Value> = documents.iter().map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(names, ["edge-canary", "edge-rate-limit"]);
    assert!(documents.iter().all(|one| one["metadata"]["namespace"] == "demo"));
    // Behind the canary a limit cannot be in an earlier phase.
    let places: Vec<_> = documents
        .iter()
        .map(|one| (&one["spec"]["phase"], &one["spec"]["priority"]))
        .collect();
    assert_eq!(
        places,
        [(&json!("STATS"), &json!(20)), (&json!("STATS"), &json!(10))]
    );
    assert!(documents.iter().all(|one| one["spec"]["pluginName"] == "suite"));
}

#[test]
fn an_image_is_pinned_by_its_digest() {
    let spec = |build: Build, filters: &str| {
        let case = case(filters, Target::Istio, |options| {
            options.build = build;
            options.registry = Some("127.0.0.1:5000/mine".to_owned());
        });
        specs(&case.with_images()).remove(0)
    };
    let full = spec(Build::Full, "canary");
    let hex = "3".repeat(64);
    assert_eq!(
        full["url"],
        format!("oci://127.0.0.1:5000/mine/fairlead/canary@sha256:{hex}")
    );
    assert_eq!(
        (&full["sha256"], &full["imagePullPolicy"]),
        (&json!(hex), &json!("IfNotPresent"))
    );
    let url = |build, filters| spec(build, filters)["url"].as_str().unwrap().to_owned();
    assert!(url(Build::Auto, "canary").contains("/canary-lean@"));
    // Its fields of responses need what the lean build lacks.
    assert!(url(Build::Auto, "rate_limit").contains("/rate-limit@"));
    assert!(url(Build::Auto, "latency_histogram").contains("/latency-histogram@"));
    assert!(url(Build::Auto, ALL).contains("/suite-lean@"));
    let text = case("canary", Target::Istio, |_| {})
        .with_images()
        .render()
        .unwrap()
        .text();
    assert!(text.contains("  sha256: \"4444"), "{text}");
}

#[test]
fn parts_of_one_image_have_the_build_that_does_for_all() {
    let mut case = case("rate_limit, circuit_breaker", Target::Istio, |options| {
        options.shape = Some(Shape::Parts)
    });
    case.policy["circuit_breaker"]["breakers"][0]["fallback"] = json!({ "stale": { "max_age": "1m" } });
    let specs = specs(&case.with_images());
    assert_eq!(specs[0]["url"], specs[1]["url"]);
    assert!(specs[0]["url"].as_str().unwrap().contains("/suite@"));
}

#[test]
fn an_image_that_is_not_pinned_is_warned_about() {
    let warned = |case: &Case, at: &str| case.advice().contains(&(at.to_owned(), Severity::Warning));
    let plain = case("rate_limit", Target::Istio, |_| {});
    assert!(warned(&plain, "--images") && warned(&plain, "--registry"));
    assert_eq!(
        specs(&plain)[0]["url"],
        concat!(
            "oci://registry.example.com/fairlead/rate-limit:",
            env!("CARGO_PKG_VERSION")
        )
    );
    let tagged = case("rate_limit", Target::Istio, |options| {
        options.tag = Some("edge".to_owned());
        options.registry = Some("images.example.com/acme".to_owned());
    });
    assert!(warned(&tagged, "--tag") && !warned(&tagged, "--registry"));
    assert_eq!(
        specs(&tagged)[0]["url"],
        "oci://images.example.com/acme/fairlead/rate-limit:edge"
    );
    assert_eq!(specs(&tagged)[0]["sha256"], Value::Null);
    let pinned = case("rate_limit", Target::Istio, |options| {
        options.registry = Some("r".to_owned())
    })
    .with_images();
    assert!(!warned(&pinned, "--images") && !warned(&pinned, "--registry"));
}

#[test]
fn advice_is_about_what_acts_otherwise_than_one_may_think() {
    let warned = |filters: &str, ask: &dyn Fn(&mut Options)| {
        let advice = case(filters, Target::Istio, ask).with_images().advice();
        let warnings = advice
            .into_iter()
            .filter(|(at, severity)| *severity == Severity::Warning && at != "--registry");
        warnings.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let outbound = |options: &mut Options| options.attach = Some(Attach::SidecarOutbound);
    assert_eq!(
        warned("rate_limit", &outbound),
        ["rate_limit", "rate_limit", "--port"]
    );
    assert_eq!(
        warned("circuit_breaker", &outbound),
        ["circuit_breaker", "--port"]
    );
    assert_eq!(warned("rate_limit", &|_| {}), [""; 0]);
    assert_eq!(
        warned("rate_limit", &|options| options.fail_strategy =
            Some(FailStrategy::Open)),
        ["--fail-strategy"]
    );
    let namespace =
        |name: &'static str| move |options: &mut Options| options.namespace = Some(name.to_owned());
    assert_eq!(warned("canary", &namespace("demo")), ["--namespace"]);
    assert_eq!(warned("canary", &namespace("istio-system")), [""; 0]);
    let claim = |phase| {
        let mut case = case("rate_limit", Target::Istio, |options| options.phase = phase);
        case.policy["rate_limit"]["limits"][0]["key"] = json!([{ "jwt_claim": "sub" }]);
        case.advice().contains(&("--phase".to_owned(), Severity::Warning))
    };
    assert!(claim(Some(PhaseWord::Authn)) && !claim(None));
}

#[test]
fn envoy_gateway_runs_a_list() {
    let ask = |options: &mut Options| {
        options.shape = Some(Shape::Filters);
        options.target_refs = texts(&["httproute/reviews", "gateway/eg"]);
        options.pull_secret = Some("regcred".to_owned());
        options.fail_strategy = Some(FailStrategy::Open);
    };
    let documents = case("canary, latency_histogram", Target::EnvoyGateway, ask)
        .with_images()
        .documents();
    assert_eq!(documents.len(), 1);
    let spec = &documents[0]["spec"];
    assert_eq!(spec["targetRefs"][0]["kind"], "HTTPRoute");
    let wasm = spec["wasm"].as_array().unwrap();
    let names: Vec<_> = wasm
        .iter()
        .map(|one| (&one["name"], &one["rootID"], &one["failOpen"]))
        .collect();
    assert_eq!(
        names,
        [
            (&json!("canary"), &json!("canary"), &json!(true)),
            (
                &json!("latency-histogram"),
                &json!("latency-histogram"),
                &json!(true)
            ),
        ]
    );
    let code = &wasm[1]["code"];
    let hex = "0".repeat(64);
    assert_eq!(
        code["image"]["url"],
        format!("registry.example.com/fairlead/latency-histogram@sha256:{hex}")
    );
    assert_eq!(
        (&code["image"]["sha256"], &code["image"]["pullSecretRef"]["name"]),
        (&json!(hex), &json!("regcred"))
    );
    assert_eq!(wasm[0]["config"], policy("canary")["canary"]);
}

#[test]
fn envoys_configs_are_json_in_a_text() {
    let documents = case(ALL, Target::Envoy, |options| {
        options.modules = Some("/modules/".to_owned())
    })
    .documents();
    let filters = documents[0]["http_filters"].as_array().unwrap();
    assert_eq!(filters.len(), 2);
    let config = &filters[0]["typed_config"]["config"];
    assert_eq!(
        config["vm_config"]["code"]["local"]["filename"],
        "/modules/suite.wasm"
    );
    let text = config["configuration"]["value"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), policy(ALL));
}

#[test]
fn a_bootstrap_routes_by_what_the_canary_decides() {
    let ask = |options: &mut Options| {
        options.bootstrap = true;
        options.upstreams = texts(&["app:8080", "v2=[::1]:8081"]);
        options.listen = Some(std::net::Ipv4Addr::UNSPECIFIED.into());
        options.stats_tags = vec![("tag".to_owned(), "(tag\\.(.+?);\\.)".to_owned())];
    };
    let document = case("canary", Target::Envoy, ask).documents().remove(0);
    let resources = &document["static_resources"];
    let bound = |part: &Value| part["address"]["socket_address"]["address"].clone();
    assert_eq!(
        (bound(&resources["listeners"][0]), bound(&document["admin"])),
        (json!("0.0.0.0"), json!("127.0.0.1"))
    );
    let manager = &resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"]
        .as_array()
        .unwrap();
    assert_eq!(
        routes[0]["match"]["headers"][0],
        json!({ "name": "x-canary", "string_match": { "exact": "v2" } })
    );
    let clusters: Vec<_> = routes.iter().map(|route| &route["route"]["cluster"]).collect();
    assert_eq!(clusters, ["upstream-v2", "upstream"]);
    let address = &resources["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        ["address"];
    assert_eq!(
        address["socket_address"],
        json!({ "address": "::1", "port_value": 8081 })
    );
    assert_eq!(document["stats_config"]["stats_tags"][0]["tag_name"], "tag");
}
