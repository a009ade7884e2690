//! The mesh: service `reviews` with two versions, a sidecar that calls it, a sidecar in front of v2, and a gateway.
//!
//! v1 is a plain server, v2 one behind its own sidecar, so that one request can pass through both sidecars. The header
//! `x-canary: v2` routes to v2, as `istio/baseline/virtualservice.yaml` does.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use fairlead_upstream::Upstream;
use serde_json::json;
use tempfile::TempDir;

use super::cluster::Cluster;
use super::images::{Image, Registry};
use super::process::{Process, free_ports, get};
use super::program;
use super::sidecar::{Role, Settings, Sidecar};
use crate::client::Connection;
use crate::modules;
use crate::proxy::Lab;

/// The service as its callers name it.
pub const REVIEWS: &str = "reviews.demo.svc.cluster.local:8000";
/// The port of the service, on which the client's sidecar listens.
pub const SERVICE_PORT: u16 = 8000;
/// The port of the application, on which the server's sidecar listens in its place.
pub const APPLICATION_PORT: u16 = 9080;
/// The port of the gateway.
pub const GATEWAY_PORT: u16 = 8080;

/// Where a request is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// The sidecar of a caller of reviews.
    Client,
    /// The sidecar in front of v2.
    Server,
    /// The gateway.
    Gateway,
}

impl Callee {
    /// Where it listens.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        match self {
            Self::Client => ([127, 0, 0, 1], SERVICE_PORT).into(),
            Self::Server => ([127, 0, 0, 3], APPLICATION_PORT).into(),
            Self::Gateway => ([127, 0, 0, 1], GATEWAY_PORT).into(),
        }
    }
}

/// A running mesh. Dropping it ends everything.
#[derive(Debug)]
pub struct Mesh {
    sidecars: [Sidecar; 3],
    istiod: Option<Process>,
    istiod_command: Vec<String>,
    istiod_ready: u16,
    /// The API server.
    pub cluster: Cluster,
    /// Where images are.
    pub registry: Registry,
    /// Version v1 of reviews.
    pub v1: Upstream,
    /// Version v2 of reviews, behind its sidecar.
    pub v2: Upstream,
    folder: TempDir,
    _lab: Lab,
}

impl Mesh {
    /// Starts all of it, without any filter. `None` as [`program`], or if there is no Envoy or no module.
    ///
    /// # Panics
    /// If something does not start, with its log.
    #[must_use]
    pub fn start() -> Option<Self> {
        let lab = Lab::enter("suite")?;
        let [agent, discovery, bootstrap] =
            ["pilot-agent", "pilot-discovery", "envoy_bootstrap.json"].map(program);
        let (agent, discovery, bootstrap) = (agent?, discovery?, bootstrap?);
        let (cluster, registry) = (Cluster::start()?, Registry::start()?);
        for callee in [Callee::Client, Callee::Server, Callee::Gateway] {
            // Envoy would share the port with whoever has it, and requests would go to either.
            let taken = TcpListener::bind(callee.address()).err();
            assert!(
                taken.is_none(),
                "{} is taken: end what listens there",
                callee.address()
            );
        }
        let v1 = Upstream::bind("127.0.0.11:0", "v1").expect("an address");
        let v2 = Upstream::bind("127.0.0.1:0", "v2").expect("an address");
        cluster.apply(&services(&v1, &v2));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [grpc, http, monitoring] = free_ports();
        let mesh_config = folder.path().join("mesh.yaml");
        let settings = json!({
            "rootNamespace": "istio-system",
            "enableTracing": false,
            "enableAutoMtls": false,
            "enablePrometheusMerge": true,
            "ingressControllerMode": "OFF",
            "accessLogFile": "/dev/stdout",
            "defaultConfig": {
                "discoveryAddress": format!("127.0.0.1:{grpc}"),
                "controlPlaneAuthPolicy": "NONE",
                "binaryPath": lab.envoy(),
                "configPath": "./etc/istio/proxy",
                "proxyBootstrapTemplatePath": bootstrap,
                "concurrency": 2,
            },
        });
        std::fs::write(&mesh_config, settings.to_string()).expect("a file");
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let istiod_command = [
            text(discovery),
            "discovery".to_owned(),
            "--registries=".to_owned(),
            "--kubeconfig".to_owned(),
            text(cluster.kubeconfig()),
            "--meshConfig".to_owned(),
            text(mesh_config.clone()),
            "--networksConfig".to_owned(),
            text(folder.path().join("none")),
            format!("--grpcAddr=127.0.0.1:{grpc}"),
            "--secureGRPCAddr=".to_owned(),
            format!("--httpAddr=127.0.0.1:{http}"),
            "--httpsAddr=".to_owned(),
            format!("--monitoringAddr=127.0.0.1:{monitoring}"),
            "--ctrlz_port=0".to_owned(),
        ];
        let settings = Settings {
            agent,
            mesh_config,
            registry: registry.address(),
            folder: folder.path().to_owned(),
        };
        let istiod = start_istiod(&istiod_command, &cluster, http);
        let mut sidecars = Role::ALL.map(|role| Sidecar::start(role, settings.clone()));
        sidecars.iter_mut().for_each(Sidecar::ready);
        Some(Self {
            sidecars,
            istiod: Some(istiod),
            istiod_command: istiod_command.into(),
            istiod_ready: http,
            cluster,
            registry,
            v1,
            v2,
            folder,
            _lab: lab,
        })
    }

