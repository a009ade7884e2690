//! Which proxies of an Istio mesh run the plugins, and on which side: what has to stand in `selector`, `targetRefs` and
//! `match`, and what would install nothing there. Istio says nothing about a plugin that no listener takes.

mod refs;

pub(crate) use refs::{Kind, Ref, refs};

use crate::names;
use crate::options::{Attach, Mode, Options};
use crate::problem::Report;
use crate::service::{self, Service, Side};
use fairlead_config::Filter;

/// Where Istio's own charts put the ingress gateway, and its label there.
const INGRESS: (&str, &str, &str) = ("istio-system", "istio", "ingressgateway");

/// Where plugins run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) attach: Attach,
    /// Whether it was asked for.
    pub(crate) asked: bool,
    pub(crate) namespace: Option<String>,
    pub(crate) selector: Vec<(String, String)>,
    pub(crate) refs: Vec<Ref>,
    /// What `match.mode` says; `None`: nothing.
    pub(crate) mode: Option<&'static str>,
    pub(crate) ports: Vec<u16>,
}

impl Place {
    /// Who runs the plugins, in words.
    pub(crate) const fn words(&self) -> &'static str {
        match self.attach {
            Attach::SidecarInbound => {
                "In the sidecar of the service that is called (SERVER): each request once"
            }
            Attach::SidecarOutbound => "In the sidecar of every caller (CLIENT)",
            Attach::Gateway => {
                "On a gateway, which Istio counts as CLIENT: with mode SERVER nothing would be installed"
            }
            Attach::Waypoint => "On a waypoint, where a match would install nothing",
        }
    }
}

/// The place where filters work, unless another is asked for.
fn usual(filters: &[Filter]) -> Attach {
    let inbound = |filter: &Filter| matches!(filter, Filter::RateLimit | Filter::LatencyHistogram);
    match filters {
        [Filter::CircuitBreaker] => Attach::SidecarOutbound,
        all if all.iter().all(inbound) => Attach::SidecarInbound,
        // A canary has to be where routes are chosen, and a gateway does for all the others.
        _ => Attach::Gateway,
    }
}

/// Finds the place that is asked for, and everything that cannot work there.
pub(crate) fn find(
    options: &Options,
    filters: &[Filter],
    services: &[Service],
    report: &mut Report,
) -> Place {
    let attach = options.attach.unwrap_or_else(|| usual(filters));
    let found = refs(&options.target_refs, &Kind::ISTIO, report);
    let mut place = Place {
        attach,
        asked: options.attach.is_some(),
        namespace: options.namespace.clone(),
        selector: selector(options, report),
        refs: found,
        mode: None,
        ports: ports(&options.ports, report),
    };
    if let Some(Err(why)) = options.namespace.as_deref().map(names::label) {
        report.refuse("--namespace", why);
    }
    if !options.selector.is_empty() && !options.target_refs.is_empty() {
        report.refuse(
            "--target-ref",
            "and --selector are both there, and Istio takes one of them: leave out one",
        );
    }
    match attach {
        Attach::SidecarInbound => sidecar(&mut place, Side::Called, options, filters, services, report),
        Attach::SidecarOutbound => sidecar(&mut place, Side::Caller, options, filters, services, report),
        Attach::Gateway => gateway(&mut place, options, report),
        Attach::Waypoint => waypoint(&place, options, report),
    }
    if !services.is_empty() && matches!(attach, Attach::Gateway | Attach::Waypoint) {
        report.refuse(
            "--service",
            "tells the ports of sidecars apart, and there are none here: leave it out",
        );
    }
    if place.namespace.is_none() {
        report.inform(
            "--namespace",
            "is not given: the objects go where kubectl's context points, and act there only; in the mesh's root namespace they \
             act in all",
        );
    }
    place
}

