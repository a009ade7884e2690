//! Kubernetes objects: the pluginConfigs of WasmPlugins and TrafficExtensions in the order in which Istio chains them, and
//! those of Envoy Gateway's EnvoyExtensionPolicies.

use super::{Placed, Plugin, PolicyFile, Refused, advice, apart, below, item, located};
use crate::document::{Kind, Lines, Mistake, Node};
use fairlead_config::gateway::{Extension, extensions};
use fairlead_config::istio::{Phase, attachment};
use fairlead_config::policy::{Checked, parse_policy};
use fairlead_config::{Errors, Module};
use serde_json::Value;
use std::cmp::Reverse;

/// Istio's order: phase, falling priority, creation time (an object that was never created comes first), name, namespace.
type Place = ((Phase, Reverse<i32>), String, String, String);

#[derive(Default)]
struct Reader {
    found: Vec<(Place, Found)>,
    skipped: Vec<String>,
    mistakes: Vec<Mistake>,
}

/// A module of ours, with the filters that it runs.
struct Found {
    plugin: Plugin,
    filters: Vec<Placed>,
}

/// An object of a file, and where it stands.
struct Object<'d> {
    node: &'d Node,
    part: &'d str,
    lines: &'d Lines,
    /// `WasmPlugin demo/rate-limit`.
    shown: String,
    name: &'d str,
    namespace: &'d str,
}

/// Reads the objects of a file.
pub(super) fn read(documents: &[Node]) -> Result<PolicyFile, Refused> {
    let mut reader = Reader::default();
    for document in documents {
        let lines = document.lines();
        reader.mistakes.extend(document.repeated());
        match (
            document.get("kind").and_then(Node::text),
            document.get("items").map(|items| &items.kind),
        ) {
            (Some("List"), Some(Kind::List(items))) => {
                for (index, object) in items.iter().enumerate() {
                    reader.object(object, &item("", "items", index), &lines);
                }
            }
            _ => reader.object(document, "", &lines),
        }
    }
    let Reader {
        mut found,
        skipped,
        mut mistakes,
    } = reader;
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|mistake| mistake.line);
        return Err(Refused { mistakes, skipped });
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (plugins, filters): (Vec<Plugin>, Vec<Vec<Placed>>) = found
        .into_iter()
        .map(|(_, found)| (found.plugin, found.filters))
        .unzip();
    Ok(PolicyFile {
        filters: filters.into_iter().flatten().collect(),
        plugins,
        skipped,
    })
}

impl Reader {
    /// One object, which stands at `part` of its document.
    fn object(&mut self, node: &Node, part: &str, lines: &Lines) {
        let Some(kind) = node.get("kind").and_then(Node::text) else {
            let message = "has no kind: it is not a Kubernetes object";
            self.mistakes.push(Mistake {
                line: node.line,
                path: part.to_owned(),
                message: message.to_owned(),
            });
            return;
        };
        let name = metadata(node, "name").unwrap_or("unnamed");
        let namespace = metadata(node, "namespace").unwrap_or("default");
        let object = Object {
            node,
            part,
            lines,
            shown: format!("{kind} {namespace}/{name}"),
            name,
            namespace,
        };
        match kind {
            "WasmPlugin" => self.istio(&object, "pluginConfig"),
            "TrafficExtension" => self.istio(&object, "wasm.pluginConfig"),
            "EnvoyExtensionPolicy" => self.gateway(&object),
            _ => self.skipped.push(format!("{} has no pluginConfig", object.shown)),
        }
    }

    /// The spec of an object, which must have one, and its path.
    fn spec(&mut self, object: &Object<'_>) -> Option<(Value, String)> {
        let path = below(object.part, "spec");
        match object.node.get("spec") {
            Some(spec) => Some((spec.to_value(), path)),
            None => {
                self.mistakes.push(Mistake {
                    line: object.node.line,
                    path,
                    message: format!("is missing: {} needs it", object.shown),
                });
                None
            }
        }
    }

