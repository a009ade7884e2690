//! The images of the example: those that the engine has, else from their registry, else made here from the same programs.
//!
//! An image that is made here has a label, is never taken for the real one, and is removed when the tests are over. Its tag says the
//! version of the program that is in it, so that a name never lies.

mod root;
mod stages;

use super::{Client, Programs};
use crate::console::{Console, Stream};
use crate::process;
use crate::tools::{Missing, target};
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use root::Scratch;
use stages::Stages;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the example.
const EXAMPLE: &str = "examples/docker";
/// What images have that are made here.
const LABEL: &str = "dev.fairlead.made-here";

/// What is known of the images; dropping it removes those that were made.
#[derive(Debug)]
pub(super) struct Images {
    client: Client,
    variables: Vec<(&'static str, OsString)>,
    /// From a registry, now or earlier, or built by the example's own Dockerfile.
    real: Vec<String>,
    made: Vec<String>,
}

impl Images {
    /// Which images Compose is to take.
    pub(super) fn variables(&self) -> impl Iterator<Item = &(&'static str, OsString)> {
        self.variables.iter()
    }

    /// Where they come from.
    pub(super) fn note(&self) -> String {
        let part = |what: &str, images: &[String]| match images {
            [] => None,
            some => Some(format!("{what}: {}", some.join(", "))),
        };
        let parts = [
            part("from their registry", &self.real),
            part("made here, as no registry answers", &self.made),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for image in &self.made {
            let _ = self.client.ask(&["image", "rm", "--force", image]);
        }
    }
}

/// Gets all of them.
pub(super) fn ensure(
    workspace: &Workspace,
    client: &Client,
    programs: Programs<'_>,
    console: &Console,
) -> anyhow::Result<Images> {
    let compose = std::fs::read_to_string(workspace.root.join(EXAMPLE).join("compose.yaml"))
        .context("cannot read compose.yaml")?;
    let mut images = Images {
        client: client.clone(),
        variables: Vec::new(),
        real: Vec::new(),
        made: Vec::new(),
    };
    let wanted = [
        Wanted {
            variable: "ENVOY_IMAGE",
            program: programs.envoy,
            at: "/usr/local/bin/envoy",
            data: None,
            version: envoy_version,
        },
        Wanted {
            variable: "PROMETHEUS_IMAGE",
            program: programs.prometheus,
            at: "/bin/prometheus",
            data: Some("prometheus"),
            version: prometheus_version,
        },
    ];
    for wanted in wanted {
        let written = default(&compose, wanted.variable)?;
        if std::env::var_os(wanted.variable).is_some_and(|value| !value.is_empty()) {
            // Somebody has chosen.
            images.real.push(format!("{} as set", wanted.variable));
        } else if obtain(client, written, console) {
            images.real.push(written.to_owned());
        } else {
            let made = wanted.make(workspace, client, written, console)?;
            images.variables.push((wanted.variable, made.clone().into()));
            images.made.push(made);
        }
    }
    upstream(
        workspace,
        &mut images,
        default(&compose, "UPSTREAM_IMAGE")?,
        console,
    )?;
    console.line(Stream::Err, &images.note());
    Ok(images)
}

/// Whether the engine has the image, or has it now.
fn obtain(client: &Client, image: &str, console: &Console) -> bool {
    let label = format!("{{{{with .Config.Labels}}}}{{{{index . \"{LABEL}\"}}}}{{{{end}}}}");
    let there = client.ask(&["image", "inspect", "--format", &label, image]);
    if there.is_ok_and(|label| label.is_empty()) {
        return true;
    }
    console.step(&format!("docker pull {image}"));
    client.ask(&["pull", "--quiet", image]).is_ok()
}

/// An image of one program that Compose takes by the name in a variable.
struct Wanted<'p> {
    variable: &'static str,
    program: Option<&'p Path>,
    /// Where it is in the real image.
    at: &'static str,
    /// A folder that the user `nobody` may write to, as in the real image.
    data: Option<&'static str>,
    /// What `--version` prints, as it stands in tags.
    version: fn(&str) -> Option<&str>,
}

impl Wanted<'_> {
    /// Makes it; its name, which is `written` but for the version.
    fn make(
        &self,
        workspace: &Workspace,
        client: &Client,
        written: &str,
        console: &Console,
    ) -> anyhow::Result<String> {
        let (repository, _) = written.split_once(':').unwrap_or((written, ""));
        let Some(program) = self.program else {
            bail!(Missing(format!(
                "{written} cannot be pulled, and there is no program to make it of"
            )));
        };
        let said = process::output(Command::new(program).arg("--version"))?;
        let said = String::from_utf8_lossy(&said);
        let version = (self.version)(&said).with_context(|| format!("{said:?} is no version"))?;
        let image = format!("{repository}:v{version}");
        console.step(&format!("make {image} of {}", program.display()));
        let scratch = Scratch::new(workspace)?;
        scratch.program(program, self.at)?;
        let mut dockerfile = format!("FROM scratch\nCOPY {}/ /\n", root::ROOT);
        if let Some(data) = self.data {
            scratch.folder("data")?;
            dockerfile.push_str(&format!("COPY --chown=65534:65534 data/ /{data}/\n"));
        }
        dockerfile.push_str(&format!("ENTRYPOINT [\"{}\"]\n", self.at));
        scratch.build(client, &dockerfile, &image)?;
        Ok(image)
    }
}