    /// A proxy.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn sidecar(&self, role: Role) -> &Sidecar {
        &self.sidecars[role as usize]
    }

    /// A proxy, to restart it.
    ///
    /// # Panics
    /// Never.
    pub fn sidecar_mut(&mut self, role: Role) -> &mut Sidecar {
        &mut self.sidecars[role as usize]
    }

    /// Ends istiod.
    pub fn stop_istiod(&mut self) {
        self.istiod = None;
    }

    /// Starts istiod again, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start, with its log.
    pub fn start_istiod(&mut self) {
        self.istiod = Some(start_istiod(
            &self.istiod_command,
            &self.cluster,
            self.istiod_ready,
        ));
    }

    /// What istiod has logged.
    #[must_use]
    pub fn istiod_log(&self) -> String {
        self.istiod.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Every shipped module as an image, by name, pushed now.
    ///
    /// # Panics
    /// If a module is not built.
    #[must_use]
    pub fn images(&self) -> BTreeMap<String, Image> {
        self.registry.push_shipped(&modules::NAMES)
    }

    /// A new connection. Those that are open stay with the filters that a listener had when they came.
    ///
    /// # Panics
    /// If nothing listens.
    #[must_use]
    pub fn connect(&self, callee: Callee) -> Connection {
        Connection::to(callee.address()).expect("the proxy listens")
    }

    /// Where what belongs to it may lie.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

fn start_istiod(command: &[String], cluster: &Cluster, ready: u16) -> Process {
    let (program, arguments) = command.split_first().expect("a program");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([
            ("ENABLE_CA_SERVER", "false"),
            ("PILOT_CERT_PROVIDER", "none"),
            ("XDS_AUTH", "false"),
            ("POD_NAMESPACE", "istio-system"),
            ("POD_NAME", "istiod-0"),
            // Filters that Istio's own build of Envoy has and others have not.
            ("PILOT_ENABLE_ALPN_FILTER", "false"),
            ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
        ])
        .current_dir(cluster.folder());
    let mut istiod = Process::start("istiod", cluster.folder(), &mut command);
    istiod.until("it is not ready", || {
        get(ready, "/ready").filter(|answer| answer.status == 200)
    });
    istiod
}

/// The objects of the mesh without filters.
fn services(v1: &Upstream, v2: &Upstream) -> String {
    let (plain, behind) = (v1.port(), v2.port());
    format!(
        "\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: istio-system}}
spec: {{mtls: {{mode: DISABLE}}}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: reviews, namespace: demo}}
spec:
  hosts: [reviews.demo.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: {SERVICE_PORT}, name: http, protocol: HTTP}}]
  endpoints:
  - {{address: 127.0.0.11, ports: {{http: {plain}}}, labels: {{version: v1}}}}
  - {{address: 127.0.0.3, ports: {{http: {APPLICATION_PORT}}}, labels: {{version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews, namespace: demo}}
spec:
  host: reviews.demo.svc.cluster.local
  subsets:
  - {{name: v1, labels: {{version: v1}}}}
  - {{name: v2, labels: {{version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: demo}}
spec:
  hosts: [reviews.demo.svc.cluster.local]
  gateways: [mesh, istio-system/ingress]
  http:
  - match: [{{headers: {{x-canary: {{exact: v2}}}}}}]
    route: [{{destination: {{host: reviews.demo.svc.cluster.local, subset: v2}}}}]
  - route: [{{destination: {{host: reviews.demo.svc.cluster.local, subset: v1}}}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: ingress, namespace: istio-system}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: {GATEWAY_PORT}, name: http, protocol: HTTP}}
    bind: 127.0.0.1
    hosts: [\"*\"]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: reviews, namespace: demo}}
spec:
  workloadSelector: {{labels: {{app: reviews}}}}
  ingress:
  - port: {{number: {APPLICATION_PORT}, protocol: HTTP, name: http}}
    bind: 127.0.0.3
    captureMode: NONE
    defaultEndpoint: 127.0.0.1:{behind}
  # Without it, it would listen on the service's port beside the client's sidecar.
  egress: [{{hosts: [\"~/*\"]}}]
"
    )
}
