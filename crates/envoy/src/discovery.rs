//! Live changes through files: one filter's configuration (ECDS) or the listeners (LDS).
//!
//! Envoy watches the file's folder for moves, so a new version is written beside the file and renamed over it: Envoy
//! never sees half of one. Whether it took the version is read from its counters, since a file has no way to answer;
//! this costs an admin request each 5 ms while an update is under way.
//!
//! Envoy compares each version of a filter with the last one it *looked at*, refused or not. The same bytes
//! sent again after a refusal count as a success and change nothing. [`ExtensionFile`] remembers
//! what was refused and answers as the first time.

mod reservation;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Error;
use crate::bootstrap::{HttpFilter, Listener, WASM_TYPE, Wasm};
use crate::process::{Envoy, Patience};
use reservation::Reservation;

/// What Envoy made of a new version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// In force for new requests on all workers that have processed the change; streams in flight keep the old one.
    Accepted,
    /// Refused (NACK); what was in force before stays.
    Rejected {
        /// Envoy's words.
        reason: String,
    },
}

impl Update {
    /// Whether the new version is in force.
    pub fn is_accepted(&self) -> bool {
        *self == Self::Accepted
    }
}

/// A discovery response in a file.
#[derive(Debug)]
struct ResourceFile {
    path: PathBuf,
    version: u64,
}

impl ResourceFile {
    fn create(path: PathBuf, resources: Vec<Value>) -> Result<Self, Error> {
        let mut file = Self { path, version: 0 };
        file.replace(resources)?;
        Ok(file)
    }

    fn replace(&mut self, resources: Vec<Value>) -> Result<(), Error> {
        self.version = self.version.saturating_add(1);
        let response = json!({"version_info": self.version.to_string(), "resources": resources});
        write_atomically(&self.path, &response.to_string())
    }
}

/// Replaces a file by rename, so that a reader sees the old text or the new one.
fn write_atomically(path: &Path, text: &str) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = || Error::io(format!("cannot write {}", path.display()));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
    std::fs::write(file.path(), text).map_err(failed())?;
    file.persist(path).map_err(|refused| failed()(refused.error))?;
    Ok(())
}

/// A Wasm filter's configuration in a file, delivered by filesystem ECDS.
#[derive(Debug)]
pub struct ExtensionFile {
    name: String,
    file: ResourceFile,
    refused: Option<(Value, String)>,
    /// The folder, if it is to go with this value.
    _folder: Option<tempfile::TempDir>,
}

impl ExtensionFile {
    /// Writes `<folder>/<name>.ecds.json` with a first configuration. `name` is the filter's name in the chain and in
    /// the statistics; the plugin's own name may differ.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn create(folder: &Path, name: impl Into<String>, wasm: &Wasm) -> Result<Self, Error> {
        let name = name.into();
        let path = folder.join(format!("{name}.ecds.json"));
        let file = ResourceFile::create(path, extension(&name, wasm.into()))?;
        Ok(Self {
            name,
            file,
            refused: None,
            _folder: None,
        })
    }

    /// The same in a temporary folder, which is removed when this is dropped: keep it for as long as Envoy runs.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no such folder or the file cannot be written.
    pub fn temporary(name: impl Into<String>, wasm: &Wasm) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("fairlead-envoy-")
            .tempdir()
            .map_err(Error::io("cannot make a folder for temporary files"))?;
        let file = Self::create(folder.path(), name, wasm)?;
        Ok(Self {
            _folder: Some(folder),
            ..file
        })
    }

    /// The filter to put into a listener's chain.
    pub fn filter(&self) -> HttpFilter {
        HttpFilter::discovered(&self.name, &self.file.path, WASM_TYPE)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The beginning of the names of its statistics, with the last dot: `config_reload`, `config_fail`,
    /// `update_success`, `update_rejected` follow.
    pub fn stats_prefix(&self) -> String {
        format!("extension_config_discovery.http_filter.{}.", self.name)
    }
}

fn extension(name: &str, config: Value) -> Vec<Value> {
    let message = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
    vec![json!({"@type": message, "name": name, "typed_config": config})]
}

/// Listeners in a file, delivered by filesystem LDS.
///
/// A listener without a port keeps the one it gets for as long as this value lives, across updates. The port is chosen
/// here rather than by Envoy: when a listener is replaced, Envoy hands its socket to every new listener
/// whose address reads the same, and all on port 0 read the same.
#[derive(Debug)]
pub struct ListenerFile {
    file: ResourceFile,
    ports: BTreeMap<String, Reservation>,
}

