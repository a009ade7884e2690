//! `spec.host`: how requests ask for the service.
//!
//! A short name means a service of the object's namespace, and callers may say as much of its full name as they like. So
//! each form is matched; that the shortest one could be another service's, in another namespace, is said in a note.

use crate::convert::draft::Fate;

/// What a service is called in requests.
pub(super) struct Hosts {
    /// Empty: anything.
    pub(super) names: Vec<String>,
    pub(super) wildcard: bool,
    /// Whether the names are a guess.
    guessed: bool,
    pub(super) why: String,
}

impl Hosts {
    /// What requests call `host`, a name that stands in an object of this namespace. `None`: it is no host.
    pub(super) fn of(host: &str, namespace: Option<&str>) -> Option<Self> {
        const IN_CLUSTER: &str = ".svc.cluster.local";
        if host == "*" {
            return Some(Self {
                names: Vec::new(),
                wildcard: true,
                guessed: false,
                why: "All requests".to_owned(),
            });
        }
        let plain = host.strip_prefix("*.").unwrap_or(host);
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if plain.is_empty() || !plain.chars().all(good) || plain.split('.').any(str::is_empty) {
            return None;
        }
        if plain.len() < host.len() {
            return Some(Self {
                names: vec![host.to_owned()],
                wildcard: true,
                guessed: false,
                why: "Requests that ask for one of them by its full name".to_owned(),
            });
        }
        let service = match host
            .strip_suffix(IN_CLUSTER)
            .and_then(|name| name.split_once('.'))
        {
            Some((service, namespace)) if !namespace.contains('.') => Some((service, Some(namespace))),
            _ if !host.contains('.') => Some((host, namespace)),
            _ => None,
        };
        let (names, guessed, why) = match service {
            Some((service, Some(namespace))) => (
                vec![
                    format!("{service}.{namespace}{IN_CLUSTER}"),
                    format!("{service}.{namespace}.svc"),
                    format!("{service}.{namespace}"),
                    service.to_owned(),
                ],
                true,
                format!(
                    "It is what a request asks for, not where its route leads. The last name means this service only \
                     in callers of {namespace}"
                ),
            ),
            Some((service, None)) => (
                vec![service.to_owned()],
                true,
                "The object has no metadata.namespace, with which callers may say it too: add the longer names"
                    .to_owned(),
            ),
            None => (
                vec![host.to_owned()],
                false,
                "It is what a request asks for, not where its route leads".to_owned(),
            ),
        };
        Some(Self {
            names,
            wildcard: false,
            guessed,
            why,
        })
    }

    /// Whether that is what the object says, or what it is likely to mean.
    pub(super) fn fate(&self) -> Fate {
        if self.guessed { Fate::Changed } else { Fate::Became }
    }
}
