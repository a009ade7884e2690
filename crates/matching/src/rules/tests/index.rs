//! The index finds what an evaluation of every rule finds.

use super::*;
use crate::spec::Host;
use fairlead_stage::{AttributeId, Effects, HeaderMap, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A request, before it is written down.
#[derive(Clone, Debug)]
struct Sent {
    host: Option<String>,
    path: String,
    query: Vec<(String, String)>,
    cookies: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    method: String,
    grpc: bool,
    peer: String,
    forwarded: Vec<String>,
}

impl Sent {
    fn view(&self, needs: &Needs) -> MemoryView {
        let joined = |pairs: &[(String, String)], by: &str| {
            pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(by)
        };
        let mark = if self.query.is_empty() { "" } else { "?" };
        let mut view = MemoryView::default()
            .with(":method", &self.method)
            .with(
                ":path",
                format!("{}{mark}{}", self.path, joined(&self.query, "&")),
            )
            .with_attribute(needs, &["source", "address"], format!("{}:80", self.peer));
        if let Some(host) = &self.host {
            view = view.with(":authority", host);
        }
        if !self.cookies.is_empty() {
            view = view.with("cookie", joined(&self.cookies, "; "));
        }
        if !self.forwarded.is_empty() {
            view = view.with("x-forwarded-for", self.forwarded.join(", "));
        }
        if self.grpc {
            view = view.with("content-type", "application/grpc");
        }
        self.headers
            .iter()
            .fold(view, |view, (name, value)| view.with(name, value))
    }

    /// What the module says about an entry, said again without index, compilation or decoding.
    fn matches(&self, spec: &MatchSpec) -> bool {
        let texts = |specs: &[(String, TextSpec)], sent: &[(String, String)]| {
            specs.iter().all(|(name, text)| {
                let value = sent
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| value.as_str());
                text_is(text, value)
            })
        };
        (spec.hosts.is_empty() || spec.hosts.iter().any(|spec| self.host_is(spec)))
            && spec.path.as_ref().is_none_or(|spec| self.path_is(spec))
            && (spec.methods.is_empty() || spec.methods.contains(&self.method))
            && texts(&spec.headers, &self.headers)
            && texts(&spec.query, &self.query)
            && texts(&spec.cookies, &self.cookies)
            && spec.client.as_ref().is_none_or(|spec| self.client_is(spec))
            && spec.grpc.as_ref().is_none_or(|spec| self.grpc_is(spec))
            && !spec.not.as_ref().is_some_and(|not| self.matches(not))
    }

    fn host_is(&self, spec: &HostSpec) -> bool {
        let host = self.host.clone().unwrap_or_default().to_ascii_lowercase();
        match spec.host() {
            Host::Any => true,
            Host::Exact(name) => host == *name,
            Host::Under(domain) => {
                let left = host.strip_suffix(domain.as_str());
                left.is_some_and(|left| left.len() > 1 && left.ends_with('.'))
            }
        }
    }

    fn path_is(&self, spec: &PathSpec) -> bool {
        match spec {
            PathSpec::Exact(path) => self.path == *path,
            PathSpec::Prefix(prefix) => self.path.starts_with(prefix),
            PathSpec::Regex(pattern) => pattern.is_match(self.path.as_bytes()),
            PathSpec::Template(template) => {
                let want: Vec<&str> = template.as_str().split('/').collect();
                let have: Vec<&str> = self.path.split('/').collect();
                want.len() == have.len()
                    && want.iter().zip(have).all(|(want, have)| {
                        if want.starts_with('{') {
                            !have.is_empty()
                        } else {
                            *want == have
                        }
                    })
            }
        }
    }

    fn client_is(&self, spec: &ClientSpec) -> bool {
        let hops = usize::from(spec.address.trusted_hops);
        let entry = self
            .forwarded
            .len()
            .checked_sub(hops)
            .and_then(|at| self.forwarded.get(at));
        let address = entry.and_then(|entry| entry.parse::<IpAddr>().ok());
        let address = address.unwrap_or_else(|| self.peer.parse().unwrap());
        spec.cidrs.iter().any(|cidr| cidr.contains(address))
    }

    fn grpc_is(&self, spec: &GrpcSpec) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        let [_, service, method] = parts[..] else {
            return false;
        };
        self.grpc
            && !service.is_empty()
            && !method.is_empty()
            && (spec.service.is_empty() || spec.service == service)
            && (spec.methods.is_empty() || spec.methods.iter().any(|known| known == method))
    }
}