impl ListenerFile {
    /// Writes `<folder>/listeners.lds.json`; give its [`path`](Self::path) to
    /// [`Bootstrap::listeners_from`](crate::Bootstrap::listeners_from).
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written or there is no free port.
    pub fn create(folder: &Path, listeners: &[Listener]) -> Result<Self, Error> {
        let mut ports = BTreeMap::new();
        let resources = listener_resources(listeners, &mut ports)?;
        let file = ResourceFile::create(folder.join("listeners.lds.json"), resources)?;
        Ok(Self { file, ports })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

fn listener_resources(
    listeners: &[Listener],
    ports: &mut BTreeMap<String, Reservation>,
) -> Result<Vec<Value>, Error> {
    let message = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    let resource = |listener: &Listener| {
        let mut listener = listener.clone();
        if listener.wants_any_port() {
            let port = match ports.get(listener.name()) {
                Some(reserved) => reserved.port(),
                None => {
                    let reserved = Reservation::new().map_err(Error::io("cannot reserve a port"))?;
                    let port = reserved.port();
                    ports.insert(listener.name().to_owned(), reserved);
                    port
                }
            };
            listener = listener.port(port);
        }
        let mut resource = Map::from_iter([("@type".to_owned(), message.clone())]);
        if let Value::Object(fields) = listener.to_json() {
            resource.extend(fields);
        }
        Ok(Value::Object(resource))
    };
    listeners.iter().map(resource).collect()
}

impl Envoy {
    /// Gives a filter a new configuration and waits until Envoy took or refused it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Deadline`] when Envoy did neither within `within`, [`Error::Exited`].
    pub fn update_extension(
        &self,
        file: &mut ExtensionFile,
        wasm: &Wasm,
        within: Duration,
    ) -> Result<Update, Error> {
        let config = Value::from(wasm);
        if let Some((refused, reason)) = &file.refused
            && *refused == config
        {
            return Ok(Update::Rejected {
                reason: reason.clone(),
            });
        }
        let prefix = file.stats_prefix();
        let resources = extension(&file.name, config.clone());
        let update = self.deliver(&prefix, within, || file.file.replace(resources))?;
        file.refused = match &update {
            Update::Accepted => None,
            Update::Rejected { reason } => Some((config, reason.clone())),
        };
        Ok(update)
    }

    /// Replaces the listeners of the file and waits until Envoy took them (and none is warming any more) or refused
    /// them.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Deadline`] when Envoy did neither within `within`, [`Error::Exited`].
    pub fn update_listeners(
        &self,
        file: &mut ListenerFile,
        listeners: &[Listener],
        within: Duration,
    ) -> Result<Update, Error> {
        let patience = Patience::new(within);
        let resources = listener_resources(listeners, &mut file.ports)?;
        let update = self.deliver("listener_manager.lds.", within, || file.file.replace(resources))?;
        self.poll("the listeners are still warming", &patience, || {
            let stats = self.stats()?;
            Ok((stats.get("listener_manager.total_listeners_warming") == Some(&0)).then_some(()))
        })?;
        Ok(update)
    }

    fn deliver(
        &self,
        prefix: &str,
        within: Duration,
        replace: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Update, Error> {
        let patience = Patience::new(within);
        let before = self.outcomes(prefix)?;
        let position = self.log_position();
        replace()?;
        let accepted = self.poll("Envoy did not take up the new file", &patience, || {
            let now = self.outcomes(prefix)?;
            Ok(if now.refused > before.refused {
                Some(false)
            } else {
                (now.accepted > before.accepted).then_some(true)
            })
        })?;
        if accepted {
            return Ok(Update::Accepted);
        }
        // The log line is written before the counter moves, but travels through a pipe.
        let line = self.wait_for_log_since(position, "Filesystem config update ", patience.left());
        let reason = match line {
            Ok(line) => match line.split_once("Filesystem config update ") {
                Some((_, words)) => words.to_owned(),
                None => line,
            },
            Err(_) => "no reason in the log".to_owned(),
        };
        Ok(Update::Rejected { reason })
    }

    fn outcomes(&self, prefix: &str) -> Result<Outcomes, Error> {
        let stats = self.stats()?;
        let count = |name: &str| stats.get(&format!("{prefix}{name}")).copied().unwrap_or(0);
        Ok(Outcomes {
            accepted: count("update_success"),
            refused: count("update_rejected").saturating_add(count("update_failure")),
        })
    }
}

/// Counters of one subscription.
struct Outcomes {
    accepted: u64,
    refused: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_goes_with_its_owner() {
        let file = ExtensionFile::temporary("live", &Wasm::new("demo", "no.wasm")).unwrap();
        let path = file.path().to_owned();
        assert!(std::fs::read_to_string(&path).unwrap().contains("no.wasm"));
        drop(file);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }
}
