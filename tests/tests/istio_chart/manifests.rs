//! The examples: each can be used, both kinds say the same, lean builds have what their configs need, and no plugin is
//! attached where it would do nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Tools, files, flat, istio, named, starts, wasm};

/// All manifests but those that Helm or kustomize make.
fn manifests() -> Vec<PathBuf> {
    let root = istio();
    let all = files(&root, ".yaml").into_iter();
    all.filter(|file| {
        !["helm", "kustomize"]
            .iter()
            .any(|made| file.starts_with(root.join(made)))
    })
    .collect()
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The plugins of the examples, with the file that each is in.
fn plugins(tools: &Tools) -> Vec<(PathBuf, Value)> {
    let mut plugins = Vec::new();
    for file in manifests() {
        for object in tools.objects(&text(&file)) {
            if object["apiVersion"] == "extensions.istio.io/v1alpha1" {
                plugins.push((file.clone(), object));
            }
        }
    }
    plugins
}

#[test]
fn every_manifest_can_be_used() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let all = manifests();
    assert!(all.len() > 20, "{all:?}");
    for file in &all {
        tools.read(&file.display().to_string(), &text(file));
    }
    let together: Vec<String> = all.iter().map(|file| text(file)).collect();
    tools.analyse("all of them", &together.join("\n---\n"));
}

#[test]
fn a_traffic_extension_says_what_its_wasm_plugin_says() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let says = |file: &Path, kind: &str| -> Vec<(String, Value)> {
        let objects = tools.objects(&text(file));
        assert!(
            objects.iter().all(|object| object["kind"] == kind),
            "{}",
            file.display()
        );
        let one = |object: &Value| (named(object), flat(object));
        objects.iter().map(one).collect()
    };
    let mut pairs = 0;
    for file in manifests() {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let other = name
            .replace("wasmplugin", "trafficextension")
            .replace("four-plugins", "four-trafficextensions");
        if other != name {
            pairs += 1;
            assert_eq!(
                says(&file, "WasmPlugin"),
                says(&file.with_file_name(&other), "TrafficExtension"),
                "{}",
                file.display()
            );
        }
    }
    let kinds = plugins(&tools);
    let count = |kind: &str| kinds.iter().filter(|(_, object)| object["kind"] == kind).count();
    assert_eq!(count("WasmPlugin"), count("TrafficExtension"));
    assert_eq!(pairs, 9);
}

#[test]
fn every_plugin_is_attached_where_it_acts() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for (file, object) in plugins(&tools) {
        let (file, spec) = (file.display(), &object["spec"]);
        let gateway = spec["selector"]["matchLabels"]["istio"] == "ingressgateway";
        let modes: Vec<&Value> = spec["match"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| &entry["mode"])
            .collect();
        // A gateway installs nothing by SERVER; a sidecar without a mode is asked twice.
        assert_eq!(modes.is_empty(), gateway, "{file}");
        assert!(
            modes.iter().all(|mode| **mode == "CLIENT" || **mode == "SERVER"),
            "{file}"
        );
        let config = &wasm(&object)["pluginConfig"];
        if config.get("variants").or(config.get("canary")).is_some() {
            assert!(!modes.contains(&&json!("SERVER")), "{file}");
        }
        assert_eq!(wasm(&object)["failStrategy"], "FAIL_RELOAD", "{file}");
        assert_eq!(
            object["metadata"]["namespace"],
            if gateway { "istio-system" } else { "demo" },
            "{file}"
        );
        let url = wasm(&object)["url"].as_str().expect("a url");
        assert!(url.starts_with("oci://registry.example.com/fairlead/"), "{url}");
    }
}

#[test]
fn the_build_that_a_plugin_names_takes_its_config() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let mut lean = 0;
    for (file, object) in plugins(&tools) {
        let Some(build) = starts(&file.display().to_string(), &object) else {
            return;
        };
        lean += usize::from(build.ends_with("-lean"));
    }
    assert_eq!(lean, 2);
}

#[test]
fn four_plugins_of_one_image_have_the_policy_and_the_order_of_the_one_plugin() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for (one, four) in [
        ("wasmplugin.yaml", "four-plugins.yaml"),
        ("trafficextension.yaml", "four-trafficextensions.yaml"),
    ] {
        let suite = istio().join("suite");
        let mut policy = wasm(&tools.object(&suite.join(one)))["pluginConfig"].clone();
        let order = policy.as_object_mut().expect("a map").remove("order");
        let mut parts = tools.objects(&text(&suite.join(four)));
        parts.sort_by_key(|part| -part["spec"]["priority"].as_i64().expect("a priority"));
        let mut together = BTreeMap::new();
        let mut met = Vec::new();
        let mut names = Vec::new();
        for part in &parts {
            let config = wasm(part)["pluginConfig"].as_object().expect("a map");
            let [(filter, config)] = config.iter().collect::<Vec<_>>()[..] else {
                panic!("one filter each: {config:?}")
            };
            met.push(filter.clone());
            together.insert(filter.clone(), config.clone());
            names.push(wasm(part)["pluginName"].clone());
            assert_eq!(part["spec"]["phase"], "STATS");
            assert_eq!(wasm(part)["url"], wasm(&parts[0])["url"], "one image");
            assert_eq!(part["spec"]["selector"]["matchLabels"]["istio"], "ingressgateway");
        }
        assert_eq!(json!(together), policy);
        assert_eq!(Some(json!(met)), order);
        names.dedup();
        assert_eq!(names.len(), 4, "each its own name");
    }
}
