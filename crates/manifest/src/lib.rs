//! From a checked policy to what a proxy or a mesh is given: Istio's `WasmPlugin` or `TrafficExtension`, Envoy Gateway's
//! `EnvoyExtensionPolicy`, or Envoy's own configuration, as YAML.
//!
//! What cannot work is refused, all of it at once: Istio installs nothing where a mode, a port or a target does not fit, and
//! says nothing about it. What a config is handed on as is what was written, so that the two can be compared line by line.
//!
//! What this crate does not do: read files, look anything up, or know whether a cluster has what is named.

mod advice;
mod chain;
mod envoy;
mod fail;
mod gateway;
mod image;
mod istio;
mod meaningless;
mod names;
mod options;
mod place;
mod plugin;
mod problem;
mod service;
#[cfg(test)]
mod tests;
mod yaml;

pub use image::Record;
pub use options::{Attach, Build, FailStrategy, Mode, Options, PhaseWord, Shape, Target, Word};
pub use problem::{Advice, Problem};
pub use service::Service;
pub use yaml::{Map, Yaml};

use fairlead_config::policy::Policy;
use fairlead_config::{Filter, Module};
use problem::Report;

/// What there is to render from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// The policy, checked.
    pub policy: &'i Policy,
    /// The same as it was written.
    pub written: &'i Map,
    /// The images that were packaged, if that is on record.
    pub images: Option<&'i Record>,
    /// Services whose ports are to be told apart; perhaps none.
    pub services: &'i [Service],
}

/// What was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The documents.
    pub documents: Vec<Map>,
    /// Whether one plugin runs all filters.
    pub in_one_module: bool,
    /// What is perhaps not meant.
    pub advice: Vec<Advice>,
}

impl Rendered {
    /// The documents as YAML.
    #[must_use]
    pub fn text(&self) -> String {
        let documents: Vec<String> = self.documents.iter().map(Map::document).collect();
        documents.join("---\n")
    }
}

/// Why nothing was made: everything that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// Makes what is asked for.
///
/// # Errors
/// Everything that cannot work, each with option, value, reason and remedy.
pub fn render(input: Input<'_>, options: &Options) -> Result<Rendered, Refused> {
    let mut report = Report::default();
    meaningless::check(options, !input.services.is_empty(), &mut report);
    let plugins = plugin::plugins(input.policy, input.written, options, input.images, &mut report);
    let documents = match options.target {
        Target::Istio => mesh(istio::Kind::WasmPlugin, input, &plugins, options, &mut report),
        Target::TrafficExtension => mesh(
            istio::Kind::TrafficExtension,
            input,
            &plugins,
            options,
            &mut report,
        ),
        Target::EnvoyGateway => vec![gateway::object(&plugins, input.policy, options, &mut report)],
        Target::Envoy => vec![envoy::document(&plugins, input.policy, options, &mut report)],
    };
    let Report { problems, mut advice } = report;
    if !problems.is_empty() {
        return Err(Refused { problems });
    }
    advice.sort_by_key(|advice| std::cmp::Reverse(advice.severity));
    Ok(Rendered {
        documents,
        in_one_module: plugins.iter().any(|plugin| plugin.filters.len() > 1),
        advice,
    })
}

fn mesh(
    kind: istio::Kind,
    input: Input<'_>,
    plugins: &[plugin::Plugin],
    options: &Options,
    report: &mut Report,
) -> Vec<Map> {
    let filters: Vec<Filter> = input.policy.filters.iter().map(|one| one.filter).collect();
    let place = place::find(options, &filters, input.services, report);
    let roles: Vec<Module> = plugins.iter().map(plugin::Plugin::role).collect();
    let links = chain::links(&roles, options, report);
    advice::give(kind, input.policy, plugins, &links, &place, options, report);
    istio::objects(kind, plugins, &links, &place, options)
}
