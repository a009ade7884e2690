//! Every manifest of this repository on a real API server with Istio's custom resources, and in istioctl's checks.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fairlead_tests::control_plane::{Cluster, Refused, program};
use fairlead_tests::modules;

/// Kinds of other projects, which istioctl knows nothing of: the API server alone looks at them.
const FOREIGN: [&str; 4] = [
    "PodMonitor",
    "PrometheusRule",
    "Application",
    "EnvoyExtensionPolicy",
];
/// Folders that hold no manifests by themselves: templates and overlays, which are rendered first.
const RENDERED: [&str; 2] = ["istio/helm/", "istio/kustomize/"];

/// The files of a folder with this ending, in order.
fn files(folder: &str, ending: &str) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = modules::workspace();
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    let mut names: Vec<String> = found
        .iter()
        .filter_map(|path| path.strip_prefix(&root).ok()?.to_str().map(str::to_owned))
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    names
}

fn read(path: &str) -> String {
    std::fs::read_to_string(modules::workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The kinds of a text's objects.
fn kinds(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .map(str::trim)
        .collect()
}

/// All manifests that can be applied as they are: the files of istio/ and examples/ with objects in them.
fn manifests() -> Vec<String> {
    let mut all = files("istio", ".yaml");
    all.extend(files("examples", ".yaml"));
    all.retain(|path| {
        !RENDERED.iter().any(|folder| path.starts_with(folder)) && !kinds(&read(path)).is_empty()
    });
    all
}

/// What a program says of a text on its standard input; the status says whether it is content.
fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

/// What istioctl says of a text.
fn istioctl(istioctl: &Path, manifests: &str) -> Result<(), String> {
    run(Command::new(istioctl).args(["validate", "-f", "-"]), manifests)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("manifests.yaml");
    std::fs::write(&file, manifests).expect("a file");
    // Routes and gateways are looked at together.
    let mut analyze = Command::new(istioctl);
    analyze.args(["analyze", "--use-kube=false", "-A"]).arg(&file);
    let baseline = files("istio/baseline", ".yaml").into_iter();
    analyze.args(
        baseline
            .filter(|path| read(path) != manifests)
            .map(|path| modules::workspace().join(path)),
    );
    let said = run(&mut analyze, "")?;
    if said.contains("Warning") || said.contains("Error") {
        return Err(said);
    }
    Ok(())
}

/// Has both look at a text, and applies it.
fn take(cluster: &Cluster, checker: &Path, path: &str, text: &str) {
    let done = cluster.dry_run(text);
    done.unwrap_or_else(|Refused(why)| panic!("{path}: {why}"));
    cluster.apply(text);
    if kinds(text).iter().any(|kind| FOREIGN.contains(kind)) {
        return show(path, "applied");
    }
    istioctl(checker, text).unwrap_or_else(|why| panic!("{path}: {why}"));
    show(path, "applied; istioctl has nothing to say");
}

fn show(path: &str, what: &str) {
    eprintln!("  {path:<58} {what}");
}

#[test]
fn the_api_server_and_istioctl_take_every_manifest() {
    let (Some(cluster), Some(checker)) = (Cluster::start(), program("istioctl")) else {
        return;
    };
    let all = manifests();
    assert!(all.len() >= 20, "{all:?}");
    for path in &all {
        take(&cluster, &checker, path, &read(path));
    }
}

#[test]
fn neither_takes_a_manifest_that_is_wrong() {
    let (Some(cluster), Some(checker)) = (Cluster::start(), program("istioctl")) else {
        return;
    };
    let good = read("istio/rate-limit/wasmplugin.yaml");
    cluster
        .dry_run(&good)
        .unwrap_or_else(|Refused(why)| panic!("{why}"));
    for (from, to) in [
        ("phase: AUTHZ", "phase: LATER"),
        ("failStrategy: FAIL_RELOAD", "failStrategy: FAIL_SOMETIMES"),
        ("  url: oci://", "  url: ftp://"),
        (
            "  pluginName: rate-limit\n",
            "  pluginName: rate-limit\n  sha256: abc\n",
        ),
        ("  pluginName: rate-limit\n", "  pluginNam: rate-limit\n"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        assert!(cluster.dry_run(&bad).is_err(), "{to}");
        assert!(istioctl(&checker, &bad).is_err(), "{to}");
    }
}

#[test]
fn every_overlay_is_taken() {
    let (Some(cluster), Some(checker)) = (Cluster::start(), program("istioctl")) else {
        return;
    };
    let overlays = files("istio/kustomize", "kustomization.yaml");
    let mut applied = 0;
    for path in &overlays {
        if read(path).contains("kind: Component") {
            continue;
        }
        let folder = modules::workspace().join(path);
        let folder = folder.parent().expect("a folder").to_string_lossy().into_owned();
        let text = cluster
            .kubectl(&["kustomize", &folder], "")
            .unwrap_or_else(|Refused(why)| panic!("{path}: {why}"));
        take(&cluster, &checker, path, &text);
        applied += 1;
    }
    assert!(applied >= 4, "{overlays:?}");
}

#[test]
fn helm_installs_the_chart_as_far_as_the_api_server_is_concerned() {
    let (Some(cluster), Some(helm)) = (Cluster::start(), program("helm")) else {
        return;
    };
    let chart = modules::workspace().join("istio/helm/fairlead");
    let mut installed = 0;
    for values in files("istio/helm/fairlead/ci", ".yaml") {
        let mut install = Command::new(&helm);
        install
            .args(["install", "fairlead"])
            .arg(&chart)
            .args(["--namespace", "demo", "--dry-run=server", "--values"])
            .arg(modules::workspace().join(&values))
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig());
        let said = run(&mut install, "").unwrap_or_else(|why| panic!("{values}: {why}"));
        assert!(
            said.contains("kind: WasmPlugin") || said.contains("kind: TrafficExtension"),
            "{said}"
        );
        show(&values, "helm install --dry-run=server");
        // And for real, as templates: what a dry run of helm leaves to the server is looked at there.
        let mut template = Command::new(&helm);
        template
            .args(["template", "fairlead"])
            .arg(&chart)
            .args(["--namespace", "demo"])
            .args(["--api-versions", "extensions.istio.io/v1alpha1/TrafficExtension"])
            .arg("--values");
        let text = run(template.arg(modules::workspace().join(&values)), "");
        let text = text.unwrap_or_else(|why| panic!("{values}: {why}"));
        cluster
            .dry_run(&text)
            .unwrap_or_else(|Refused(why)| panic!("{values}: {why}"));
        installed += 1;
    }
    assert!(installed >= 3, "{installed} files of values");
}