fn sidecar(
    place: &mut Place,
    side: Side,
    options: &Options,
    filters: &[Filter],
    services: &[Service],
    report: &mut Report,
) {
    let (word, wrong, other) = match side {
        Side::Called => ("SERVER", Mode::Client, "outbound"),
        Side::Caller => ("CLIENT", Mode::Server, "inbound"),
    };
    place.mode = Some(word);
    let (mode, attach) = if wrong == Mode::Client {
        ("client", "inbound")
    } else {
        ("server", "outbound")
    };
    if options.mode == Some(wrong) {
        report.refuse(
            "--mode",
            format!("{mode} is the {other} side of a sidecar, and --attach asks for sidecar-{attach}: leave out --mode"),
        );
    }
    if side == Side::Called && filters.contains(&Filter::Canary) {
        report.refuse(
            "--attach",
            "sidecar-inbound, and the policy has canary: the called sidecar (SERVER) has one route only, so that the header \
             would choose nothing; write gateway, waypoint or sidecar-outbound, or give canary a policy of its own",
        );
    }
    if !options.target_refs.is_empty() {
        report.refuse(
            "--target-ref",
            format!(
                "{}: a sidecar ignores targetRefs, and the plugin would be nowhere; write --selector",
                options.target_refs.join(", ")
            ),
        );
    }
    let is_gateway = |(key, value): &&(String, String)| {
        key == "istio" && value.ends_with("gateway") || key == "gateway.networking.k8s.io/gateway-name"
    };
    if let (Side::Called, Some((key, value))) = (side, place.selector.iter().find(is_gateway)) {
        report.refuse(
            "--selector",
            format!(
                "{key}={value} selects a gateway, which has no inbound side: with SERVER Istio would install nothing, without a \
                 word; write --attach gateway"
            ),
        );
    }
    for port in &place.ports {
        let mistaken = (!services.is_empty())
            .then(|| service::mistaken(services, side, *port))
            .flatten();
        if let Some(why) = mistaken {
            report.refuse("--port", why);
        }
    }
    if options.ports.is_empty() && !services.is_empty() {
        place.ports = service::ports(services, side);
        if place.ports.is_empty() {
            report.refuse(
                "--service",
                "names its target ports, which each pod gives a number: write that number with --port",
            );
        }
    } else if services.is_empty() && !place.ports.is_empty() {
        let whose = match side {
            Side::Called => "the application's (targetPort), not the Service's",
            Side::Caller => "the Service's, not the application's (targetPort)",
        };
        report.inform("--port", format!("has to be {whose}: the other one would install nothing, without a word; --service FILE checks it"));
    }
}

fn gateway(place: &mut Place, options: &Options, report: &mut Report) {
    if options.mode == Some(Mode::Server) {
        report.refuse(
            "--mode",
            "server, and a gateway has no inbound side: Istio would install nothing, without a word; leave it out",
        );
    }
    place.mode = options.mode.map(|_| "CLIENT");
    for wrong in place.refs.iter().filter(|one| one.kind != Kind::Gateway) {
        report.refuse(
            "--target-ref",
            format!(
                "{wrong} is no gateway: write gateway/<name>, or --attach waypoint for what a waypoint serves"
            ),
        );
    }
    if options.selector.is_empty() && options.target_refs.is_empty() {
        let (namespace, key, value) = INGRESS;
        place.selector = vec![(key.to_owned(), value.to_owned())];
        let own = place.namespace.get_or_insert_with(|| namespace.to_owned());
        if own != namespace {
            report.warn(
                "--namespace",
                format!(
                    "{own}, and {key}={value} selects there only, unless it is the mesh's root namespace: Istio's own ingress \
                     gateway is in {namespace}"
                ),
            );
        }
        report.inform(
            "--selector",
            format!("is not given: {key}={value} is the label of Istio's own ingress gateway; for a gateway of the Gateway API write --target-ref gateway/<name>"),
        );
    }
}

fn waypoint(place: &Place, options: &Options, report: &mut Report) {
    if options.target_refs.is_empty() {
        report.refuse(
            "--attach",
            "waypoint, and a waypoint takes only what names it: write --target-ref service/<name> or gateway/<name>",
        );
    }
    if !options.selector.is_empty() {
        report.refuse(
            "--selector",
            "means nothing to a waypoint: write --target-ref service/<name> or gateway/<name>",
        );
    }
    if options.mode == Some(Mode::Client) {
        report.refuse(
            "--mode",
            "client, and a waypoint counts as SERVER: Istio would install nothing, without a word; leave it out",
        );
    }
    if !options.ports.is_empty() {
        report.refuse(
            "--port",
            format!("{}: the chain of a waypoint has no port, and no match would meet it: Istio would install nothing, without a word; leave it out", options.ports.join(", ")),
        );
    }
    for class in place.refs.iter().filter(|one| one.kind == Kind::GatewayClass) {
        if class.name != "istio-waypoint" {
            report.refuse(
                "--target-ref",
                format!("{class}: Istio takes one class, gatewayclass/istio-waypoint"),
            );
        }
        report.inform(
            "--target-ref",
            format!("{class} counts in the mesh's root namespace only: --namespace has to name that"),
        );
    }
}

fn selector(options: &Options, report: &mut Report) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for text in &options.selector {
        match names::pod_label(text) {
            Ok((key, _)) if labels.iter().any(|(known, _)| *known == key) => {
                report.refuse("--selector", format!("{key} is there twice: write it once"));
            }
            Ok(label) => labels.push(label),
            Err(why) => report.refuse("--selector", why),
        }
    }
    labels
}

/// The ports that are asked for, without those that are none.
pub(crate) fn ports(texts: &[String], report: &mut Report) -> Vec<u16> {
    let mut ports = Vec::new();
    for text in texts {
        match names::port(text) {
            Ok(port) if ports.contains(&port) => {
                report.refuse("--port", format!("{port} is there twice: write it once"))
            }
            Ok(port) => ports.push(port),
            Err(why) => report.refuse("--port", why),
        }
    }
    ports
}
