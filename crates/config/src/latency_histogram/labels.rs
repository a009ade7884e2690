//! The labels, as they are written, and how many sets of them there can be.

use super::{
    DEFAULT_MAX, Dimension, Labels, MAX_HOSTS, MAX_QUANTILE_SERIES, MAX_SERIES, Quantiles, RouteLabel,
    VariantLabel,
};
use crate::json::Json;
use crate::problem::Problems;
use crate::read::{Int, List1, Read};
use fairlead_matching::HostSpec;

object! {
    /// What tells requests apart. Each label has a fixed number of values; whatever is none of them is _other.
    struct LabelsFields, "a set of labels" {
        /// The route: templates of paths, or the names that the proxy's routes have.
        "route" Optional route: RouteLabel;
        /// The method: one of nine, or _OTHER.
        "method" Optional method: bool = false;
        /// The class of the status: 1xx to 5xx, or none without a response.
        "status_class" Optional status_class: bool = false;
        /// The status of a gRPC call: 0 to 16, or none for what is no such call.
        "grpc_status" Optional grpc_status: bool = false;
        /// The variant of a release, as a header says it.
        "variant" Optional variant: VariantLabel;
        /// The host: the first of these that it meets, each a value of the label.
        "host" Optional host: Hosts;
        /// The upstream cluster.
        "cluster" Optional cluster: Clusters;
    }
}

object! {
    /// The upstream cluster.
    struct ClusterFields, "a cluster label" {
        /// How many clusters have a value of their own: the first that are seen.
        "max" Optional max: Int<1, 1000> = 100;
    }
}

/// Labels, as far as they can be read.
#[derive(Default)]
pub(super) struct WrittenLabels {
    pub(super) labels: Labels,
    /// Whether all that is written could be read.
    is_whole: bool,
}

impl WrittenLabels {
    /// What holds where the config says nothing.
    pub(super) fn unsaid() -> Self {
        Self {
            labels: Labels {
                status_class: true,
                ..Labels::default()
            },
            is_whole: true,
        }
    }

    /// Notes sets of labels that are too many, and quantiles by labels that there are not. The walk is at the config.
    #[inline(never)]
    pub(super) fn check(&self, quantiles: Option<&Quantiles>, at: &mut Problems) {
        if !self.is_whole {
            return;
        }
        self.at_most(&Dimension::ALL, MAX_SERIES, "labels", at);
        let Some(quantiles) = quantiles else { return };
        let mark = at.enter("quantiles");
        for by in &quantiles.by {
            if !self.labels.has(*by) {
                at.say_at(
                    "by",
                    &[
                        by.field(),
                        " is not one of labels: add it there, or leave it out here",
                    ],
                );
            }
        }
        self.at_most(&quantiles.by, MAX_QUANTILE_SERIES, "by", at);
        at.leave(mark);
    }

    /// Notes that these labels have too many sets, at the field of this name.
    fn at_most(&self, of: &[Dimension], most: u64, key: &str, at: &mut Problems) {
        let sets = self.labels.series_by(of);
        if sets <= most {
            return;
        }
        let mut product = String::new();
        let mut largest: Option<(u32, Dimension)> = None;
        for dimension in of.iter().copied().filter(|one| self.labels.has(*one)) {
            let size = self.labels.size(dimension);
            if !product.is_empty() {
                product.push_str(" x ");
            }
            product.push_str(dimension.field());
            product.push(' ');
            product.push_str(&size.to_string());
            if largest.is_none_or(|(known, _)| size > known) {
                largest = Some((size, dimension));
            }
        }
        let largest = largest.map_or("", |(_, dimension)| dimension.field());
        at.say_at(
            key,
            &[
                "can have ",
                &sets.to_string(),
                " sets (",
                &product,
                "), and ",
                &most.to_string(),
                " are the most: leave a label out, or write fewer values of ",
                largest,
            ],
        );
    }
}

impl Read for WrittenLabels {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let before = at.count();
        let fields = LabelsFields::read(value, at)?;
        Some(Self {
            labels: Labels {
                route: fields.route,
                method: fields.method.unwrap_or_default(),
                status_class: fields.status_class.unwrap_or_default(),
                grpc_status: fields.grpc_status.unwrap_or_default(),
                variant: fields.variant,
                hosts: fields.host.unwrap_or_default(),
                cluster: fields.cluster,
            },
            is_whole: at.count() == before,
        })
    }
}

/// `host: [...]`.
pub(super) struct Hosts;

impl Read for Hosts {
    type Out = Vec<HostSpec>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<HostSpec>> {
        if let Json::List(items) = value
            && items.len() > MAX_HOSTS
        {
            at.say(&["has ", &items.len().to_string(), " hosts, and 100 are the most"]);
            return None;
        }
        super::fields::repeated(value, str::eq_ignore_ascii_case, at);
        List1::<HostSpec>::read(value, at)
    }
}

/// `cluster:`.
pub(super) struct Clusters;

impl Read for Clusters {
    type Out = u32;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<u32> {
        match value {
            Json::Bool(true) => Some(DEFAULT_MAX),
            Json::Object(_) => Some(ClusterFields::read(value, at)?.max.unwrap_or(DEFAULT_MAX)),
            _ => {
                at.wrong(
                    value,
                    "a cluster label: write true, or {max: 50}, or leave it out",
                );
                None
            }
        }
    }
}

described_as! {
    WrittenLabels => LabelsFields;
    Hosts => List1<HostSpec>, { "maxItems": 100 };
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Clusters {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let fields = ClusterFields::describe(definitions);
        serde_json::json!({ "anyOf": [{ "const": true }, fields] })
    }
}
