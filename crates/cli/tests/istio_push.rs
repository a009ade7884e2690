//! `fairlead push` to the registry of go-containerregistry, whose code is also what Istio's agent fetches images with.
//! Without the programs of the control plane the test skips itself, unless `CI` is `true`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions between the tests may fail as tests do"
)]

#[path = "push/packaged.rs"]
#[allow(
    dead_code,
    reason = "part of it is for the tests of `fairlead push` without a control plane"
)]
mod packaged;

use packaged::{Packaged, succeeded, types, words};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The programs' folder.
const FOLDER: &str = "FAIRLEAD_CONTROL_PLANE";
/// The longest that the registry may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

fn crane() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(FOLDER).filter(|value| !value.is_empty()) else {
        let lack = format!("no control plane: run `cargo xtask test --tier istio`, or set {FOLDER}");
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "{lack}"
        );
        let _ = writeln!(std::io::stderr(), "skipped: push to a real registry ({lack})");
        return None;
    };
    let path = Path::new(&folder).join("crane");
    assert!(path.is_file(), "{FOLDER} names a folder without crane");
    Some(path)
}

/// A registry that ends with the test.
struct Served {
    child: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(crane: &Path) -> Self {
        let mut child = Command::new(crane)
            .args(["registry", "serve", "--address", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (port, ports) = std::sync::mpsc::channel();
        // It goes on reading: a registry whose log nobody reads stops.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if let Some((_, found)) = line.split_once("serving on port ") {
                    let _ = port.send(found.trim().to_owned());
                }
            }
        });
        let started = Instant::now();
        let port = ports.recv_timeout(PATIENCE);
        let port = port.unwrap_or_else(|error| panic!("{error} after {:?}", started.elapsed()));
        Self {
            child,
            address: format!("127.0.0.1:{port}"),
        }
    }
}

#[test]
fn what_arrived_at_a_real_registry_is_what_was_packaged() {
    let Some(crane) = crane() else { return };
    let packaged = Packaged::new();
    let registry = Served::start(&crane);
    let ask = |arguments: &[&str]| {
        let output = Command::new(&crane).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        output.stdout
    };
    let printed = succeeded(&packaged.push(&format!("{}/acme/fairlead", registry.address), &["--json"]));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    for one in printed["images"].as_array().unwrap() {
        let (tagged, digest) = (one["tagged"].as_str().unwrap(), one["digest"].as_str().unwrap());
        assert_eq!(ask(&["digest", tagged]).trim_ascii_end(), digest.as_bytes());
        assert_eq!(ask(&["manifest", tagged]), packaged.blob(&one["digest"]));
        // Unpacked as a runtime would, it is the module.
        let archive = packaged.path().join("exported.tar");
        ask(&["export", tagged, archive.to_str().unwrap()]);
        let stem = one["reference"].as_str().unwrap().rsplit('/').next().unwrap();
        let wasm = std::fs::read(packaged.path().join(format!("dist/{stem}.wasm"))).unwrap();
        let archive = std::fs::read(archive).unwrap();
        assert_eq!(&archive[..11], b"plugin.wasm");
        assert!(archive[512..].starts_with(&wasm));
        let config: Value = serde_json::from_slice(&ask(&["config", tagged])).unwrap();
        assert_eq!(config["os"], "linux");
        let validated = ask(&["validate", "--remote", tagged]);
        assert!(String::from_utf8_lossy(&validated).contains("PASS"));
        // What is attached is found by the tag that stands in for a list.
        let pinned = one["pinned"].as_str().unwrap();
        let (reference, _) = pinned.split_once('@').unwrap();
        let index = ask(&["manifest", &format!("{reference}:{}", digest.replace(':', "-"))]);
        assert_eq!(types(&index), ["application/vnd.in-toto+json"]);
        let index: Value = serde_json::from_slice(&index).unwrap();
        let attached = index["manifests"][0]["digest"].as_str().unwrap();
        let manifest: Value =
            serde_json::from_slice(&ask(&["manifest", &format!("{reference}@{attached}")])).unwrap();
        assert_eq!(manifest["subject"]["digest"], digest);
        let document = manifest["layers"][0]["digest"].as_str().unwrap();
        let document = ask(&["blob", &format!("{reference}@{document}")]);
        let statement: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(
            statement["subject"][0]["digest"]["sha256"],
            digest.strip_prefix("sha256:").unwrap()
        );
    }
}
