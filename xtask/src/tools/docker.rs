//! A Docker engine with Compose and the images of `examples/docker`, for the tests that follow its page.
//!
//! What the machine has is used as it is. Where something is missing: an engine is installed from the system's packages and started on
//! its own, but only where a missing tool fails the tests (see [`engine`]); Compose is built from its pinned source ([`compose`]); images
//! that no registry can be asked for are made under the same names ([`images`]). All of that ends with this value.

mod compose;
mod engine;
mod images;

use crate::console::Console;
use crate::process;
use crate::workspace::Workspace;
use engine::Engine;
use images::Images;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// What images are made of where they cannot be pulled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs<'p> {
    /// Envoy.
    pub(crate) envoy: Option<&'p Path>,
    /// A Prometheus server.
    pub(crate) prometheus: Option<&'p Path>,
}

/// An engine that can run the example. Dropping it removes and ends what was made for it.
#[derive(Debug)]
pub(crate) struct Docker {
    // Images before the engine that has them.
    images: Images,
    client: Client,
    _engine: Option<Engine>,
}

impl Docker {
    /// What tests need to find the engine, Compose and the images.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &(&'static str, OsString)> {
        self.client.variables.iter().chain(self.images.variables())
    }

    /// Where the images come from, in one line.
    pub(crate) fn note(&self) -> String {
        self.images.note()
    }
}

/// How `docker` is called.
#[derive(Clone, Debug, Default)]
struct Client {
    variables: Vec<(&'static str, OsString)>,
}

impl Client {
    fn docker(&self, arguments: &[&str]) -> Command {
        let mut docker = Command::new("docker");
        docker.args(arguments).envs(self.variables.iter().cloned());
        docker
    }

    /// What it prints, without its end.
    fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = process::output(&mut self.docker(arguments))?;
        Ok(String::from_utf8_lossy(&said).trim_end().to_owned())
    }
}

/// Finds or gets all of it.
///
/// # Errors
/// Something is missing, and the message says how to get it; or something does not build.
pub(crate) fn ensure(
    workspace: &Workspace,
    programs: Programs<'_>,
    console: &Console,
) -> anyhow::Result<Docker> {
    console.step("find Docker");
    let mut client = Client::default();
    let engine = engine::ensure(workspace, &mut client, console)?;
    compose::ensure(workspace, &mut client, console)?;
    let images = images::ensure(workspace, &client, programs, console)?;
    Ok(Docker {
        images,
        client,
        _engine: engine,
    })
}
