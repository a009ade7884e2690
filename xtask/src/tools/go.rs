//! Programs that are published as Go source only: built from a module of this repository that pins them.
//!
//! `go.mod` and `go.sum` of that module fix every version and checksum, which go compares with what it downloads. What is
//! built lies in the user's cache folder, outside the checkout, under a name made of both files and of what is built, so
//! that a clean checkout finds it again and a changed pin builds anew.

use crate::console::{Console, Stream};
use crate::process;
use crate::tools::Missing;
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The oldest go that builds them all.
const OLDEST: (u32, u32) = (1, 26);

/// One program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// Name of the file.
    pub(crate) name: &'static str,
    /// Import path of its package.
    pub(crate) package: &'static str,
    /// Build tags, separated by commas.
    pub(crate) tags: &'static str,
    /// More flags of the linker: versions that a program is told.
    pub(crate) link: &'static str,
}

/// A file of a module's source that is needed beside the programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The module.
    pub(crate) module: &'static str,
    /// Where it is not one that the set's module asks for: version and checksum (`h1:..`, as in a go.sum).
    pub(crate) pinned: Option<(&'static str, &'static str)>,
    /// The file in it.
    pub(crate) path: &'static str,
}

/// A module of this repository and what is built from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set {
    /// What it is called on the screen and in the cache.
    pub(crate) name: &'static str,
    /// Its folder in this repository.
    pub(crate) folder: &'static str,
    /// What is built.
    pub(crate) programs: &'static [Program],
    /// What is copied.
    pub(crate) files: &'static [Source],
}

/// The folder that has the set's programs and files, built now if it was not there.
///
/// # Errors
/// go is missing, or something does not build.
pub(crate) fn ensure(workspace: &Workspace, set: &Set, console: &Console) -> anyhow::Result<PathBuf> {
    console.step(&format!("find {}", set.name));
    let module = workspace.root.join(set.folder);
    let home = cache()?.join(format!("{}-{}", set.name, key(&module, set)?));
    let done = home.join("complete");
    if done.is_file() {
        console.line(Stream::Err, &format!("{} from the cache", set.name));
        return Ok(home);
    }
    version()?;
    std::fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    for (index, program) in set.programs.iter().enumerate() {
        if home.join(program.name).is_file() {
            continue;
        }
        console.step(&format!(
            "build {} ({} of {} for {}, once)",
            program.name,
            index + 1,
            set.programs.len(),
            set.name
        ));
        let start = Instant::now();
        build(&module, &home, program)?;
        let text = format!("built {} in {} s", program.name, start.elapsed().as_secs());
        console.line(Stream::Err, &text);
    }
    for file in set.files {
        copy(&module, &home, file)?;
    }
    std::fs::write(&done, "").context("cannot write into the cache")?;
    Ok(home)
}

/// Builds one program, under another name first: what is interrupted leaves nothing that looks complete.
fn build(module: &Path, home: &Path, program: &Program) -> anyhow::Result<()> {
    let part = home.join(format!("{}.{}.part", program.name, std::process::id()));
    let mut go = go(module);
    go.args([
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-p",
        "2",
    ])
    .arg("-ldflags")
    .arg(format!("-s -w {}", program.link))
    .args(["-tags", program.tags, "-o"])
    .arg(&part)
    .arg(program.package);
    process::output(&mut go).with_context(|| format!("{} does not build", program.name))?;
    std::fs::rename(&part, home.join(program.name)).context("cannot write into the cache")
}

fn copy(module: &Path, home: &Path, file: &Source) -> anyhow::Result<()> {
    let found = match file.pinned {
        None => {
            let found = process::output(go(module).args(["list", "-m", "-f", "{{.Dir}}", file.module]))?;
            PathBuf::from(String::from_utf8_lossy(&found).trim())
        }
        Some((version, sum)) => download(home, file.module, version, sum)?,
    };
    let from = found.join(file.path);
    let name = from.file_name().context("a file of a module has no name")?;
    let text = std::fs::read(&from).with_context(|| format!("{} has no {}", file.module, file.path))?;
    std::fs::write(home.join(name), text).context("cannot write into the cache")
}

