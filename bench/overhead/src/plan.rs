//! How much is measured, and the measuring of all of it in one run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::machine::{Cores, Ticks};
use crate::results::{Results, Row};
use crate::scene::Answers;
use crate::variants::{self, Variant};
use crate::{cpu, footprint, instructions, latency};

/// How much of what is measured. What is `None` is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Instructions a request.
    pub instructions: Option<instructions::Windows>,
    /// CPU time a request.
    pub cpu: Option<cpu::Effort>,
    /// Added latency.
    pub latency: Option<latency::Effort>,
    /// Memory and start.
    pub footprint: Option<footprint::Effort>,
}

impl Plan {
    /// All of it within ten minutes, for 46 variants on two cores.
    pub fn quick() -> Self {
        Self {
            instructions: Some(instructions::Windows::default()),
            cpu: Some(cpu::Effort {
                rounds: 5,
                each: Duration::from_millis(200),
            }),
            latency: Some(latency::Effort {
                rounds: 3,
                each: Duration::from_millis(400),
                per_second: 2000.0,
            }),
            footprint: Some(footprint::Effort {
                workers: vec![1, 2],
                starts: 1,
                load: Duration::from_millis(200),
            }),
        }
    }

    /// What published numbers come from: about an hour for 46 variants.
    pub fn full() -> Self {
        Self {
            instructions: Some(instructions::Windows {
                windows: 15,
                ..instructions::Windows::default()
            }),
            cpu: Some(cpu::Effort {
                rounds: 12,
                each: Duration::from_secs(1),
            }),
            latency: Some(latency::Effort {
                rounds: 8,
                each: Duration::from_secs(2),
                per_second: 2000.0,
            }),
            footprint: Some(footprint::Effort {
                workers: vec![1, 2, 4],
                starts: 3,
                load: Duration::from_secs(1),
            }),
        }
    }
}

/// Measures the variants side by side on the Envoy at `envoy`; the variants without filters are added if they are not
/// there.
///
/// # Errors
/// As [`instructions::measure`], [`cpu::measure`], [`latency::measure`] and [`footprint::measure`].
pub fn run(envoy: &Path, variants: &[Variant], plan: &Plan, progress: &ProgressBar) -> Result<Results> {
    let variants = with_baselines(variants);
    // What is missing is said before anything is measured.
    if plan.instructions.is_some() {
        instructions::Valgrind::find()?;
    }
    let mut others = Vec::new();
    let mut begin = Ticks::now();
    let mut cpu = BTreeMap::new();
    if let Some(effort) = plan.cpu {
        for (answers, what) in [
            (Answers::Direct, "CPU time"),
            (Answers::Proxied, "CPU time, proxied"),
        ] {
            progress.set_prefix(what);
            cpu.insert(
                answers,
                cpu::measure(envoy, &variants, answers, effort, progress)?,
            );
        }
    }
    others.extend(begin.and_then(|begin| Ticks::now()?.others_since(begin)));
    let mut counted = BTreeMap::new();
    let mut proxied = BTreeMap::new();
    if let Some(windows) = plan.instructions {
        progress.set_prefix("instructions");
        counted = instructions::measure(envoy, &variants, Answers::Direct, windows, progress)?;
        let none = variants::none();
        proxied = instructions::measure(envoy, &none, Answers::Proxied, windows, progress)?;
    }
    begin = Ticks::now();
    let mut latencies = BTreeMap::new();
    if let Some(effort) = plan.latency {
        progress.set_prefix("latency");
        latencies = latency::measure(envoy, &variants, Answers::Proxied, effort, progress)?;
    }
    others.extend(begin.and_then(|begin| Ticks::now()?.others_since(begin)));
    let mut footprints = BTreeMap::new();
    if let Some(effort) = &plan.footprint {
        progress.set_prefix("memory");
        footprints = footprint::measure(envoy, &variants, effort, progress)?;
    }
    progress.finish_and_clear();
    let of = |answers, name: &str| {
        cpu.get(&answers)
            .and_then(|costs: &BTreeMap<_, _>| costs.get(name).copied())
    };
    let row = |variant: &Variant| {
        let name = variant.name.as_str();
        Ok(Row {
            name: name.to_owned(),
            title: variant.title.clone(),
            group: variant.group,
            over: variant.over.baseline().to_owned(),
            status: variant.status,
            module_bytes: variant.module_bytes()?,
            instructions: counted.get(name).copied(),
            instructions_proxied: proxied.get(name).copied(),
            cpu_us: of(Answers::Direct, name),
            cpu_us_proxied: of(Answers::Proxied, name),
            latency_us: latencies.get(name).copied(),
            footprint: footprints.get(name).cloned(),
        })
    };
    Ok(Results {
        envoy: version(envoy)?,
        cores: Cores::find(),
        others: others.into_iter().reduce(f64::max),
        plan: plan.clone(),
        rows: variants.iter().map(row).collect::<Result<_>>()?,
    })
}

fn with_baselines(variants: &[Variant]) -> Vec<Variant> {
    let others = variants.iter().filter(|variant| !variant.is_baseline());
    let routed = others
        .clone()
        .any(|variant| variant.over == variants::Routes::Canary);
    let asked = |name: &str| variants.iter().any(|variant| variant.name == name);
    variants::none()
        .into_iter()
        .filter(|none| none.over == none.routes || routed || asked(&none.name))
        .chain(others.cloned())
        .collect()
}

/// What `envoy --version` says, without what comes before the version.
fn version(envoy: &Path) -> Result<String> {
    let said = std::process::Command::new(envoy).arg("--version").output();
    let said = said.with_context(|| format!("cannot run {}", envoy.display()))?;
    let text = String::from_utf8_lossy(&said.stdout);
    let version = text
        .split_once("version: ")
        .map_or(&*text, |(_, version)| version);
    Ok(version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::Group;

    #[test]
    fn each_run_has_the_baselines_that_its_variants_count_from_and_no_other() {
        let names = |variants: &[Variant]| -> Vec<String> {
            with_baselines(variants)
                .into_iter()
                .map(|variant| variant.name)
                .collect()
        };
        let plain = Variant::new("a", "a", Group::Filter);
        assert_eq!(names(std::slice::from_ref(&plain)), ["none", "a"]);
        assert_eq!(names(&[plain.routed()]), ["none", "none-canary-route", "a"]);
        assert_eq!(names(&variants::none()), ["none", "none-canary-route"]);
    }
}
