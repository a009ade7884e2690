//! What the chart renders: reviewed files in `tests/golden/istio_chart`, and what must hold of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Tools, files, flat, istio, named, run, starts, wasm};

const NEWER: &str = "extensions.istio.io/v1alpha1/TrafficExtension";

/// Files of values, what else Helm is told, and what it renders then.
const RENDERED: &[(&str, &[&str], &str)] = &[
    ("gateway-values.yaml", &[], "gateway.yaml"),
    ("sidecars-values.yaml", &[], "sidecars.yaml"),
    ("gateway-api-values.yaml", &[], "gateway-api.yaml"),
    ("auto-values.yaml", &[], "auto-wasmplugin.yaml"),
    (
        "auto-values.yaml",
        &["--api-versions", NEWER],
        "auto-trafficextension.yaml",
    ),
];

pub(crate) fn chart() -> PathBuf {
    istio().join("helm/fairlead")
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/istio_chart")
        .join(name)
}

/// Values to begin with, one file for each way to use the chart.
fn values() -> Vec<PathBuf> {
    files(&chart().join("ci"), "-values.yaml")
}

fn render(tools: &Tools, values: &Path, more: &[&str]) -> String {
    let (chart, values) = (chart(), values.to_owned());
    let mut arguments = vec!["template", "fairlead", chart.to_str().expect("UTF-8")];
    arguments.extend(["--namespace", "demo", "--values", values.to_str().expect("UTF-8")]);
    arguments.extend(more);
    run(&tools.helm, &arguments, "").output()
}

/// All that is rendered from the values that come with the chart, with what it is called.
fn rendered(tools: &Tools) -> Vec<(&'static str, String)> {
    let one = |(values, more, name): &(&str, &[&str], &'static str)| {
        (*name, render(tools, &chart().join("ci").join(values), more))
    };
    RENDERED.iter().map(one).collect()
}

#[test]
fn the_chart_and_all_values_that_come_with_it_pass_lint() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let chart = chart();
    let chart = chart.to_str().expect("UTF-8");
    let ran = run(&tools.helm, &["lint", "--strict", chart], "");
    assert!(ran.good && !ran.out.contains("WARNING"), "{}", ran.out);
    for file in values() {
        let file = file.to_str().expect("UTF-8");
        let ran = run(&tools.helm, &["lint", "--strict", chart, "--values", file], "");
        assert!(ran.good && !ran.out.contains("WARNING"), "{file}: {}", ran.out);
    }
}

#[test]
fn the_chart_renders_what_was_reviewed() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for file in values() {
        let name = file.file_name().expect("a name").to_str();
        assert!(
            RENDERED.iter().any(|(values, _, _)| Some(*values) == name),
            "{name:?}"
        );
    }
    for (name, text) in rendered(&tools) {
        let path = golden(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, &text).expect("a file");
        }
        let reviewed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text == reviewed,
            "{} is not current: run this test with UPDATE_GOLDEN=1 in the environment, and review the difference\n{text}",
            path.display()
        );
    }
}

#[test]
fn all_that_the_chart_renders_can_be_used() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for (name, text) in rendered(&tools) {
        tools.accept(name, &text);
        for object in tools.objects(&text) {
            if starts(name, &object).is_none() {
                return;
            }
        }
    }
}

#[test]
fn the_chart_and_the_examples_have_the_version_of_the_project() {
    let version = env!("CARGO_PKG_VERSION");
    let text = |path: PathBuf| fs::read_to_string(path).expect("a file");
    let about = text(chart().join("Chart.yaml"));
    for line in [format!("version: {version}"), format!("appVersion: {version}")] {
        assert!(about.lines().any(|one| one == line), "{line}");
    }
    assert!(text(chart().join("values.yaml")).contains(&format!("\n  tag: {version}\n")));
    for file in files(&istio(), ".yaml") {
        let tag = |line: &str| {
            line.split_once("url: oci://registry.example.com/fairlead/")
                .is_some()
        };
        for line in text(file.clone()).lines().filter(|line| tag(line)) {
            assert!(
                line.ends_with(&format!(":{version}")),
                "{}: {line}",
                file.display()
            );
        }
    }
}

