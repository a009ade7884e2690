//! The Prometheus server that tests scrape a real Envoy with.
//!
//! One that is named or in `PATH` is used. Else the distribution's package is fetched into .fairlead and unpacked there, which needs
//! no root: upstream publishes no package that a registry's client could fetch.
//!
//! What makes the package trustworthy: `apt-get download` (apt 2.6) compares it, size and SHA-256, with an index that is
//! signed by a key which the machine trusts for that archive, and ends with an error if they differ or if the index
//! is not signed. Archives that the machine's owner has marked `trusted=yes` count as signed. Packages that have been used
//! here are pinned besides ([`PINS`]); a later one is used on apt's word, and a line says so.

use crate::console::{Console, Stream};
use crate::process;
use crate::tools::Missing;
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names another Prometheus, and tells tests where theirs is.
pub(crate) const VARIABLE: &str = "FAIRLEAD_PROMETHEUS";

/// The first release with native histograms.
const OLDEST: (u32, u32) = (2, 40);

/// Version and architecture of a Debian package, and its SHA-256.
const PINS: [(&str, &str, &str); 1] = [(
    "2.42.0+ds-5+deb12u1",
    "amd64",
    "81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55",
)];

/// The end of a sentence: what always helps.
const OR_SET: &str = "or set FAIRLEAD_PROMETHEUS to the program of a Prometheus 2.40 or later";

/// Finds Prometheus, or fetches it into .fairlead.
///
/// # Errors
/// There is none and it cannot be fetched; the message says how to get it.
pub(crate) fn ensure(workspace: &Workspace, console: &Console) -> anyhow::Result<PathBuf> {
    console.step("find Prometheus");
    let found = |path: &Path, version: &str, source: &str| {
        console.line(Stream::Err, &format!("Prometheus {version} from {source}"));
        Ok(path.to_owned())
    };
    if let Some(path) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let path = std::path::absolute(&path).context("no current folder")?;
        // Somebody named this one: to go on without it would hide that.
        let version = examine(&path)
            .with_context(|| format!("{VARIABLE} is {}: correct or unset it", path.display()))?;
        return found(&path, &version, VARIABLE);
    }
    if let Some(path) = in_path(std::env::var_os("PATH")) {
        match examine(&path) {
            Ok(version) => return found(&path, &version, "PATH"),
            Err(why) => {
                let text = format!("warning: not used: {} in PATH: {why:#}", path.display());
                console.line(Stream::Err, &text);
            }
        }
    }
    let home = workspace.cache().join("tools/prometheus");
    let program = home.join("prometheus");
    let cached = program.is_file();
    if !cached {
        fetch(&home, console)?;
    }
    let version = examine(&program).with_context(|| {
        Missing(format!(
            "the Prometheus in .fairlead/tools/prometheus is of no use: remove it, {OR_SET}"
        ))
    })?;
    found(
        &program,
        &version,
        if cached { "the cache" } else { "its package" },
    )
}

/// The first file `prometheus` in the folders of `PATH`.
fn in_path(path: Option<OsString>) -> Option<PathBuf> {
    std::env::split_paths(&path?)
        .map(|folder| folder.join("prometheus"))
        .find(|file| file.is_file())
}

/// Runs `--version`; the version, if it is new enough.
fn examine(path: &Path) -> anyhow::Result<String> {
    let said = process::output(Command::new(path).arg("--version"))?;
    let said = String::from_utf8_lossy(&said);
    let Some((version, number)) = version(&said) else {
        bail!("`--version` does not answer as Prometheus does");
    };
    if number < OLDEST {
        bail!("{version} is older than {}.{}", OLDEST.0, OLDEST.1);
    }
    Ok(version.to_owned())
}

/// `2.42.0+ds` and (2, 42) of `prometheus, version 2.42.0+ds (branch: ..`.
fn version(said: &str) -> Option<(&str, (u32, u32))> {
    let version = said
        .strip_prefix("prometheus, version ")?
        .split_whitespace()
        .next()?;
    let mut parts = version.split('.');
    let mut number = || parts.next()?.parse().ok();
    Some((version, (number()?, number()?)))
}

/// Fetches beside the final folder first, so that an interrupted run leaves nothing that looks complete.
fn fetch(home: &Path, console: &Console) -> anyhow::Result<()> {
    if !(process::runs("apt-get") && process::runs("dpkg-deb")) {
        let remedy = format!("Prometheus is missing: install it with your system's packages, {OR_SET}");
        return Err(Missing(remedy).into());
    }
    let scratch = home.with_extension(format!("{}.part", std::process::id()));
    std::fs::create_dir_all(&scratch).context("cannot create .fairlead/tools")?;
    let unpacked = unpack(&scratch, console).and_then(|ready| match std::fs::rename(ready, home) {
        // Another run was faster.
        Err(_) if home.join("prometheus").is_file() => Ok(()),
        other => other.context("cannot move Prometheus into .fairlead/tools"),
    });
    std::fs::remove_dir_all(&scratch).context("cannot remove an unfinished download")?;
    unpacked
}

/// Program and licence, in a folder of their own.
fn unpack(scratch: &Path, console: &Console) -> anyhow::Result<PathBuf> {
    let package = download(scratch, console)?;
    check(&package, console)?;
    let tree = scratch.join("tree");
    process::output(Command::new("dpkg-deb").arg("--extract").args([&package, &tree]))?;
    let ready = scratch.join("ready");
    std::fs::create_dir(&ready)?;
    for (from, to) in [
        ("usr/bin/prometheus", "prometheus"),
        ("usr/share/doc/prometheus/copyright", "copyright"),
    ] {
        std::fs::rename(tree.join(from), ready.join(to))
            .with_context(|| format!("the package has no {from}"))?;
    }
    Ok(ready)
}

