//! The mesh that the filters are added to: its routes lead somewhere, and the filters' own numbers fit to it.

use std::collections::BTreeSet;

use fairlead_tests::modules::workspace;
use serde_json::{Value, json};

use crate::{Tools, files, istio, wasm};

fn object(tools: &Tools, name: &str) -> Value {
    tools.object(&istio().join("baseline").join(name))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn every_route_leads_to_a_subset() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let rule = object(&tools, "destinationrule.yaml");
    let subsets: BTreeSet<&str> = list(&rule["spec"]["subsets"])
        .iter()
        .filter_map(|subset| subset["name"].as_str())
        .collect();
    let routes = object(&tools, "virtualservice.yaml");
    let routes = list(&routes["spec"]["http"]);
    for route in routes {
        for to in list(&route["route"]) {
            let (host, subset) = (&to["destination"]["host"], &to["destination"]["subset"]);
            assert_eq!(*host, rule["spec"]["host"]);
            assert!(subsets.contains(subset.as_str().expect("a subset")), "{subset}");
        }
    }
    // Whoever the filter has not decided about is drawn by weights, as before: the last route, and without a match.
    let last = routes.last().expect("a route");
    assert!(last["match"].is_null());
    let weights: Vec<&Value> = list(&last["route"]).iter().map(|to| &to["weight"]).collect();
    assert_eq!(weights, [&json!(90), &json!(10)]);
}

#[test]
fn every_variant_of_a_canary_has_a_route() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let routes = object(&tools, "virtualservice.yaml");
    let mut canaries = 0;
    for file in files(&istio(), ".yaml") {
        let text = std::fs::read_to_string(&file).expect("a file");
        let outside = ["helm", "kustomize/components", "kustomize/overlays"];
        if !text.contains("pluginConfig") || outside.iter().any(|part| file.starts_with(istio().join(part))) {
            continue;
        }
        for object in tools.objects(&text) {
            let config = &wasm(&object)["pluginConfig"];
            let canary = config.get("canary").unwrap_or(config);
            let Some(variants) = canary.get("variants") else {
                continue;
            };
            canaries += 1;
            let header = canary["header"].as_str().expect("a header");
            let mut values: Vec<&Value> = list(variants)
                .iter()
                .map(|variant| variant.get("value").unwrap_or(&variant["name"]))
                .collect();
            // Without a value of its own the default variant would be drawn once more, by the weights.
            values.push(&canary["default"]["value"]);
            for value in values {
                let leads = list(&routes["spec"]["http"]).iter().any(|route| {
                    list(&route["match"])
                        .iter()
                        .any(|one| one["headers"][header]["exact"] == *value)
                });
                assert!(leads, "{value} in {}", file.display());
            }
        }
    }
    assert_eq!(canaries, 9);
}

#[test]
fn plugins_are_attached_to_the_ports_and_labels_of_the_service() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let service = object(&tools, "service.yaml");
    let port = &service["spec"]["ports"][0];
    for file in files(&istio(), "-client.yaml") {
        let plugin = tools.object(&file);
        let number = &plugin["spec"]["match"][0]["ports"][0]["number"];
        assert_eq!(*number, port["port"], "{}", file.display());
    }
    for name in [
        "rate-limit/wasmplugin.yaml",
        "latency-histogram/wasmplugin.yaml",
        "kustomize/base/service.yaml",
    ] {
        let plugin = tools.object(&istio().join(name));
        assert_eq!(
            plugin["spec"]["selector"]["matchLabels"], service["spec"]["selector"],
            "{name}"
        );
    }
    let gateway = object(&tools, "gateway.yaml");
    let virtual_service = object(&tools, "virtualservice.yaml");
    let known = json!(format!(
        "{}/{}",
        gateway["metadata"]["namespace"].as_str().expect("a namespace"),
        gateway["metadata"]["name"].as_str().expect("a name")
    ));
    assert!(list(&virtual_service["spec"]["gateways"]).contains(&known));
}

#[test]
fn single_hosts_are_ejected_before_a_breaker_opens() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let rule = object(&tools, "destinationrule.yaml");
    let ejects = rule["spec"]["trafficPolicy"]["outlierDetection"]["consecutive5xxErrors"].as_u64();
    let ejects = ejects.expect("a number");
    let breaker = tools.object(&istio().join("circuit-breaker/wasmplugin.yaml"));
    for breaker in list(&wasm(&breaker)["pluginConfig"]["breakers"]) {
        if let Some(opens) = breaker["trip"]["consecutive_failures"].as_u64() {
            assert!(ejects < opens, "{breaker}");
        }
    }
}

#[test]
fn the_pages_link_to_what_is_there() {
    for page in ["istio/README.md", "istio/rollback.md", "docs/install.md"] {
        let path = workspace().join(page);
        let text = std::fs::read_to_string(&path).expect("a page");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let mut count = 0;
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap_or_default();
            assert!(path.with_file_name("").join(file).exists(), "{page}: {link}");
            count += 1;
        }
        assert!(count > 0, "{page}");
    }
}
