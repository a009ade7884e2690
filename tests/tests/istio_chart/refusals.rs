//! Values that the templates refuse, and in which words: what Kubernetes and Istio would take, and what would then do nothing,
//! or take proxies down. What the schema refuses is in `misspelt`.

use std::fs;

use crate::chart::chart;
use crate::{Tools, run};

/// What Helm says of these values; `None` if it renders them.
pub(crate) fn refusal(tools: &Tools, values: &str) -> Option<String> {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(file.path(), values).expect("a file");
    let (chart, path) = (chart(), file.path());
    let arguments = [
        "template",
        "fairlead",
        chart.to_str().expect("UTF-8"),
        "--namespace",
        "demo",
        "--values",
        path.to_str().expect("UTF-8"),
    ];
    let ran = run(&tools.helm, &arguments, "");
    (!ran.good).then_some(ran.errors)
}

pub(crate) fn check(tools: &Tools, values: &str, expected: &[&str]) {
    let said = refusal(tools, values).unwrap_or_else(|| panic!("this is rendered:\n{values}"));
    for word in expected {
        assert!(said.contains(word), "`{word}` is not in:\n{said}\nof\n{values}");
    }
}

/// A plugin, in so many fields. The config is the last of them.
pub(crate) fn plugin(fields: &str) -> String {
    let lines = fields.lines().map(|line| format!("    {}\n", line.trim_end()));
    format!("plugins:\n  one:\n{}", lines.collect::<String>())
}

/// A limit on a service, written so.
pub(crate) fn limit(rate: &str) -> String {
    plugin(&format!(
        "module: rate-limit\nmode: SERVER\npluginConfig: {{limits: [{{name: all, rate: {rate}}}]}}"
    ))
}

/// A canary, attached so.
fn canary(fields: &str, more: &str) -> String {
    plugin(&format!(
        "{fields}\npluginConfig: {{release: r, variants: [{{name: v2}}]{more}}}"
    ))
}

/// The suite with one filter in it, attached so.
pub(crate) fn suite(fields: &str, config: &str) -> String {
    plugin(&format!("{fields}\npluginConfig: {{{config}}}"))
}

const RELEASE: &str = "canary: {release: r, variants: [{name: v2}]}";
const KEEPS: &str = "{breakers: [{name: all, trip: {consecutive_failures: 5}, timeout: 1s, fallback: {stale: {max_age: 5m}}}]}";

#[test]
fn what_would_do_nothing_is_refused_with_the_reason() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let tools = &tools;
    let reviews = "selector: {app: reviews}";
    let gateway = "selector: {istio: ingressgateway}";
    // A canary needs routes.
    assert_eq!(refusal(tools, &canary("module: canary\nmode: CLIENT", "")), None);
    check(
        tools,
        &canary("module: canary\nmode: SERVER", ""),
        &["plugins.one.mode", "routes nothing", "CLIENT"],
    );
    check(
        tools,
        &canary("module: canary\nmode: CLIENT_AND_SERVER", ""),
        &["plugins.one.mode", "twice", "propagate.trace"],
    );
    assert_eq!(
        refusal(
            tools,
            &canary(
                "module: canary\nmode: CLIENT_AND_SERVER",
                ", propagate: {trace: true}"
            )
        ),
        None
    );
    check(
        tools,
        &suite("module: suite\nmode: SERVER", RELEASE),
        &["plugins.one.mode", "routes nothing"],
    );
    check(
        tools,
        &suite(
            "module: circuit-breaker\nmode: SERVER",
            "breakers: [{name: all, trip: {consecutive_failures: 5}, fallback: {reroute: {header: x-to, value: b}}}]",
        ),
        &["breakers[0].fallback.reroute", "CLIENT or GATEWAY"],
    );
    // Which proxies.
    let mode = |mode: &str, more: &str| {
        plugin(&format!(
            "module: rate-limit\nmode: {mode}\n{more}\npluginConfig: {{limits: [{{name: all, rate: 1/s}}]}}"
        ))
    };
    assert_eq!(refusal(tools, &mode("GATEWAY", gateway)), None);
    assert_eq!(refusal(tools, &mode("SERVER", reviews)), None);
    check(tools, &mode("GATEWAY", ""), &["plugins.one", "name the gateway"]);
    check(
        tools,
        &mode("SERVER", gateway),
        &["istio=ingressgateway", "installs nothing", "GATEWAY"],
    );
    check(
        tools,
        &mode(
            "SERVER",
            "selector: {gateway.networking.k8s.io/gateway-name: public}",
        ),
        &["gateway-name", "installs nothing"],
    );
    let refs = "targetRefs: [{kind: Service, name: reviews}]";
    assert_eq!(refusal(tools, &mode("GATEWAY", refs)), None);
    check(
        tools,
        &mode("SERVER", refs),
        &["plugins.one.targetRefs", "GATEWAY"],
    );
    check(
        tools,
        &mode("CLIENT", refs),
        &["plugins.one.targetRefs", "GATEWAY"],
    );
    check(
        tools,
        &mode("GATEWAY", &format!("{refs}\nports: [8000]")),
        &["plugins.one.ports", "waypoint"],
    );
    check(
        tools,
        &mode("GATEWAY", &format!("{refs}\n{gateway}")),
        &["selector and targetRefs"],
    );
}

