//! A real Docker engine, and on it the Compose project of `examples/docker`, under a name and on ports of its own, so that it
//! disturbs nothing that runs there already.
//!
//! Which engine, and which images, is up to the environment (`DOCKER_HOST`, `ENVOY_IMAGE` and so on), as for anybody who
//! follows that folder's page. `cargo xtask test --tier docker` sets it where the machine has no engine or no registry.

mod walk;

use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use walk::{Step, difference, steps};

use crate::modules;

/// The file of the project, from the root of the workspace.
pub const COMPOSE: &str = "examples/docker/compose.yaml";

/// A command that takes longer hangs. Long enough to build an image or to pull one.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks at what cannot be waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Whether its exit status was 0.
    pub well: bool,
    /// Standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

/// The Compose project. Dropping it removes its containers, networks and volumes, however the test ends.
#[derive(Debug)]
pub struct Project {
    name: String,
    ports: Vec<Port>,
}

/// A port that the project publishes.
#[derive(Debug)]
struct Port {
    /// What sets it.
    variable: String,
    /// What the page says.
    written: u16,
    /// What it is here.
    ours: u16,
}

impl Project {
    /// A project that is not up yet. `None`, after one line on standard error: skip the test.
    ///
    /// # Panics
    /// If there is no engine, no Compose plugin or no module, and the variable `CI` is `true`.
    #[must_use]
    pub fn enter() -> Option<Self> {
        static SKIPPED: Once = Once::new();
        for filter in ["canary", "circuit-breaker", "latency-histogram", "rate-limit"] {
            modules::module(filter)?;
        }
        let answers = |arguments: &[&str]| {
            let mut docker = Command::new("docker");
            docker.args(arguments).stdin(Stdio::null());
            docker.output().is_ok_and(|output| output.status.success())
        };
        if answers(&["info", "--format", "{{.ServerVersion}}"]) && answers(&["compose", "version"]) {
            return Some(Self::new());
        }
        let lack =
            "no Docker engine with Compose: run `cargo xtask test --tier docker`, which says what is missing";
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!ci, "{lack}");
        SKIPPED.call_once(|| {
            // Past the capture of `cargo test`.
            let _ = writeln!(std::io::stderr(), "skipped: tests on a Docker engine ({lack})");
        });
        None
    }

    fn new() -> Self {
        let compose = modules::workspace().join(COMPOSE);
        let compose = std::fs::read_to_string(compose).expect("compose.yaml");
        let written = published(&compose);
        // All at once, so that they differ.
        let held: Vec<TcpListener> = written
            .iter()
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
            .collect();
        let ports = (written.into_iter().zip(&held))
            .map(|((variable, written), held)| Port {
                variable,
                written,
                ours: held.local_addr().expect("an address").port(),
            })
            .collect();
        Self {
            name: format!("fairlead-test-{}", std::process::id()),
            ports,
        }
    }

    /// Starts all containers and waits until Envoy serves.
    ///
    /// # Panics
    /// If Compose fails, with what it says.
    pub fn up(&self) {
        self.must(&format!("docker compose -f {COMPOSE} up --detach"));
        self.must("curl -sf --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:9902/ready");
    }

    /// Text of the page, with the ports that this project has instead.
    #[must_use]
    pub fn here(&self, text: &str) -> String {
        // First to something that no port is, since ours may be another's number on the page.
        let (mut text, mut names) = (text.to_owned(), Vec::new());
        for (index, port) in self.ports.iter().enumerate() {
            let name = format!("127.0.0.1:<{index}>");
            text = text.replace(&format!("127.0.0.1:{}", port.written), &name);
            names.push((name, format!("127.0.0.1:{}", port.ours)));
        }
        for (name, ours) in names {
            text = text.replace(&name, &ours);
        }
        text
    }

    /// Runs a line of the page in a shell, at the root of the workspace, for this project.
    ///
    /// # Panics
    /// If it hangs.
    #[must_use]
    pub fn run(&self, line: &str) -> Ended {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name);
        let create = |name: &str| File::create(file(name)).expect("a file");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &self.here(line)])
            .current_dir(modules::workspace())
            .env("COMPOSE_PROJECT_NAME", &self.name)
            .envs(
                self.ports
                    .iter()
                    .map(|port| (&port.variable, port.ours.to_string())),
            )
            .stdin(Stdio::null())
            .stdout(create("out"))
            .stderr(create("err"));
        let mut child = shell.spawn().expect("a shell");
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            if begin.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(PAUSE);
        };
        let read =
            |name: &str| String::from_utf8_lossy(&std::fs::read(file(name)).unwrap_or_default()).into_owned();
        let (stdout, stderr) = (read("out"), read("err"));
        let status = status.unwrap_or_else(|| panic!("it hangs: {line}\n{stdout}\n{stderr}"));
        Ended {
            well: status.success(),
            stdout,
            stderr,
        }
    }

    /// As [`run`](Self::run), for what must end well; its standard output.
    ///
    /// # Panics
    /// If it does not, with what it said and the end of the containers' logs.
    pub fn must(&self, line: &str) -> String {
        let ended = self.run(line);
        assert!(
            ended.well,
            "{line}\n{}{}\n{}",
            ended.stdout,
            ended.stderr,
            self.logs()
        );
        ended.stdout
    }

    /// The end of what the containers have said.
    #[must_use]
    pub fn logs(&self) -> String {
        self.run(&format!("docker compose -f {COMPOSE} logs --tail 20"))
            .stdout
    }

    /// What `docker inspect` says of each container, by service.
    ///
    /// # Panics
    /// If Docker fails.
    #[must_use]
    pub fn containers(&self) -> Vec<(String, Value)> {
        let ids = self.left("ps --all --quiet");
        let all = self.must(&format!("docker inspect {}", ids.join(" ")));
        let all: Vec<Value> = serde_json::from_str(&all).expect("docker inspect prints JSON");
        all.into_iter()
            .map(|container| {
                let service = &container["Config"]["Labels"]["com.docker.compose.service"];
                (service.as_str().expect("a service").to_owned(), container)
            })
            .collect()
    }

    /// Everything of the project that the engine still has.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        ["ps --all --quiet", "network ls --quiet", "volume ls --quiet"]
            .into_iter()
            .flat_map(|list| self.left(list))
            .collect()
    }

    /// The lines of a list that Docker makes of what is the project's.
    fn left(&self, list: &str) -> Vec<String> {
        let label = format!("com.docker.compose.project={}", self.name);
        let listed = self.must(&format!("docker {list} --filter label={label}"));
        listed.lines().map(str::to_owned).collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let line = format!("docker compose -f {COMPOSE} down --volumes --remove-orphans --timeout 5");
        let ended = self.run(&line);
        if !ended.well {
            let _ = writeln!(std::io::stderr(), "{line}\n{}", ended.stderr);
        }
    }
}

