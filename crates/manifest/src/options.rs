//! What is asked for, as it stands on a command line. Values with a grammar of their own are text here, so that all of
//! what is wrong with them can be said at once.

use fairlead_config::istio::Phase;
use std::net::IpAddr;

/// A choice between words.
pub trait Word: Copy + PartialEq + Send + Sync + 'static {
    /// Every choice.
    const ALL: &'static [Self];

    /// What it is called.
    fn word(self) -> &'static str;
}

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

choices! {
    /// What is made.
    Target {
        /// `WasmPlugin`: every Istio.
        Istio = "istio",
        /// `TrafficExtension`: Istio 1.30 and later.
        TrafficExtension = "traffic-extension",
        /// `EnvoyExtensionPolicy` of Envoy Gateway.
        EnvoyGateway = "envoy-gateway",
        /// Envoy's own configuration.
        Envoy = "envoy",
    }
}

choices! {
    /// How the filters become plugins.
    Shape {
        /// One plugin with all of them.
        Suite = "suite",
        /// A plugin for each, each of a module and an image of its own.
        Filters = "filters",
        /// A plugin for each, all of the suite's image.
        Parts = "parts",
    }
}

choices! {
    /// The proxy that is to run the filters, and on which side.
    Attach {
        /// The sidecar of the service that is called.
        SidecarInbound = "sidecar-inbound",
        /// The sidecar of whoever calls.
        SidecarOutbound = "sidecar-outbound",
        /// A gateway.
        Gateway = "gateway",
        /// A waypoint of an ambient mesh.
        Waypoint = "waypoint",
    }
}

choices! {
    /// Istio's word for a side of a proxy.
    Mode {
        /// What it sends on.
        Client = "client",
        /// What it receives.
        Server = "server",
    }
}

choices! {
    /// What happens when a module cannot be had, or traps.
    FailStrategy {
        /// It is loaded anew.
        Reload = "reload",
        /// Its requests are refused.
        Close = "close",
        /// Its requests pass without it.
        Open = "open",
    }
}

choices! {
    /// Which build of a module.
    Build {
        /// The lean one if the config needs nothing that it lacks.
        Auto = "auto",
        /// With every callback.
        Full = "full",
        /// Without some.
        Lean = "lean",
    }
}

choices! {
    /// Istio's phases, by the words of its API.
    PhaseWord {
        /// Before authentication.
        Authn = "AUTHN",
        /// Before authorisation.
        Authz = "AUTHZ",
        /// Before statistics.
        Stats = "STATS",
        /// At the end.
        Unspecified = "UNSPECIFIED_PHASE",
    }
}

impl From<PhaseWord> for Phase {
    fn from(word: PhaseWord) -> Self {
        match word {
            PhaseWord::Authn => Self::Authn,
            PhaseWord::Authz => Self::Authz,
            PhaseWord::Stats => Self::Stats,
            PhaseWord::Unspecified => Self::Unspecified,
        }
    }
}

/// Everything that can be asked for besides the policy.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is made.
    pub target: Target,
    /// How the filters become plugins; without it one plugin for several filters.
    pub shape: Option<Shape>,
    /// What the objects are called; without it as their modules are.
    pub name: Option<String>,
    /// Where they are.
    pub namespace: Option<String>,
    /// Which proxies.
    pub attach: Option<Attach>,
    /// The side, if it is to be said and not to follow from `attach`.
    pub mode: Option<Mode>,
    /// Labels of the proxies' pods: `key=value`.
    pub selector: Vec<String>,
    /// Objects that the proxies serve: `kind/name`.
    pub target_refs: Vec<String>,
    /// Ports, or for a bootstrap the one to listen on.
    pub ports: Vec<String>,
    /// One phase for all plugins.
    pub phase: Option<PhaseWord>,
    /// Priority of the last plugin.
    pub priority: Option<i64>,
    /// What happens on failure.
    pub fail_strategy: Option<FailStrategy>,
    /// Where images are, before `/fairlead/<module>`.
    pub registry: Option<String>,
    /// Images by this tag rather than by digest.
    pub tag: Option<String>,
    /// Which build of each module.
    pub build: Build,
    /// A secret with the registry's credentials.
    pub pull_secret: Option<String>,
    /// A whole bootstrap rather than a list of filters.
    pub bootstrap: bool,
    /// The address that the bootstrap listens on.
    pub listen: Option<IpAddr>,
    /// The bootstrap's admin port.
    pub admin_port: Option<u16>,
    /// The folder of the modules, as Envoy sees it.
    pub modules: Option<String>,
    /// Where the bootstrap sends requests: `host:port`, and `variant=host:port` for a variant of the canary.
    pub upstreams: Vec<String>,
    /// Tags that the bootstrap takes out of metric names, and the regular expression of each.
    pub stats_tags: Vec<(String, String)>,
}

impl Options {
    /// Nothing but a target.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            shape: None,
            name: None,
            namespace: None,
            attach: None,
            mode: None,
            selector: Vec::new(),
            target_refs: Vec::new(),
            ports: Vec::new(),
            phase: None,
            priority: None,
            fail_strategy: None,
            registry: None,
            tag: None,
            build: Build::Auto,
            pull_secret: None,
            bootstrap: false,
            listen: None,
            admin_port: None,
            modules: None,
            upstreams: Vec::new(),
            stats_tags: Vec::new(),
        }
    }
}