#[test]
fn an_image_that_cannot_be_had_is_refused() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let tools = &tools;
    let with = |image: &str| format!("image: {image}\n{}", limit("1/s"));
    check(
        tools,
        &with("{tag: \"\"}"),
        &[
            "plugins.one",
            "neither a digest nor a tag",
            "image.digests.rate-limit",
        ],
    );
    check(
        tools,
        &with("{requireDigest: true}"),
        &["plugins.one.digest", "image.requireDigest"],
    );
    let digest = format!("sha256:{}", "0".repeat(64));
    for image in [
        format!("{{tag: \"\", digests: {{rate-limit: \"{digest}\"}}}}"),
        format!("{{requireDigest: true, digests: {{rate-limit: \"{digest}\"}}}}"),
    ] {
        assert_eq!(refusal(tools, &with(&image)), None);
    }
    // A tag of the plugin's own is no digest.
    check(
        tools,
        &format!(
            "{}    tag: \"2\"\n",
            with(&format!(
                "{{requireDigest: true, digests: {{rate-limit: \"{digest}\"}}}}"
            ))
        ),
        &["plugins.one.digest"],
    );
}

#[test]
fn a_config_that_a_lean_build_cannot_serve_is_refused() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let tools = &tools;
    let limits = |fields: &str| {
        plugin(&format!(
            "module: rate-limit-lean\nmode: SERVER\npluginConfig: {{limits: [{{name: all, rate: 1/s}}]{fields}}}"
        ))
    };
    check(tools, &limits(""), &["rate-limit-lean", "response_headers: none"]);
    assert_eq!(refusal(tools, &limits(", response_headers: none")), None);
    let lean = "module: canary-lean\nmode: CLIENT";
    assert_eq!(refusal(tools, &canary(lean, "")), None);
    for more in [", sticky: {cookie: {}}", ", guard: {error_rate: {max: 5%}}"] {
        check(
            tools,
            &canary(lean, more),
            &["canary-lean", "write module canary"],
        );
    }
    for (module, full, config) in [
        ("circuit-breaker-lean", "circuit-breaker", KEEPS.to_owned()),
        ("suite-lean", "suite", format!("{{circuit_breaker: {KEEPS}}}")),
    ] {
        let of = |module: &str| plugin(&format!("module: {module}\nmode: CLIENT\npluginConfig: {config}"));
        assert_eq!(refusal(tools, &of(full)), None);
        check(tools, &of(module), &[module, "breakers[0].fallback.stale"]);
    }
    // A guard needs headers of responses, which the lean suite sees.
    assert_eq!(
        refusal(
            tools,
            &suite(
                "module: suite-lean\nmode: CLIENT",
                "canary: {release: r, variants: [{name: v2}], guard: {error_rate: {max: 5%}}}"
            )
        ),
        None
    );
}
