//! The Envoy that the tests and the demo run against.

use crate::console::{Console, Stream};
use crate::tools::Missing;
use crate::workspace::Workspace;
use fairlead_envoy::{LocateError, Locator, Release};
use std::path::PathBuf;

/// Tells tests and `fairlead` where Envoy is.
pub(crate) const VARIABLE: &str = "FAIRLEAD_ENVOY";

/// Finds Envoy, or fetches the pinned release into .fairlead; with a `release`, that one and no other.
///
/// # Errors
/// There is none and it cannot be fetched; the message says how to get it.
pub(crate) fn ensure(
    workspace: &Workspace,
    release: Option<Release>,
    console: &Console,
) -> anyhow::Result<PathBuf> {
    console.step("find Envoy");
    let mut locator = Locator::from_env(workspace.cache());
    if let Some(release) = release {
        locator = locator.release(release);
    }
    let found = locator.locate().map_err(|error| match error {
        // Somebody named this Envoy: to go on without it would hide that.
        LocateError::Unusable { .. } => anyhow::Error::from(error),
        other => Missing(other.to_string()).into(),
    })?;
    let version = found.version;
    console.line(Stream::Err, &format!("Envoy {version} from {}", found.source));
    for warning in &found.warnings {
        console.line(Stream::Err, &format!("warning: {warning}"));
    }
    Ok(found.path)
}
