//! The demo's canary filter, whose config changes while Envoy runs: an operator who tries the same release once more.
//!
//! After a trip the guard lets half of the users back in. Another number in `guard.attempt` makes it forget its trips, so
//! that the release has its whole weight again.

use anyhow::Context as _;
use fairlead_envoy::{Envoy, ExtensionFile, HttpFilter, Update, Wasm};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long Envoy may take for a new config.
const WITHIN: Duration = Duration::from_secs(10);

/// A canary filter with a guard, and the attempt it is at.
#[derive(Debug)]
pub(super) struct Attempts {
    plugin: Wasm,
    config: Value,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    file: ExtensionFile,
    attempt: u32,
}

impl Attempts {
    /// The first attempt. `plugin` has no config yet; `config` has a guard.
    pub(super) fn first(name: &str, plugin: Wasm, config: Value) -> anyhow::Result<Self> {
        let attempt = 1;
        let file = ExtensionFile::temporary(name, &configured(&plugin, &config, attempt))?;
        Ok(Self {
            plugin,
            config,
            current: Mutex::new(Current { file, attempt }),
        })
    }

    /// What to put into the listener's chain.
    pub(super) fn filter(&self) -> HttpFilter {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .file
            .filter()
    }

    /// Makes sure that Envoy has taken the config that it was started with: it would serve nothing otherwise.
    pub(super) fn check(&self, envoy: &Envoy) -> anyhow::Result<()> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = envoy.stat(&format!("{}config_fail", current.file.stats_prefix()))?;
        let last = || envoy.logs().pop().unwrap_or_default();
        anyhow::ensure!(refused == 0, "Envoy has refused the canary filter: {}", last());
        Ok(())
    }

    /// Begins the next attempt; its number.
    pub(super) fn next(&self, envoy: &Envoy) -> anyhow::Result<u32> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = current.attempt.checked_add(1).context("too many attempts")?;
        let wasm = configured(&self.plugin, &self.config, attempt);
        match envoy.update_extension(&mut current.file, &wasm, WITHIN)? {
            Update::Accepted => {
                current.attempt = attempt;
                Ok(attempt)
            }
            Update::Rejected { reason } => anyhow::bail!("Envoy has refused attempt {attempt}: {reason}"),
        }
    }
}

/// The plugin with this attempt's config.
fn configured(plugin: &Wasm, config: &Value, attempt: u32) -> Wasm {
    let mut config = config.clone();
    if let Some(guard) = config.get_mut("guard").and_then(Value::as_object_mut) {
        guard.insert("attempt".into(), json!(attempt));
    }
    plugin.clone().configuration(config.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_changes_its_number_and_nothing_else() {
        let config = json!({"release": "r", "guard": {"window": "5s"}});
        let text = Value::from(&configured(&Wasm::new("canary", "canary.wasm"), &config, 7)).to_string();
        let expected = r#"{\"guard\":{\"attempt\":7,\"window\":\"5s\"},\"release\":\"r\"}"#;
        assert!(text.contains(expected), "{text}");
    }
}
