//! The ports of a Kubernetes Service: the one that callers name, and the one that the application listens on.
//!
//! A caller's sidecar listens on the former, a called one on the latter, and Istio compares `match.ports` with what the proxy
//! listens on: the wrong one of the two installs nothing, without a word.

use serde_json::Value;

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    name: String,
    ports: Vec<Port>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Port {
    port: u16,
    target: TargetPort,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TargetPort {
    Number(u16),
    /// A name that each pod gives a number.
    Named(String),
}

/// A side of the connection between two sidecars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Called,
}

impl Service {
    /// Reads a Kubernetes object of kind `Service`. Ports that are not TCP carry no HTTP and are left out.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn read(object: &Value) -> Result<Self, String> {
        let name = object
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or("unnamed");
        let ports = object.pointer("/spec/ports").and_then(Value::as_array);
        let is_tcp = |port: &&Value| port.get("protocol").is_none_or(|protocol| protocol == "TCP");
        let ports: Option<Vec<Port>> = ports.into_iter().flatten().filter(is_tcp).map(port).collect();
        match ports {
            Some(ports) if !ports.is_empty() => Ok(Self {
                name: name.to_owned(),
                ports,
            }),
            _ => Err(format!(
                "Service {name} has no port that can be read: write spec.ports, each with its port"
            )),
        }
    }
}

fn port(value: &Value) -> Option<Port> {
    let number = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    let port = number(value.get("port")?)?;
    let target = match value.get("targetPort") {
        None | Some(Value::Null) => TargetPort::Number(port),
        Some(Value::String(name)) => TargetPort::Named(name.clone()),
        Some(other) => TargetPort::Number(number(other)?),
    };
    Some(Port { port, target })
}

/// The ports to match on a side, as far as Services say: those that have a name in each pod are left out.
pub(crate) fn ports(services: &[Service], side: Side) -> Vec<u16> {
    let all = services.iter().flat_map(|service| &service.ports);
    let mut ports: Vec<u16> = all
        .filter_map(|port| match (side, &port.target) {
            (Side::Caller, _) => Some(port.port),
            (Side::Called, TargetPort::Number(target)) => Some(*target),
            (Side::Called, TargetPort::Named(_)) => None,
        })
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Why a port of a side installs nothing, as far as Services say.
pub(crate) fn mistaken(services: &[Service], side: Side, asked: u16) -> Option<String> {
    let right = ports(services, side);
    if right.contains(&asked) {
        return None;
    }
    let all = || services.iter().flat_map(|service| &service.ports);
    let other = all().find(|port| match side {
        Side::Caller => port.target == TargetPort::Number(asked),
        Side::Called => port.port == asked,
    });
    let nothing = "Istio would install nothing, without a word";
    match (side, other) {
        (Side::Caller, Some(port)) => Some(format!(
            "{asked} is what the application listens on, and a caller's sidecar listens on the Service's port: {nothing}; write {}",
            port.port
        )),
        (Side::Called, Some(port)) => {
            let write = match &port.target {
                TargetPort::Number(target) => target.to_string(),
                TargetPort::Named(name) => format!("the number that pods give {name:?}"),
            };
            Some(format!(
                "{asked} is the Service's port, and the called sidecar listens on the application's: {nothing}; write {write}"
            ))
        }
        // A named one may be any number.
        (Side::Called, None) if all().any(|port| matches!(port.target, TargetPort::Named(_))) => None,
        (_, None) => {
            let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
            let right: Vec<String> = right.iter().map(u16::to_string).collect();
            Some(format!(
                "{asked} is no port of {}: {nothing}; write {}",
                names.join(", "),
                right.join(" or ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reviews() -> Vec<Service> {
        let object = json!({ "kind": "Service", "metadata": { "name": "reviews" }, "spec": { "ports": [
            { "name": "http", "port": 8000, "targetPort": 8080 },
            { "name": "admin", "port": 9000, "targetPort": "admin" },
            { "name": "same", "port": 7000 },
            { "name": "dns", "port": 53, "protocol": "UDP" },
        ] } });
        vec![Service::read(&object).unwrap()]
    }

    #[test]
    fn each_side_has_ports_of_its_own() {
        assert_eq!(ports(&reviews(), Side::Caller), [7000, 8000, 9000]);
        assert_eq!(ports(&reviews(), Side::Called), [7000, 8080]);
    }

    #[test]
    fn the_other_sides_port_is_found_out() {
        let check = |side, port, expected: Option<&str>| {
            let found = mistaken(&reviews(), side, port);
            match (&found, expected) {
                (Some(text), Some(expected)) => assert!(text.contains(expected), "{text}"),
                _ => assert_eq!(found.as_deref(), expected, "{port}"),
            }
        };
        for good in [7000, 8000, 9000] {
            check(Side::Caller, good, None);
        }
        check(Side::Caller, 8080, Some("write 8000"));
        check(Side::Caller, 53, Some("53 is no port of reviews"));
        check(Side::Called, 8080, None);
        check(Side::Called, 8000, Some("write 8080"));
        check(Side::Called, 9000, Some("the number that pods give \"admin\""));
        // It may be what `admin` is.
        check(Side::Called, 1234, None);
    }

    #[test]
    fn a_service_without_ports_says_nothing() {
        for spec in [
            json!({}),
            json!({ "ports": [{ "port": "http" }] }),
            json!({ "ports": [{ "port": 0.5 }] }),
        ] {
            assert!(Service::read(&json!({ "spec": spec })).is_err());
        }
    }
}
