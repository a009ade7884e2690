use super::*;

fn check_wrong(text: &str, expected: &[&str]) {
    let refused = parse(text).expect_err(text);
    let shown: Vec<String> = refused.mistakes.iter().map(|mistake| mistake.show("f")).collect();
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn mistakes_of_a_policy_come_by_line() {
    check_wrong(
        "rate_limit:\n  limits:\n  - name: a\n    rate: 0/s\n    burts: 5\n  - rate: 5/s\n    rate: 6/s\n  mode: on\nlatency_histogram: {unit: s}\n",
        &[
            "f:4: rate_limit.limits[0].rate: \"0/s\" is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
            "f:5: rate_limit.limits[0].burts: unknown field: did you mean burst?",
            "f:6: rate_limit.limits[1].name: is missing: a limit needs it",
            "f:7: rate_limit.limits[1].rate: is there twice: write it once",
            "f:8: rate_limit.mode: true is not a mode: write enforce, shadow or off",
            "f:9: latency_histogram.unit: \"s\" is not a unit: write ms or us",
        ],
    );
    check_wrong(
        "",
        &["f: is empty: write a filter, as in rate_limit: {limits: [..]}"],
    );
    check_wrong(
        "rate_limit: {}\n---\nrate_limit: {}\n",
        &["f:3: a second policy: write one document, or Kubernetes objects, each with its kind"],
    );
}

#[test]
fn an_unquoted_off_is_the_mode() {
    let file = parse("rate_limit: {mode: off, limits: [{name: a, rate: 1/s, mode: off}]}").unwrap();
    let Checked::RateLimit(config) = &file.filters[0].checked else {
        panic!("a rate limit")
    };
    assert_eq!(config.mode, fairlead_config::Mode::Off);
}

#[test]
fn advice_on_filters_that_stand_together_has_its_line() {
    let policy = "canary: {release: r1, variants: [{name: v2, weight: 1%}]}\nlatency_histogram:\n  labels:\n    variant:\n      header: x-canary\n      values: [v2]\n";
    let warned = |text: &str| {
        let file = parse(text).unwrap();
        let advice = file.filters.into_iter().flat_map(|placed| placed.advice);
        let warned = advice.filter(|advice| advice.severity == Severity::Warning && advice.line == 5);
        warned.map(|advice| advice.path).collect::<Vec<_>>()
    };
    assert_eq!(warned(policy), ["latency_histogram.labels.variant.header"]);
    let behind = format!("{policy}order: [canary, latency_histogram]\n");
    assert!(warned(&behind).is_empty());
}

const OBJECTS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: demo}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: late, namespace: demo}
spec:
  url: oci://registry.example.com/fairlead/rate-limit:0.1.0
  phase: STATS
  pluginConfig: {limits: [{name: a, rate: 5/s}]}
---
kind: WasmPlugin
metadata: {name: other}
spec: {url: 'oci://registry.example.com/waf@sha256:00', pluginName: waf, pluginConfig: {x: 1}}
---
kind: List
items:
- kind: TrafficExtension
  metadata: {name: early, namespace: demo}
  spec:
    phase: AUTHN
    wasm:
      pluginName: rate-limit
      pluginConfig: {limits: [{name: b, rate: 1/s}]}
";

#[test]
fn kubernetes_objects_run_in_the_order_of_istio() {
    let file = parse(OBJECTS).unwrap();
    let plugins: Vec<&str> = file.filters.iter().map(|placed| placed.plugin.as_str()).collect();
    assert_eq!(plugins, ["demo.early", "demo.late"]);
    assert_eq!(
        file.filters[0].object.as_deref(),
        Some("TrafficExtension demo/early")
    );
    assert_eq!(
        file.skipped,
        [
            "ConfigMap demo/settings has no pluginConfig",
            "WasmPlugin default/other does not name a filter of Fairlead in pluginName or url",
        ]
    );
}

