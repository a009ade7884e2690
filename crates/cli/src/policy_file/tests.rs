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

#[test]
fn a_config_for_a_running_proxy_need_not_be_valid() {
    let filters = [Filter::RateLimit];
    let config = |text: &str| raw(text, &filters).map(|mut all| String::from_utf8(all.remove(0).1).unwrap());
    assert_eq!(config("rate_limit: {limits: 5}").unwrap(), "{\"limits\":5}");
    assert_eq!(config("order: []").unwrap(), "{}");
    assert!(config("[]").is_err() && config("a: [").is_err() && config("").is_err());
    assert_eq!(raw("rate_limit: {}", &[]).unwrap_err().len(), 1);
}
