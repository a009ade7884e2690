//! The plugins that a policy becomes: one with all filters, or one for each.

use crate::image::{self, Record, Source};
use crate::names;
use crate::options::{Options, Shape};
use crate::problem::Report;
use crate::yaml::{Map, Yaml};
use fairlead_config::policy::Policy;
use fairlead_config::{Filter, Module};

/// What a proxy loads.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    /// What it is called: the object's name, and part of the label `component` of its metrics.
    pub(crate) name: String,
    pub(crate) module: Module,
    /// What it runs, in the order of requests.
    pub(crate) filters: Vec<Filter>,
    /// As it was written.
    pub(crate) config: Map,
    pub(crate) source: Source,
}

impl Plugin {
    /// The module that it stands for in a chain.
    pub(crate) fn role(&self) -> Module {
        match &self.filters[..] {
            [one] => (*one).into(),
            _ => self.module,
        }
    }
}

/// How a policy becomes plugins where nothing is asked for.
pub(crate) fn shape(options: &Options, filters: &[Filter]) -> Shape {
    let usual = if filters.len() > 1 {
        Shape::Suite
    } else {
        Shape::Filters
    };
    options.shape.unwrap_or(usual)
}

/// The plugins in the order of requests.
pub(crate) fn plugins(
    policy: &Policy,
    written: &Map,
    options: &Options,
    images: Option<&Record>,
    report: &mut Report,
) -> Vec<Plugin> {
    image::check(options, images, report);
    let filters: Vec<Filter> = policy.filters.iter().map(|one| one.filter).collect();
    let shape = shape(options, &filters);
    let parts: Vec<(Module, Vec<Filter>, Map)> = match shape {
        Shape::Suite => vec![(Module::Suite, filters, written.clone())],
        Shape::Filters => {
            let own = |filter: &Filter| (Module::from(*filter), vec![*filter], part(written, *filter));
            filters.iter().map(own).collect()
        }
        Shape::Parts => {
            let own = |filter: &Filter| {
                let config = Map::from([(filter.name(), part(written, *filter))]);
                (Module::Suite, vec![*filter], config)
            };
            filters.iter().map(own).collect()
        }
    };
    let several = parts.len() > 1;
    if let Some(Err(why)) = options.name.as_deref().map(names::subdomain) {
        report.refuse("--name", why);
    }
    let whole = Yaml::Map(written.clone());
    let make = |(module, filters, config): (Module, Vec<Filter>, Map)| {
        // Parts share an image, so that it has to do for all of them.
        let served = if shape == Shape::Parts {
            whole.to_json()
        } else {
            Yaml::Map(config.clone()).to_json()
        };
        let bytes = served.to_string();
        let source = image::choose(module, bytes.as_bytes(), options, images, report)?;
        let own = match &filters[..] {
            [one] if shape != Shape::Suite => one.file_name(),
            _ => module.file_name(),
        };
        let name = match &options.name {
            Some(name) if several => format!("{name}-{own}"),
            Some(name) => name.clone(),
            None => own.to_owned(),
        };
        let is_too_long = options
            .name
            .as_deref()
            .is_none_or(|name| names::subdomain(name).is_ok());
        if let (true, Err(why)) = (is_too_long, names::subdomain(&name)) {
            report.refuse("--name", format!("makes {name}, which {why}"));
        }
        Some(Plugin {
            name,
            module,
            filters,
            config,
            source,
        })
    };
    parts.into_iter().filter_map(make).collect()
}

/// A filter's part of a policy.
fn part(written: &Map, filter: Filter) -> Map {
    match written.get(filter.name()) {
        Some(Yaml::Map(map)) => map.clone(),
        _ => Map::default(),
    }
}
