//! A policy as it lies in a file: a map of filters, or Kubernetes objects that carry pluginConfigs; and what a proxy loads
//! for it, a module for each filter or the suite for several.
//!
//! Reading never stops at the first mistake: a [`Refused`] file lists all of them, each with its line. What this module
//! does not do: know the fields of a filter ([`fairlead_config`] does), run anything.

mod manifest;
#[cfg(test)]
mod tests;

use crate::document::{Lines, Mistake, Node, join};
use crate::yaml;
use fairlead_config::policy::{Checked, Policy, parse_policy};
use fairlead_config::{Filter, Module, Severity, Warning};
use serde_json::{Value, json};
use std::io::Read;

/// A file without mistakes.
#[derive(Debug)]
pub(crate) struct PolicyFile {
    /// The filters in the order in which a request meets them. Empty if the file only holds objects of other kinds.
    pub(crate) filters: Vec<Placed>,
    /// What a proxy loads for them, in the same order.
    pub(crate) plugins: Vec<Plugin>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

/// A module in the chain of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plugin {
    /// What the proxy calls it: the label `component` of its metrics.
    pub(crate) name: String,
    pub(crate) module: Module,
    /// What it is handed: compact JSON with sorted keys, as Istio sends it.
    pub(crate) config: Vec<u8>,
}

/// A filter in the chain of a proxy.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The name of the [`Plugin`] that runs it.
    pub(crate) plugin: String,
    /// The module of that.
    pub(crate) module: Module,
    pub(crate) filter: Filter,
    /// Its own config: all that its module is handed, or its part of that.
    pub(crate) plugin_config: Vec<u8>,
    pub(crate) checked: Checked,
    /// The Kubernetes object that it comes from: `WasmPlugin demo/rate-limit`.
    pub(crate) object: Option<String>,
    /// Advice, at its place in the file.
    pub(crate) advice: Vec<Advice>,
}

/// Advice on a config that can be used as it is.
#[derive(Debug)]
pub(crate) struct Advice {
    pub(crate) severity: Severity,
    pub(crate) line: usize,
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A file that cannot be used: every mistake, by line.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) mistakes: Vec<Mistake>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

impl Refused {
    fn because(message: impl Into<String>) -> Self {
        Self {
            mistakes: vec![Mistake::at(0, message)],
            skipped: Vec::new(),
        }
    }
}

/// The text of a file; `-` is standard input.
///
/// # Errors
/// Why it cannot be read, with what to do.
pub(crate) fn text_of(file: &str) -> Result<String, Mistake> {
    let read = if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Mistake::at(0, format!("cannot be read: {error}")))
}

/// Reads a file (`-`: standard input).
///
/// # Errors
/// Every mistake.
pub(crate) fn load(file: &str) -> Result<PolicyFile, Refused> {
    let text = text_of(file).map_err(|mistake| Refused {
        mistakes: vec![mistake],
        skipped: Vec::new(),
    })?;
    parse(&text)
}

/// Reads the text of a file.
///
/// # Errors
/// Every mistake.
pub(crate) fn parse(text: &str) -> Result<PolicyFile, Refused> {
    let documents = yaml::documents(text).map_err(|mistakes| Refused {
        mistakes,
        skipped: Vec::new(),
    })?;
    let is_object = |document: &Node| document.get("kind").is_some();
    match &documents[..] {
        [] => Err(Refused::because(
            "is empty: write a filter, as in rate_limit: {limits: [..]}",
        )),
        objects if objects.iter().any(is_object) => manifest::read(objects),
        [policy] => read(policy),
        [_, second, ..] => Err(Refused {
            mistakes: vec![Mistake::at(
                second.line,
                "a second policy: write one document, or Kubernetes objects, each with its kind",
            )],
            skipped: Vec::new(),
        }),
    }
}

impl PolicyFile {
    /// The same filters in one module, the suite, whatever modules the file gives them.
    ///
    /// # Errors
    /// A filter is there twice, which one suite cannot have.
    pub(crate) fn in_one_module(mut self) -> Result<Self, Mistake> {
        let plugin = Module::Suite.file_name();
        let order: Vec<&str> = self.filters.iter().map(|placed| placed.filter.name()).collect();
        let mut config = serde_json::Map::new();
        for (index, placed) in self.filters.iter_mut().enumerate() {
            let name = placed.filter.name();
            if order.iter().take(index).any(|earlier| *earlier == name) {
                let message = format!("holds {name} twice, and the suite has each filter once");
                return Err(Mistake::at(0, message));
            }
            let own = serde_json::from_slice(&placed.plugin_config);
            let own = own.map_err(|error| Mistake::at(0, error.to_string()))?;
            config.insert(name.to_owned(), own);
            plugin.clone_into(&mut placed.plugin);
            placed.module = Module::Suite;
        }
        config.insert("order".to_owned(), json!(order));
        self.plugins = vec![Plugin {
            name: plugin.to_owned(),
            module: Module::Suite,
            config: Value::Object(config).to_string().into_bytes(),
        }];
        Ok(self)
    }
}

