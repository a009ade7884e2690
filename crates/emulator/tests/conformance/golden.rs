//! The emulator against what Envoy 1.40.0 logged once, so that no Envoy is needed to notice a change.
//!
//! `FAIRLEAD_BLESS=1` together with `FAIRLEAD_ENVOY` writes the files anew, from Envoy, never from the emulator.

use std::path::PathBuf;

use super::{differential, envoy, traffic};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance/golden")
        .join(format!("{name}.log"))
}

#[test]
fn the_emulator_does_what_envoy_did() {
    let bless = std::env::var_os("FAIRLEAD_BLESS").is_some();
    for scenario in traffic::kept() {
        if bless && let Some(binary) = envoy::binary() {
            let text = differential::text(&differential::real(&scenario, &binary));
            std::fs::write(file(&scenario.name), text).expect("the golden file is written");
        }
        let golden = std::fs::read_to_string(file(&scenario.name)).expect("there is a golden file");
        let text = differential::text(&differential::emulated(&scenario, &[]));
        for (number, (golden, line)) in golden.lines().zip(text.lines()).enumerate() {
            assert_eq!(line, golden, "{} line {}", scenario.name, number + 1);
        }
        assert_eq!(
            text.lines().count(),
            golden.lines().count(),
            "lines of {}",
            scenario.name
        );
    }
}
