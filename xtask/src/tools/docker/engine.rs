//! The engine: one that answers, or one of our own.
//!
//! An engine belongs to a machine's owner. So one is installed, from the system's packages as valgrind is, only with `CI=true` and as root,
//! and it is started without the system's services: with a socket, data and a log of its own, which are gone when the tests are over. What
//! stays are the packages, the interface `docker0` and the rules of the firewall that every engine makes.

use super::Client;
use crate::console::{Console, Stream};
use crate::process;
use crate::tools::{Missing, apt};
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An engine starts within seconds, and ends so.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what cannot be waited for.
const PAUSE: Duration = Duration::from_millis(100);

const REMEDY: &str = "no Docker engine answers: install and start one (https://docs.docker.com/engine/install), or as root set CI=true to have one installed with apt-get";

/// An engine of our own.
#[derive(Debug)]
pub(super) struct Engine {
    child: Child,
    /// Sockets, whose paths must be short.
    scratch: PathBuf,
    /// Images and containers.
    data: PathBuf,
}

/// Finds an engine that answers, or starts one; then the client is told where it is.
pub(super) fn ensure(
    workspace: &Workspace,
    client: &mut Client,
    console: &Console,
) -> anyhow::Result<Option<Engine>> {
    if let Some(version) = answers(client) {
        console.line(Stream::Err, &format!("Docker engine {version}"));
        return Ok(None);
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if !ci || !root() {
        bail!(Missing(REMEDY.to_owned()));
    }
    if !(process::runs("docker") && process::runs("dockerd")) {
        install(console)?;
    }
    let engine = start(workspace, client)?;
    let version = answers(client).unwrap_or_default();
    console.line(
        Stream::Err,
        &format!("Docker engine {version}, started for these tests"),
    );
    Ok(Some(engine))
}

/// The engine's version.
fn answers(client: &Client) -> Option<String> {
    let version = client.ask(&["info", "--format", "{{.ServerVersion}}"]);
    // A client that finds no engine may print an empty line and end well.
    version.ok().filter(|version| !version.is_empty())
}

fn root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0")
}

fn install(console: &Console) -> anyhow::Result<()> {
    apt::install(&["docker.io", "iptables"], console);
    if process::runs("docker") && process::runs("dockerd") {
        return Ok(());
    }
    bail!(Missing(REMEDY.to_owned()))
}

fn start(workspace: &Workspace, client: &mut Client) -> anyhow::Result<Engine> {
    let home = workspace.cache().join("docker");
    let own = format!("fairlead-docker-{}", std::process::id());
    let (scratch, data) = (std::env::temp_dir().join(&own), home.join(&own));
    std::fs::create_dir_all(&data).context("cannot create .fairlead/docker")?;
    std::fs::create_dir_all(&scratch).context("cannot create a temporary folder")?;
    let log = home.join("log");
    let out = File::create(&log).context("cannot create .fairlead/docker/log")?;
    let socket = format!("unix://{}", scratch.join("socket").display());
    let child = Command::new("dockerd")
        .arg("--data-root")
        .arg(&data)
        .arg("--exec-root")
        .arg(scratch.join("exec"))
        .arg("--pidfile")
        .arg(scratch.join("pid"))
        .args(["--host", &socket])
        .stdin(Stdio::null())
        .stdout(out.try_clone().context("cannot share a file")?)
        .stderr(out)
        .spawn()
        .context("cannot start dockerd")?;
    // From here on an error ends it.
    let mut engine = Engine { child, scratch, data };
    client.variables.push(("DOCKER_HOST", socket.into()));
    let begin = Instant::now();
    while answers(client).is_none() {
        let ended = engine.child.try_wait().context("cannot wait for dockerd")?;
        if ended.is_some() || begin.elapsed() > PATIENCE {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last = said.lines().last().unwrap_or_default();
            bail!(Missing(format!(
                "a Docker engine of our own does not start (.fairlead/docker/log): {last}"
            )));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(engine)
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Asked to, it ends its containers first.
        let _ = process::output(Command::new("kill").arg(self.child.id().to_string()));
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(PAUSE);
        }
        for folder in [&self.data, &self.scratch] {
            if let Err(error) = std::fs::remove_dir_all(folder) {
                eprintln!("warning: cannot remove {}: {error}", folder.display());
            }
        }
    }
}
