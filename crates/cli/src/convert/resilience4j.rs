//! resilience4j's breakers in the configuration of a Spring application (source: its `InstanceProperties`).
//!
//! An instance has the fields of its own, then those of its `baseConfig`, of the config of its own name, or of the config
//! `default`, as resilience4j looks them up. Names are read as Spring does: with or without dashes, in either case, with
//! dots or one below the other. A field that nobody wrote is as the preset has it, which has resilience4j's defaults.

mod instance;

use super::draft::{Log, Made, Place};
use super::fields::{Fields, Found};
use crate::document::{Entry, Kind, Mistake, Node, join};

/// Where the breakers are.
const RESILIENCE4J: &str = "resilience4j";
const BREAKERS: [&str; 2] = [RESILIENCE4J, "circuitbreaker"];
/// The config of whoever has no other.
const DEFAULT: &str = "default";
/// The longest row of configs on configs.
const LONGEST_CHAIN: usize = 16;

/// Whether the document configures resilience4j.
pub(super) fn is_one(document: &Node) -> bool {
    find(&without_dots(document), "", &[RESILIENCE4J]).is_some()
}

/// Reads the breakers.
///
/// # Errors
/// Every mistake.
pub(super) fn read(documents: &[Node]) -> Result<Made, Vec<Mistake>> {
    let mut made = Made::new("resilience4j");
    let mut log = Log::default();
    let documents: Vec<Node> = documents.iter().map(without_dots).collect();
    for document in &documents {
        let Some((breakers, path)) = find(document, "", &BREAKERS) else {
            continue;
        };
        section(breakers, &path, &mut made, &mut log);
        beside(document, &mut log);
    }
    if made.drafts.is_empty() && log.mistakes.is_empty() {
        let message = "holds no breaker: write resilience4j.circuitbreaker.instances, or its configs";
        return Err(vec![Mistake::at(0, message)]);
    }
    log.changed(
        &Place {
            line: 0,
            path: String::new(),
        },
        "each breaker is about every request that the filter sees: say in `match` which calls it guards. What has failed is \
         said by `failure`, for which resilience4j has exceptions",
    );
    log.finish(made)
}

/// `resilience4j.circuitbreaker`.
fn section(node: &Node, path: &str, made: &mut Made, log: &mut Log) {
    let configs = children(node, path, &["configs"], log);
    let mut instances = children(node, path, &["instances"], log);
    instances.extend(children(node, path, &["backends"], log));
    // Breakers that are named in the code alone have the default config.
    let of_configs = instances.is_empty();
    let named = if of_configs { &configs } else { &instances };
    for one in named {
        let Some(properties) = effective(one, &configs, log) else {
            continue;
        };
        let what = if of_configs { "config" } else { "instance" };
        let of = format!("{what} {}, line {}", one.key, one.at.line);
        made.drafts.push(instance::read(one, of, &properties, log));
    }
    for found in Fields::of(node, path, log).rest() {
        if !["configs", "instances", "backends"].contains(&normal(found.key).as_str()) {
            log.lost(
                &found.at,
                "is about the application, or no field that is known here",
            );
        }
    }
}

/// The other parts of resilience4j that have a place in a policy.
fn beside(document: &Node, log: &mut Log) {
    for (part, why) in [
        ("timelimiter", "a breaker's timeout says this: write timeout: 3s"),
        (
            "bulkhead",
            "a breaker's max_in_flight says this: write max_in_flight: 25",
        ),
        (
            "thread-pool-bulkhead",
            "a proxy has no pools of threads; max_in_flight is near",
        ),
        ("ratelimiter", "the rate_limit filter says this"),
        ("retry", "retries are the route's: VirtualService, HTTPRoute"),
    ] {
        let path = [RESILIENCE4J, part];
        if let Some((node, path)) = find(document, "", &path) {
            let at = Place {
                line: node.line,
                path,
            };
            log.lost(&at, format!("is not read: {why}"));
        }
    }
}

/// The fields of an instance, its own first.
fn effective<'n>(one: &Found<'n>, configs: &[Found<'n>], log: &mut Log) -> Option<Vec<(String, Found<'n>)>> {
    let mut all: Vec<(String, Found<'n>)> = Vec::new();
    let mut next = Some(one.clone());
    let mut first = true;
    let mut length: usize = 0;
    while let Some(current) = next.take() {
        length = length.saturating_add(1);
        if length > LONGEST_CHAIN {
            log.mistake(&one.at, "goes round in its baseConfig: end the chain");
            return None;
        }
        let mut base = None;
        for found in Fields::of(current.value, &current.at.path, log).rest() {
            let key = normal(found.key);
            if key == "baseconfig" {
                base = Some(found);
            } else if found.value.kind != Kind::Null && !all.iter().any(|(known, _)| *known == key) {
                all.push((key, found));
            }
        }
        let config = |name: &str| configs.iter().find(|config| config.key == name).cloned();
        next = match base {
            Some(base) => {
                let name = base.text(log)?;
                let config = config(name);
                if config.is_none() {
                    log.wrong(&base.at, base.value, "the name of one of the configs");
                    return None;
                }
                config
            }
            None if first => config(one.key)
                .or_else(|| config(DEFAULT))
                .filter(|config| config.at.path != one.at.path),
            None => None,
        };
        first = false;
    }
    Some(all)
}

/// The named objects below `want`.
fn children<'n>(node: &'n Node, path: &str, want: &[&str], log: &mut Log) -> Vec<Found<'n>> {
    match find(node, path, want) {
        Some((node, path)) => Fields::of(node, &path, log).rest(),
        None => Vec::new(),
    }
}

/// The node below `want`, with its path.
fn find<'n>(node: &'n Node, path: &str, want: &[&str]) -> Option<(&'n Node, String)> {
    let Some((first, rest)) = want.split_first() else {
        return Some((node, path.to_owned()));
    };
    let Kind::Object(entries) = &node.kind else {
        return None;
    };
    let Entry { key, value, .. } = entries.iter().find(|entry| normal(&entry.key) == normal(first))?;
    find(value, &join(path, key), rest)
}

/// The same document without dots in its keys, each of which stands for an object: `a.b: 1` is `a: {b: 1}`.
fn without_dots(node: &Node) -> Node {
    let kind = match &node.kind {
        Kind::Object(entries) => {
            let mut all = Vec::new();
            for Entry { key, line, value } in entries {
                insert(&mut all, key, *line, without_dots(value));
            }
            Kind::Object(all)
        }
        other => other.clone(),
    };
    Node {
        line: node.line,
        kind,
    }
}

/// Puts a value where its key says, beside what is there.
fn insert(entries: &mut Vec<Entry>, key: &str, line: usize, value: Node) {
    let (first, value) = match key.split_once('.') {
        Some((first, rest)) => {
            let mut below = Vec::new();
            insert(&mut below, rest, line, value);
            let kind = Kind::Object(below);
            (first, Node { line, kind })
        }
        None => (key, value),
    };
    let known = entries
        .iter_mut()
        .find(|entry| normal(&entry.key) == normal(first));
    match (known, value.kind) {
        (
            Some(Entry {
                value:
                    Node {
                        kind: Kind::Object(there),
                        ..
                    },
                ..
            }),
            Kind::Object(more),
        ) => {
            for Entry { key, line, value } in more {
                insert(there, &key, line, value);
            }
        }
        (_, kind) => entries.push(Entry {
            key: first.to_owned(),
            line,
            value: Node {
                line: value.line,
                kind,
            },
        }),
    }
}

/// A name as Spring compares it.
fn normal(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}
