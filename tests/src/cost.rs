//! What a request costs on a real Envoy, in instructions of its worker thread: the numbers are in `cost/instructions.json`.
//!
//! Fuel counts what a module does; most of what a filter costs is what the host does for it, which only a real Envoy shows.
//! Instructions repeat to half a percent of a filter's cost, whatever else the machine does, where times do not.
//!
//! What it does not see: the kernel, caches, what a plugin does on its timer. Another Envoy, compiler of Wasm or kind of
//! processor has other numbers, so the numbers are of the pinned Envoy on x86-64.
//!
//! Cost: two Envoys under callgrind, about a minute.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use fairlead_envoy::{ENVOY_VERSION, Located, Locator, Release};
use fairlead_overhead::instructions::{self, Valgrind, Windows};
use fairlead_overhead::{Answers, variants};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::baseline::{Numbers, TOLERANCE_PERCENT, differences};
use crate::modules;
use crate::versions::leave_out;

const ABOUT: &str = "Instructions of the worker thread that filters add to a request on Envoy, by variant. The test fails if a number is off by more than the tolerance. To take over new ones, and review them in the diff: cargo xtask build && UPDATE_COST=1 cargo test --release -p fairlead-tests --test envoy_cost";

/// The modules of which variants are made.
const MODULES: [&str; 9] = [
    "canary",
    "canary-lean",
    "circuit-breaker",
    "circuit-breaker-lean",
    "latency-histogram",
    "rate-limit",
    "rate-limit-lean",
    "suite",
    "suite-lean",
];

#[derive(Deserialize, Serialize)]
struct Table {
    about: String,
    envoy: String,
    tolerance_percent: u64,
    added: Numbers,
}

/// What measuring instructions needs.
#[derive(Clone, Debug)]
pub struct Scales {
    envoy: PathBuf,
    dist: PathBuf,
}

impl Scales {
    /// Finds Envoy, valgrind and the modules. `None`, after one line on standard error: skip the test; without a line for an Envoy to
    /// which the numbers do not [`apply`].
    ///
    /// # Panics
    /// If something is missing and the variable `CI` is `true`.
    #[must_use]
    pub fn find() -> Option<Self> {
        let envoy = envoy()?;
        if envoy.version != Release::PINNED.version() {
            return None;
        }
        if let Err(lack) = Valgrind::find() {
            return skip(&format!("{lack:#}"));
        }
        let mut folder = None;
        for name in MODULES {
            folder = modules::module(name)?.parent().map(Path::to_owned);
        }
        Some(Self {
            envoy: envoy.path,
            dist: folder?,
        })
    }

    /// The folder of the modules.
    #[must_use]
    pub fn dist(&self) -> &Path {
        &self.dist
    }

    /// What filters add to a request, by variant: those of `only`, or of all of this toolkit, with the modules of a folder.
    ///
    /// # Panics
    /// If Envoy does not start, or does not answer as it should.
    #[must_use]
    pub fn measure(&self, dist: &Path, only: &[&str]) -> Numbers {
        let ours = variants::ours(dist).unwrap_or_else(|error| panic!("{error:#}"));
        let chosen: Vec<_> = (ours.into_iter())
            .filter(|variant| only.is_empty() || only.contains(&variant.name.as_str()))
            .collect();
        let found = instructions::measure(
            &self.envoy,
            &chosen,
            Answers::Direct,
            Windows::default(),
            &ProgressBar::hidden(),
        );
        let mut found = found.unwrap_or_else(|error| panic!("{error:#}"));
        let mut added = |name: &String| found.remove(name).map(|cost| cost.added.round() as u64);
        let numbers: Numbers = (chosen.iter())
            .filter_map(|variant| Some((variant.name.clone(), added(&variant.name)?)))
            .collect();
        assert_eq!(numbers.len(), chosen.len(), "each variant has a number");
        numbers
    }
}

