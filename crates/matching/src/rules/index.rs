//! Under what each entry is filed, and where a request finds it.

use super::hosts::Hosts;
use super::literals::Literals;
use super::prefixes::Prefixes;
use super::{Entry, small};
use crate::spec::Host;
use crate::{MatchSpec, PathSpec};
use std::borrow::Cow;
use std::ops::Range;

/// What an entry is filed under: a literal that every matching request has.
#[derive(Debug)]
pub(super) enum Anchor<'s> {
    /// One of these hosts and domains.
    Hosts(Vec<&'s Host>),
    /// One of these paths.
    Paths(Vec<Cow<'s, str>>),
    /// This beginning of a path.
    Prefix(Cow<'s, str>),
    /// Nothing.
    None,
}

/// The anchor of each entry: of host and path the one that fewer entries share.
#[inline(never)]
pub(super) fn anchors<'s>(specs: impl Iterator<Item = &'s MatchSpec>) -> Vec<Anchor<'s>> {
    let choices: Vec<_> = specs.map(|spec| (hosts(spec), path(spec))).collect();
    let mut tables = Tables::default();
    let mut sharers: [Vec<u32>; TABLES] = Default::default();
    for (hosts, path) in &choices {
        for place in tables.insert(hosts).into_iter().chain(tables.insert(path)) {
            if let Some(count) = place.of(&mut sharers) {
                *count = count.saturating_add(1);
            }
        }
    }
    let mut most = |anchor: &Anchor<'_>| {
        let counts = tables
            .insert(anchor)
            .into_iter()
            .map(|place| place.of(&mut sharers).map(|count| *count));
        counts.max().flatten()
    };
    let rarer = |(hosts, path)| match (most(&hosts), most(&path)) {
        (Some(of_host), Some(of_path)) if of_host < of_path => hosts,
        (Some(_), None) => hosts,
        _ => path,
    };
    choices.into_iter().map(rarer).collect()
}

#[inline(never)]
fn hosts(spec: &MatchSpec) -> Anchor<'_> {
    let hosts: Vec<&Host> = spec.hosts.iter().map(|host| host.host()).collect();
    if hosts.is_empty() || hosts.contains(&&Host::Any) {
        Anchor::None
    } else {
        Anchor::Hosts(hosts)
    }
}

#[inline(never)]
fn path(spec: &MatchSpec) -> Anchor<'_> {
    match (&spec.path, &spec.grpc) {
        (Some(PathSpec::Exact(path)), _) => Anchor::Paths(vec![path.into()]),
        (Some(PathSpec::Prefix(prefix)), _) => Anchor::Prefix(prefix.into()),
        (Some(PathSpec::Template(template)), _) => Anchor::Prefix(template.head().into()),
        (_, Some(grpc)) if !grpc.service.is_empty() => {
            let service = ["/", &grpc.service, "/"].concat();
            if grpc.methods.is_empty() {
                return Anchor::Prefix(service.into());
            }
            let path = |method: &String| [service.as_str(), method].concat().into();
            Anchor::Paths(grpc.methods.iter().map(path).collect())
        }
        _ => Anchor::None,
    }
}

/// The tables of literals, by their position in whatever is kept a table.
const HOST: usize = 0;
const DOMAIN: usize = 1;
const PATH: usize = 2;
const PREFIX: usize = 3;
const TABLES: usize = 4;

/// A literal: its table and its number there.
#[derive(Clone, Copy)]
struct Place {
    table: usize,
    number: u32,
}

impl Place {
    /// What is kept about the literal; created if need be.
    fn of<T: Default + Clone>(self, kept: &mut [Vec<T>; TABLES]) -> Option<&mut T> {
        let table = kept.get_mut(self.table)?;
        let number = self.number as usize;
        if number >= table.len() {
            table.resize(number.saturating_add(1), T::default());
        }
        table.get_mut(number)
    }
}

