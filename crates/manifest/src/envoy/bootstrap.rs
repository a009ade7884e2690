//! A bootstrap: an admin interface, a listener with the filters, routes by what a canary decides, upstreams.

use super::{named, typed};
use crate::options::Options;
use crate::problem::Report;
use crate::yaml::{Map, Yaml};
use fairlead_config::canary::Canary;
use fairlead_config::policy::{Checked, Policy};

/// Where the listener is, if nothing else is said.
const PORT: u16 = 10_000;
/// Where the admin interface is.
const ADMIN_PORT: u16 = 9901;
/// Where requests go.
const UPSTREAM: &str = "127.0.0.1:8080";
/// The cluster of everyone who is in no variant, and what the names of the others begin with.
const CLUSTER: &str = "upstream";

/// An upstream: of a variant, or of everyone else.
struct Upstream {
    variant: Option<String>,
    host: String,
    port: u16,
}

impl Upstream {
    fn cluster(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{CLUSTER}-{variant}"),
            None => CLUSTER.to_owned(),
        }
    }
}

pub(super) fn document(filters: Vec<Yaml>, policy: &Policy, options: &Options, report: &mut Report) -> Map {
    let canary = policy.filters.iter().find_map(|one| match &one.checked {
        Checked::Canary(canary) => Some(canary.as_ref()),
        _ => None,
    });
    let upstreams = upstreams(options, canary, report);
    let port = listener_port(&options.ports, report);
    let mut document = Map::default();
    document.comment("Made by fairlead render: start it with envoy -c FILE, in the folder from which the modules' names lead to them.");
    document.add("node", Map::from([("id", "fairlead"), ("cluster", "fairlead")]));
    document.comment("For this machine alone: whoever reaches it can stop Envoy.");
    document.add(
        "admin",
        Map::from([(
            "address",
            address("127.0.0.1", options.admin_port.unwrap_or(ADMIN_PORT)),
        )]),
    );
    if !options.stats_tags.is_empty() {
        document.comment("What Istio takes out of the names of metrics, so that they have the same labels here as in a mesh.");
        let tag = |(name, regex): &(String, String)| {
            Map::from([("tag_name", name.as_str()), ("regex", regex.as_str())])
        };
        let mut stats: Map = Map::from([("use_all_default_tags", false)]);
        stats.add(
            "stats_tags",
            options.stats_tags.iter().map(tag).collect::<Vec<_>>(),
        );
        document.add("stats_config", stats);
    }
    let mut manager = typed("filters.network.http_connection_manager.v3.HttpConnectionManager");
    manager.add("stat_prefix", "fairlead");
    manager.comment("Nobody is in front: the last address in X-Forwarded-For is the one that Envoy has seen and appended itself.");
    manager.add("use_remote_address", true);
    manager.comment("In the order of requests.");
    manager.add("http_filters", filters);
    manager.add("route_config", routes(&upstreams, canary));
    let chain = Map::from([(
        "filters",
        vec![named("envoy.filters.network.http_connection_manager", manager)],
    )]);
    let mut listener = Map::from([("name", "fairlead")]);
    let host = options
        .listen
        .map_or_else(|| "127.0.0.1".to_owned(), |host| host.to_string());
    listener.add("address", address(&host, port));
    listener.add("filter_chains", vec![chain]);
    let mut resources = Map::from([("listeners", vec![listener])]);
    resources.add("clusters", upstreams.iter().map(cluster).collect::<Vec<_>>());
    document.add("static_resources", resources);
    document
}

/// The one to listen on; 0 takes a free one.
fn listener_port(ports: &[String], report: &mut Report) -> u16 {
    match ports {
        [] => PORT,
        [one] => one.parse().unwrap_or_else(|_| {
            report.refuse(
                "--port",
                format!("{one:?} is no port: write a number from 1 to 65535, or 0 for a free one"),
            );
            PORT
        }),
        several => {
            report.refuse(
                "--port",
                format!(
                    "is there {} times, and a bootstrap has one listener: write it once",
                    several.len()
                ),
            );
            PORT
        }
    }
}

