//! The kustomize overlays: each builds, and acts or watches as its name says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{Tools, istio, named, run, starts, wasm};

fn build(tools: &Tools, folder: &Path) -> String {
    run(
        &tools.kubectl,
        &["kustomize", folder.to_str().expect("UTF-8")],
        "",
    )
    .output()
}

fn overlay(tools: &Tools, name: &str) -> Vec<Value> {
    tools.objects(&build(tools, &istio().join("kustomize/overlays").join(name)))
}

/// The modes of the filters that have one, by object: what they are told, `enforce` where nothing is said.
fn modes(objects: &[Value]) -> Vec<(String, Value)> {
    let mut modes = Vec::new();
    for object in objects {
        let config = &wasm(object)["pluginConfig"];
        let parts = match config.get("order") {
            Some(order) => order.as_array().expect("a list").iter().collect(),
            None => Vec::new(),
        };
        let mut add = |name: String, config: &Value| {
            let acts = config
                .get("limits")
                .or(config.get("variants"))
                .or(config.get("breakers"));
            if acts.is_some() {
                modes.push((name, config.get("mode").cloned().unwrap_or(json!("enforce"))));
            }
        };
        for part in &parts {
            let part = part.as_str().expect("a name");
            add(format!("{} {part}", named(object)), &config[part]);
        }
        add(named(object), config);
    }
    modes
}

fn weight(objects: &[Value]) -> &Value {
    let gateway = objects
        .iter()
        .find(|object| named(object) == "istio-system/fairlead-gateway");
    &wasm(gateway.expect("the gateway's plugin"))["pluginConfig"]["canary"]["variants"][0]["weight"]
}

#[test]
fn every_overlay_builds_what_can_be_used() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let folder = istio().join("kustomize/overlays");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["dev", "production", "production-enforce", "staging"]);
    for name in names {
        let text = build(&tools, &folder.join(&name));
        tools.accept(&name, &text);
        let objects = tools.objects(&text);
        assert_eq!(objects.len(), 3, "{name}");
        if objects.iter().any(|object| starts(&name, object).is_none()) {
            return;
        }
    }
}

#[test]
fn an_overlay_acts_or_watches_as_it_says() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for (name, mode, share) in [
        ("dev", "shadow", "10%"),
        ("staging", "enforce", "1%"),
        ("production", "shadow", "10%"),
        ("production-enforce", "enforce", "10%"),
    ] {
        let objects = overlay(&tools, name);
        let modes = modes(&objects);
        assert_eq!(modes.len(), 3, "{name}: {modes:?}");
        for (filter, is) in modes {
            assert_eq!(is, mode, "{filter} in {name}");
        }
        assert_eq!(weight(&objects), share, "{name}");
    }
}

#[test]
fn production_is_pinned_and_the_second_step_changes_nothing_but_modes() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let (first, mut second) = (
        overlay(&tools, "production"),
        overlay(&tools, "production-enforce"),
    );
    for object in &first {
        let wasm = wasm(object);
        let sha256 = wasm["sha256"].as_str().expect("a checksum, as text");
        let url = wasm["url"].as_str().expect("a url");
        assert!(url.ends_with(&format!("@sha256:{sha256}")), "{url}");
        assert_eq!(wasm["failStrategy"], "FAIL_RELOAD");
        assert_eq!(wasm["imagePullSecret"], "fairlead-registry");
    }
    assert_ne!(first, second);
    for object in &mut second {
        let config = &mut object["spec"]["pluginConfig"];
        for part in ["", "/canary", "/rate_limit"] {
            if let Some(mode) = config.pointer_mut(&format!("{part}/mode")) {
                *mode = json!("shadow");
            }
        }
    }
    assert_eq!(first, second);
}

#[test]
fn filters_can_be_switched_off_where_they_stand() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let copy = tempfile::tempdir().expect("a folder");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(istio().join("kustomize"))
        .arg(copy.path())
        .status()
        .expect("cp");
    assert!(copied.success());
    let folder = copy.path().join("kustomize/overlays/off");
    fs::create_dir(&folder).expect("a folder");
    let text = "resources: [../production-enforce]\ncomponents: [../../components/off]\n";
    fs::write(folder.join("kustomization.yaml"), text).expect("a file");
    let text = build(&tools, &folder);
    tools.accept("off", &text);
    // Text, and not false.
    for (filter, mode) in modes(&tools.objects(&text)) {
        assert_eq!(mode, json!("off"), "{filter}");
    }
}
