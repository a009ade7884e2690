//! Labels as dimensions: each has a fixed number of values, so that a set of labels is one number and the number of sets
//! is their product.

use super::{Labels, RouteLabel};

/// A label, whose values tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The route.
    Route,
    /// The method.
    Method,
    /// The class of the status.
    Status,
    /// The status of gRPC.
    Grpc,
    /// The variant of a release.
    Variant,
    /// The host.
    Host,
    /// The upstream cluster.
    Cluster,
}

impl Dimension {
    /// Every dimension, in the order in which metrics carry them.
    pub const ALL: [Self; 7] = [
        Self::Route,
        Self::Method,
        Self::Status,
        Self::Grpc,
        Self::Variant,
        Self::Host,
        Self::Cluster,
    ];

    /// The name in metrics: `status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Method => "method",
            Self::Status => "status",
            Self::Grpc => "grpc",
            Self::Variant => "variant",
            Self::Host => "host",
            Self::Cluster => "cluster",
        }
    }

    /// The name in a config, a field of `labels`: `status_class`.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Status => "status_class",
            Self::Grpc => "grpc_status",
            other => other.name(),
        }
    }
}

impl Labels {
    /// How many values a label has, 1 if it is not configured. Other values than the known ones are one more, and so is
    /// that there is none.
    #[must_use]
    #[inline(never)]
    pub fn size(&self, dimension: Dimension) -> u32 {
        let of_list = |list: usize| u32::try_from(list).unwrap_or(u32::MAX);
        let known = match dimension {
            Dimension::Route => match &self.route {
                None => 0,
                Some(RouteLabel::Templates(templates)) => of_list(templates.len()),
                Some(RouteLabel::Name { max }) => max.saturating_add(1),
            },
            // Nine, and any other.
            Dimension::Method if self.method => 9,
            // Five, and no response.
            Dimension::Status if self.status_class => 5,
            // Seventeen, and none.
            Dimension::Grpc if self.grpc_status => 17,
            Dimension::Variant => match &self.variant {
                None => 0,
                Some(variant) if variant.values.is_empty() => variant.max.saturating_add(1),
                Some(variant) => of_list(variant.values.len()).saturating_add(1),
            },
            Dimension::Host => of_list(self.hosts.len()),
            Dimension::Cluster => self.cluster.map_or(0, |max| max.saturating_add(1)),
            Dimension::Method | Dimension::Status | Dimension::Grpc => 0,
        };
        known.saturating_add(1)
    }

    /// Whether a label is configured.
    #[must_use]
    pub fn has(&self, dimension: Dimension) -> bool {
        self.size(dimension) > 1
    }

    /// How many values of a label are taken from traffic, if that is where they come from.
    #[must_use]
    pub fn dynamic(&self, dimension: Dimension) -> Option<u32> {
        match dimension {
            Dimension::Route => match &self.route {
                Some(RouteLabel::Name { max }) => Some(*max),
                _ => None,
            },
            Dimension::Variant => {
                let open = |variant: &&super::VariantLabel| variant.values.is_empty();
                self.variant.as_ref().filter(open).map(|variant| variant.max)
            }
            Dimension::Cluster => self.cluster,
            _ => None,
        }
    }

    /// How many sets of labels there can be, 1 without labels.
    #[must_use]
    pub fn series(&self) -> u64 {
        self.series_by(&Dimension::ALL)
    }

    /// The same for some of the labels.
    #[must_use]
    pub fn series_by(&self, by: &[Dimension]) -> u64 {
        by.iter()
            .map(|dimension| u64::from(self.size(*dimension)))
            .fold(1, u64::saturating_mul)
    }
}
