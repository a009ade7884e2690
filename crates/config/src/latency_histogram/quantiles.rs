//! Quantiles, as they are written, and how metrics call them.

use super::buckets::SmallScale;
use super::fields::repeated;
use super::{Dimension, MAX_QUANTILES, Phase, Quantiles};
use crate::json::Json;
use crate::leaf::{HOUR, Quantile, SECOND, Span, share_text};
use crate::problem::Problems;
use crate::read::{List, List1, Read};
use fairlead_histogram::Scale;
use fairlead_stage::Share;
use std::time::Duration;

/// `of` where the config does not say.
const OF: [u32; 3] = [500_000, 950_000, 990_000];
/// `window` where the config does not say.
const WINDOW: Duration = Duration::from_secs(60);

object! {
    /// Quantiles as gauges, over a sliding window and all workers of this proxy.
    struct QuantilesFields, "a set of quantiles" {
        /// Which.
        "of" Optional of: Of = ["50%", "95%", "99%"];
        /// How far back requests count.
        "window" Optional window: Span<SECOND, HOUR> = "60s";
        /// The labels whose values have quantiles of their own. Without it: one for all requests.
        "by" Optional by: By = [];
        /// What is timed: one of phases.
        "phase" Optional phase: Phase = "total";
        /// How fine. At 3 a quantile is off by at most 4.4 %, at 4 by 2.2 %. What is too far apart for 160 buckets makes them coarser.
        "scale" Optional scale: SmallScale = 3;
    }
}

words! {
    Dimension, "a label" {
        /// The route.
        "route" => Dimension::Route;
        /// The method.
        "method" => Dimension::Method;
        /// The class of the status.
        "status_class" => Dimension::Status;
        /// The status of gRPC.
        "grpc_status" => Dimension::Grpc;
        /// The variant of a release.
        "variant" => Dimension::Variant;
        /// The host.
        "host" => Dimension::Host;
        /// The upstream cluster.
        "cluster" => Dimension::Cluster;
    }
}

impl Read for Quantiles {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = QuantilesFields::read(value, at)?;
        // Of a broken phase nothing is known, so that it is not compared with those that are timed.
        if fields.phase.is_none() && value.has("phase") {
            return None;
        }
        let unsaid = || OF.into_iter().filter_map(Share::from_ppm).collect();
        Some(Self {
            of: fields.of.unwrap_or_else(unsaid),
            window: fields.window.unwrap_or(WINDOW),
            by: fields.by.unwrap_or_default(),
            phase: fields.phase.unwrap_or_default(),
            scale: fields.scale.unwrap_or(Scale::DEFAULT),
        })
    }
}

/// `of: [...]`.
pub(super) struct Of;

impl Read for Of {
    type Out = Vec<Share>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<Share>> {
        if let Json::List(items) = value
            && items.len() > MAX_QUANTILES
        {
            at.say(&["has ", &items.len().to_string(), " quantiles, and 8 are the most"]);
            return None;
        }
        let list = List1::<Quantile>::read(value, at)?;
        for (index, share) in list.iter().enumerate() {
            if list.iter().take(index).any(|earlier| earlier == share) {
                at.say(&["have ", &share_text(share.ppm()), " twice: write it once"]);
            }
        }
        Some(list)
    }
}

/// `by: [...]`, in the order of [`Dimension::ALL`].
pub(super) struct By;

impl Read for By {
    type Out = Vec<Dimension>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<Dimension>> {
        let mut list = List::<Dimension>::read(value, at)?;
        repeated(value, PartialEq::eq, at);
        list.sort_unstable();
        list.dedup();
        Some(list)
    }
}

/// The name of a quantile in metrics: `p95`, `p99_9`. In some labels a dot would end the value.
#[must_use]
#[inline(never)]
pub fn quantile_label(share: Share) -> String {
    let text = share_text(share.ppm());
    let number = text.strip_suffix('%').unwrap_or(&text);
    let mut label = String::from("p");
    label.extend(number.chars().map(|c| if c == '.' { '_' } else { c }));
    label
}

described_as! {
    Quantiles => QuantilesFields;
    Of => List1<Quantile>, { "maxItems": 8 };
    By => List<Dimension>, { "maxItems": 7 };
}