/// The literals of anchors, numbered a table.
#[derive(Default)]
struct Tables {
    hosts: Hosts,
    paths: Literals,
    prefixes: Literals,
}

impl Tables {
    #[inline(never)]
    fn insert(&mut self, anchor: &Anchor<'_>) -> Vec<Place> {
        let host = |host: &&Host| match host {
            Host::Any => None,
            Host::Exact(name) => Some(Place {
                table: HOST,
                number: self.hosts.exact.insert(name.as_bytes()),
            }),
            Host::Under(domain) => Some(Place {
                table: DOMAIN,
                number: self.hosts.insert_domain(domain),
            }),
        };
        match anchor {
            Anchor::Hosts(hosts) => hosts.iter().filter_map(host).collect(),
            Anchor::Paths(paths) => paths
                .iter()
                .map(|path| Place {
                    table: PATH,
                    number: self.paths.insert(path.as_bytes()),
                })
                .collect(),
            Anchor::Prefix(prefix) => {
                vec![Place {
                    table: PREFIX,
                    number: self.prefixes.insert(prefix.as_bytes()),
                }]
            }
            Anchor::None => Vec::new(),
        }
    }
}

/// Where the entries of each literal lie: a range of the entries, by the literal's number.
type Lists = Vec<(u32, u32)>;

/// The compiled index.
#[derive(Debug, Default)]
pub(super) struct Index {
    hosts: Hosts,
    paths: Literals,
    prefixes: Prefixes,
    lists: [Lists; TABLES],
    rest: (u32, u32),
}

impl Index {
    /// Files entries, which come in the order of their rules, and lays them out list by list.
    #[inline(never)]
    pub(super) fn build(drafts: &[(Entry, Anchor<'_>)], entries: &mut Vec<Entry>) -> Self {
        let mut tables = Tables::default();
        let mut filed: [Vec<Vec<Entry>>; TABLES] = Default::default();
        for (entry, anchor) in drafts {
            let places = tables.insert(anchor);
            for place in &places {
                if let Some(list) = place.of(&mut filed) {
                    list.push(*entry);
                }
            }
            if places.is_empty() {
                entries.push(*entry);
            }
        }
        let rest = (0, small(entries.len()));
        let lists = filed.map(|table| {
            let list = |list: Vec<Entry>| {
                let start = small(entries.len());
                entries.extend(list);
                (start, small(entries.len()))
            };
            table.into_iter().map(list).collect()
        });
        let prefixes = Prefixes::build(&tables.prefixes);
        Self {
            hosts: tables.hosts,
            paths: tables.paths,
            prefixes,
            lists,
            rest,
        }
    }

    /// The entries without an anchor.
    pub(super) fn rest(&self) -> Range<u32> {
        self.rest.0..self.rest.1
    }

    /// Calls `visit` with each list of entries that a host anchors.
    #[inline(never)]
    pub(super) fn under_host(&self, host: &[u8], visit: &mut impl FnMut(Range<u32>)) {
        let [hosts, domains, _, _] = &self.lists;
        if let Some(number) = self.hosts.exact.get(host) {
            list(hosts, number, visit);
        }
        self.hosts
            .visit_domains(host, &mut |number| list(domains, number, visit));
    }

    /// Calls `visit` with each list of entries that a path anchors.
    #[inline(never)]
    pub(super) fn under_path(&self, path: &[u8], visit: &mut impl FnMut(Range<u32>)) {
        let [_, _, paths, prefixes] = &self.lists;
        if let Some(number) = self.paths.get(path) {
            list(paths, number, visit);
        }
        self.prefixes
            .visit(path, &mut |number| list(prefixes, number, visit));
    }
}

#[inline]
fn list(lists: &Lists, number: u32, visit: &mut impl FnMut(Range<u32>)) {
    if let Some((start, end)) = lists.get(number as usize) {
        visit(*start..*end);
    }
}
