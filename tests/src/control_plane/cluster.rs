//! A Kubernetes API server with etcd behind it and the custom resources in it that our manifests are of. No controllers run: objects are
//! validated and kept.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::process::{Process, free_ports};
use super::program;

/// The custom resources of Istio, the Prometheus operator, Argo CD and Envoy Gateway that shipped manifests are of.
const RESOURCES: [&str; 5] = [
    "crd-all.gen.yaml",
    "monitoring.coreos.com_podmonitors.yaml",
    "monitoring.coreos.com_prometheusrules.yaml",
    "application-crd.yaml",
    "gateway.envoyproxy.io_envoyextensionpolicies.yaml",
];

/// The namespaces that the shipped manifests are for.
const NAMESPACES: &str = "\
{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: demo}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: argocd}}
";

/// A running API server. Dropping it ends both programs and removes what they have stored.
#[derive(Debug)]
pub struct Cluster {
    // Ends before what it stores in.
    _server: Process,
    _etcd: Process,
    kubectl: PathBuf,
    folder: TempDir,
}

/// What the API server said to an object that it does not take.
#[derive(Clone, Debug)]
pub struct Refused(pub String);

impl Cluster {
    /// Starts both and waits until Istio's custom resources are known. `None` as [`program`].
    ///
    /// # Panics
    /// If something does not start, with its log.
    #[must_use]
    pub fn start() -> Option<Self> {
        let [etcd, server, kubectl] = ["etcd", "kube-apiserver", "kubectl"].map(program);
        let (etcd, server, kubectl) = (etcd?, server?, kubectl?);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        let [client, peer, secure] = free_ports();
        let etcd_url = format!("http://127.0.0.1:{client}");
        let peer_url = format!("http://127.0.0.1:{peer}");
        let etcd = Process::start(
            "etcd",
            path,
            Command::new(etcd)
                .arg("--data-dir")
                .arg(path.join("etcd"))
                .args([
                    "--listen-client-urls",
                    &etcd_url,
                    "--advertise-client-urls",
                    &etcd_url,
                ])
                .args([
                    "--listen-peer-urls",
                    &peer_url,
                    "--initial-advertise-peer-urls",
                    &peer_url,
                ])
                .args(["--initial-cluster", &format!("default={peer_url}")])
                // What is lost with the machine is not missed.
                .arg("--unsafe-no-fsync"),
        );
        let keys = keys(path);
        std::fs::write(path.join("tokens.csv"), "test,admin,1,system:masters\n").expect("a file");
        let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
        let server = Process::start(
            "kube-apiserver",
            path,
            Command::new(server)
                .arg(format!("--etcd-servers={etcd_url}"))
                .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
                .arg(format!("--secure-port={secure}"))
                .arg(flag("cert-dir", &path.join("certificates")))
                .arg("--service-cluster-ip-range=10.96.0.0/24")
                .arg("--service-account-issuer=https://kubernetes.default.svc")
                .arg(flag("service-account-key-file", &keys))
                .arg(flag("service-account-signing-key-file", &keys))
                .arg(flag("token-auth-file", &path.join("tokens.csv")))
                .args(["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"])
                // Nobody makes service accounts here.
                .arg("--disable-admission-plugins=ServiceAccount"),
        );
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{secure}"), "insecure-skip-tls-verify": true,
            }}],
            "users": [{"name": "test", "user": {"token": "test"}}],
        });
        std::fs::write(path.join("kubeconfig"), kubeconfig.to_string()).expect("a file");
        let mut cluster = Self {
            _server: server,
            _etcd: etcd,
            kubectl,
            folder,
        };
        cluster.ready();
        for resources in RESOURCES.iter().filter_map(|name| program(name)) {
            cluster.apply(&std::fs::read_to_string(resources).expect("custom resources"));
        }
        let established = [
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=60s",
        ];
        cluster
            .kubectl(&established, "")
            .expect("custom resources are established");
        cluster.apply(NAMESPACES);
        Some(cluster)
    }

    fn ready(&mut self) {
        let (kubectl, kubeconfig) = (self.kubectl.clone(), self.kubeconfig());
        self._server.until("it is not ready", || {
            let answer = run(&kubectl, &kubeconfig, &["get", "--raw", "/readyz"], "");
            answer.status.success().then_some(())
        });
    }

    /// What clients need to reach it.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Where what belongs to it may lie.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs kubectl with something on its standard input; what it prints.
    ///
    /// # Errors
    /// It fails, with what it said.
    ///
    /// # Panics
    /// If it does not start.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, Refused> {
        let output = run(&self.kubectl, &self.kubeconfig(), arguments, input);
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Refused(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Creates or replaces the objects of a text.
    ///
    /// # Panics
    /// If the API server refuses one.
    pub fn apply(&self, manifests: &str) {
        // What kubectl would note of itself in an annotation does not fit there for custom resources.
        let done = self.kubectl(
            &["apply", "--server-side", "--force-conflicts", "-f", "-"],
            manifests,
        );
        done.unwrap_or_else(|Refused(why)| panic!("{why}\n{manifests}"));
    }

    /// Whether the API server would take the objects of a text: schemas and CEL rules are looked at, nothing is kept.
    ///
    /// # Errors
    /// What it says to the first that it would not.
    pub fn dry_run(&self, manifests: &str) -> Result<(), Refused> {
        let strict = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
        self.kubectl(&strict, manifests).map(drop)
    }

    /// Removes the objects of a text.
    ///
    /// # Panics
    /// If the API server refuses that.
    pub fn remove(&self, manifests: &str) {
        let done = self.kubectl(&["delete", "--ignore-not-found", "-f", "-"], manifests);
        done.unwrap_or_else(|Refused(why)| panic!("{why}\n{manifests}"));
    }

    /// Removes an object, if it is there.
    ///
    /// # Panics
    /// If the API server refuses that.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        let arguments = ["delete", kind, name, "-n", namespace, "--ignore-not-found"];
        self.kubectl(&arguments, "")
            .unwrap_or_else(|Refused(why)| panic!("{why}"));
    }
}

fn run(kubectl: &Path, kubeconfig: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(kubectl)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Whoever does not read its input says why it ended.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("kubectl ends")
}

/// A key for tokens of service accounts, which nobody here asks for.
fn keys(folder: &Path) -> PathBuf {
    let path = folder.join("service-accounts.key");
    let made = Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(&path)
        .arg("2048")
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes a key");
    path
}
