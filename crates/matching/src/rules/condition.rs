//! The conditions of an entry, compiled: each field of a spec but those that the index has answered already.

use super::hosts::Hosts;
use super::index::Anchor;
use super::literals::Literals;
use super::work;
use crate::spec::Host;
use crate::{Cidr, Client, GrpcSpec, MatchSpec, PathSpec, Pattern, Request, Template, TextSpec};
use fairlead_stage::{HeaderMap, Needs, View};
use std::net::IpAddr;

/// A condition.
#[derive(Debug)]
pub(super) enum Condition {
    Hosts(Box<Hosts>),
    Path(Text),
    Template(Box<Template>),
    Methods(Box<[String]>),
    Header(Box<str>, Text),
    Query(Box<str>, Text),
    Cookie(Box<str>, Text),
    Client(Client, Box<[Cidr]>),
    Grpc(Box<GrpcSpec>),
    Not(Box<[Condition]>),
}

/// A condition on a text.
#[derive(Debug)]
pub(super) enum Text {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Regex(Box<Pattern>),
    Present,
    Absent,
    In(Box<Literals>),
}

/// Appends what is left of a spec for entries found by an anchor, the cheap conditions first.
#[inline(never)]
pub(super) fn compile(spec: &MatchSpec, anchor: &Anchor<'_>, needs: &mut Needs, out: &mut Vec<Condition>) {
    let mut reads = |name: &str| needs.header(HeaderMap::Request, name);
    if !spec.methods.is_empty() {
        reads(":method");
        out.push(Condition::Methods(spec.methods.as_slice().into()));
    }
    let any = spec.hosts.is_empty() || spec.hosts.iter().any(|host| *host.host() == Host::Any);
    if !any && !matches!(anchor, Anchor::Hosts(_)) {
        reads(":authority");
        let mut hosts = Hosts::default();
        for host in &spec.hosts {
            hosts.insert(host.host());
        }
        out.push(Condition::Hosts(Box::new(hosts)));
    }
    let by_path = matches!(anchor, Anchor::Paths(_) | Anchor::Prefix(_));
    let path = match &spec.path {
        Some(PathSpec::Exact(_) | PathSpec::Prefix(_)) if by_path => None,
        Some(PathSpec::Exact(path)) => Some(Condition::Path(Text::Exact(path.as_bytes().into()))),
        Some(PathSpec::Prefix(prefix)) => Some(Condition::Path(Text::Prefix(prefix.as_bytes().into()))),
        Some(PathSpec::Template(template)) => Some(Condition::Template(Box::new(template.clone()))),
        Some(PathSpec::Regex(pattern)) => Some(Condition::Path(Text::Regex(Box::new(pattern.clone())))),
        None => None,
    };
    if let Some(path) = path {
        reads(":path");
        out.push(path);
    }
    if let Some(grpc) = &spec.grpc {
        reads(":path");
        reads("content-type");
        out.push(Condition::Grpc(Box::new(grpc.clone())));
    }
    for (name, text) in &spec.headers {
        reads(name);
        out.push(Condition::Header(name.as_str().into(), Text::compile(text)));
    }
    for (name, text) in &spec.query {
        reads(":path");
        out.push(Condition::Query(name.as_str().into(), Text::compile(text)));
    }
    for (name, text) in &spec.cookies {
        reads("cookie");
        out.push(Condition::Cookie(name.as_str().into(), Text::compile(text)));
    }
    if let Some(client) = &spec.client {
        out.push(Condition::Client(
            Client::compile(client.address, needs),
            client.cidrs.as_slice().into(),
        ));
    }
    if let Some(not) = &spec.not {
        let mut conditions = Vec::new();
        compile(not, &Anchor::None, needs, &mut conditions);
        out.push(Condition::Not(conditions.into()));
    }
}

impl Condition {
    #[inline(never)]
    pub(super) fn holds<'v, V: View>(&'v self, request: &Request<'v, V>) -> bool {
        work::count(1);
        match self {
            Self::Hosts(hosts) => request.host().is_some_and(|host| hosts.contains(host)),
            Self::Path(text) => request.path().is_some_and(|path| text.holds(Some(path))),
            Self::Template(template) => request.path().is_some_and(|path| template.visit(path, |_| ())),
            Self::Methods(methods) => request.method().is_some_and(|method| one_of(methods, method)),
            Self::Header(name, text) => text.holds(request.header(name).as_deref()),
            Self::Query(name, text) => text.holds(request.query_parameter(name).as_deref()),
            Self::Cookie(name, text) => text.holds(request.cookie(name).as_deref()),
            Self::Client(client, cidrs) => {
                let lies_in = |address: IpAddr| cidrs.iter().any(|cidr| cidr.contains(address));
                request.client(*client).is_some_and(lies_in)
            }
            Self::Grpc(grpc) => request.grpc().is_some_and(|(service, method)| {
                (grpc.service.is_empty() || grpc.service.as_bytes() == service)
                    && (grpc.methods.is_empty() || one_of(&grpc.methods, method))
            }),
            Self::Not(conditions) => !conditions.iter().all(|condition| condition.holds(request)),
        }
    }
}

#[inline]
fn one_of(names: &[String], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

impl Text {
    #[inline(never)]
    fn compile(spec: &TextSpec) -> Self {
        match spec {
            TextSpec::Exact(text) => Self::Exact(text.as_bytes().into()),
            TextSpec::Prefix(text) => Self::Prefix(text.as_bytes().into()),
            TextSpec::Suffix(text) => Self::Suffix(text.as_bytes().into()),
            TextSpec::Regex(pattern) => Self::Regex(Box::new(pattern.clone())),
            TextSpec::Present => Self::Present,
            TextSpec::Absent => Self::Absent,
            TextSpec::In(texts) => {
                let mut set = Literals::default();
                for text in texts {
                    set.insert(text.as_bytes());
                }
                Self::In(Box::new(set))
            }
        }
    }

    #[inline]
    fn holds(&self, value: Option<&[u8]>) -> bool {
        let Some(value) = value else {
            return matches!(self, Self::Absent);
        };
        match self {
            Self::Exact(text) => value == &**text,
            Self::Prefix(text) => value.starts_with(text),
            Self::Suffix(text) => value.ends_with(text),
            Self::Regex(pattern) => pattern.is_match(value),
            Self::Present => true,
            Self::Absent => false,
            Self::In(set) => set.get(value).is_some(),
        }
    }
}
