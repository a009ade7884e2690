//! What the labels of a request say, as numbers.
//!
//! Each label has a fixed number of values, so that all labels of a request together are one number (mixed radix) and the
//! series that a family can have are known before the first request. The text of a label set is only made when its series
//! is defined.

use fairlead_config::latency_histogram::{self as config, Dimension, RouteLabel};
use fairlead_histogram::labels::{Admitted, Values};
use fairlead_matching::{MatchSpec, PathSpec, Request, RuleSet};
use fairlead_stage::{AttributeId, Cells, HeaderMap, Meter, MetricId, Needs, View};

/// How many labels there are.
const DIMENSIONS: usize = Dimension::ALL.len();
/// What a label says where a value has no series of its own.
const OTHER: &str = "_other";
/// What it says where there is none.
const NONE: &str = "none";
/// The methods of OpenTelemetry's semantic conventions; others are `_OTHER`.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];
const OTHER_METHOD: &str = "_OTHER";
const CLASSES: [&str; 6] = [NONE, "1xx", "2xx", "3xx", "4xx", "5xx"];
/// The number of gRPC's codes; the next one says that there is none.
const GRPC_CODES: u32 = 17;
/// Where the admitted values of a label begin: before them are one for none, and [`OTHER`].
const FIRST_ADMITTED: u32 = 2;

/// What the labels of one request say, by [`Dimension`].
pub(crate) type Said = [u16; DIMENSIONS];

/// The configured labels.
pub(crate) struct Labels {
    list: Vec<Label>,
}

struct Label {
    dimension: Dimension,
    /// How many values it has.
    size: u32,
    source: Source,
}

/// Where a label's values come from.
enum Source {
    Templates(RuleSet, Vec<String>),
    Hosts(RuleSet, Vec<String>),
    Method,
    Status,
    Grpc,
    /// A header, by the values that the config lists.
    Listed(HeaderMap, String, Vec<String>, String),
    /// A header, by the values that were seen first.
    Seen(HeaderMap, String, Seen, String),
    /// An attribute of the proxy's.
    Attribute(AttributeId, Seen),
}

/// Values that are admitted as they are seen.
struct Seen {
    values: Values,
    overflow: MetricId,
}

impl Seen {
    fn declare(dimension: Dimension, source: &str, max: u32, needs: &mut Needs) -> Self {
        Self {
            values: Values::declare(needs, &["labels/", dimension.name(), "/", source].concat(), max),
            overflow: needs.counter("label_overflow_total", None, Some(dimension.name())),
        }
    }

    /// The number of a header's value. One that is written like what stands for its absence is no other value.
    fn header(&self, value: Option<&[u8]>, absent: &str, proxy: &(impl Cells + Meter)) -> u32 {
        value
            .filter(|value| *value != absent.as_bytes())
            .map_or(0, |value| self.say(value, proxy))
    }

    #[inline(never)]
    fn say(&self, value: &[u8], proxy: &(impl Cells + Meter)) -> u32 {
        match self.values.number(value, proxy) {
            Admitted::Known(number) => number.saturating_add(FIRST_ADMITTED),
            Admitted::Full => {
                proxy.add(self.overflow, 1);
                1
            }
        }
    }
}

impl Labels {
    #[inline(never)]
    pub(crate) fn compile(labels: &config::Labels, needs: &mut Needs) -> Self {
        let mut list = Vec::new();
        for dimension in Dimension::ALL {
            if let Some(source) = source(labels, dimension, needs) {
                list.push(Label {
                    dimension,
                    size: labels.size(dimension),
                    source,
                });
            }
        }
        Self { list }
    }

    /// Whether the request says any of it.
    pub(crate) fn ask_request(&self) -> bool {
        self.list.iter().any(|label| {
            matches!(
                label.source,
                Source::Templates(..)
                    | Source::Hosts(..)
                    | Source::Method
                    | Source::Listed(HeaderMap::Request, ..)
                    | Source::Seen(HeaderMap::Request, ..)
            )
        })
    }

