//! What `fairlead render` reads: a policy with its order, a record of images, Services.

use crate::document::{Kind, Lines, Mistake, Node};
use crate::policy_file::{self, Advice, Refused};
use crate::yaml;
use fairlead_config::policy::{Policy, parse_policy};
use fairlead_manifest::{Map, Record, Service, Yaml};
use std::path::Path;

/// Where `fairlead package` leaves its record.
const RECORD: &str = "dist/images.json";

/// A policy without mistakes.
pub(super) struct Written {
    pub(super) policy: Policy,
    /// As it was written.
    pub(super) map: Map,
    pub(super) lines: Lines,
    pub(super) advice: Vec<Advice>,
}

/// Reads a policy (`-`: standard input), and checks it as `fairlead check` does.
///
/// # Errors
/// Every mistake.
pub(super) fn policy(file: &str) -> Result<Written, Refused> {
    let refused = |mistakes| Refused {
        mistakes,
        skipped: Vec::new(),
    };
    let text = policy_file::text_of(file).map_err(|mistake| refused(vec![mistake]))?;
    let documents = yaml::documents(&text).map_err(refused)?;
    if let Some(object) = documents.iter().find(|document| document.get("kind").is_some()) {
        let message = "is a Kubernetes object: write a policy, a map of filter to pluginConfig";
        return Err(refused(vec![Mistake::at(object.line, message)]));
    }
    let checked = policy_file::parse(&text)?;
    let (Some(document), advice) = (
        documents.first(),
        checked.filters.into_iter().flat_map(|placed| placed.advice),
    ) else {
        return Err(refused(vec![Mistake::at(0, "is empty")]));
    };
    let policy = parse_policy(&document.to_value())
        .map_err(|errors| refused(vec![Mistake::at(0, errors.to_string())]))?;
    Ok(Written {
        policy,
        map: map(document),
        lines: document.lines(),
        advice: advice.collect(),
    })
}

fn map(node: &Node) -> Map {
    let mut map = Map::default();
    if let Kind::Object(entries) = &node.kind {
        for entry in entries {
            map.add(&entry.key, value(&entry.value));
        }
    }
    map
}

/// A value as it was written.
pub(super) fn value(node: &Node) -> Yaml {
    match &node.kind {
        Kind::Null => Yaml::Null,
        Kind::Bool(value) => Yaml::Bool(*value),
        Kind::Number(number) => Yaml::Number(number.clone()),
        Kind::Text(text) => Yaml::Text(text.clone()),
        Kind::List(items) => Yaml::List(items.iter().map(value).collect()),
        Kind::Object(_) => Yaml::Map(map(node)),
    }
}

/// The record that is asked for, or the usual one if it is there.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn images(asked: Option<&Path>) -> Result<Option<Record>, String> {
    let file = match asked {
        Some(file) => file,
        None if Path::new(RECORD).is_file() => Path::new(RECORD),
        None => return Ok(None),
    };
    let wrong = |why: String| format!("--images: {} {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    Record::parse(&text).map(Some).map_err(wrong)
}

/// The Services of a file of Kubernetes objects.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn services(file: Option<&Path>) -> Result<Vec<Service>, String> {
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    let wrong = |why: String| format!("--service: {} {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let documents = yaml::documents(&text).map_err(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(|mistake| mistake.message.clone()).collect();
        wrong(all.join("; "))
    })?;
    let is_service = |node: &&Node| node.get("kind").and_then(Node::text) == Some("Service");
    let found = documents.iter().filter(is_service);
    let services = found.map(|node| Service::read(&node.to_value()).map_err(wrong));
    let services: Vec<Service> = services.collect::<Result<_, _>>()?;
    if services.is_empty() {
        return Err(wrong("holds no object of kind Service".to_owned()));
    }
    Ok(services)
}
