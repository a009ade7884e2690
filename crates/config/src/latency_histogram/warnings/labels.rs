//! Advice on labels: who chooses their values, and which values are never seen.

use super::super::{Dimension, Labels, RouteLabel, VariantLabel};
use crate::warning::Warnings;
use fairlead_matching::Template;
use fairlead_stage::HeaderMap;

/// From so many sets of labels on it is worth a thought who has to store them.
const MANY: u64 = 1000;
/// Headers whose values are secrets.
const SECRETS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
];

impl Warnings {
    pub(super) fn labels(&mut self, labels: &Labels) {
        let sets = labels.series();
        if sets > MANY {
            self.info(
                "labels",
                format!(
                    "can have {sets} sets; what was seen once stays in the proxy, and in each answer to Prometheus, until it restarts"
                ),
            );
        }
        match &labels.route {
            None => {}
            Some(RouteLabel::Templates(templates)) => self.templates(templates),
            Some(RouteLabel::Name { .. }) => {
                self.info(
                    "labels.route.name",
                    "Istio calls each route without a name default; name the routes of a VirtualService to tell them apart",
                );
                self.admitted("labels.route.max", labels, Dimension::Route);
            }
        }
        if let Some(variant) = &labels.variant {
            self.variant(variant);
        }
        for (index, host) in labels.hosts.iter().enumerate() {
            if host.to_string() == "*" {
                self.warn(
                    format!("labels.host[{index}]"),
                    "meets every host, so that what comes after it is never used; leave it out, and other hosts are _other",
                );
            }
        }
        self.admitted("labels.cluster.max", labels, Dimension::Cluster);
    }

    /// Templates that stand behind one which meets all that they meet.
    fn templates(&mut self, templates: &[Template]) {
        for (index, template) in templates.iter().enumerate() {
            let earlier = templates.iter().take(index);
            // A variable only meets a variable's name, as no literal has braces.
            let mut covering = earlier.filter(|earlier| earlier.visit(template.as_str().as_bytes(), |_| {}));
            if let Some(earlier) = covering.next() {
                self.warn(
                    format!("labels.route.templates[{index}]"),
                    format!(
                        "is never the route, as {} stands before it; write it first",
                        earlier.as_str()
                    ),
                );
            }
        }
    }

    /// A label that takes the values that come first.
    fn admitted(&mut self, path: &str, labels: &Labels, dimension: Dimension) {
        if let Some(max) = labels.dynamic(dimension) {
            self.info(
                path,
                format!(
                    "the first {max} that are seen have a value of their own, later ones are _other and counted in label_overflow_total"
                ),
            );
        }
    }

    fn variant(&mut self, variant: &VariantLabel) {
        let VariantLabel {
            from,
            header,
            values,
            max,
            ..
        } = variant;
        if SECRETS.contains(&header.as_str()) && values.is_empty() {
            self.warn(
                "labels.variant",
                format!("{header} holds secrets, which would stand in metrics; use another header"),
            );
        }
        if *from == HeaderMap::Response {
            return;
        }
        self.info(
            "labels.variant.header",
            "is read when a request comes to this filter, so a canary that sets it has to come before; in a policy, write order: [canary, latency_histogram]",
        );
        if values.is_empty() {
            self.warn(
                "labels.variant",
                format!(
                    "clients choose this value unless a filter before this one sets the header, and the first {max} take all places; write values"
                ),
            );
        }
    }
}