fn envoy() -> Option<Located> {
    let locator = Locator::from_env(modules::workspace().join(".fairlead"));
    let found = locator.locate_for_test();
    found.unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the numbers are those of the Envoy that is there. If not, one line has said so: leave the test out. Whether there is one
/// at all is [`Scales::find`]'s to say.
///
/// # Panics
/// If there is none and the variable `CI` is `true`.
#[must_use]
pub fn apply() -> bool {
    let other = envoy().map(|found| found.version);
    let Some(version) = other.filter(|version| *version != Release::PINNED.version()) else {
        return true;
    };
    leave_out(&format!(
        "the instructions of a request are known of {ENVOY_VERSION}, this is {version}"
    ));
    false
}

/// One line, past the capture of `cargo test`.
fn skip(lack: &str) -> Option<Scales> {
    static SKIPPED: Once = Once::new();
    assert!(
        std::env::var_os("CI").is_none_or(|value| value != "true"),
        "{lack}"
    );
    SKIPPED.call_once(|| {
        let _ = writeln!(std::io::stderr(), "skipped: instructions of requests ({lack})");
    });
    None
}

fn file() -> PathBuf {
    modules::workspace().join("tests/cost/instructions.json")
}

/// The variants whose numbers are not those of `cost/instructions.json`. One process of Envoy differs from another by some
/// hundred instructions: what is off is measured once more before it counts.
///
/// # Panics
/// If the file cannot be read.
#[must_use]
pub fn off(added: &Numbers) -> Vec<String> {
    let Some(known) = known() else {
        return Vec::new();
    };
    let is_off = |(name, is): (&String, &u64)| {
        let of = |added: &u64| Numbers::from([(name.clone(), *added)]);
        let was = known.added.get(name)?;
        let differs = !differences(&of(was), &of(is), known.tolerance_percent).is_empty();
        differs.then(|| name.clone())
    };
    added.iter().filter_map(is_off).collect()
}

/// What is known; `None` while it is being written anew.
fn known() -> Option<Table> {
    if std::env::var_os("UPDATE_COST").is_some() {
        return None;
    }
    let known = std::fs::read(file()).unwrap_or_else(|error| panic!("{error}: {ABOUT}"));
    Some(serde_json::from_slice(&known).expect("the file is as it was written"))
}

/// Compares these numbers with `cost/instructions.json`. With `UPDATE_COST` set it writes the file anew.
///
/// # Panics
/// If a number is off by more than the tolerance, or the file has other variants.
pub fn check(added: &Numbers) {
    let Some(known) = known() else {
        let table = Table {
            about: ABOUT.to_owned(),
            envoy: ENVOY_VERSION.to_owned(),
            tolerance_percent: TOLERANCE_PERCENT,
            added: added.clone(),
        };
        let text = serde_json::to_string_pretty(&table).expect("JSON");
        std::fs::write(file(), text + "\n").expect("the file can be written");
        return;
    };
    assert_eq!(known.envoy, ENVOY_VERSION, "another Envoy is pinned: {ABOUT}");
    let changed = differences(&known.added, added, known.tolerance_percent);
    assert!(changed.is_empty(), "{}\n{ABOUT}", changed.join("\n"));
}

/// How much a variant may add.
#[derive(Clone, Copy, Debug)]
pub enum Most {
    /// So many instructions.
    Instructions(u64),
    /// So many percent of what another variant adds.
    PercentOf(u64, &'static str),
}

/// What a variant is meant to stay below.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the variant.
    pub variant: &'static str,
    /// How much it may add.
    pub most: Most,
    /// What it adds as long as that is more, in the unit of `most`. Without it the target is met and must stay so.
    pub present: Option<u64>,
}

/// The variant and one line for each target that has been met and is not any more. Empty: the gate is passed.
///
/// # Panics
/// If a variant is not there.
#[must_use]
pub fn missed(targets: &[Target], added: &Numbers) -> Vec<(&'static str, String)> {
    let must_hold = targets.iter().filter(|target| target.present.is_none());
    must_hold
        .filter_map(|target| Some((target.variant, too_much(target, added)?)))
        .collect()
}

/// One line for each target that is met by now and still counts as missed.
///
/// # Panics
/// If a variant is not there.
#[must_use]
pub fn met_by_now(targets: &[Target], added: &Numbers) -> Vec<&'static str> {
    (targets.iter())
        .filter(|target| target.present.is_some() && too_much(target, added).is_none())
        .map(|target| target.variant)
        .collect()
}

fn too_much(target: &Target, added: &BTreeMap<String, u64>) -> Option<String> {
    let of = |name: &str| *added.get(name).unwrap_or_else(|| panic!("no variant {name}"));
    let is = of(target.variant);
    match target.most {
        Most::Instructions(most) => (is > most).then(|| format!("{}: {is}, at most {most}", target.variant)),
        Most::PercentOf(most, other) => (is * 100 > of(other) * most).then(|| {
            let percent = is as f64 * 100.0 / of(other) as f64;
            format!(
                "{}: {is}, {percent:.1} % of {other}, at most {most} %",
                target.variant
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn target(variant: &'static str, most: Most, present: Option<u64>) -> Target {
        Target {
            variant,
            most,
            present,
        }
    }

    fn added() -> Numbers {
        [("alone", 20_000), ("suite", 21_001), ("four", 30_000)]
            .map(|(name, number)| (name.to_owned(), number))
            .into()
    }

    #[test]
    fn a_target_is_missed_above_its_number_or_its_share() {
        let all = [
            target("four", Most::Instructions(30_000), None),
            target("four", Most::Instructions(29_999), None),
            target("suite", Most::PercentOf(106, "alone"), None),
            target("suite", Most::PercentOf(105, "alone"), None),
        ];
        assert_eq!(
            missed(&all, &added()),
            [
                ("four", "four: 30000, at most 29999".to_owned()),
                (
                    "suite",
                    "suite: 21001, 105.0 % of alone, at most 105 %".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_target_that_was_never_met_does_not_fail_and_is_told_when_it_is() {
        let all = [
            target("four", Most::Instructions(29_999), Some(30_000)),
            target("suite", Most::Instructions(21_001), Some(23_000)),
        ];
        assert!(missed(&all, &added()).is_empty());
        assert_eq!(met_by_now(&all, &added()), ["suite"]);
    }
}