fn text_is(spec: &TextSpec, value: Option<&str>) -> bool {
    match (spec, value) {
        (TextSpec::Absent, value) => value.is_none(),
        (_, None) => false,
        (TextSpec::Exact(text), Some(value)) => value == text,
        (TextSpec::Prefix(text), Some(value)) => value.starts_with(text),
        (TextSpec::Suffix(text), Some(value)) => value.ends_with(text),
        (TextSpec::Regex(pattern), Some(value)) => pattern.is_match(value.as_bytes()),
        (TextSpec::Present, Some(_)) => true,
        (TextSpec::In(texts), Some(value)) => texts.iter().any(|text| text == value),
    }
}

fn some<T: std::fmt::Debug>(of: impl Strategy<Value = T>, weight: f64) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(weight, of)
}

fn few<T: std::fmt::Debug>(of: impl Strategy<Value = T>, weight: f64) -> impl Strategy<Value = Vec<T>> {
    some(proptest::collection::vec(of, 1..3), weight).prop_map(Option::unwrap_or_default)
}

fn text() -> impl Strategy<Value = TextSpec> {
    prop_oneof![
        "[ab]{0,2}".prop_map(TextSpec::Exact),
        "[ab]{0,2}".prop_map(TextSpec::Prefix),
        "[ab]{0,2}".prop_map(TextSpec::Suffix),
        select(vec!["a*", "a|b", "(ab)+"]).prop_map(|pattern| TextSpec::Regex(regex(pattern))),
        Just(TextSpec::Present),
        Just(TextSpec::Absent),
        proptest::collection::vec("[ab]{0,2}", 0..3).prop_map(TextSpec::In),
    ]
}

fn path_spec() -> impl Strategy<Value = PathSpec> {
    prop_oneof![
        3 => "(/[ab]{1,2}){1,3}".prop_map(PathSpec::Exact),
        3 => "(/[ab]{0,2}){0,3}".prop_map(PathSpec::Prefix),
        1 => select(vec!["/a.*", ".*b", "/a/[ab]"]).prop_map(|pattern| PathSpec::Regex(regex(pattern))),
        2 => select(vec!["/{x}", "/a/{x}", "/{x}/b", "/a/{x}/b/{y}", "/a/b", "/a/{x}/"])
            .prop_map(|text| PathSpec::Template(Template::parse(text).unwrap())),
    ]
}

