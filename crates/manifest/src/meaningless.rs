//! Options that say nothing about a target. They are refused: who writes one expects it to act.

use crate::options::{Options, Target};
use crate::problem::Report;

/// Refuses each option that means nothing for the target.
pub(crate) fn check(options: &Options, with_services: bool, report: &mut Report) {
    let Options { target, .. } = options;
    let istio = matches!(target, Target::Istio | Target::TrafficExtension);
    let kubernetes = *target != Target::Envoy;
    let bootstrap = *target == Target::Envoy && options.bootstrap;
    let given = [
        ("--attach", options.attach.is_some(), istio),
        ("--mode", options.mode.is_some(), istio),
        ("--selector", !options.selector.is_empty(), istio),
        ("--phase", options.phase.is_some(), istio),
        ("--priority", options.priority.is_some(), istio),
        ("--service", with_services, istio),
        ("--port", !options.ports.is_empty(), istio || bootstrap),
        ("--namespace", options.namespace.is_some(), kubernetes),
        ("--target-ref", !options.target_refs.is_empty(), kubernetes),
        ("--registry", options.registry.is_some(), kubernetes),
        ("--tag", options.tag.is_some(), kubernetes),
        ("--pull-secret", options.pull_secret.is_some(), kubernetes),
        ("--modules", options.modules.is_some(), !kubernetes),
        ("--bootstrap", options.bootstrap, !kubernetes),
        ("--listen", options.listen.is_some(), bootstrap),
        ("--admin-port", options.admin_port.is_some(), bootstrap),
        ("--upstream", !options.upstreams.is_empty(), bootstrap),
    ];
    for (option, is_given, means) in given {
        if is_given && !means {
            report.refuse(
                option,
                format!("means nothing for {}: leave it out", what(options, option)),
            );
        }
    }
}

fn what(options: &Options, option: &str) -> &'static str {
    match options.target {
        Target::Istio | Target::TrafficExtension => "Istio, which has a configuration of its own",
        Target::EnvoyGateway => match option {
            "--phase" | "--priority" => "Envoy Gateway, whose filters run in the order of their list",
            "--attach" | "--mode" | "--selector" => "Envoy Gateway, which attaches by --target-ref",
            _ => "Envoy Gateway",
        },
        Target::Envoy if matches!(option, "--port" | "--listen" | "--admin-port" | "--upstream") => {
            "a list of filters without --bootstrap"
        }
        Target::Envoy => "Envoy alone, which loads files",
    }
}
