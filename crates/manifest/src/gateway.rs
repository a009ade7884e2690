//! `EnvoyExtensionPolicy` of Envoy Gateway: one object, whose list of filters is in the order of requests.

use crate::fail;
use crate::names;
use crate::options::{FailStrategy, Options};
use crate::place::{Kind, Ref, refs};
use crate::plugin::Plugin;
use crate::problem::Report;
use crate::yaml::{Map, Yaml};
use fairlead_config::policy::{Checked, Policy};

/// The object.
pub(crate) fn object(plugins: &[Plugin], policy: &Policy, options: &Options, report: &mut Report) -> Map {
    let targets = refs(&options.target_refs, &Kind::ENVOY_GATEWAY, report);
    if options.target_refs.is_empty() {
        report.refuse(
            "--target-ref",
            "is missing, and Envoy Gateway attaches nothing without it: write gateway/<name>, httproute/<name> or grpcroute/<name>",
        );
    }
    if options.fail_strategy == Some(FailStrategy::Reload) {
        report.refuse(
            "--fail-strategy",
            "reload, which Envoy Gateway cannot ask for: write close, which it does without, or open",
        );
    }
    if let Some(Err(why)) = options.namespace.as_deref().map(names::label) {
        report.refuse("--namespace", why);
    }
    for one in &policy.filters {
        if let Checked::Canary(canary) = &one.checked {
            let header = &canary.header;
            report.inform(
                "canary",
                format!("decides, and does not route: an HTTPRoute has to match {header}, and to have a rule for everyone else"),
            );
        }
    }
    let name = match (&options.name, plugins) {
        (Some(name), _) => name.as_str(),
        (None, [one]) => one.name.as_str(),
        (None, _) => "fairlead",
    };
    let mut object = Map::default();
    let filters: Vec<&str> = plugins
        .iter()
        .flat_map(|plugin| &plugin.filters)
        .map(|filter| filter.name())
        .collect();
    object.comment(format!(
        "Made by fairlead render: {}, in this order.",
        filters.join(", ")
    ));
    object.comment("Check it before you apply it: fairlead check FILE");
    object.add("apiVersion", "gateway.envoyproxy.io/v1alpha1");
    object.add("kind", "EnvoyExtensionPolicy");
    let mut metadata = Map::from([("name", name)]);
    metadata.maybe("namespace", options.namespace.as_deref());
    object.add("metadata", metadata);
    let mut spec = Map::default();
    spec.add("targetRefs", targets.iter().map(Ref::to_map).collect::<Vec<_>>());
    let wasm: Vec<Map> = plugins.iter().map(|plugin| filter(plugin, options)).collect();
    spec.add("wasm", wasm);
    object.add("spec", spec);
    object
}

fn filter(plugin: &Plugin, options: &Options) -> Map {
    let mut filter = Map::from([
        ("name", plugin.name.as_str()),
        ("rootID", plugin.module.file_name()),
    ]);
    let mut image = Map::default();
    image.add("url", plugin.source.reference());
    image.maybe("sha256", plugin.source.sha256());
    let secret = options.pull_secret.as_deref();
    image.maybe("pullSecretRef", secret.map(|name| Map::from([("name", name)])));
    let code: [(&str, Yaml); 3] = [
        ("type", "Image".into()),
        ("pullPolicy", "IfNotPresent".into()),
        ("image", image.into()),
    ];
    filter.add("code", Map::from(code));
    let strategy = options.fail_strategy.unwrap_or(FailStrategy::Close);
    filter.comment(fail::on_trap(strategy));
    filter.add("failOpen", strategy == FailStrategy::Open);
    filter.add("config", plugin.config.clone());
    filter
}
