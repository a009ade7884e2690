//! Docker Compose: the plugin that is installed, or one that is built from its pinned source, for these tests only.

use super::Client;
use crate::console::{Console, Stream};
use crate::tools::go::{self, Program, Set};
use crate::workspace::Workspace;
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// The file of the plugin; the client looks for that name.
const PLUGIN: &str = "docker-compose";

/// `tests/docker/go.mod` says which version, and a test that this one is told it.
const SET: Set = Set {
    name: "docker",
    folder: "tests/docker",
    programs: &[Program {
        name: PLUGIN,
        package: "github.com/docker/compose/v5/cmd",
        tags: "",
        link: "-X github.com/docker/compose/v5/internal.Version=v5.5.0",
    }],
    files: &[],
};

/// Finds the plugin, or builds it and tells the client where it is.
pub(super) fn ensure(workspace: &Workspace, client: &mut Client, console: &Console) -> anyhow::Result<()> {
    let version = ["compose", "version", "--short"];
    if let Ok(found) = client.ask(&version) {
        console.line(Stream::Err, &format!("Docker Compose {found}"));
        return Ok(());
    }
    let plugin = go::ensure(workspace, &SET, console)?.join(PLUGIN);
    let config = workspace.cache().join("docker/config");
    configure(&config, users_own().as_deref(), &plugin)
        .with_context(|| format!("cannot set up {}", config.display()))?;
    client.variables.push(("DOCKER_CONFIG", config.into()));
    let found = client
        .ask(&version)
        .context("the plugin that was built does not run")?;
    console.line(
        Stream::Err,
        &format!("Docker Compose {found}, built for these tests"),
    );
    Ok(())
}

/// Where the client keeps its configuration.
fn users_own() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = named("DOCKER_CONFIG").map(PathBuf::from);
    own.or_else(|| named("HOME").map(|home| Path::new(&home).join(".docker")))
}

/// A folder that is the user's configuration, by links, and has one plugin more. Nothing of it is copied, since there may be secrets in it.
fn configure(config: &Path, own: Option<&Path>, plugin: &Path) -> std::io::Result<()> {
    if config.exists() {
        std::fs::remove_dir_all(config)?;
    }
    let plugins = config.join("cli-plugins");
    std::fs::create_dir_all(&plugins)?;
    if let Some(own) = own {
        link_all(own, config)?;
        link_all(&own.join("cli-plugins"), &plugins)?;
    }
    let here = plugins.join(PLUGIN);
    if here.symlink_metadata().is_ok() {
        // One that does not run.
        std::fs::remove_file(&here)?;
    }
    link(plugin, &here)
}

/// Links to everything of a folder that has no namesake.
fn link_all(from: &Path, to: &Path) -> std::io::Result<()> {
    let Ok(entries) = std::fs::read_dir(from) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let here = to.join(entry.file_name());
        if here.symlink_metadata().is_err() {
            link(&std::path::absolute(entry.path())?, &here)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::fs::copy(to, at).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_told_is_the_one_that_is_pinned() {
        let pins = include_str!("../../../../tests/docker/go.mod");
        let pin = pins
            .lines()
            .find_map(|line| line.strip_prefix("require github.com/docker/compose/v5 "));
        let (_, told) = SET.programs[0].link.rsplit_once('=').unwrap();
        assert_eq!(pin, Some(told));
    }

    #[test]
    fn the_configuration_is_the_users_with_one_plugin_more() {
        let folder = std::env::temp_dir().join(format!("fairlead-compose-{}", std::process::id()));
        let (own, config) = (folder.join("own"), folder.join("config"));
        std::fs::create_dir_all(own.join("cli-plugins")).unwrap();
        for (file, text) in [
            ("config.json", "secret"),
            ("cli-plugins/docker-buildx", "theirs"),
            ("cli-plugins/docker-compose", "broken"),
        ] {
            std::fs::write(own.join(file), text).unwrap();
        }
        std::fs::write(folder.join("plugin"), "ours").unwrap();
        // Twice, since a run finds what an earlier one has left.
        for _ in 0..2 {
            configure(&config, Some(&own), &folder.join("plugin")).unwrap();
            let read = |file: &str| std::fs::read_to_string(config.join(file)).unwrap();
            assert_eq!(read("cli-plugins/docker-buildx"), "theirs");
            assert_eq!(read("cli-plugins/docker-compose"), "ours");
            assert_eq!(read("config.json"), "secret");
            assert!(config.join("config.json").is_symlink());
        }
        let broken = std::fs::read_to_string(own.join("cli-plugins/docker-compose")).unwrap();
        assert_eq!(broken, "broken");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
