//! Istio's DestinationRule.
//!
//! `outlierDetection` counts failures in a row of one host and takes that host out; a breaker counts them over all hosts
//! and answers in their place. So each makes up for what the other cannot see, and the object stays as it is. Where its
//! defaults decide, they are those of istiod and Envoy: `consecutive5xxErrors` is 5 unless it is written.

mod hosts;
mod outlier;
mod stays;

use super::draft::{Log, Made, Place, node, object as fields_of, text, texts};
use super::fields::{Fields, Found};
use crate::document::{Kind, Mistake, Node, join};
use hosts::Hosts;
use outlier::Watched;

/// The versions in which a DestinationRule has these fields.
const VERSIONS: [&str; 3] = [
    "networking.istio.io/v1",
    "networking.istio.io/v1beta1",
    "networking.istio.io/v1alpha3",
];

/// Reads the objects of a file.
///
/// # Errors
/// Every mistake.
pub(super) fn read(documents: &[Node]) -> Result<Made, Vec<Mistake>> {
    let mut made = Made::new("DestinationRule");
    let mut log = Log::default();
    let mut found = false;
    for document in documents {
        let items = match (
            document.get("kind").and_then(Node::text),
            document.get("items").map(|items| &items.kind),
        ) {
            (Some("List"), Some(Kind::List(items))) => items.iter().collect(),
            _ => vec![document],
        };
        for (index, item) in items.iter().enumerate() {
            let path = if std::ptr::eq(*item, document) {
                String::new()
            } else {
                format!("items[{index}]")
            };
            found |= object(item, &path, &mut made, &mut log);
        }
    }
    if !found && log.mistakes.is_empty() {
        let message = "holds no DestinationRule: write one, or say what it is with --from";
        return Err(vec![Mistake::at(0, message)]);
    }
    log.finish(made)
}

/// One object; says whether it is a DestinationRule.
fn object(node: &Node, path: &str, made: &mut Made, log: &mut Log) -> bool {
    let at = Place {
        line: node.line,
        path: path.to_owned(),
    };
    let kind = node.get("kind").and_then(Node::text);
    let name = Name::of(node);
    let Some("DestinationRule") = kind else {
        match kind {
            Some(kind) => made.skipped.push(format!("{kind} {}", name.shown())),
            None => log.mistake(&at, "has no kind: it is not a Kubernetes object"),
        }
        return false;
    };
    let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
    if !VERSIONS.contains(&version) {
        let at = Place {
            line: node.get("apiVersion").map_or(node.line, |version| version.line),
            path: join(path, "apiVersion"),
        };
        log.mistake(
            &at,
            format!(
                "is no version of a DestinationRule: write {}",
                VERSIONS.join(", ")
            ),
        );
        return true;
    }
    let spec_path = join(path, "spec");
    let Some(spec) = node.get("spec") else {
        log.mistake(
            &at,
            format!("has no spec: DestinationRule {} needs it", name.shown()),
        );
        return true;
    };
    let fields = Fields::of(spec, &spec_path, log);
    Rule { name, made, log }.read(fields, spec.line);
    true
}

/// What an object is called.
struct Name<'n> {
    name: Option<&'n str>,
    namespace: Option<&'n str>,
}

impl<'n> Name<'n> {
    fn of(object: &'n Node) -> Self {
        let metadata = |key: &str| object.get("metadata")?.get(key)?.text();
        Self {
            name: metadata("name"),
            namespace: metadata("namespace"),
        }
    }

    /// `demo/reviews`
    fn shown(&self) -> String {
        let name = self.name.unwrap_or("unnamed");
        match self.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        }
    }
}

struct Rule<'r, 'n> {
    name: Name<'n>,
    made: &'r mut Made,
    log: &'r mut Log,
}