#[test]
fn without_values_the_chart_installs_nothing() {
    let Some(tools) = Tools::find() else {
        return;
    };
    assert_eq!(
        render(&tools, &chart().join("values.yaml"), &[]).trim(),
        String::new()
    );
}

#[test]
fn both_kinds_say_the_same() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for file in values() {
        let kind = |kind: &str| {
            let set = format!("kind={kind}");
            tools.objects(&render(&tools, &file, &["--set", &set]))
        };
        let (plugins, extensions) = (kind("WasmPlugin"), kind("TrafficExtension"));
        assert!(!plugins.is_empty());
        let says = |objects: &[Value], kind: &str| -> Vec<(String, Value)> {
            assert!(objects.iter().all(|object| object["kind"] == kind));
            objects
                .iter()
                .map(|object| (named(object), flat(object)))
                .collect()
        };
        assert_eq!(
            says(&plugins, "WasmPlugin"),
            says(&extensions, "TrafficExtension"),
            "{}",
            file.display()
        );
        assert!(extensions.iter().all(|object| object["spec"]["url"].is_null()));
    }
}

#[test]
fn the_kind_can_be_left_to_the_cluster() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let file = chart().join("ci/auto-values.yaml");
    for (more, expected) in [
        (&[][..], "WasmPlugin"),
        (&["--api-versions", NEWER], "TrafficExtension"),
    ] {
        let objects = tools.objects(&render(&tools, &file, more));
        assert!(
            objects.iter().all(|object| object["kind"] == expected),
            "{expected}"
        );
        // One of the three plugins is not enabled.
        assert_eq!(objects.len(), 2);
    }
}

#[test]
fn what_values_say_reaches_the_object_as_it_is() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let text = render(&tools, &chart().join("ci/gateway-values.yaml"), &[]);
    let objects = tools.objects(&text);
    let [object] = objects.as_slice() else {
        panic!("{text}")
    };
    // A digest of digits alone stays text, in quotes.
    let digits = "0".repeat(64);
    assert!(text.contains(&format!("sha256: \"{digits}\"")), "{text}");
    assert_eq!(wasm(object)["sha256"], json!(digits));
    let url = wasm(object)["url"].as_str().expect("a url");
    assert!(url.ends_with(&format!("/suite-lean@sha256:{digits}")), "{url}");
    // A large number stays an integer.
    let limit = &wasm(object)["pluginConfig"]["rate_limit"]["limits"][0];
    assert_eq!(limit["max_keys"], json!(1_000_000));
    assert_eq!(named(object), "istio-system/fairlead-gateway");
    assert_eq!(wasm(object)["imagePullSecret"], "fairlead-registry");
    // The order of filters is that of the values, not of the alphabet.
    let order = &wasm(object)["pluginConfig"]["order"];
    assert_eq!(
        *order,
        json!(["canary", "latency_histogram", "rate_limit", "circuit_breaker"])
    );
}

#[test]
fn digests_come_from_the_record_of_the_images() {
    let Some(tools) = Tools::find() else {
        return;
    };
    // What the page on installing tells to do with dist/images.json.
    let digest = format!("sha256:{}", "ab".repeat(32));
    let folder = tempfile::tempdir().expect("a folder");
    let digests = folder.path().join("digests.json");
    let image = json!({"image": {"digests": {"rate-limit": digest}, "requireDigest": true}});
    fs::write(&digests, image.to_string()).expect("a file");
    let digests = digests.to_str().expect("UTF-8");
    let file = chart().join("ci/gateway-api-values.yaml");
    let more = ["--values", digests, "--set", "plugins.waypoint.enabled=false"];
    let objects = tools.objects(&render(&tools, &file, &more));
    assert_eq!(wasm(&objects[0])["sha256"], json!("ab".repeat(32)));
}