/// Has apt fetch the package. Where the machine's own lists do not know it, or an outdated one, lists are fetched into
/// `scratch`: those of the machine stay as they are.
fn download(scratch: &Path, console: &Console) -> anyhow::Result<PathBuf> {
    console.step("apt-get download prometheus (20 MB, once)");
    let unable = |why: &anyhow::Error| {
        Missing(format!(
            "Prometheus is missing and apt cannot fetch it ({}): install it, {OR_SET}",
            complaint(&format!("{why:#}"))
        ))
    };
    let own = |folder: &str| {
        let folder = scratch.join(folder);
        std::fs::create_dir_all(&folder).map(|()| folder)
    };
    let folder = own("package")?;
    let mut apt = apt(&folder);
    if let Err(why) = process::output(apt.args(["download", "prometheus"])) {
        if !outdated(&format!("{why:#}")) {
            return Err(unable(&why).into());
        }
        console.step("apt-get update, into .fairlead");
        let mut lists = OsString::from("Dir::State::Lists=");
        lists.push(own("lists")?);
        let mut caches = OsString::from("Dir::Cache=");
        caches.push(own("cache")?);
        for step in [&["update"][..], &["download", "prometheus"]] {
            let mut apt = self::apt(&folder);
            apt.arg("-o").arg(&lists).arg("-o").arg(&caches).args(step);
            process::output(&mut apt).map_err(|why| unable(&why))?;
        }
    }
    std::fs::read_dir(&folder)?
        .filter_map(|file| file.ok().map(|file| file.path()))
        .find(|path| path.extension().is_some_and(|it| it == "deb"))
        .context("apt-get download left no package")
}

/// apt-get in a folder, in English, which never takes what it cannot verify.
fn apt(folder: &Path) -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("LC_ALL", "C").current_dir(folder);
    apt.args(["-q", "-o", "APT::Get::AllowUnauthenticated=false"]);
    apt.args(["-o", "Acquire::AllowInsecureRepositories=false"]);
    apt
}

/// Whether fresh lists may help: they do not know the package, or name a file that the archive no longer has.
fn outdated(complaint: &str) -> bool {
    [
        "Unable to locate package",
        "404",
        "Can't find a source",
        "no installation candidate",
    ]
    .iter()
    .any(|text| complaint.contains(text))
}

/// The first error in what apt says.
fn complaint(text: &str) -> &str {
    let mut lines = text.lines();
    let error = lines.find_map(|line| line.strip_prefix("E: "));
    error.or(text.lines().last()).unwrap_or_default().trim()
}

/// Compares a package with its pin.
fn check(package: &Path, console: &Console) -> anyhow::Result<()> {
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    let sum = process::output(Command::new("sha256sum").arg("--").arg(package))?;
    let sum = String::from_utf8_lossy(&sum);
    match pinned(&name) {
        // The file's name precedes it with a backslash where it has to be escaped.
        Some(pin) if sum.trim_start_matches('\\').starts_with(pin) => {}
        Some(_) => {
            bail!("{name} is not the package that is pinned, though apt has verified it: see apt's sources")
        }
        None => {
            let text = format!("warning: {name} is not pinned: used because apt has verified it");
            console.line(Stream::Err, &text);
        }
    }
    Ok(())
}

/// The checksum of a package, by the name of its file: `prometheus_<version>_<architecture>.deb`.
fn pinned(file: &str) -> Option<&'static str> {
    let (version, architecture) = file
        .strip_prefix("prometheus_")?
        .strip_suffix(".deb")?
        .rsplit_once('_')?;
    let mut pins = PINS.iter();
    pins.find(|(known, on, _)| *known == version && *on == architecture)
        .map(|(_, _, sum)| *sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_first_line() {
        let said =
            "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 5)\n  go version: go1.19.8\n";
        assert_eq!(version(said), Some(("2.42.0+ds", (2, 42))));
        assert_eq!(
            version("prometheus, version 3.5.1 (branch: x)").unwrap().1,
            (3, 5)
        );
        for other in ["promtool, version 2.42.0", "prometheus, version x", ""] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn a_package_is_pinned_by_version_and_architecture() {
        for (version, architecture, sum) in PINS {
            assert_eq!(sum.len(), 64, "{version}");
            let file = format!("prometheus_{version}_{architecture}.deb");
            assert_eq!(pinned(&file), Some(sum));
            assert_eq!(pinned(&file.replace(architecture, "other")), None);
        }
        assert_eq!(pinned("prometheus_2.53.0-1_amd64.deb"), None);
    }

    #[test]
    fn fresh_lists_are_fetched_only_where_they_may_help() {
        let failed = |says: &str| format!("this failed: apt-get download prometheus\n{says}");
        for says in [
            "E: Unable to locate package prometheus",
            "E: Failed to fetch http://archive.test/p.deb  404  Not Found",
        ] {
            assert!(outdated(&failed(says)), "{says}");
        }
        for says in [
            "E: Some packages could not be authenticated",
            "E: Could not resolve 'archive.test'",
        ] {
            assert!(!outdated(&failed(says)), "{says}");
            assert_eq!(format!("E: {}", complaint(&failed(says))), says);
        }
    }
}