/// That of everyone else comes last.
fn upstreams(options: &Options, canary: Option<&Canary>, report: &mut Report) -> Vec<Upstream> {
    let mut found: Vec<Upstream> = Vec::new();
    for text in &options.upstreams {
        match upstream(text, canary) {
            Ok(one) if found.iter().any(|known| known.variant == one.variant) => {
                report.refuse(
                    "--upstream",
                    format!("{text}: there is one already for the same requests"),
                );
            }
            Ok(one) => found.push(one),
            Err(why) => report.refuse("--upstream", why),
        }
    }
    if !found.iter().any(|one| one.variant.is_none())
        && let Ok(usual) = upstream(UPSTREAM, None)
    {
        found.push(usual);
    }
    for variant in canary.iter().flat_map(|canary| &canary.variants) {
        if !found
            .iter()
            .any(|one| one.variant.as_ref() == Some(&variant.name))
        {
            report.inform(
                "--upstream",
                format!(
                    "none is {0}'s own: its requests go where all others do; write --upstream {0}=host:port",
                    variant.name
                ),
            );
        }
    }
    found.sort_by_key(|one| one.variant.is_none());
    found
}

/// `host:port` or `variant=host:port`
fn upstream(text: &str, canary: Option<&Canary>) -> Result<Upstream, String> {
    let (variant, address) = match text.split_once('=') {
        Some((variant, address)) => (Some(variant), address),
        None => (None, text),
    };
    let names: Vec<&str> = canary
        .iter()
        .flat_map(|canary| &canary.variants)
        .map(|variant| variant.name.as_str())
        .collect();
    if let Some(variant) = variant.filter(|variant| !names.contains(variant)) {
        let known = if names.is_empty() {
            "the policy has none".to_owned()
        } else {
            format!("write {}", names.join(" or "))
        };
        return Err(format!("{variant:?} is no variant of the canary: {known}"));
    }
    let wrong = || format!("{address:?} is no address: write host:port");
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let inside = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if host.is_empty() || !host.chars().all(inside) {
        return Err(wrong());
    }
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    Ok(Upstream {
        variant: variant.map(str::to_owned),
        host: host.to_owned(),
        port,
    })
}

fn routes(upstreams: &[Upstream], canary: Option<&Canary>) -> Map {
    let mut routes = Vec::new();
    for one in upstreams {
        let mut matched = Map::from([("prefix", "/")]);
        let decided = canary.and_then(|canary| {
            let variant = canary
                .variants
                .iter()
                .find(|variant| Some(&variant.name) == one.variant.as_ref())?;
            Some((canary.header.as_str(), variant.value.as_str()))
        });
        if let Some((header, value)) = decided {
            let mut entry = Map::from([("name", header)]);
            entry.add("string_match", Map::from([("exact", value)]));
            matched.comment("What the canary decides: Envoy matches its routes again when the filter has written the header.");
            matched.add("headers", vec![entry]);
        }
        let mut route = Map::from([("match", matched)]);
        route.add("route", Map::from([("cluster", one.cluster())]));
        routes.push(route);
    }
    let mut host = Map::from([("name", "all")]);
    host.add("domains", vec!["*"]);
    host.add("routes", routes);
    let mut config = Map::from([("name", "fairlead")]);
    config.add("virtual_hosts", vec![host]);
    config
}

fn cluster(upstream: &Upstream) -> Map {
    let endpoint = Map::from([(
        "endpoint",
        Map::from([("address", address(&upstream.host, upstream.port))]),
    )]);
    let mut assignment = Map::from([("cluster_name", upstream.cluster())]);
    assignment.add("endpoints", vec![Map::from([("lb_endpoints", vec![endpoint])])]);
    let mut cluster = Map::from([
        ("name", upstream.cluster().as_str()),
        ("type", "STRICT_DNS"),
        ("connect_timeout", "1s"),
    ]);
    cluster.add("load_assignment", assignment);
    cluster
}

fn address(host: &str, port: u16) -> Map {
    let mut socket = Map::from([("address", host)]);
    socket.add("port_value", port);
    let mut address = Map::default();
    address.add("socket_address", socket);
    address
}
