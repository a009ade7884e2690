//! What of a `trafficPolicy` stays in it, field by field.

use super::Rule;
use crate::convert::fields::{Fields, Found};

impl<'n> Rule<'_, 'n> {
    /// The fields of a `trafficPolicy` that are none of a breaker's business.
    pub(super) fn rest_of_policy(&mut self, fields: Fields<'n>) {
        for found in fields.rest() {
            match found.key {
                "connectionPool" => self.pool(&found),
                "loadBalancer" => self
                    .log
                    .stays(&found.at, "which host gets a request is Envoy's to choose"),
                "tls" | "tunnel" | "proxyProtocol" => self.log.stays(&found.at, "is about connections"),
                "retryBudget" => self
                    .log
                    .stays(&found.at, "a breaker sees the result after the retries"),
                _ => self.unknown(&found),
            }
        }
    }

    /// The caps of `connectionPool`, by name.
    fn pool(&mut self, pool: &Found<'n>) {
        for part in Fields::of(pool.value, &pool.at.path, self.log).rest() {
            if !matches!(part.key, "tcp" | "http") {
                self.unknown(&part);
                continue;
            }
            for found in Fields::of(part.value, &part.at.path, self.log).rest() {
                let why = match found.key {
                    "http2MaxRequests" => {
                        "Envoy caps requests of a cluster in flight, for less than max_in_flight would cost. That one is \
                         for caps by rule or key"
                    }
                    "http1MaxPendingRequests" => "Envoy has the queue; a policy has none",
                    "maxConnections" | "maxRequestsPerConnection" | "maxConcurrentStreams" => {
                        "Envoy has the connections; a policy knows requests only"
                    }
                    "maxRetries" => "Envoy makes the retries; a breaker sees the result after them",
                    "connectTimeout" => {
                        "Envoy's timeout of a connection. A policy's timeout is of a request, retries and all"
                    }
                    "idleTimeout"
                    | "maxConnectionDuration"
                    | "tcpKeepalive"
                    | "h2UpgradePolicy"
                    | "useClientProtocol" => "is about connections",
                    _ => {
                        self.unknown(&found);
                        continue;
                    }
                };
                self.log.stays(&found.at, why);
            }
        }
    }
}
