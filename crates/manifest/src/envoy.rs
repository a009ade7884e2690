//! Envoy's own configuration: the list of a listener's filters, or a whole bootstrap around it that an Envoy starts with.
//!
//! The config of a filter is JSON in a text, as Istio has it. A `Struct` would be easier to read, but Envoy (1.40) hands
//! on its bytes and not its JSON.

mod bootstrap;
mod json;

use crate::fail;
use crate::options::{FailStrategy, Options};
use crate::plugin::Plugin;
use crate::problem::Report;
use crate::yaml::{Map, Yaml};
use fairlead_config::policy::Policy;

/// Where modules are, if nothing else is said: where `cargo xtask build` puts them.
const MODULES: &str = "dist";

/// The document.
pub(crate) fn document(plugins: &[Plugin], policy: &Policy, options: &Options, report: &mut Report) -> Map {
    let filters = http_filters(plugins, options);
    if options.bootstrap {
        return bootstrap::document(filters, policy, options, report);
    }
    let mut document = Map::default();
    document.comment("Made by fairlead render: the filters of a listener's HttpConnectionManager, in the order of requests.");
    document.comment("File names are as Envoy sees them; --modules FOLDER says where they are.");
    document.add("http_filters", filters);
    document
}

fn http_filters(plugins: &[Plugin], options: &Options) -> Vec<Yaml> {
    let filters = plugins.iter().map(|plugin| wasm(plugin, options));
    let router = named(
        "envoy.filters.http.router",
        typed("filters.http.router.v3.Router"),
    );
    filters.chain([router]).map(Yaml::from).collect()
}

fn wasm(plugin: &Plugin, options: &Options) -> Map {
    let strategy = options.fail_strategy.unwrap_or(FailStrategy::Reload);
    let folder = options.modules.as_deref().unwrap_or(MODULES);
    let file = format!("{}/{}.wasm", folder.trim_end_matches('/'), plugin.source.stem);
    let mut config = Map::from([
        ("name", plugin.name.as_str()),
        ("root_id", plugin.module.file_name()),
    ]);
    config.comment(fail::on_trap(strategy));
    let policy = match strategy {
        FailStrategy::Reload => "FAIL_RELOAD",
        FailStrategy::Close => "FAIL_CLOSED",
        FailStrategy::Open => "FAIL_OPEN",
    };
    config.add("failure_policy", policy);
    let mut vm = Map::from([("runtime", "envoy.wasm.runtime.v8")]);
    vm.add("code", Map::from([("local", Map::from([("filename", file)]))]));
    config.add("vm_config", vm);
    let mut configuration = Map::from([("@type", "type.googleapis.com/google.protobuf.StringValue")]);
    configuration.add("value", Yaml::Block(json::pretty(&plugin.config)));
    config.add("configuration", configuration);
    let mut typed = typed("filters.http.wasm.v3.Wasm");
    typed.add("config", config);
    named(&plugin.name, typed)
}

/// An extension by its name.
fn named(name: &str, typed_config: Map) -> Map {
    let mut extension = Map::from([("name", name)]);
    extension.add("typed_config", typed_config);
    extension
}

/// The beginning of a message of one of Envoy's extensions.
fn typed(message: &str) -> Map {
    Map::from([("@type", format!("type.googleapis.com/envoy.extensions.{message}"))])
}