#[test]
fn mistakes_in_objects_have_their_line_in_the_file() {
    check_wrong(
        &OBJECTS
            .replace("rate: 5/s", "rate: 5")
            .replace("rate: 1/s", "rate: 1/s, brust: 2"),
        &[
            "f:12: spec.pluginConfig.limits[0].rate: 5 is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
            "f:26: items[0].spec.wasm.pluginConfig.limits[0].brust: unknown field: did you mean burst?",
        ],
    );
    check_wrong(
        "kind: WasmPlugin\n",
        &["f:1: spec: is missing: WasmPlugin default/unnamed needs it"],
    );
    check_wrong(
        "kind: WasmPlugin\nspec: {}\n---\na: 1\n",
        &["f:4: has no kind: it is not a Kubernetes object"],
    );
    check_wrong(
        "kind: WasmPlugin\nspec:\n  url: x/rate-limit.wasm\n  pluginConfig: '{}'\n",
        &[
            "f:4: spec.pluginConfig: \"{}\" is not an object: Istio takes a pluginConfig as fields, not as text",
        ],
    );
}

const SUITES: &str = "
kind: WasmPlugin
metadata: {name: edge, namespace: demo}
spec:
  url: oci://registry.example.com/fairlead/suite:0.1.0
  pluginConfig:
    rate_limit: {limits: [{name: a, rate: 5/s, key: [{header: x-canary}]}]}
    canary: {release: r1, variants: [{name: v2}], on_invalid_config: pass}
    circuit_breaker: {breakers: [{name: a}]}
    order: [rate_limit, circuit_breaker, canary]
---
kind: TrafficExtension
metadata: {name: named, namespace: demo}
spec: {phase: STATS, wasm: {pluginName: suite, pluginConfig: {latency_histogram: {}}}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: gate, namespace: demo}
spec:
  wasm:
  - code: {type: Image, image: {url: 'registry.example.com/waf:1'}}
  - code: {type: Image, image: {url: 'registry.example.com/fairlead/suite-lean:1'}}
    config: {rate_limit: {}}
  - name: lone
    rootID: rate-limit
    config: {limits: []}
";

