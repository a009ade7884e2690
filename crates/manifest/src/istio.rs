//! `WasmPlugin` and `TrafficExtension`: an object for each plugin.
//!
//! Both kinds say the same; in the later one what is about Wasm stands under `wasm`.

use crate::chain::Link;
use crate::fail;
use crate::options::{FailStrategy, Options};
use crate::place::{Place, Ref};
use crate::plugin::Plugin;
use crate::yaml::{Map, Yaml};

/// The kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WasmPlugin,
    TrafficExtension,
}

/// An object for each plugin, in the order of requests.
pub(crate) fn objects(
    kind: Kind,
    plugins: &[Plugin],
    links: &[Link],
    place: &Place,
    options: &Options,
) -> Vec<Map> {
    let both = plugins.iter().zip(links).enumerate();
    both.map(|(index, (plugin, link))| {
        let turn = (plugins.len() > 1).then(|| turn(plugins, index));
        object(kind, plugin, *link, turn, place, options)
    })
    .collect()
}

/// `place 2 of 4: latency-histogram, rate-limit, canary, circuit-breaker`
fn turn(plugins: &[Plugin], index: usize) -> String {
    let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    format!(
        "place {} of {}: {}",
        index.saturating_add(1),
        names.len(),
        names.join(", ")
    )
}

fn object(
    kind: Kind,
    plugin: &Plugin,
    link: Link,
    turn: Option<String>,
    place: &Place,
    options: &Options,
) -> Map {
    let mut object = Map::default();
    let filters: Vec<&str> = plugin.filters.iter().map(|filter| filter.name()).collect();
    object.comment(format!("Made by fairlead render: {}.", filters.join(", ")));
    object.comment(format!("{}.", place.words()));
    object.comment("Check it before you apply it: fairlead check FILE");
    object.add("apiVersion", "extensions.istio.io/v1alpha1");
    let name = match kind {
        Kind::WasmPlugin => "WasmPlugin",
        Kind::TrafficExtension => "TrafficExtension",
    };
    object.add("kind", name);
    let mut metadata = Map::from([("name", plugin.name.as_str())]);
    metadata.maybe("namespace", place.namespace.as_deref());
    object.add("metadata", metadata);
    let mut spec = Map::default();
    attached(&mut spec, place);
    match kind {
        Kind::WasmPlugin => {
            image(&mut spec, plugin, options);
            chained(&mut spec, link, turn);
            run(&mut spec, plugin, options);
        }
        Kind::TrafficExtension => {
            chained(&mut spec, link, turn);
            let mut wasm = Map::default();
            image(&mut wasm, plugin, options);
            run(&mut wasm, plugin, options);
            spec.add("wasm", wasm);
        }
    }
    object.add("spec", spec);
    object
}

/// Which proxies, and which of their listeners.
fn attached(spec: &mut Map, place: &Place) {
    if !place.selector.is_empty() {
        let mut labels = Map::default();
        for (key, value) in &place.selector {
            labels.add(key, value.as_str());
        }
        spec.add("selector", Map::from([("matchLabels", labels)]));
    }
    if !place.refs.is_empty() {
        let refs: Vec<Map> = place.refs.iter().map(Ref::to_map).collect();
        spec.add("targetRefs", refs);
    }
    if place.mode.is_none() && place.ports.is_empty() {
        return;
    }
    let mut entry = Map::default();
    entry.maybe("mode", place.mode);
    if !place.ports.is_empty() {
        let port = |port: &u16| Map::from([("number", *port)]);
        entry.add("ports", place.ports.iter().map(port).collect::<Vec<_>>());
    }
    spec.add("match", vec![Yaml::from(entry)]);
}

fn image(spec: &mut Map, plugin: &Plugin, options: &Options) {
    if let Some(left_out) = &plugin.source.left_out {
        spec.comment(format!(
            "The lean build, for less: it lacks {}, and refuses a config that needs it.",
            if left_out.is_empty() {
                "callbacks".to_owned()
            } else {
                let told = left_out.iter().map(|callback| match callback.as_str() {
                    "delete" => "delete (the end of a request)",
                    callback => callback,
                });
                told.collect::<Vec<_>>().join(", ")
            }
        ));
    }
    spec.add("url", format!("oci://{}", plugin.source.reference()));
    spec.maybe("sha256", plugin.source.sha256());
    spec.add("imagePullPolicy", "IfNotPresent");
    spec.maybe("imagePullSecret", options.pull_secret.as_deref());
    spec.add("pluginName", plugin.module.file_name());
}

fn chained(spec: &mut Map, link: Link, turn: Option<String>) {
    if let Some(turn) = turn {
        spec.comment("Requests meet plugins by phase, then by falling priority; responses go the other way. This one has");
        spec.comment(format!("{turn}."));
    }
    spec.maybe("phase", link.phase_word());
    spec.add("priority", link.priority);
}

fn run(spec: &mut Map, plugin: &Plugin, options: &Options) {
    let strategy = options.fail_strategy.unwrap_or(FailStrategy::Reload);
    spec.comment(fail::on_trap(strategy));
    spec.comment(fail::on_missing_image(strategy));
    let word = match strategy {
        FailStrategy::Reload => "FAIL_RELOAD",
        FailStrategy::Close => "FAIL_CLOSE",
        FailStrategy::Open => "FAIL_OPEN",
    };
    spec.add("failStrategy", word);
    spec.add("pluginConfig", plugin.config.clone());
}
