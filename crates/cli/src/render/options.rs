//! The command line of `fairlead render`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use fairlead_manifest::{Attach, Build, FailStrategy, Mode, Options, PhaseWord, Shape, Target, Word};
use std::net::IpAddr;
use std::path::PathBuf;

/// Options of `fairlead render`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit status: 0 made, 2 something is wrong with the policy or cannot work: everything at once, on standard error.\n\
    The manifests are on standard output: fairlead render --policy FILE --target istio | kubectl apply -f -"
)]
pub(crate) struct Args {
    /// The policy, a map of filter to pluginConfig; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) policy: String,
    /// What to make: a WasmPlugin (every Istio), a TrafficExtension (Istio 1.30 and later), an EnvoyExtensionPolicy, or
    /// Envoy's own configuration
    #[arg(long, value_parser = words::<Target>())]
    target: Target,
    /// One plugin with all filters (suite, usual for several), one for each with a module of its own (filters), or one for
    /// each of the suite's image (parts)
    #[arg(long = "as", value_name = "SHAPE", value_parser = words::<Shape>())]
    shape: Option<Shape>,
    /// What the objects are called; of several, what their names begin with
    #[arg(long)]
    name: Option<String>,
    /// Where the objects go
    #[arg(long)]
    namespace: Option<String>,
    /// Which proxies, and which of their sides; without it where all of the policy's filters work
    #[arg(long, value_name = "WHERE", value_parser = words::<Attach>())]
    attach: Option<Attach>,
    /// The side as Istio calls it, to be told if it cannot be; without it what --attach means
    #[arg(long, value_parser = words::<Mode>())]
    mode: Option<Mode>,
    /// Labels of the pods whose proxies run it: key=value, several with commas between them
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    selector: Vec<String>,
    /// What it is attached to instead: gateway/<name>, service/<name>, httproute/<name>
    #[arg(long, value_name = "KIND/NAME", value_delimiter = ',')]
    target_ref: Vec<String>,
    /// Ports: of the Service on the side that calls, of the application on the side that is called. Of a bootstrap the one
    /// to listen on, 0 for a free one
    #[arg(
        long,
        value_name = "PORT",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    port: Vec<String>,
    /// A file with the Service, from which the ports are taken, or by which they are checked
    #[arg(long, value_name = "FILE")]
    pub(super) service: Option<PathBuf>,
    /// One phase for all plugins; without it each as early as it is of use
    #[arg(long, value_parser = words::<PhaseWord>())]
    phase: Option<PhaseWord>,
    /// Priority of the plugin that requests meet last; those before it get more [default: 10]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    priority: Option<i64>,
    /// When a module traps or cannot be had: load it anew, refuse requests, or let them pass without it [default: reload]
    #[arg(long, value_name = "WHAT", value_parser = words::<FailStrategy>())]
    fail_strategy: Option<FailStrategy>,
    /// Where the images are: host[:port][/path], before /fairlead/<module>
    #[arg(long, value_name = "HOST")]
    registry: Option<String>,
    /// The record that fairlead package has written, for digests [default: dist/images.json, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) images: Option<PathBuf>,
    /// Images by a tag, which does not pin them
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Which build of a module; auto is the lean one where the config needs nothing that it lacks
    #[arg(long, default_value = "auto", value_parser = words::<Build>())]
    build: Build,
    /// A secret of the namespace with the registry's credentials
    #[arg(long, value_name = "SECRET")]
    pull_secret: Option<String>,
    /// Ask istioctl (in PATH, or named by FAIRLEAD_ISTIOCTL) to validate and analyse the manifests before they are printed
    #[arg(long)]
    pub(super) check: bool,
    /// A whole bootstrap for Envoy, rather than its list of filters
    #[arg(long)]
    bootstrap: bool,
    /// The address that the bootstrap listens on, as 0.0.0.0 in a container [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// Port of the bootstrap's admin interface, 0 for a free one [default: 9901]
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,
    /// Where the bootstrap sends requests: host:port, and variant=host:port for a variant of the canary
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    upstream: Vec<String>,
    /// The folder of the modules as Envoy sees it [default: dist]
    #[arg(long, value_name = "FOLDER")]
    modules: Option<String>,
}

impl Args {
    /// What is asked for besides files.
    pub(super) fn options(&self) -> Options {
        let tags = fairlead_envoy::ISTIO_STATS_TAGS.iter();
        Options {
            shape: self.shape,
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            attach: self.attach,
            mode: self.mode,
            selector: self.selector.clone(),
            target_refs: self.target_ref.clone(),
            ports: self.port.clone(),
            phase: self.phase,
            priority: self.priority,
            fail_strategy: self.fail_strategy,
            registry: self.registry.clone(),
            tag: self.tag.clone(),
            build: self.build,
            pull_secret: self.pull_secret.clone(),
            bootstrap: self.bootstrap,
            listen: self.listen,
            admin_port: self.admin_port,
            modules: self.modules.clone(),
            upstreams: self.upstream.clone(),
            stats_tags: tags
                .map(|(name, regex)| ((*name).to_owned(), (*regex).to_owned()))
                .collect(),
            ..Options::new(self.target)
        }
    }
}

/// Whether istioctl knows what is made.
pub(super) fn is_istio(target: Target) -> bool {
    matches!(target, Target::Istio | Target::TrafficExtension)
}

/// One of the words of a choice.
fn words<T: Word>() -> impl TypedValueParser<Value = T> {
    let all = T::ALL.iter().map(|choice| choice.word());
    PossibleValuesParser::new(all).try_map(|text| {
        let found = T::ALL.iter().copied().find(|choice| choice.word() == text);
        found.ok_or("is not one of them")
    })
}
