//! `kind/name`: objects that policies are attached to.

use crate::names;
use crate::problem::Report;
use crate::yaml::Map;
use std::fmt;

/// The most that one object can name.
const MOST: usize = 16;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gateway,
    GatewayClass,
    Service,
    ServiceEntry,
    HttpRoute,
    GrpcRoute,
}

impl Kind {
    /// What Istio's plugins can name.
    pub(crate) const ISTIO: [Self; 4] = [
        Self::Gateway,
        Self::GatewayClass,
        Self::Service,
        Self::ServiceEntry,
    ];
    /// What Envoy Gateway's can, of what carries HTTP.
    pub(crate) const ENVOY_GATEWAY: [Self; 3] = [Self::Gateway, Self::HttpRoute, Self::GrpcRoute];

    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::GatewayClass => "GatewayClass",
            Self::Service => "Service",
            Self::ServiceEntry => "ServiceEntry",
            Self::HttpRoute => "HTTPRoute",
            Self::GrpcRoute => "GRPCRoute",
        }
    }

    const fn group(self) -> &'static str {
        match self {
            Self::Service => "",
            Self::ServiceEntry => "networking.istio.io",
            _ => "gateway.networking.k8s.io",
        }
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl Ref {
    /// As `targetRefs` have it.
    pub(crate) fn to_map(&self) -> Map {
        Map::from([
            ("group", self.kind.group()),
            ("kind", self.kind.name()),
            ("name", self.name.as_str()),
        ])
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name().to_ascii_lowercase(), self.name)
    }
}

/// Those that can be read, each of one of `kinds`.
pub(crate) fn refs(texts: &[String], kinds: &[Kind], report: &mut Report) -> Vec<Ref> {
    let mut found: Vec<Ref> = Vec::new();
    for text in texts {
        match one(text, kinds) {
            Ok(one) if found.contains(&one) => {
                report.refuse("--target-ref", format!("{one} is there twice: write it once"))
            }
            Ok(one) => found.push(one),
            Err(why) => report.refuse("--target-ref", why),
        }
    }
    if texts.len() > MOST {
        report.refuse(
            "--target-ref",
            format!(
                "is there {} times, and an object takes {MOST}: render it twice",
                texts.len()
            ),
        );
    }
    found
}

fn one(text: &str, kinds: &[Kind]) -> Result<Ref, String> {
    let (kind, name) = text.split_once('/').unwrap_or((text, ""));
    let known = kinds.iter().find(|known| known.name().eq_ignore_ascii_case(kind));
    let Some(kind) = known else {
        let all: Vec<String> = kinds
            .iter()
            .map(|kind| format!("{}/<name>", kind.name().to_ascii_lowercase()))
            .collect();
        return Err(format!(
            "{text:?} names nothing that can be attached to: write {}",
            all.join(", ")
        ));
    };
    names::subdomain(name).map_err(|why| format!("{text:?}: the name {why}"))?;
    Ok(Ref {
        kind: *kind,
        name: name.to_owned(),
    })
}
