//! Kubernetes objects: the pluginConfigs of WasmPlugins and TrafficExtensions, in the order in which Istio chains them.

use super::{Placed, PolicyFile, Refused, advice, below, item, located};
use crate::document::{Kind, Lines, Mistake, Node};
use fairlead_config::Filter;
use fairlead_config::istio::{Attachment, Phase, attachment};
use fairlead_config::policy::Checked;
use std::cmp::Reverse;

/// Istio's order: phase, falling priority, creation time (an object that was never created comes first), name, namespace.
type Place = ((Phase, Reverse<i32>), String, String, String);

#[derive(Default)]
struct Reader {
    filters: Vec<(Place, Placed)>,
    skipped: Vec<String>,
    mistakes: Vec<Mistake>,
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
        mut filters,
        skipped,
        mut mistakes,
    } = reader;
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|mistake| mistake.line);
        return Err(Refused { mistakes, skipped });
    }
    filters.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(PolicyFile {
        filters: filters.into_iter().map(|(_, placed)| placed).collect(),
        skipped,
    })
}

impl Reader {
    /// One object, which stands at `part` of its document.
    fn object(&mut self, object: &Node, part: &str, lines: &Lines) {
        let Some(kind) = object.get("kind").and_then(Node::text) else {
            let message = "has no kind: it is not a Kubernetes object";
            self.mistakes.push(Mistake {
                line: object.line,
                path: part.to_owned(),
                message: message.to_owned(),
            });
            return;
        };
        let metadata = |key: &str| {
            object
                .get("metadata")
                .and_then(|metadata| metadata.get(key))
                .and_then(Node::text)
        };
        let name = metadata("name").unwrap_or("unnamed");
        let namespace = metadata("namespace").unwrap_or("default");
        let shown = format!("{kind} {namespace}/{name}");
        let carries = match kind {
            "WasmPlugin" => "pluginConfig",
            "TrafficExtension" => "wasm.pluginConfig",
            _ => {
                self.skipped.push(format!("{shown} has no pluginConfig"));
                return;
            }
        };
        let spec_path = below(part, "spec");
        let Some(spec) = object.get("spec") else {
            let message = format!("is missing: {shown} needs it");
            self.mistakes.push(Mistake {
                line: object.line,
                path: spec_path,
                message,
            });
            return;
        };
        let attached = match attachment(&spec.to_value()) {
            Ok(attached) => attached,
            Err(errors) => return self.mistakes.extend(located(&errors, &spec_path, lines)),
        };
        let Some(filter) = which(&attached) else {
            self.skipped.push(format!(
                "{shown} does not name a filter of Fairlead in pluginName or url"
            ));
            return;
        };
        let plugin_config = attached.plugin_config.to_string().into_bytes();
        let config_path = below(&spec_path, carries);
        match Checked::parse(filter, &plugin_config) {
            Ok(checked) => {
                let created = metadata("creationTimestamp").unwrap_or_default();
                let place = (
                    attached.place(),
                    created.to_owned(),
                    name.to_owned(),
                    namespace.to_owned(),
                );
                let placed = Placed {
                    plugin: format!("{namespace}.{name}"),
                    filter,
                    plugin_config,
                    advice: advice(&checked, &config_path, lines),
                    checked,
                    object: Some(shown),
                };
                self.filters.push((place, placed));
            }
            Err(errors) => self.mistakes.extend(located(&errors, &config_path, lines)),
        }
    }
}

/// Which filter an object attaches: by its plugin's name, else by the file or image that its url ends in.
fn which(attached: &Attachment) -> Option<Filter> {
    let is = |filter: &Filter, word: &str| word == filter.file_name() || word == filter.name();
    let named = attached.plugin_name.as_deref();
    let by_name = Filter::ALL
        .into_iter()
        .find(|filter| named.is_some_and(|name| is(filter, name)));
    let url = attached.url.as_deref().unwrap_or_default();
    let last = url.rsplit('/').next().unwrap_or_default();
    let image = last.split(['@', ':']).next().unwrap_or_default();
    let image = image.strip_suffix(".wasm").unwrap_or(image);
    let image = image.strip_prefix("fairlead-").unwrap_or(image);
    by_name.or_else(|| Filter::ALL.into_iter().find(|filter| is(filter, image)))
}