/// What each of `plugins` would be sent of a policy, whether it is valid or not: by name.
///
/// # Errors
/// Why no proxy could be sent anything.
pub(crate) fn raw(text: &str, plugins: &[Plugin]) -> Result<Vec<(String, Vec<u8>)>, Vec<Mistake>> {
    let documents = yaml::documents(text)?;
    let [policy] = &documents[..] else {
        return Err(vec![Mistake::at(0, "is not a policy: write one map of filters")]);
    };
    let wrong = |message: String| Err(vec![Mistake::at(policy.line, message)]);
    let Value::Object(fields) = policy.to_value() else {
        return wrong(format!("{} is not a policy", policy.excerpt()));
    };
    let is_suite = |plugin: &Plugin| plugin.module == Module::Suite;
    match plugins {
        [one] if is_suite(one) => {
            let whole = Value::Object(fields).to_string();
            return Ok(vec![(one.name.clone(), whole.into_bytes())]);
        }
        all if all.iter().any(is_suite) => {
            return wrong("cannot be sent: the chain has the suite and other modules, and a policy is for one or the others".to_owned());
        }
        _ => {}
    }
    let runs = |filter: &Filter| plugins.iter().any(|plugin| plugin.module == (*filter).into());
    if let Some(added) = Filter::ALL
        .iter()
        .find(|one| !runs(one) && fields.contains_key(one.name()))
    {
        return wrong(format!(
            "{} is not in the first policy: a running proxy only gets new configs",
            added.name()
        ));
    }
    let part = |plugin: &Plugin| match plugin.module {
        Module::Filter(filter) => fields.get(filter.name()),
        Module::Suite => None,
    };
    // A filter that the policy leaves out is off, which its empty config says.
    let config = |plugin: &Plugin| part(plugin).map_or_else(|| "{}".to_owned(), Value::to_string);
    let sent = plugins.iter();
    let sent = sent.map(|plugin| (plugin.name.clone(), config(plugin).into_bytes()));
    Ok(sent.collect())
}

/// A map of filters.
fn read(policy: &Node) -> Result<PolicyFile, Refused> {
    let lines = policy.lines();
    let mut mistakes = policy.repeated();
    match parse_policy(&policy.to_value()) {
        Ok(parsed) if mistakes.is_empty() => {
            let together = parsed.warnings();
            let filters = apart(parsed, &together, "", &lines);
            let plugin = |placed: &Placed| Plugin {
                name: placed.plugin.clone(),
                module: placed.module,
                config: placed.plugin_config.clone(),
            };
            return Ok(PolicyFile {
                plugins: filters.iter().map(plugin).collect(),
                filters,
                skipped: Vec::new(),
            });
        }
        Ok(_) => {}
        Err(errors) => mistakes.extend(located(&errors, "", &lines)),
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    Err(Refused {
        mistakes,
        skipped: Vec::new(),
    })
}

/// The filters of a policy that stands at `part` of a document, each in a module of its own, with what is said about them
/// by themselves and `together`.
fn apart(policy: Policy, together: &[Warning], part: &str, lines: &Lines) -> Vec<Placed> {
    let place = |one: fairlead_config::policy::Configured| {
        let name = one.filter.name();
        let about = |warning: &&Warning| warning.path.split('.').next() == Some(name);
        let mut own = placed(one.checked.warnings(), &below(part, name), lines);
        own.extend(placed(together.iter().filter(about).cloned(), part, lines));
        own.sort_by_key(|advice| advice.line);
        Placed {
            plugin: one.filter.file_name().to_owned(),
            module: one.filter.into(),
            filter: one.filter,
            plugin_config: one.plugin_config,
            advice: own,
            checked: one.checked,
            object: None,
        }
    };
    policy.filters.into_iter().map(place).collect()
}

/// Mistakes of a part of a document, with their path and line in the whole.
fn located(errors: &fairlead_config::Errors, part: &str, lines: &Lines) -> Vec<Mistake> {
    let at = |problem: &fairlead_config::Problem| {
        let path = below(part, &problem.path);
        Mistake {
            line: lines.of(&path),
            path,
            message: problem.message.clone(),
        }
    };
    errors.problems().iter().map(at).collect()
}

fn advice(checked: &Checked, part: &str, lines: &Lines) -> Vec<Advice> {
    let mut advice = placed(checked.warnings(), part, lines);
    advice.sort_by_key(|advice| advice.line);
    advice
}

/// Advice on a part of a document, with its path and line in the whole.
fn placed(warnings: impl IntoIterator<Item = Warning>, part: &str, lines: &Lines) -> Vec<Advice> {
    let at = |warning: Warning| {
        let path = below(part, &warning.path);
        Advice {
            severity: warning.severity,
            line: lines.of(&path),
            path,
            text: warning.advice,
        }
    };
    warnings.into_iter().map(at).collect()
}

/// The path of something in a part of a document.
fn below(part: &str, path: &str) -> String {
    match (part.is_empty(), path.is_empty()) {
        (true, _) => path.to_owned(),
        (false, true) => part.to_owned(),
        (false, false) if path.starts_with('[') => format!("{part}{path}"),
        (false, false) => format!("{part}.{path}"),
    }
}

/// The path of an item of a list.
fn item(path: &str, key: &str, index: usize) -> String {
    format!("{}[{index}]", join(path, key))
}