    /// What is known when the request comes.
    pub(crate) fn of_request<'v, V: View>(
        &'v self,
        said: &mut Said,
        request: &Request<'v, V>,
        proxy: &(impl Cells + Meter),
    ) {
        for label in &self.list {
            let value = match &label.source {
                Source::Templates(rules, _) | Source::Hosts(rules, _) => {
                    rules.first(request).unwrap_or(label.size.saturating_sub(1))
                }
                Source::Method => method(request.method()),
                Source::Listed(HeaderMap::Request, header, values, _) => {
                    listed(request.header(header).as_deref(), values)
                }
                Source::Seen(HeaderMap::Request, header, seen, absent) => {
                    seen.header(request.header(header).as_deref(), absent, proxy)
                }
                _ => continue,
            };
            label.put(value, said);
        }
    }

    /// What is known when the response comes.
    pub(crate) fn of_response(&self, said: &mut Said, view: &impl View, proxy: &(impl Cells + Meter)) {
        for label in &self.list {
            let value = match &label.source {
                Source::Listed(HeaderMap::Response, header, values, _) => {
                    listed(view.header(HeaderMap::Response, header).as_deref(), values)
                }
                Source::Seen(HeaderMap::Response, header, seen, absent) => {
                    let value = view.header(HeaderMap::Response, header);
                    seen.header(value.as_deref(), absent, proxy)
                }
                _ => continue,
            };
            label.put(value, said);
        }
    }

    /// What is known in the end.
    pub(crate) fn at_the_end(
        &self,
        said: &mut Said,
        status: u16,
        grpc_status: Option<u8>,
        view: &impl View,
        proxy: &(impl Cells + Meter),
    ) {
        for label in &self.list {
            let value = match &label.source {
                Source::Status => u32::from(status / 100),
                Source::Grpc => grpc_status.map_or(GRPC_CODES, u32::from),
                Source::Attribute(id, seen) => match view.attribute(*id) {
                    Some(value) if !value.is_empty() => seen.say(&value, proxy),
                    _ => 0,
                },
                _ => continue,
            };
            label.put(value, said);
        }
    }

    /// A number for what the numbers of label sets mean: state that is kept under them is of no use under other labels.
    #[inline(never)]
    pub(crate) fn fingerprint(&self, by: impl Fn(Dimension) -> bool) -> u32 {
        let mut hash = Fnv::default();
        for label in self.list.iter().filter(|label| by(label.dimension)) {
            hash.add(label.dimension.name());
            hash.add(&label.size.to_string());
            match &label.source {
                Source::Templates(_, names) | Source::Hosts(_, names) | Source::Listed(_, _, names, _) => {
                    names.iter().for_each(|name| hash.add(name));
                }
                // Numbers of admitted values are those of the log of this header.
                Source::Seen(_, header, _, _) => hash.add(header),
                Source::Method | Source::Status | Source::Grpc | Source::Attribute(..) => {}
            }
        }
        hash.0
    }

    /// The number of a label set, among those that the labels in `by` make. Below the product of their sizes.
    pub(crate) fn number(&self, by: impl Fn(Dimension) -> bool, said: &Said) -> u32 {
        let mut number: u32 = 0;
        for label in self.list.iter().filter(|label| by(label.dimension)) {
            number = number.wrapping_mul(label.size).wrapping_add(label.value(said));
        }
        number
    }

    /// The text of the label set of a number; `None` where there are no labels.
    #[inline(never)]
    pub(crate) fn text(
        &self,
        by: impl Fn(Dimension) -> bool,
        number: u32,
        cells: &impl Cells,
    ) -> Option<String> {
        let chosen: Vec<&Label> = self.list.iter().filter(|label| by(label.dimension)).collect();
        let mut values = Vec::with_capacity(chosen.len());
        let mut rest = number;
        for label in chosen.iter().rev() {
            let size = label.size.max(1);
            values.push(rest.checked_rem(size).unwrap_or(0));
            rest = rest.checked_div(size).unwrap_or(0);
        }
        let mut text = String::new();
        for (label, value) in chosen.iter().zip(values.into_iter().rev()) {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(label.dimension.name());
            text.push('=');
            label.push_value(&mut text, value, cells);
        }
        (!text.is_empty()).then_some(text)
    }
}

impl Label {
    fn put(&self, value: u32, said: &mut Said) {
        let last = self.size.saturating_sub(1);
        if let Some(place) = said.get_mut(self.dimension as usize) {
            *place = u16::try_from(value.min(last)).unwrap_or(u16::MAX);
        }
    }

    fn value(&self, said: &Said) -> u32 {
        said.get(self.dimension as usize).copied().map_or(0, u32::from)
    }