#[test]
fn a_suite_is_one_plugin_with_several_filters() {
    let file = parse(SUITES).unwrap();
    let plugins: Vec<(&str, &str)> = file
        .plugins
        .iter()
        .map(|plugin| (plugin.name.as_str(), plugin.module.file_name()))
        .collect();
    assert_eq!(
        plugins,
        [
            ("demo.named", "suite"),
            ("demo.edge", "suite"),
            ("envoyextensionpolicy/demo/gate/wasm/1", "suite"),
            ("lone", "rate-limit"),
        ]
    );
    let filters: Vec<(&str, &str)> = file
        .filters
        .iter()
        .map(|placed| (placed.plugin.as_str(), placed.filter.name()))
        .collect();
    assert_eq!(
        filters,
        [
            ("demo.named", "latency_histogram"),
            ("demo.edge", "rate_limit"),
            ("demo.edge", "circuit_breaker"),
            ("demo.edge", "canary"),
            ("envoyextensionpolicy/demo/gate/wasm/1", "rate_limit"),
            ("lone", "rate_limit"),
        ]
    );
    // Each module gets its config as the object has it; each filter knows its own part.
    assert_eq!(file.plugins[2].config, br#"{"rate_limit":{}}"#);
    assert_eq!(file.filters[4].plugin_config, b"{}");
    assert_eq!(file.filters[1].object.as_deref(), Some("WasmPlugin demo/edge"));
}

#[test]
fn advice_on_a_suite_has_its_line_in_the_object() {
    let file = parse(SUITES).unwrap();
    let warned: Vec<(usize, &str)> = file
        .filters
        .iter()
        .flat_map(|placed| &placed.advice)
        .filter(|advice| advice.severity == Severity::Warning)
        .map(|advice| (advice.line, advice.path.as_str()))
        .collect();
    assert!(
        warned.contains(&(7, "spec.pluginConfig.rate_limit.limits[0].key[0].header")),
        "{warned:?}"
    );
    assert!(
        warned.contains(&(8, "spec.pluginConfig.canary.on_invalid_config")),
        "{warned:?}"
    );
}

#[test]
fn mistakes_in_a_suite_have_their_line_in_the_file() {
    check_wrong(
        &SUITES
            .replace("name: a, rate: 5/s", "name: a, rate: 5")
            .replace("latency_histogram: {}", "latency_histogram: {unit: s}, waf: {}")
            .replace("config: {rate_limit: {}}", "config: {rate_limit: {limit: []}}")
            .replace("circuit_breaker, canary]", "canary]"),
        &[
            "f:7: spec.pluginConfig.rate_limit.limits[0].rate: 5 is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
            "f:10: spec.pluginConfig.order: lacks circuit_breaker: write every filter of this policy",
            "f:14: spec.wasm.pluginConfig.waf: unknown field: a policy can have apiVersion, order, latency_histogram, rate_limit, canary, circuit_breaker",
            "f:14: spec.wasm.pluginConfig.latency_histogram.unit: \"s\" is not a unit: write ms or us",
            "f:23: spec.wasm[1].config.rate_limit.limit: unknown field: did you mean limits?",
        ],
    );
    check_wrong(
        "kind: WasmPlugin\nspec: {pluginName: suite}\n",
        &[
            "f:2: spec.pluginConfig: is a policy without a filter: write latency_histogram, rate_limit, canary or circuit_breaker",
        ],
    );
    check_wrong(
        "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - rootID: 5\n",
        &["f:4: spec.wasm[0].rootID: 5 is not text: put it in quotes"],
    );
}

#[test]
fn an_object_of_envoy_gateway_without_a_filter_of_ours_is_skipped() {
    let file = parse("kind: EnvoyExtensionPolicy\nmetadata: {name: lua}\nspec: {lua: []}\n").unwrap();
    assert_eq!(
        file.skipped,
        ["EnvoyExtensionPolicy default/lua does not name a filter of Fairlead in rootID, url or name"]
    );
}

#[test]
fn the_filters_of_a_file_can_be_run_in_one_module() {
    let policy = "rate_limit: {limits: []}\nlatency_histogram: {}\norder: [rate_limit, latency_histogram]\n";
    let file = parse(policy).unwrap().in_one_module().unwrap();
    let [one] = &file.plugins[..] else {
        panic!("one module")
    };
    assert_eq!((one.name.as_str(), one.module), ("suite", Module::Suite));
    assert_eq!(
        std::str::from_utf8(&one.config).unwrap(),
        r#"{"latency_histogram":{},"order":["rate_limit","latency_histogram"],"rate_limit":{"limits":[]}}"#
    );
    assert!(
        file.filters
            .iter()
            .all(|placed| placed.plugin == "suite" && placed.module == Module::Suite)
    );
    let twice = parse(OBJECTS).unwrap().in_one_module().unwrap_err();
    assert_eq!(
        twice.message,
        "holds rate_limit twice, and the suite has each filter once"
    );
}

#[test]
fn a_config_for_a_running_proxy_need_not_be_valid() {
    let plugin = |module: Module| Plugin {
        name: module.file_name().to_owned(),
        module,
        config: Vec::new(),
    };
    let limits = [plugin(Filter::RateLimit.into())];
    let sent = |text: &str, plugins: &[Plugin]| {
        raw(text, plugins).map(|mut all| String::from_utf8(all.remove(0).1).unwrap())
    };
    let config = |text: &str| sent(text, &limits);
    assert_eq!(config("rate_limit: {limits: 5}").unwrap(), "{\"limits\":5}");
    assert_eq!(config("order: []").unwrap(), "{}");
    assert!(config("[]").is_err() && config("a: [").is_err() && config("").is_err());
    assert_eq!(raw("rate_limit: {}", &[]).unwrap_err().len(), 1);
    assert!(config("canary: {}").is_err());
    // A suite is sent all of it, also filters that it had not so far.
    let suite = [plugin(Module::Suite)];
    assert_eq!(
        sent("rate_limit: {limits: 5}\ncanary: {}", &suite).unwrap(),
        "{\"canary\":{},\"rate_limit\":{\"limits\":5}}"
    );
    let both = [plugin(Module::Suite), plugin(Filter::Canary.into())];
    assert_eq!(raw("canary: {}", &both).unwrap_err().len(), 1);
}
