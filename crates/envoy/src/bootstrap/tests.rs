use super::*;

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer} is missing in {value:#}"))
}

/// The HTTP connection manager of the only listener.
fn manager(listener: Listener) -> Value {
    at(&listener.to_json(), "/filter_chains/0/filters/0/typed_config").clone()
}

#[test]
fn a_bare_bootstrap_has_an_admin_interface_and_istios_tags() {
    let json = Bootstrap::new("demo").to_json();
    assert_eq!(*at(&json, "/node/id"), "demo");
    assert_eq!(
        *at(&json, "/admin/address/socket_address"),
        json!({"address": "127.0.0.1", "port_value": 0})
    );
    assert_eq!(*at(&json, "/stats_config/use_all_default_tags"), false);
    let tags: Vec<(&str, &str)> = at(&json, "/stats_config/stats_tags")
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (tag["tag_name"].as_str().unwrap(), tag["regex"].as_str().unwrap()))
        .collect();
    assert_eq!(tags, ISTIO_STATS_TAGS);
    assert_eq!(json.get("dynamic_resources"), None);
}

#[test]
fn an_extra_stat_tag_has_istios_form() {
    let json = Bootstrap::new("demo").extra_stat_tag("fl_route").to_json();
    let expected = json!({"tag_name": "fl_route", "regex": r"(fl_route=\.=(.*?);\.;)"});
    assert_eq!(*at(&json, "/stats_config/stats_tags/6"), expected);
}

#[test]
fn listeners_can_come_from_a_file() {
    let json = Bootstrap::new("demo").listeners_from("/etc/lds.json").to_json();
    assert_eq!(
        *at(&json, "/dynamic_resources/lds_config/path_config_source/path"),
        "/etc/lds.json"
    );
}

#[test]
fn filters_are_in_order_and_the_router_is_last() {
    let listener = Listener::http("main")
        .filter(Wasm::new("first", "/a.wasm"))
        .filter(HttpFilter::new("second", json!({"@type": "x"})));
    let json = manager(listener);
    let names: Vec<&str> = at(&json, "/http_filters")
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "second", "router"]);
}

#[test]
fn a_wasm_filter_carries_its_configuration_as_a_string() {
    let wasm = Wasm::new("limit", "/a.wasm")
        .root_id("root")
        .vm_id("vm")
        .configuration("{\"a\": 1}")
        .failure_policy(FailurePolicy::Open)
        .with("allow_on_headers_stop_iteration", json!(true));
    let config = at(&HttpFilter::from(wasm).to_json(), "/typed_config/config").clone();
    let expected = json!({
        "name": "limit",
        "root_id": "root",
        "failure_policy": "FAIL_OPEN",
        "vm_config": {
            "vm_id": "vm",
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": "/a.wasm"}},
        },
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{\"a\": 1}"},
        "allow_on_headers_stop_iteration": true,
    });
    assert_eq!(config, expected);
}

#[test]
fn a_wasm_filter_reloads_unless_told_otherwise_and_needs_no_configuration() {
    let config = at(
        &HttpFilter::from(Wasm::new("limit", "/a.wasm")).to_json(),
        "/typed_config/config",
    )
    .clone();
    assert_eq!(*at(&config, "/failure_policy"), "FAIL_RELOAD");
    assert_eq!(*at(&config, "/root_id"), "limit");
    assert_eq!(config.get("configuration"), None);
}

#[test]
fn routes_match_by_prefix_and_headers() {
    let listener = Listener::http("main")
        .route(
            Route::prefix("/api")
                .named("canary")
                .header("x-release", "v2")
                .to("v2")
                .timeout(Duration::from_millis(1500)),
        )
        .route(Route::prefix("/").respond(404, "nothing here"))
        .route(Route::prefix("/never"));
    let json = manager(listener);
    let expected = json!([
        {
            "name": "canary",
            "match": {"prefix": "/api", "headers": [{"name": "x-release", "string_match": {"exact": "v2"}}]},
            "route": {"cluster": "v2", "timeout": "1.500000000s"},
        },
        {
            "match": {"prefix": "/"},
            "direct_response": {"status": 404, "body": {"inline_string": "nothing here"}},
        },
        {"match": {"prefix": "/never"}, "direct_response": {"status": 200}},
    ]);
    assert_eq!(*at(&json, "/route_config/virtual_hosts/0/routes"), expected);
}