/// The upstream's image by its own Dockerfile, or by the last stage of it with a program that is built here.
fn upstream(
    workspace: &Workspace,
    images: &mut Images,
    image: &str,
    console: &Console,
) -> anyhow::Result<()> {
    let dockerfile = workspace.root.join(EXAMPLE).join("upstream/Dockerfile");
    let dockerfile = std::fs::read_to_string(dockerfile).context("cannot read upstream/Dockerfile")?;
    let stages = Stages::of(&dockerfile)?;
    let client = images.client.clone();
    if obtain(&client, stages.base, console) {
        console.step(&format!("docker compose build v1 ({image})"));
        let compose = workspace.root.join(EXAMPLE).join("compose.yaml");
        let compose = compose.to_string_lossy();
        process::check(
            &mut client.docker(&["compose", "-f", &compose, "build", "v1"]),
            console,
        )?;
        images.real.push(format!("{image} on {}", stages.base));
        return Ok(());
    }
    let program = build_upstream(workspace, console)?;
    let scratch = Scratch::new(workspace)?;
    scratch.file(&program, "program")?;
    scratch.build(&client, &stages.last_with("program"), image)?;
    images.made.push(image.to_owned());
    Ok(())
}

/// The command of the Dockerfile, here for the target that the image of Rust has by itself: a static program.
const BUILD: [&str; 5] = ["build", "--release", "--locked", "--package", "fairlead-upstream"];

fn build_upstream(workspace: &Workspace, console: &Console) -> anyhow::Result<PathBuf> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    target::ensure(workspace, &target, console)?;
    console.step(&format!("cargo {} --target {target}", BUILD.join(" ")));
    let mut cargo = process::cargo();
    cargo
        .args(BUILD)
        .args(["--target", &target, "--target-dir"])
        .arg(&workspace.target);
    process::check(&mut cargo, console)?;
    Ok(workspace.target.join(target).join("release/fairlead-upstream"))
}

/// What compose.yaml takes unless a variable says otherwise: `${ENVOY_IMAGE:-..}`.
fn default<'c>(compose: &'c str, variable: &str) -> anyhow::Result<&'c str> {
    let begin = format!("${{{variable}:-");
    let (_, rest) = compose
        .split_once(&begin)
        .with_context(|| format!("compose.yaml has no {variable}"))?;
    let (image, _) = rest.split_once('}').context("compose.yaml has an open brace")?;
    Ok(image)
}

/// `1.40.0` of `/usr/bin/envoy  version: 8eb1/1.40.0/Clean/RELEASE/BoringSSL`.
fn envoy_version(said: &str) -> Option<&str> {
    let (_, version) = said.split_once(" version: ")?;
    version.split('/').nth(1)
}

/// `2.42.0` of `prometheus, version 2.42.0+ds (branch: ..`.
fn prometheus_version(said: &str) -> Option<&str> {
    let version = said.strip_prefix("prometheus, version ")?;
    version.split(['+', ' ']).next().filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = include_str!("../../../../examples/docker/compose.yaml");
    const DOCKERFILE: &str = include_str!("../../../../examples/docker/upstream/Dockerfile");

    #[test]
    fn versions_are_as_in_tags() {
        let said = "\n/usr/bin/envoy  version: 8eb1/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(envoy_version(said), Some("1.40.0"));
        for (said, version) in [
            ("prometheus, version 2.42.0+ds (branch: x)", Some("2.42.0")),
            ("prometheus, version 3.5.0 (branch: x)", Some("3.5.0")),
            ("promtool, version 3.5.0", None),
        ] {
            assert_eq!(prometheus_version(said), version);
        }
    }

    #[test]
    fn the_example_says_which_images_it_takes() {
        for (variable, repository) in [
            ("ENVOY_IMAGE", "envoyproxy/envoy:v"),
            ("PROMETHEUS_IMAGE", "prom/prometheus:v"),
            ("UPSTREAM_IMAGE", "fairlead/demo-upstream:"),
        ] {
            let image = default(COMPOSE, variable).unwrap();
            assert!(image.starts_with(repository), "{image}");
        }
        assert!(default(COMPOSE, "OTHER_IMAGE").is_err());
    }

    #[test]
    fn the_upstream_is_built_here_as_its_dockerfile_builds_it() {
        let stages = Stages::of(DOCKERFILE).unwrap();
        assert!(stages.base.starts_with("rust:"), "{}", stages.base);
        assert!(DOCKERFILE.contains(&format!("RUN cargo {} ", BUILD.join(" "))));
        let last = stages.last_with("program");
        assert!(
            last.starts_with("FROM scratch\nCOPY program /fairlead-upstream\nUSER "),
            "{last}"
        );
        assert!(!last.contains("--from"), "{last}");
    }

    #[test]
    fn the_note_says_which_were_made() {
        let images = |real: &[&str], made: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            std::mem::ManuallyDrop::new(Images {
                client: Client::default(),
                variables: Vec::new(),
                real: owned(real),
                made: owned(made),
            })
            .note()
        };
        assert_eq!(images(&["a:1"], &[]), "from their registry: a:1");
        assert_eq!(
            images(&["a:1"], &["b:2", "c:3"]),
            "from their registry: a:1; made here, as no registry answers: b:2, c:3"
        );
    }
}