impl<'n> Rule<'_, 'n> {
    fn read(mut self, mut spec: Fields<'n>, line: usize) {
        let host = spec.take("host");
        let policy = spec.take("trafficPolicy");
        let subsets = spec.take("subsets");
        let Some(host) = host else {
            self.log
                .mistake(&spec.place("host", line), "is missing: write the service's name");
            return;
        };
        let Some(hosts) = self.hosts(&host) else { return };
        let policy = policy.map(|found| (Fields::of(found.value, &found.at.path, self.log), found.at));
        let (outlier, ports) = match policy {
            Some((mut fields, _)) => {
                let outlier = fields.take("outlierDetection");
                let ports = fields.take("portLevelSettings");
                self.rest_of_policy(fields);
                (outlier, ports)
            }
            None => (None, None),
        };
        let several = hosts.wildcard || subsets.is_some() || ports.is_some();
        match outlier {
            Some(outlier) => self.breakers(&outlier, &host, &hosts, several),
            None => self.log.lost(
                &host.at,
                "has no outlierDetection in trafficPolicy: there is nothing to make a breaker of",
            ),
        }
        self.ports(ports);
        self.subsets(subsets);
        for found in spec.rest() {
            match found.key {
                "exportTo" | "workloadSelector" => self.log.stays(
                    &found.at,
                    "which proxies have the breaker is said by the selector or the targetRefs of the WasmPlugin",
                ),
                _ => self.unknown(&found),
            }
        }
    }

    /// The breakers of an `outlierDetection`.
    fn breakers(&mut self, outlier: &Found<'n>, host: &Found<'n>, hosts: &Hosts, several: bool) {
        let base = self.name.name.unwrap_or("breaker").to_owned();
        let mut drafts = outlier::read(outlier, &base, self.log);
        let of = format!("DestinationRule {}, line {}", self.name.shown(), outlier.at.line);
        if drafts.is_empty() {
            return;
        }
        self.log.changed(
            &outlier.at,
            "breakers that count the results of requests, over all hosts and after retries. Ejecting hosts stays here: of \
             many hosts a single bad one does not open a breaker",
        );
        let shown = hosts.names.join(", ");
        let per = if several { "cluster" } else { "rule" };
        self.log.note(
            hosts.fate(),
            &host.at,
            format!(
                "match: hosts: [{shown}]; per: {per}{}. {}",
                if several {
                    ", a breaker for each port and subset"
                } else {
                    ""
                },
                hosts.why
            ),
        );
        for Watched { draft, fields } in &mut drafts {
            draft.of.clone_from(&of);
            if !hosts.names.is_empty() {
                let entry = fields_of(vec![("hosts", texts(hosts.names.clone()))]);
                let list = node(Kind::List(vec![entry]));
                draft.set("match", list, "spec.host");
            }
            if several {
                draft.set("per", text("cluster"), "");
            }
            draft.fields.append(fields);
        }
        self.made
            .drafts
            .extend(drafts.into_iter().map(|watched| watched.draft));
    }

    /// What `spec.host` is called in requests.
    fn hosts(&mut self, host: &Found<'n>) -> Option<Hosts> {
        let name = host.text(self.log)?;
        let hosts = Hosts::of(name, self.name.namespace);
        if hosts.is_none() {
            self.log.wrong(
                &host.at,
                host.value,
                "a host: write a service's name, a DNS name, or one that begins with *.",
            );
        }
        hosts
    }

    fn ports(&mut self, ports: Option<Found<'n>>) {
        let Some(ports) = ports else { return };
        for (at, node) in ports.items(self.log) {
            let mut fields = Fields::of(node, &at.path, self.log);
            fields.take("port");
            if let Some(outlier) = fields.take("outlierDetection") {
                self.log.lost(
                    &outlier.at,
                    "`match` compares hosts without their port: the breaker of the whole service, if there is one, counts \
                     each port by itself, with the same bounds. Ejecting hosts stays here",
                );
            }
            self.rest_of_policy(fields);
        }
    }

    fn subsets(&mut self, subsets: Option<Found<'n>>) {
        let Some(subsets) = subsets else { return };
        self.log.stays(
            &subsets.at,
            "Envoy routes to them; per: cluster keeps a breaker for each",
        );
        for (at, node) in subsets.items(self.log) {
            let mut fields = Fields::of(node, &at.path, self.log);
            let name = fields.take("name").and_then(|found| found.text(self.log));
            let name = name.unwrap_or("this subset").to_owned();
            fields.take("labels");
            if let Some(policy) = fields.take("trafficPolicy") {
                let mut inner = Fields::of(policy.value, &policy.at.path, self.log);
                if let Some(outlier) = inner.take("outlierDetection") {
                    self.log.lost(
                        &outlier.at,
                        format!(
                            "a breaker is chosen before Envoy chooses {name}: write one whose `match` is that of the route \
                             to it, as in headers: {{x-canary: {{exact: {name}}}}}. Ejecting hosts stays here"
                        ),
                    );
                }
                let ports = inner.take("portLevelSettings");
                self.rest_of_policy(inner);
                self.ports(ports);
            }
            for found in fields.rest() {
                self.unknown(&found);
            }
        }
    }

    fn unknown(&mut self, found: &Found<'n>) {
        self.log
            .lost(&found.at, "is no field of a DestinationRule that is known here");
    }
}