#[test]
fn the_manager_takes_what_says_who_the_client_is() {
    let json = manager(
        Listener::http("main")
            .codec(Codec::Http2)
            .use_remote_address(true)
            .xff_num_trusted_hops(2),
    );
    assert_eq!(*at(&json, "/codec_type"), "HTTP2");
    assert_eq!(*at(&json, "/use_remote_address"), true);
    assert_eq!(*at(&json, "/xff_num_trusted_hops"), 2);
    assert_eq!(*at(&manager(Listener::http("main")), "/codec_type"), "AUTO");
}

#[test]
fn a_cluster_lists_its_endpoints_and_its_protocol() {
    let cluster = Cluster::new("v1")
        .endpoint("127.0.0.1:1001".parse().unwrap())
        .endpoint("[::1]:1002".parse().unwrap())
        .connect_timeout(Duration::from_millis(250));
    let json = cluster.to_json();
    let address = |index: usize| {
        at(
            &json,
            &format!("/load_assignment/endpoints/0/lb_endpoints/{index}"),
        )
        .clone()
    };
    assert_eq!(
        *at(&address(0), "/endpoint/address/socket_address"),
        json!({"address": "127.0.0.1", "port_value": 1001})
    );
    assert_eq!(
        *at(&address(1), "/endpoint/address/socket_address"),
        json!({"address": "::1", "port_value": 1002})
    );
    assert_eq!(*at(&json, "/connect_timeout"), "0.250000000s");
    assert_eq!(json.get("typed_extension_protocol_options"), None);
    assert!(
        cluster
            .http2()
            .to_json()
            .get("typed_extension_protocol_options")
            .is_some()
    );
}

#[test]
fn an_access_log_field_can_be_added_and_replaced() {
    let log = AccessLog::file("/log")
        .field("host", "%UPSTREAM_HOST%")
        .field("path", "%REQ(:PATH)%")
        .to_json();
    assert_eq!(*at(&log, "/typed_config/path"), "/log");
    let format = at(&log, "/typed_config/log_format/json_format");
    assert_eq!(*at(format, "/host"), "%UPSTREAM_HOST%");
    assert_eq!(*at(format, "/path"), "%REQ(:PATH)%");
    assert_eq!(*at(format, "/response_code_details"), "%RESPONSE_CODE_DETAILS%");
    assert_eq!(AccessLog::stdout().to_json().pointer("/typed_config/path"), None);
}

#[test]
fn any_other_field_can_be_set_and_wins() {
    let json = Bootstrap::new("demo")
        .with("admin", json!(null))
        .with("overload_manager", json!({}))
        .to_json();
    assert_eq!(*at(&json, "/admin"), Value::Null);
    assert_eq!(*at(&json, "/overload_manager"), json!({}));
    let listener = Listener::http("main")
        .with("enable_reuse_port", json!(false))
        .to_json();
    assert_eq!(*at(&listener, "/enable_reuse_port"), false);
    let cluster = Cluster::new("a").with("lb_policy", json!("RANDOM")).to_json();
    assert_eq!(*at(&cluster, "/lb_policy"), "RANDOM");
}

#[test]
fn only_ports_with_a_number_must_be_free() {
    let bootstrap = Bootstrap::new("demo")
        .admin_port(9901)
        .listener(Listener::http("any"))
        .listener(Listener::http("main").port(10_000).port_option("--port"));
    let fixed: Vec<(String, u16, Option<String>)> = bootstrap
        .fixed_ports()
        .map(|fixed| (fixed.owner, fixed.port, fixed.option))
        .collect();
    let expected = [
        ("the admin interface".to_owned(), 9901, None),
        ("listener `main`".to_owned(), 10_000, Some("--port".to_owned())),
    ];
    assert_eq!(fixed, expected);
}