/// The folder of a module that no module of ours asks for. go compares it with its checksum database, this with the pin.
fn download(home: &Path, module: &str, version: &str, sum: &str) -> anyhow::Result<PathBuf> {
    #[derive(Deserialize)]
    struct Downloaded {
        #[serde(rename = "Dir")]
        folder: PathBuf,
        #[serde(rename = "Sum")]
        sum: String,
    }
    // Not in a module's folder, whose go.sum it is not for.
    let name = format!("{module}@{version}");
    let told = process::output(go(home).args(["mod", "download", "-json", &name]))?;
    let told: Downloaded = serde_json::from_slice(&told).context("go printed what this task cannot read")?;
    if told.sum != sum {
        bail!("{name} has the checksum {}, and {sum} is pinned", told.sum);
    }
    Ok(told.folder)
}

/// go in the module's folder. No C compiler is needed, and no other go is fetched.
fn go(module: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "");
    go
}

/// Fails if there is no go that is new enough.
fn version() -> anyhow::Result<()> {
    let (major, minor) = OLDEST;
    let remedy =
        format!("install Go {major}.{minor} or later, from your system's packages or https://go.dev/dl");
    let Ok(said) = process::output(Command::new("go").arg("version")) else {
        bail!(Missing(format!("go is missing: {remedy}")));
    };
    let said = String::from_utf8_lossy(&said);
    match number(&said) {
        Some(found) if found >= OLDEST => Ok(()),
        _ => bail!(Missing(format!("{} is too old: {remedy}", said.trim()))),
    }
}

/// (1, 26) of `go version go1.26.8 linux/amd64`.
fn number(said: &str) -> Option<(u32, u32)> {
    let version = said.strip_prefix("go version go")?.split_whitespace().next()?;
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?;
    let digits = minor.find(|it: char| !it.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor.get(..digits)?.parse().ok()?))
}

/// The user's cache folder (XDG Base Directory Specification).
fn cache() -> anyhow::Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = named("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| named("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let base = base.context("neither XDG_CACHE_HOME nor HOME is set: there is no folder to build into")?;
    Ok(base.join("fairlead"))
}

/// A name for what a set's pins build.
fn key(module: &Path, set: &Set) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        let text =
            std::fs::read(module.join(file)).with_context(|| format!("{} has no {file}", set.folder))?;
        hash.update(text);
    }
    hash.update(format!(
        "{:?}{:?}{}",
        set.programs,
        set.files,
        std::env::consts::ARCH
    ));
    let mut name = String::new();
    for byte in hash.finalize().iter().take(8) {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_go_is_read_with_and_without_a_patch() {
        assert_eq!(number("go version go1.26.8 linux/amd64\n"), Some((1, 26)));
        assert_eq!(number("go version go1.27rc1 linux/arm64"), Some((1, 27)));
        assert_eq!(number("go version go2 linux/arm64"), None);
        assert_eq!(number("command not found"), None);
    }

    #[test]
    fn another_pin_or_flag_builds_anew() {
        let module = std::env::temp_dir().join(format!("fairlead-go-{}", std::process::id()));
        std::fs::create_dir_all(&module).unwrap();
        let write = |sum: &str| {
            std::fs::write(module.join("go.mod"), "module x").unwrap();
            std::fs::write(module.join("go.sum"), sum).unwrap();
        };
        let set = Set {
            name: "x",
            folder: "x",
            programs: &[],
            files: &[],
        };
        let key = |set: &Set| super::key(&module, set).unwrap();
        write("one");
        let first = key(&set);
        assert_eq!(first, key(&set));
        const WITH: &[Program] = &[Program {
            name: "a",
            package: "a",
            tags: "",
            link: "",
        }];
        assert_ne!(
            first,
            key(&Set {
                programs: WITH,
                ..set
            })
        );
        write("two");
        assert_ne!(first, key(&set));
        std::fs::remove_dir_all(&module).unwrap();
    }
}
