//! The programs of a control plane without a cluster: etcd and kube-apiserver, Istio's istiod, agent and istioctl, a
//! registry, kubectl and helm. All of one Go module, `tests/control-plane`, so that they share what they have in common.

use crate::console::{Console, Stream};
use crate::tools::Missing;
use crate::tools::go::{self, Program, Set, Source};
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};

/// Names a folder that has them already, and tells tests where theirs are.
pub(crate) const VARIABLE: &str = "FAIRLEAD_CONTROL_PLANE";

/// The folder in which Istio's agent keeps modules, a constant of its.
const AGENT: &str = "/var/lib/istio/data";

/// What the programs of Kubernetes are told about their version, as its own build does.
const KUBERNETES: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.1 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

const ISTIO: &str = "istio.io/istio";

/// Custom resources that manifests of ours are of.
const PROMETHEUS_OPERATOR: [Source; 2] = [
    prometheus_operator("example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"),
    prometheus_operator("example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"),
];

const fn prometheus_operator(path: &'static str) -> Source {
    Source {
        module: "github.com/prometheus-operator/prometheus-operator",
        pinned: Some(("v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=")),
        path,
    }
}

const fn program(
    name: &'static str,
    package: &'static str,
    tags: &'static str,
    link: &'static str,
) -> Program {
    Program {
        name,
        package,
        tags,
        link,
    }
}

/// Tags as in Istio's own Makefile.
#[rustfmt::skip]
const SET: Set = Set {
    name: "control-plane",
    folder: "tests/control-plane",
    programs: &[
        program("pilot-agent", "istio.io/istio/pilot/cmd/pilot-agent", "agent,disable_pgv,grpcnotrace,retrynotrace", ""),
        program("crane", "github.com/google/go-containerregistry/cmd/crane", "", ""),
        program("etcd", "go.etcd.io/etcd/server/v3", "", ""),
        program("kubectl", "k8s.io/kubernetes/cmd/kubectl", "", KUBERNETES),
        program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "", KUBERNETES),
        program("pilot-discovery", "istio.io/istio/pilot/cmd/pilot-discovery", "vtprotobuf,disable_pgv", ""),
        program("istioctl", "istio.io/istio/istioctl/cmd/istioctl", "vtprotobuf,disable_pgv", ""),
        program("helm", "helm.sh/helm/v3/cmd/helm", "", ""),
    ],
    files: &[
        Source { module: ISTIO, pinned: None, path: "tools/packaging/common/envoy_bootstrap.json" },
        Source { module: ISTIO, pinned: None, path: "manifests/charts/base/files/crd-all.gen.yaml" },
        PROMETHEUS_OPERATOR[0],
        PROMETHEUS_OPERATOR[1],
        Source {
            module: "github.com/argoproj/argo-cd/v2",
            pinned: Some(("v2.14.21", "h1:Ux50vfMUITW+Y+6GAYgQlZbr6WHE5ogiLg9OxxvP9EA=")),
            path: "manifests/crds/application-crd.yaml",
        },
        Source {
            module: "github.com/envoyproxy/gateway",
            pinned: Some(("v1.9.1", "h1:vAVp6/AlBXJ1aOhp1mxL7fNEzVEfjADUguUhm2wzxQY=")),
            path: "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_envoyextensionpolicies.yaml",
        },
    ],
};

/// The folder with the programs, built if need be.
///
/// # Errors
/// Go, or a folder that the agent may write into, is missing; or something does not build.
pub(crate) fn ensure(workspace: &Workspace, console: &Console) -> anyhow::Result<PathBuf> {
    writable(Path::new(AGENT))?;
    let Some(named) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return go::ensure(workspace, &SET, console);
    };
    let folder = std::path::absolute(named).context("no current folder")?;
    let files = SET.files.iter().filter_map(|file| file.path.rsplit('/').next());
    let wanted = SET.programs.iter().map(|program| program.name).chain(files);
    let lacking: Vec<_> = wanted.filter(|name| !folder.join(name).is_file()).collect();
    if !lacking.is_empty() {
        // Somebody named this folder: to go on without it would hide that.
        bail!(
            "{VARIABLE} is {}, which has no {}: correct or unset it",
            folder.display(),
            lacking.join(", ")
        );
    }
    console.line(Stream::Err, &format!("control-plane from {VARIABLE}"));
    Ok(folder)
}

/// Fails unless the agent can write where it always writes.
fn writable(folder: &Path) -> anyhow::Result<()> {
    let probe = folder.join(format!("fairlead-{}", std::process::id()));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, ""));
    if written.is_err() {
        bail!(Missing(format!(
            "Istio's agent writes into {AGENT}, which this user cannot: run as root, or create it and give it to this user"
        )));
    }
    std::fs::remove_file(&probe).with_context(|| format!("cannot tidy up in {AGENT}"))
}
