//! What Envoy counts apart, and which failures are in which count.

use crate::convert::draft::{Fate, Log, texts};
use crate::convert::fields::Found;
use crate::document::{Kind, Node};

/// What istiod and Envoy take where `consecutive5xxErrors` or `consecutiveLocalOriginFailures` is not written.
const IN_A_ROW: u64 = 5;
/// What `trip.consecutive_failures` can be.
const MOST_FAILURES: u64 = 1_000_000;

/// One of Envoy's counts.
pub(super) struct Count {
    pub(super) suffix: &'static str,
    pub(super) field: &'static str,
    pub(super) threshold: u64,
    pub(super) failure: Vec<(&'static str, Node)>,
}

/// The counts that are on.
pub(super) fn read(
    five: Option<&Found<'_>>,
    gateway: Option<&Found<'_>>,
    local: Option<&Found<'_>>,
    split: bool,
    log: &mut Log,
) -> Vec<Count> {
    let row = |found: Option<&Found<'_>>, default: u64, log: &mut Log| {
        found.map_or(default, |found| found.whole(log).unwrap_or_default())
    };
    let five_at = row(five, IN_A_ROW, log);
    let gateway_at = row(gateway, 0, log);
    let local_at = if split { row(local, IN_A_ROW, log) } else { 0 };
    let mut counts = Vec::new();
    // What Envoy answers itself counts as 502 to 504, unless it counts apart.
    let replies = |mut failure: Vec<(&'static str, Node)>| {
        if split {
            failure.push((
                "reset",
                Node {
                    line: 0,
                    kind: Kind::Bool(false),
                },
            ));
            failure.push(("local_replies", texts::<String>([])));
        }
        failure
    };
    if five_at > 0 {
        let grpc = [
            "UNKNOWN",
            "DEADLINE_EXCEEDED",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
        ];
        counts.push(Count {
            suffix: "5xx",
            field: "consecutive5xxErrors",
            threshold: five_at,
            failure: replies(vec![("status", texts(["5xx"])), ("grpc", texts(grpc))]),
        });
    }
    if gateway_at > 0 && (five_at == 0 || gateway_at < five_at) {
        counts.push(Count {
            suffix: "gateway",
            field: "consecutiveGatewayErrors",
            threshold: gateway_at,
            failure: replies(vec![
                ("status", texts(["502-504"])),
                ("grpc", texts(["DEADLINE_EXCEEDED", "UNAVAILABLE"])),
            ]),
        });
    } else if let Some(gateway) = gateway.filter(|_| gateway_at > 0) {
        log.lost(
            &gateway.at,
            format!("has no effect in Envoy either: {five_at} errors of any kind come first"),
        );
    }
    if local_at > 0 {
        counts.push(Count {
            suffix: "local",
            field: "consecutiveLocalOriginFailures",
            threshold: local_at,
            failure: vec![
                ("status", texts::<String>([])),
                ("grpc", texts::<String>([])),
                (
                    "reset",
                    Node {
                        line: 0,
                        kind: Kind::Bool(true),
                    },
                ),
                ("local_replies", texts(["UF", "UT"])),
            ],
        });
    }
    for (found, threshold) in [(five, five_at), (gateway, gateway_at)] {
        if let Some(found) = found.filter(|_| threshold == 0) {
            log.became(&found.at, "off: no breaker counts these");
        }
    }
    if let Some(local) = local.filter(|_| !split) {
        log.lost(
            &local.at,
            "has no effect in Envoy either without splitExternalLocalOriginErrors: true",
        );
    }
    for count in &mut counts {
        let most = count.threshold.min(MOST_FAILURES);
        let why = if most < count.threshold {
            format!("; {MOST_FAILURES} are the most")
        } else {
            String::new()
        };
        count.threshold = most;
        let written = [five, gateway, local]
            .into_iter()
            .flatten()
            .find(|found| found.key == count.field);
        if let Some(found) = written {
            let fate = if why.is_empty() {
                Fate::Became
            } else {
                Fate::Changed
            };
            let text = format!("trip: {{consecutive_failures: {most}}}{why}");
            log.note(fate, &found.at, text);
        }
    }
    counts
}