fn flat() -> impl Strategy<Value = MatchSpec> {
    let host = select(vec![
        "*", "a.t", "b.t", "*.t", "a.a.t", "*.a.t", "*.b.t", "a.b.a.t",
    ])
    .prop_map(|text| HostSpec::parse(text).unwrap());
    let cidr = select(vec!["10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "0.0.0.0/0"])
        .prop_map(|text| Cidr::parse(text).unwrap());
    let client =
        (proptest::collection::vec(cidr, 0..3), 0_u8..4).prop_map(|(cidrs, trusted_hops)| ClientSpec {
            cidrs,
            address: ClientAddress { trusted_hops },
        });
    let grpc =
        (select(vec!["", "a", "b"]), few(select(vec!["a", "b"]), 0.5)).prop_map(|(service, methods)| {
            GrpcSpec {
                service: service.into(),
                methods: methods.into_iter().map(Into::into).collect(),
            }
        });
    let named = || (select(vec!["a", "b"]).prop_map(str::to_owned), text());
    let facts = (few(named(), 0.15), few(named(), 0.15), few(named(), 0.15));
    let method = select(vec!["GET", "POST"]).prop_map(str::to_owned);
    (
        few(host, 0.5),
        some(path_spec(), 0.6),
        few(method, 0.2),
        facts,
        some(client, 0.1),
        some(grpc, 0.2),
    )
        .prop_map(
            |(hosts, path, methods, (headers, query, cookies), client, grpc)| MatchSpec {
                hosts,
                path,
                methods,
                headers,
                query,
                cookies,
                client,
                grpc,
                not: None,
            },
        )
}

fn spec() -> impl Strategy<Value = MatchSpec> {
    (flat(), some(flat(), 0.2), some(flat(), 0.3)).prop_map(|(spec, not, inner)| {
        let not = not.map(|not| {
            Box::new(MatchSpec {
                not: inner.map(Box::new),
                ..not
            })
        });
        MatchSpec { not, ..spec }
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let pairs = || proptest::collection::vec(("[abc]", "[ab]{0,2}"), 0..3);
    let address = || select(vec!["10.0.0.1", "10.9.9.9", "192.0.2.1"]).prop_map(str::to_owned);
    let hop = prop_oneof![
        3 => address(),
        1 => select(vec!["2001:db8::1", "rubbish", ""]).prop_map(str::to_owned),
    ];
    let method = select(vec!["GET", "POST", "get"]).prop_map(str::to_owned);
    let request = (
        some("([abA]\\.){0,3}t", 0.9),
        "(/[ab]{0,2}){1,4}",
        pairs(),
        pairs(),
        pairs(),
    );
    (
        request,
        method,
        any::<bool>(),
        address(),
        proptest::collection::vec(hop, 0..4),
    )
        .prop_map(
            |((host, path, query, cookies, headers), method, grpc, peer, forwarded)| Sent {
                host,
                path,
                query,
                cookies,
                headers,
                method,
                grpc,
                peer,
                forwarded,
            },
        )
}

/// A view that knows what it was asked for.
struct Watched<'m> {
    inner: &'m MemoryView,
    asked: RefCell<Vec<String>>,
}

impl View for Watched<'_> {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn steady(&self) -> Timestamp {
        self.inner.steady()
    }

    fn header(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>> {
        self.asked.borrow_mut().push(name.to_owned());
        // Owned values, as a front end has them that asks its host each time.
        self.inner
            .header(map, name)
            .map(|value| Cow::Owned(value.into_owned()))
    }

    fn each_header(&self, map: HeaderMap, show: &mut dyn FnMut(&[u8], &[u8])) {
        self.inner.each_header(map, show);
    }

    fn ends(&self) -> bool {
        self.inner.ends()
    }

    fn attribute(&self, id: AttributeId) -> Option<Cow<'_, [u8]>> {
        self.asked.borrow_mut().push(format!("attribute {}", id.index()));
        self.inner.attribute(id)
    }

    fn apply(&self, edits: &mut Effects) {
        self.inner.apply(edits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_index_finds_what_an_evaluation_of_every_rule_finds(
        rules in proptest::collection::vec(proptest::collection::vec(spec(), 0..4), 0..24),
        requests in proptest::collection::vec(sent(), 1..12),
    ) {
        let mut needs = Needs::default();
        let set = RuleSet::compile(&rules, &mut needs);
        let mut found = Vec::new();
        for sent in requests {
            let naive: Vec<u32> = (0..)
                .zip(&rules)
                .filter(|(_, rule)| rule.is_empty() || rule.iter().any(|spec| sent.matches(spec)))
                .map(|(position, _)| position)
                .collect();
            let view = sent.view(&needs);
            set.matching(&Request::new(&view), &mut found);
            prop_assert_eq!(&found, &naive, "{:?}", sent);
            prop_assert_eq!(set.first(&Request::new(&view)), naive.first().copied());
            let visits = |most: usize| {
                let mut visited = Vec::new();
                set.each(&Request::new(&view), &mut |rule| {
                    visited.push(rule);
                    if visited.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                });
                visited
            };
            prop_assert_eq!(visits(usize::MAX), naive.clone());
            prop_assert_eq!(visits(1), naive.first().map_or(vec![], |first| vec![*first]));

            let watched = Watched { inner: &view, asked: RefCell::default() };
            set.matching(&Request::new(&watched), &mut found);
            prop_assert_eq!(&found, &naive, "owned: {:?}", sent);
            let mut asked = watched.asked.into_inner();
            let all = asked.len();
            asked.sort();
            asked.dedup();
            prop_assert_eq!(asked.len(), all, "something was asked for twice");
            for name in asked.iter().filter(|name| !name.starts_with("attribute")) {
                let declared = needs.headers().iter().any(|need| need.name == *name);
                prop_assert!(declared, "{} is not declared", name);
            }
        }
    }

    #[test]
    fn prefixes_of_all_lengths_are_found(
        prefixes in proptest::collection::vec("[ab]{0,14}", 0..40),
        paths in proptest::collection::vec("[ab]{0,16}", 1..20),
    ) {
        let rules: Vec<_> = prefixes.iter().map(|text| vec![prefix(text)]).collect();
        for path in paths {
            let naive: Vec<u32> =
                (0..).zip(&prefixes).filter(|(_, text)| path.starts_with(*text)).map(|(at, _)| at).collect();
            prop_assert_eq!(matching(&rules, |_| get(&path)), naive);
        }
    }
}