    #[inline(never)]
    fn push_value(&self, text: &mut String, value: u32, cells: &impl Cells) {
        let position = usize::try_from(value).unwrap_or(usize::MAX);
        let admitted = value.checked_sub(FIRST_ADMITTED);
        let listed = admitted.and_then(|number| usize::try_from(number).ok());
        match &self.source {
            Source::Templates(_, names) | Source::Hosts(_, names) => {
                push_named(text, names.get(position).map_or(OTHER, String::as_str));
            }
            Source::Method => text.push_str(METHODS.get(position).copied().unwrap_or(OTHER_METHOD)),
            Source::Status => text.push_str(CLASSES.get(position).copied().unwrap_or(NONE)),
            Source::Grpc if value < GRPC_CODES => text.push_str(&value.to_string()),
            Source::Grpc => text.push_str(NONE),
            Source::Listed(_, _, values, absent) => {
                let known = listed.and_then(|position| values.get(position));
                let otherwise = if value == 0 { absent } else { OTHER };
                push_named(text, known.map_or(otherwise, String::as_str));
            }
            Source::Seen(_, _, seen, absent) => seen.push(text, value, absent, cells),
            Source::Attribute(_, seen) => seen.push(text, value, NONE, cells),
        }
    }
}

impl Seen {
    fn push(&self, text: &mut String, value: u32, absent: &str, cells: &impl Cells) {
        match value.checked_sub(FIRST_ADMITTED) {
            Some(number) => {
                let known = self.values.value(number, cells);
                text.push_str(known.as_deref().unwrap_or(OTHER));
            }
            None if value == 0 => push_named(text, absent),
            None => text.push_str(OTHER),
        }
    }
}

/// FNV-1a of texts, each ended by a zero byte.
struct Fnv(u32);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Fnv {
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
}

/// A value that the config has named, whole. What would end it where it stands becomes `_`.
fn push_named(text: &mut String, value: &str) {
    text.extend(value.chars().map(|character| match character {
        ',' | ';' | '"' | '\\' => '_',
        ' '..='~' => character,
        _ => '_',
    }));
}

fn method(method: Option<&[u8]>) -> u32 {
    let known = METHODS.iter().position(|known| Some(known.as_bytes()) == method);
    u32::try_from(known.unwrap_or(METHODS.len())).unwrap_or(u32::MAX)
}

/// The number of a header's value: 0 if the header is absent, 1 if the value is not in the list.
fn listed(value: Option<&[u8]>, values: &[String]) -> u32 {
    let Some(value) = value else { return 0 };
    let position = values.iter().position(|known| known.as_bytes() == value);
    position
        .and_then(|position| u32::try_from(position).ok())
        .map_or(1, |position| position.saturating_add(FIRST_ADMITTED))
}

#[inline(never)]
fn source(labels: &config::Labels, dimension: Dimension, needs: &mut Needs) -> Option<Source> {
    if !labels.has(dimension) {
        return None;
    }
    let attribute = |path: &str, max, needs: &mut Needs| {
        let id = needs.attribute(&["xds", path]);
        Source::Attribute(id, Seen::declare(dimension, path, max, needs))
    };
    Some(match dimension {
        Dimension::Route => match labels.route.as_ref()? {
            RouteLabel::Templates(templates) => {
                let entry = |template: &fairlead_matching::Template| {
                    vec![MatchSpec {
                        path: Some(PathSpec::Template(template.clone())),
                        ..MatchSpec::default()
                    }]
                };
                let rules: Vec<Vec<MatchSpec>> = templates.iter().map(entry).collect();
                let names = templates.iter().map(|template| template.as_str().to_owned());
                Source::Templates(RuleSet::compile(&rules, needs), names.collect())
            }
            RouteLabel::Name { max } => attribute("route_name", *max, needs),
        },
        Dimension::Method => {
            needs.header(HeaderMap::Request, ":method");
            Source::Method
        }
        Dimension::Status => Source::Status,
        Dimension::Grpc => Source::Grpc,
        Dimension::Variant => {
            let variant = labels.variant.as_ref()?;
            needs.rare_header(variant.from, &variant.header);
            let (header, absent) = (variant.header.clone(), variant.default.clone());
            if variant.values.is_empty() {
                let seen = Seen::declare(dimension, &header, variant.max, needs);
                Source::Seen(variant.from, header, seen, absent)
            } else {
                Source::Listed(variant.from, header, variant.values.clone(), absent)
            }
        }
        Dimension::Host => {
            let entry = |host: &fairlead_matching::HostSpec| {
                vec![MatchSpec {
                    hosts: vec![host.clone()],
                    ..MatchSpec::default()
                }]
            };
            let rules: Vec<Vec<MatchSpec>> = labels.hosts.iter().map(entry).collect();
            let names = labels.hosts.iter().map(ToString::to_string);
            Source::Hosts(RuleSet::compile(&rules, needs), names.collect())
        }
        Dimension::Cluster => attribute("cluster_name", labels.cluster?, needs),
    })
}
