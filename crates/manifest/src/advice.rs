//! What works on an Istio mesh and is perhaps not meant.

use crate::chain::Link;
use crate::istio::Kind;
use crate::options::{Attach, FailStrategy, Options};
use crate::place::Place;
use crate::plugin::Plugin;
use crate::problem::Report;
use crate::yaml::Yaml;
use fairlead_config::Filter;
use fairlead_config::istio::Phase;
use fairlead_config::policy::{Checked, Policy};

/// All advice on plugins at a place.
pub(crate) fn give(
    kind: Kind,
    policy: &Policy,
    plugins: &[Plugin],
    links: &[Link],
    place: &Place,
    options: &Options,
    report: &mut Report,
) {
    if !place.asked {
        report.inform(
            "--attach",
            format!(
                "is not given: {} is where all of these filters work",
                word(place.attach)
            ),
        );
    }
    if kind == Kind::TrafficExtension {
        report.inform(
            "--target",
            "traffic-extension: Istio 1.30 or later; delete a WasmPlugin of the same filters, as both would run and nobody warns",
        );
    }
    if options
        .fail_strategy
        .is_none_or(|strategy| strategy == FailStrategy::Reload)
    {
        report.inform(
            "--fail-strategy",
            "reload: Istio knows it from 1.27 on; for an older one write close",
        );
    }
    if options.fail_strategy == Some(FailStrategy::Open) {
        report.warn(
            "--fail-strategy",
            "open: after one trap a worker goes on without these filters for good, and without an image nothing is limited; write reload",
        );
    }
    for one in &policy.filters {
        of_filter(&one.checked, place, report);
    }
    for (plugin, link) in plugins.iter().zip(links) {
        of_link(plugin, *link, report);
        if place.attach == Attach::SidecarOutbound {
            outbound(plugin, report);
        }
    }
    if place.attach == Attach::SidecarOutbound && place.ports.is_empty() {
        report.warn(
            "--port",
            "is not given: every call that leaves a caller passes here, to whatever service; write the Service's port",
        );
    }
    if place.selector.is_empty() && place.refs.is_empty() {
        let whose = if place.attach == Attach::SidecarOutbound {
            "caller"
        } else {
            "workload"
        };
        report.inform(
            "--selector",
            format!("is not given: every {whose} of the namespace runs these filters"),
        );
    }
}

const fn word(attach: Attach) -> &'static str {
    match attach {
        Attach::SidecarInbound => "sidecar-inbound",
        Attach::SidecarOutbound => "sidecar-outbound",
        Attach::Gateway => "gateway",
        Attach::Waypoint => "waypoint",
    }
}

fn of_filter(checked: &Checked, place: &Place, report: &mut Report) {
    match (checked, place.attach) {
        (Checked::RateLimit(_), Attach::SidecarOutbound) => report.warn(
            "rate_limit",
            "each caller counts for itself: ten pods that call get ten times the rate; write --attach sidecar-inbound, gateway or waypoint",
        ),
        (Checked::RateLimit(_), _) => report.inform(
            "rate_limit",
            "each replica counts for itself: with ten of them a client gets up to ten times the rate",
        ),
        (Checked::CircuitBreaker(_), Attach::SidecarInbound) => report.inform(
            "circuit_breaker",
            "sees this pod's application only, which it can relieve; callers are kept from a service that is down by --attach sidecar-outbound",
        ),
        (Checked::Canary(canary), _) => {
            let owner = match place.attach {
                Attach::Gateway => "this gateway",
                Attach::Waypoint => "this waypoint's service",
                _ => "callers (gateway mesh)",
            };
            report.inform(
                "canary",
                format!("decides, and does not route: a VirtualService of {owner} has to match {}, and to have a route for everyone else", canary.header),
            );
        }
        _ => {}
    }
}

fn of_link(plugin: &Plugin, link: Link, report: &mut Report) {
    let config = Yaml::Map(plugin.config.clone());
    if link.phase == Phase::Authn && config.mentions("jwt_claim") {
        report.warn(
            "--phase",
            format!("AUTHN, and {} reads a token's claim: nobody has verified the token there, and a client can write what it likes", plugin.name),
        );
    }
    if plugin.filters.contains(&Filter::LatencyHistogram) && link.phase != Phase::Authn {
        report.inform(
            "latency_histogram",
            "what Istio refuses before it (401, 403) is not measured; by itself, and first, it stands in AUTHN",
        );
    }
}

/// All services that a caller calls pass by.
fn outbound(plugin: &Plugin, report: &mut Report) {
    for filter in &plugin.filters {
        let own = match plugin.config.get(filter.name()) {
            Some(part) => part.clone(),
            None => Yaml::Map(plugin.config.clone()),
        };
        if !own.mentions("hosts") {
            report.warn(
                filter.name(),
                "matches no hosts, and all services on that port pass by here: write match with hosts, as callers write them",
            );
        }
    }
}
