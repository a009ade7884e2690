//! What `--target envoy --bootstrap` makes, in a real Envoy. Without an Envoy or without the modules in dist/ the test skips
//! itself, unless `CI` is `true`.

use super::{at, fairlead, images};
use fairlead_envoy::{Bootstrap, Envoy, Locator, Options};
use fairlead_upstream::Upstream;
use serde_json::json;
use std::io::Write;
use std::net::Ipv4Addr;

/// Everyone is in the canary, and a key may ask once an hour.
const POLICY: &str = r#"
rate_limit:
  limits:
  - name: per-key
    key:
    - {header: x-api-key}
    rate: 1/h
    burst: 1
  - name: anonymous
    match:
    - headers: {x-api-key: {absent: true}}
    key:
    - client_ip: {trusted_hops: 1}
    rate: 1/h
    burst: 1
  deny: {body: "later: \"1:30\" – or\tnever\n"}
canary:
  release: all
  variants:
  - {name: v2, weight: 100%}
  sticky:
    by:
    - {header: x-user-id}
    - {random: true}
"#;

/// Status and body of a request with this header.
fn ask(port: u16, name: &str, value: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let request = agent.get(format!("http://127.0.0.1:{port}/")).header(name, value);
    let mut response = request.call().unwrap();
    (
        response.status().as_u16(),
        response.body_mut().read_to_string().unwrap(),
    )
}

#[test]
fn a_real_envoy_starts_with_it_and_does_what_the_policy_says() {
    let envoy = match Locator::from_env(at(".fairlead")).locate_for_test() {
        Ok(Some(found)) => found.path,
        Ok(None) => return,
        Err(error) => panic!("{error}"),
    };
    let dist = at("dist");
    if !["suite", "suite-lean", "rate-limit", "canary"]
        .iter()
        .all(|module| dist.join(format!("{module}.wasm")).is_file())
    {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "dist/ lacks modules: cargo xtask build"
        );
        let _ = writeln!(
            std::io::stderr(),
            "skipped: a rendered bootstrap in Envoy (dist/ lacks modules)"
        );
        return;
    }
    let upstream = |version| Upstream::bind((Ipv4Addr::LOCALHOST, 0), version).unwrap();
    let (v1, v2) = (upstream("v1"), upstream("v2"));
    for (shape, images, module) in [
        ("suite", None, "/suite.wasm"),
        ("filters", None, "/canary.wasm"),
        // The record says that the lean build does for this policy. If it did not, Envoy would not start with it.
        ("parts", Some(images()), "/suite-lean.wasm"),
    ] {
        let upstreams = format!("{},v2={}", v1.address(), v2.address());
        let args = [
            "render",
            "--policy",
            "-",
            "--target",
            "envoy",
            "--bootstrap",
            "--as",
            shape,
            "--port",
            "0",
        ];
        let more = [
            "--admin-port",
            "0",
            "--upstream",
            &upstreams,
            "--modules",
            dist.to_str().unwrap(),
        ];
        let recorded = images.as_deref().map(|file| ["--images", file]);
        let recorded = recorded.as_ref().map_or(&[][..], |both| &both[..]);
        let output = fairlead(&[&args[..], &more, recorded].concat(), POLICY);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // Envoy reads the text itself, and lays it over a bootstrap that says nothing but where its admin interface is.
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(module), "{text}");
        let nothing = Bootstrap::new("fairlead").with("stats_config", json!({}));
        let options = Options::new(&envoy, nothing)
            .argument("--config-yaml")
            .argument(text);
        let envoy = Envoy::start(options).unwrap();
        let port = envoy.listener_port("fairlead").unwrap();
        let (status, body) = ask(port, "x-api-key", "alice");
        assert_eq!((status, body.contains("v2")), (200, true), "{shape}: {body}");
        let (status, body) = ask(port, "x-api-key", "alice");
        assert_eq!(
            (status, body.as_str()),
            (429, "later: \"1:30\" – or\tnever\n"),
            "{shape}"
        );
        assert_eq!(ask(port, "x-api-key", "bob").0, 200);
        // No address that a client writes makes it another client.
        let spoofed =
            ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|address| ask(port, "x-forwarded-for", address).0);
        assert_eq!(spoofed, [200, 429, 429], "{shape}");
        let metrics = envoy.prometheus().unwrap();
        let denied = |line: &&str| {
            line.starts_with("fairlead_rate_limit_requests_total{")
                && line.contains("cache=\"denied\"")
                && line.contains("tag=\"per-key\"")
        };
        let line = metrics.lines().find(denied).unwrap();
        assert!(line.ends_with(" 1"), "{line}");
    }
}