    fn istio(&mut self, object: &Object<'_>, carries: &str) {
        let Some((spec, path)) = self.spec(object) else {
            return;
        };
        let attached = match attachment(&spec) {
            Ok(attached) => attached,
            Err(errors) => return self.refuse(&errors, &path, object),
        };
        let named = attached.plugin_name.as_deref().and_then(Module::named);
        let Some(module) = named.or_else(|| image(attached.url.as_deref())) else {
            self.skipped.push(format!(
                "{} does not name a filter of Fairlead in pluginName or url",
                object.shown
            ));
            return;
        };
        let name = format!("{}.{}", object.namespace, object.name);
        let place = (
            attached.place(),
            metadata(object.node, "creationTimestamp")
                .unwrap_or_default()
                .to_owned(),
            object.name.to_owned(),
            object.namespace.to_owned(),
        );
        self.module(
            object,
            place,
            name,
            module,
            &attached.plugin_config,
            &below(&path, carries),
        );
    }

    fn gateway(&mut self, object: &Object<'_>) {
        let Some((spec, path)) = self.spec(object) else {
            return;
        };
        let all = match extensions(&spec) {
            Ok(all) => all,
            Err(errors) => return self.refuse(&errors, &path, object),
        };
        let before = self.found.len();
        for (index, extension) in all.iter().enumerate() {
            let Some(module) = of_gateway(extension) else {
                continue;
            };
            let (kind, _) = object.shown.split_once(' ').unwrap_or_default();
            let own = || {
                let kind = kind.to_ascii_lowercase();
                format!("{kind}/{}/{}/wasm/{index}", object.namespace, object.name)
            };
            let place = (
                (Phase::Unspecified, Reverse(i32::MIN)),
                metadata(object.node, "creationTimestamp")
                    .unwrap_or_default()
                    .to_owned(),
                object.name.to_owned(),
                object.namespace.to_owned(),
            );
            let name = extension.name.clone().unwrap_or_else(own);
            let carries = below(&item(&path, "wasm", index), "config");
            self.module(object, place, name, module, &extension.config, &carries);
        }
        if self.found.len() == before && self.mistakes.is_empty() {
            self.skipped.push(format!(
                "{} does not name a filter of Fairlead in rootID, url or name",
                object.shown
            ));
        }
    }

    /// A module of ours with its config, which stands at `path`.
    fn module(
        &mut self,
        object: &Object<'_>,
        place: Place,
        name: String,
        module: Module,
        config: &Value,
        path: &str,
    ) {
        let bytes = config.to_string().into_bytes();
        let filters = match module {
            Module::Filter(filter) => Checked::parse(filter, &bytes).map(|checked| {
                vec![Placed {
                    plugin: name.clone(),
                    module,
                    filter,
                    plugin_config: bytes.clone(),
                    advice: advice(&checked, path, object.lines),
                    checked,
                    object: Some(object.shown.clone()),
                }]
            }),
            Module::Suite => parse_policy(config).map(|policy| {
                let together = policy.suite_warnings();
                let filters = apart(policy, &together, path, object.lines).into_iter();
                let filters = filters.map(|placed| Placed {
                    plugin: name.clone(),
                    module,
                    object: Some(object.shown.clone()),
                    ..placed
                });
                filters.collect()
            }),
        };
        match filters {
            Ok(filters) => {
                let plugin = Plugin {
                    name,
                    module,
                    config: bytes,
                };
                self.found.push((place, Found { plugin, filters }));
            }
            Err(errors) => self.refuse(&errors, path, object),
        }
    }

    fn refuse(&mut self, errors: &Errors, path: &str, object: &Object<'_>) {
        self.mistakes.extend(located(errors, path, object.lines));
    }
}

fn metadata<'n>(object: &'n Node, key: &str) -> Option<&'n str> {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get(key))
        .and_then(Node::text)
}

/// The module of an entry of an EnvoyExtensionPolicy, if it is one of ours.
fn of_gateway(extension: &Extension) -> Option<Module> {
    let named = |name: &Option<String>| name.as_deref().and_then(Module::named);
    named(&extension.root_id)
        .or_else(|| image(extension.url.as_deref()))
        .or_else(|| named(&extension.name))
}

/// The module that a url ends in: a file or an image, of either build.
fn image(url: Option<&str>) -> Option<Module> {
    let last = url?.rsplit('/').next().unwrap_or_default();
    let image = last.split(['@', ':']).next().unwrap_or_default();
    let image = image.strip_suffix(".wasm").unwrap_or(image);
    let image = image.strip_suffix("-lean").unwrap_or(image);
    Module::named(image.strip_prefix("fairlead-").unwrap_or(image))
}
