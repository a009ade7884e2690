//! What a request costs, in Wasm instructions: exactly reproducible, so that a change which makes the request path dearer
//! (or cheaper) is seen in review. The numbers of each filter are in `fuel/<filter>.json`.

use std::path::PathBuf;
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::baseline::{Numbers, TOLERANCE_PERCENT, differences};
use crate::emulated::{send, start};
use crate::modules;

#[derive(Deserialize, Serialize)]
struct Table {
    about: String,
    tolerance_percent: u64,
    fuel: Numbers,
}

/// A config and a request whose cost is known.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called in the file.
    pub name: &'static str,
    /// The plugin's config.
    pub config: Value,
    /// What is sent.
    pub request: Request,
    /// The status of the request that is measured.
    pub status: u16,
    /// How many request headers the filter writes, each of which makes the proxy match its routes again.
    pub route_refreshes: u32,
}

/// The cost of one request of a scenario on a warm VM of `dist/<filter>.wasm`; `None` if that is not built.
///
/// # Panics
/// If the request does not end as the scenario says.
#[must_use]
pub fn measure(filter: &'static str, scenario: &Scenario) -> Option<u64> {
    Some(measure_in(&modules::compiled(filter)?, scenario))
}

/// [`measure`] in any module.
///
/// # Panics
/// If the request does not end as the scenario says.
#[must_use]
pub fn measure_in(module: &CompiledModule, scenario: &Scenario) -> u64 {
    let mut proxy = start(Emulator::builder(), module, &scenario.config);
    // The first ones fill the buffers of the VM.
    send(&mut proxy, (0..4).map(|_| scenario.request.clone()));
    proxy.advance(Duration::from_millis(100));
    let mut report = send(&mut proxy, [scenario.request.clone()]);
    let outcome = report.outcomes.pop().expect("an outcome");
    let seen = (outcome.status, outcome.route_refreshes);
    assert_eq!(
        seen,
        (Some(scenario.status), scenario.route_refreshes),
        "{}: status and written headers",
        scenario.name
    );
    outcome.fuel
}

fn about(binary: &str) -> String {
    format!(
        "Wasm fuel (about one unit an instruction) of one request on a warm VM, by scenario. The test fails if a number is off by more than the tolerance. To take over new ones, and review them in the diff: cargo xtask build && UPDATE_FUEL=1 cargo test --release -p fairlead-tests --test {binary} fuel"
    )
}

fn file(filter: &str) -> PathBuf {
    modules::workspace().join(format!("tests/fuel/{filter}.json"))
}

/// Compares all scenarios of `dist/<filter>.wasm` with `fuel/<filter>.json`, which says that test binary `binary` checks it.
/// With `UPDATE_FUEL` set it writes the file anew.
///
/// # Panics
/// If a number is off by more than the tolerance, or the file has other scenarios.
pub fn check(filter: &'static str, binary: &str, scenarios: &[Scenario]) {
    let mut fuel = Numbers::new();
    for scenario in scenarios {
        let Some(units) = measure(filter, scenario) else {
            return;
        };
        let twice = fuel.insert(scenario.name.to_owned(), units);
        assert_eq!(twice, None, "two scenarios are called {}", scenario.name);
    }
    let about = about(binary);
    if std::env::var_os("UPDATE_FUEL").is_some() {
        let table = Table {
            about,
            tolerance_percent: TOLERANCE_PERCENT,
            fuel,
        };
        let text = serde_json::to_string_pretty(&table).expect("JSON");
        std::fs::write(file(filter), text + "\n").expect("the file can be written");
        return;
    }
    let known = std::fs::read(file(filter)).unwrap_or_else(|error| panic!("{error}: {about}"));
    let known: Table = serde_json::from_slice(&known).expect("the file is as it was written");
    let changed = differences(&known.fuel, &fuel, known.tolerance_percent);
    assert!(changed.is_empty(), "{}\n{about}", changed.join("\n"));
}
