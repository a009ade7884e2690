//! What is shipped in `istio/`, as far as no cluster is needed: the Helm chart and the schema of its values, the kustomize
//! overlays, the examples, and what they say about each other. `istio_mesh.rs` applies them.
//!
//! YAML is read by kubectl, so that it means here what it means to a cluster.

#[path = "istio_chart/alerts.rs"]
mod alerts;
#[path = "istio_chart/argocd.rs"]
mod argocd;
#[path = "istio_chart/baseline.rs"]
mod baseline;
#[path = "istio_chart/chart.rs"]
mod chart;
#[path = "istio_chart/kustomize.rs"]
mod kustomize;
#[path = "istio_chart/manifests.rs"]
mod manifests;
#[path = "istio_chart/misspelt.rs"]
mod misspelt;
#[path = "istio_chart/refusals.rs"]
mod refusals;
#[path = "istio_chart/schema.rs"]
mod schema;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fairlead_emulator::Emulator;
use fairlead_tests::control_plane::program;
use fairlead_tests::emulated::start;
use fairlead_tests::modules;
use fairlead_tests::modules::workspace;
use fairlead_tests::scenarios::command;
use serde_json::Value;

/// The folder that all this is about.
fn istio() -> PathBuf {
    workspace().join("istio")
}

/// What a program has printed, and whether it was content.
struct Ran {
    good: bool,
    out: String,
    errors: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self {
            good: output.status.success(),
            out: text(output.stdout),
            errors: text(output.stderr),
        }
    }

    /// Its output, if it was content.
    fn output(self) -> String {
        assert!(self.good, "{}{}", self.out, self.errors);
        self.out
    }
}

/// Runs a program on this input, without a cluster and without the settings of whoever runs the tests.
fn run(program: &Path, arguments: &[&str], input: &str) -> Ran {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(program)
        .args(arguments)
        .env("HOME", home.path())
        .env("KUBECONFIG", home.path().join("none"))
        .env_remove("HELM_NAMESPACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let mut stdin = child.stdin.take().expect("a pipe");
    // Whoever does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Ran::of(child.wait_with_output().expect("an end"))
}

/// The programs that these tests need.
struct Tools {
    helm: PathBuf,
    kubectl: PathBuf,
    istioctl: PathBuf,
}

impl Tools {
    /// `None`, after a line on standard error: skip the test.
    fn find() -> Option<Self> {
        Some(Self {
            helm: program("helm")?,
            kubectl: program("kubectl")?,
            istioctl: program("istioctl")?,
        })
    }

    /// The objects of a text in YAML, as Kubernetes reads it.
    fn objects(&self, yaml: &str) -> Vec<Value> {
        // Takes away a label that is not there: the objects, as JSON, as they are.
        let arguments = ["label", "--local", "-f", "-", "-o", "json", "none-"];
        let json = run(&self.kubectl, &arguments, yaml).output();
        let objects = serde_json::Deserializer::from_str(&json).into_iter();
        objects.map(|object| object.expect("JSON")).collect()
    }

    /// The only object of a file.
    fn object(&self, file: &Path) -> Value {
        let objects = self.objects(&fs::read_to_string(file).expect("a file"));
        let [object] = objects.as_slice() else {
            panic!("{} objects in {}", objects.len(), file.display())
        };
        object.clone()
    }

    /// Has `istioctl` and `fairlead check` look at manifests that need no others.
    fn accept(&self, what: &str, yaml: &str) {
        self.read(what, yaml);
        self.analyse(what, yaml);
    }

    /// Each object by itself.
    fn read(&self, what: &str, yaml: &str) {
        self.istioctl(what, yaml, &["validate", "-f"]);
        if yaml.contains("pluginConfig") {
            let ran = run(&command(), &["check", "-"], yaml);
            assert!(
                ran.good && !ran.errors.contains("skipped"),
                "{what}: {}",
                ran.errors
            );
        }
    }

    /// Objects that belong together.
    fn analyse(&self, what: &str, yaml: &str) {
        self.istioctl(what, yaml, &["analyze", "--use-kube=false", "--all-namespaces"]);
    }

    fn istioctl(&self, what: &str, yaml: &str, arguments: &[&str]) {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
        fs::write(file.path(), yaml).expect("a file");
        let mut arguments = arguments.to_vec();
        arguments.push(file.path().to_str().expect("UTF-8"));
        let ran = run(&self.istioctl, &arguments, "");
        let said = format!("{}{}", ran.out, ran.errors).to_lowercase();
        let quiet = !["warning", "error"].iter().any(|word| said.contains(word));
        assert!(ran.good && quiet, "{what}: {}{}", ran.out, ran.errors);
    }
}

/// The files in a folder whose names end so, and those in its folders, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The fields about the module: those of a WasmPlugin, or what a TrafficExtension has under `wasm`.
fn wasm(object: &Value) -> &Value {
    object["spec"].get("wasm").unwrap_or(&object["spec"])
}

/// The spec of a WasmPlugin or a TrafficExtension, written as that of a WasmPlugin.
fn flat(object: &Value) -> Value {
    let mut spec = object["spec"].clone();
    let fields = spec.as_object_mut().expect("a spec");
    if let Some(Value::Object(wasm)) = fields.remove("wasm") {
        for (key, value) in wasm {
            assert!(fields.insert(key.clone(), value).is_none(), "{key} twice");
        }
    }
    spec
}

/// All modules that there are.
const MODULES: [&str; 9] = [
    "rate-limit",
    "rate-limit-lean",
    "canary",
    "canary-lean",
    "circuit-breaker",
    "circuit-breaker-lean",
    "latency-histogram",
    "suite",
    "suite-lean",
];

/// Starts the build that a plugin names on its config, in the emulator, which says so if it is refused. Its name; `None` if it
/// is not built: skip the test.
fn starts(what: &str, object: &Value) -> Option<&'static str> {
    let url = wasm(object)["url"].as_str().expect("a url");
    let image = url
        .rsplit('/')
        .next()
        .and_then(|last| last.split([':', '@']).next());
    let known = MODULES.into_iter().find(|module| image == Some(module));
    let name = known.unwrap_or_else(|| panic!("{what}: {url}"));
    let module = modules::compiled(name)?;
    let _proxy = start(Emulator::builder(), &module, &wasm(object)["pluginConfig"]);
    Some(name)
}

/// The name of an object, with its namespace.
fn named(object: &Value) -> String {
    let part = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", part("namespace"), part("name"))
}