/// The ports that a Compose file publishes, as `${V1_PORT:-8081}`: variable and default.
fn published(compose: &str) -> Vec<(String, u16)> {
    let variables = compose.split("${").skip(1).filter_map(|rest| {
        let (variable, _) = rest.split_once('}')?;
        let (name, default) = variable.split_once(":-")?;
        Some((name.to_owned(), default))
    });
    variables
        .filter(|(name, _)| name.ends_with("_PORT"))
        .map(|(name, default)| (name, default.parse().expect("a port")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_with_what_sets_them_and_images_are_none() {
        let compose =
            "image: ${A_IMAGE:-a/b:v1}\nports: [\"127.0.0.1:${A_PORT:-8081}:8080\", \"${B_PORT:-9:9\"]\n";
        assert_eq!(published(compose), [("A_PORT".to_owned(), 8081)]);
    }

    #[test]
    fn a_port_of_the_page_is_replaced_even_by_the_number_of_another() {
        let port = |written, ours| Port {
            variable: String::new(),
            written,
            ours,
        };
        let project = std::mem::ManuallyDrop::new(Project {
            name: String::new(),
            ports: vec![port(10_000, 8081), port(8081, 7)],
        });
        let here = project.here("http://127.0.0.1:10000/ 127.0.0.1:8081->8080 :10000");
        assert_eq!(here, "http://127.0.0.1:8081/ 127.0.0.1:7->8080 :10000");
    }
}
