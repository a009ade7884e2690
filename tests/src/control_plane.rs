//! A mesh on loopback without a cluster: a real kube-apiserver with etcd, a real istiod that reads it, real Istio agents
//! that each run a real Envoy, and a registry for images. What is missing are kubelets and certificates: no pods run, and
//! nothing is encrypted.
//!
//! [`Cluster`] is the API server alone, [`Mesh`] all of it. Each is started by one test and ends with it.

mod cluster;
mod images;
mod mesh;
mod plugin;
mod process;
mod shipped;
mod sidecar;
mod table;

pub use cluster::{Cluster, Refused};
pub use images::{Image, Registry};
pub use mesh::{APPLICATION_PORT, Callee, GATEWAY_PORT, Mesh, REVIEWS, SERVICE_PORT};
pub use plugin::{FAIL_STRATEGIES, Plugin};
pub use process::{wait, wait_or};
pub use shipped::{exchanged, shipped};
pub use sidecar::{Role, Sidecar};
pub use table::Table;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Once;

/// Names the folder with the programs, as `cargo xtask test` does.
const VARIABLE: &str = "FAIRLEAD_CONTROL_PLANE";

/// A program of the control plane, or a file that lies beside them; `None`, after one line on standard error, if there are
/// none: skip the test.
///
/// # Panics
/// If there are none and the variable `CI` is `true`, or the folder that is named lacks it.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    static SKIPPED: Once = Once::new();
    let Some(folder) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        let lack = format!("no control plane: run `cargo xtask test --tier istio`, or set {VARIABLE}");
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!ci, "{lack}");
        SKIPPED.call_once(|| {
            // Past the capture of `cargo test`.
            let _ = writeln!(std::io::stderr(), "skipped: tests on a control plane ({lack})");
        });
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    assert!(path.is_file(), "{VARIABLE} names a folder without {name}");
    Some(path)
}
