//! Values that the schema of the chart refuses: misspelt ones, down to the config of a filter.

use crate::Tools;
use crate::refusals::{check, limit, plugin, refusal, suite};

#[test]
fn what_is_misspelt_is_refused_by_the_schema() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let tools = &tools;
    assert_eq!(refusal(tools, &limit("100/s")), None);
    // A wrong unit, a number without one, a field that is not there.
    check(
        tools,
        &limit("100/sec"),
        &["/plugins/one/pluginConfig/limits/0/rate", "100/sec"],
    );
    check(tools, &limit("100"), &["limits/0/rate", "string"]);
    check(tools, &limit("100/s, burts: 5"), &["limits/0", "burts"]);
    // A wrong word, in the chart's own fields and in a filter's. A bare off is false in YAML 1.1, and means off all the same.
    let moded = |mode: &str| {
        plugin(&format!(
            "module: rate-limit\nmode: SERVER\npluginConfig: {{mode: {mode}, limits: [{{name: all, rate: 1/s}}]}}"
        ))
    };
    assert_eq!(refusal(tools, &moded("\"off\"")), None);
    assert_eq!(refusal(tools, &moded("off")), None);
    check(tools, &moded("on"), &["pluginConfig/mode", "enforce"]);
    check(tools, &moded("dry-run"), &["pluginConfig/mode", "shadow"]);
    let attached = |mode: &str| limit("1/s").replace("SERVER", mode);
    check(tools, &attached("INBOUND"), &["/plugins/one/mode", "GATEWAY"]);
    check(
        tools,
        &limit("1/s").replace("rate-limit", "ratelimit"),
        &["/plugins/one/module", "rate-limit"],
    );
    let with = |field: &str| format!("{}    {field}\n", limit("1/s"));
    check(
        tools,
        &with("failStrategy: FAIL_SAFE"),
        &["failStrategy", "FAIL_RELOAD"],
    );
    check(tools, &with("phase: FIRST"), &["phase", "AUTHN"]);
    check(tools, &with("priority: high"), &["priority", "integer"]);
    check(tools, &with("ports: [80000]"), &["ports/0", "maximum"]);
    check(tools, &with("port: 8000"), &["/plugins/one", "port"]);
    check(tools, &with("selector: {app: \"*\"}"), &["selector/app"]);
    // Each filter's config is that of the module, and the suite's is a map of filters.
    let bare = "{limits: [{name: all, rate: 1/s}]}";
    check(
        tools,
        &plugin(&format!("module: suite\nmode: SERVER\npluginConfig: {bare}")),
        &["pluginConfig", "limits"],
    );
    check(
        tools,
        &plugin(&format!(
            "module: canary-lean\nmode: CLIENT\npluginConfig: {bare}"
        )),
        &["pluginConfig", "release"],
    );
    check(
        tools,
        &suite(
            "module: suite-lean\nmode: SERVER",
            "rate_limit: {limits: [{name: all, rate: 1}]}",
        ),
        &["pluginConfig/rate_limit/limits/0/rate"],
    );
    check(
        tools,
        &plugin("module: rate-limit\nmode: SERVER\npluginConfig: {}"),
        &["pluginConfig"],
    );
    check(
        tools,
        &plugin("module: rate-limit\nmode: SERVER"),
        &["pluginConfig"],
    );
    // The chart's own values.
    for (values, expected) in [
        ("kind: EnvoyFilter", "/kind"),
        ("pugins: {}", "pugins"),
        ("failStrategy: FAIL_OPENED", "/failStrategy"),
        (
            "image: {registry: \"https://registry.example.com\"}",
            "/image/registry",
        ),
        ("image: {tag: 0.1}", "/image/tag"),
        (
            "image: {digests: {rate-limit: \"0123456789\"}}",
            "/image/digests/rate-limit",
        ),
        (
            "image: {digests: {ratelimit: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}}",
            "/image/digests",
        ),
        ("plugins: {Not_A_Name: {}}", "/plugins"),
        ("labels: {tier: 1}", "/labels/tier"),
    ] {
        check(tools, values, &[expected]);
    }
    // Digits alone are a number, if they stand without quotes.
    let digits = "1".repeat(64);
    check(
        tools,
        &with(&format!("digest: {digits}")),
        &["/plugins/one/digest"],
    );
}
