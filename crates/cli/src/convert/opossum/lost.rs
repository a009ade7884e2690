//! What a policy cannot say, and what to do instead.

use crate::convert::draft::{Log, Place};
use crate::convert::fields::Fields;
use crate::document::Kind;

/// Notes the options that nobody has asked for, and the functions that no file has.
pub(super) fn note(fields: Fields<'_>, log: &mut Log) {
    let mut fallback = false;
    for found in fields.rest() {
        if found.value.kind == Kind::Null {
            continue;
        }
        let off = found.value.kind == Kind::Bool(false);
        fallback |= found.key == "fallback";
        match (found.key, off) {
            ("cache" | "coalesce", true) => log.became(&found.at, "nothing: it is off"),
            ("rollingPercentilesEnabled" | "enableSnapshots", true) => {
                log.became(&found.at, "nothing: metrics cost the same with and without");
            }
            (key, _) => log.lost(&found.at, why_lost(key)),
        }
    }
    if !fallback {
        log.lost(
            &Place {
                line: 0,
                path: String::new(),
            },
            "functions are in no file: for errorFilter write ignore: {status: [404]} or the like, for breaker.fallback() \
             fallback: {status: 503, body: ..}, for healthCheck() an active health check of the cluster",
        );
    }
}

fn why_lost(key: &str) -> &'static str {
    match key {
        "errorFilter" => {
            "is a function: write the statuses that it lets through, as in ignore: {status: [404]}. With this preset they \
             count as successes, as there"
        }
        "fallback" => {
            "is a function: write what a refused request gets, as in fallback: {status: 503, body: ..}. In opossum it also \
             answers for calls that failed; here those keep their own response"
        }
        "cacheTTL" | "cacheSize" | "cacheGetKey" | "cacheTransport" => "goes with cache",
        "coalesceTTL" | "coalesceSize" | "coalesceResetOn" => "goes with coalesce",
        "cache" => {
            "a breaker is no cache. fallback: {stale: {max_age: 5m}} keeps good responses for when it refuses; for a cache of \
             its own put one in front"
        }
        "coalesce" => "each request goes its own way; nothing shares a response",
        "healthCheck" => "write an active health check of the cluster, or of the pod",
        "abortController" | "autoRenewAbortController" => {
            "is not needed: at the timeout Envoy ends the call upstream by itself"
        }
        "rollingPercentilesEnabled" => {
            "a breaker measures no latencies, but counts slow calls (trip: {slow: {above: 3s}}). Istio has \
             istio_request_duration_milliseconds"
        }
        "enableSnapshots" | "rotateBucketController" => {
            "is not needed: there are metrics in place of snapshots, and no timer for each breaker"
        }
        "group" => "breakers have no groups: metrics carry the breaker's name and the plugin's",
        "maxFailures" => "is no longer read by opossum: write errorThresholdPercentage and volumeThreshold",
        "state" | "status" => "a breaker begins closed and with an empty window. force: open holds it open",
        _ => "is no option of opossum that is known here",
    }
}
