//! Instructions against the number of headers of the request.

use anyhow::Result;
use fairlead_overhead::Answers;
use fairlead_overhead::instructions::{self, Windows};
use fairlead_overhead::variants::Variant;
use indicatif::ProgressBar;

use crate::bench::{self, Placed};
use crate::keys::headers;
use crate::{Measurement, Plan, Sweep};

/// Headers of the request, `host` among them. Envoy refuses more than 100.
const COUNTS: [usize; 5] = [5, 10, 20, 50, 100];
/// Those of the quick run.
const QUICK: [usize; 3] = [5, 20, 100];
/// The headers without which it would be another request.
const FIXED: usize = 4;
const NAMES: [&str; 6] = [
    "rate-limit-worker",
    "canary-drawn",
    "circuit-breaker-closed",
    "latency-histogram-status",
    "chain-worker",
    "suite-worker",
];

pub(crate) fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Vec<Measurement>> {
    let variants = plan.ours(&NAMES)?;
    let counts: &[usize] = if plan.quick { &QUICK } else { &COUNTS };
    let mut measured = Vec::new();
    for count in counts {
        let request = headers(count - FIXED, "alice-42").build();
        let windows = Windows::default();
        let found = instructions::measure_with(
            &plan.envoy,
            &variants,
            &request,
            Answers::Direct,
            windows,
            progress,
        )?;
        let place = |variant: &Variant| Placed {
            id: variant.name.clone(),
            series: variant.title.clone(),
            x: *count as f64,
            variant: variant.clone(),
        };
        let placed: Vec<_> = variants.iter().map(place).collect();
        measured.extend(bench::instructions(Sweep::Headers, &placed, &found));
    }
    Ok(measured)
}
