//! What `fairlead package` writes down is what `fairlead render` pins.

use super::at;
use std::io::Write;
use std::process::Command;

#[test]
fn what_package_has_recorded_is_what_is_pinned() {
    let dist = at("dist");
    let modules = ["latency-histogram.wasm", "canary.wasm", "canary-lean.wasm"].map(|file| dist.join(file));
    if let Some(missing) = modules.iter().find(|file| !file.is_file()) {
        let missing = missing.display();
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "there is no {missing}"
        );
        let _ = writeln!(
            std::io::stderr(),
            "skipped: render after package (there is no {missing})"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
        let output = command.args(args).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let modules = modules.map(|file| file.to_string_lossy().into_owned());
    let [histogram, canary, lean] = &modules;
    let packaged = run(&["package", histogram, canary, lean, "--sbom", "none", "--json"]);
    let record: serde_json::Value = serde_json::from_str(&packaged).unwrap();
    let digest = |file: &str| {
        let images = record["images"].as_array().unwrap();
        let found = images.iter().find(|image| image["file"] == file).unwrap();
        found["digest"].as_str().unwrap().to_owned()
    };
    let policy = folder.path().join("policy.yaml");
    let text = "latency_histogram: {}\ncanary: {release: r, variants: [{name: v2, weight: 10%}], sticky: {by: [{random: true}]}}\n";
    std::fs::write(policy, text).unwrap();
    // The record is where package leaves it.
    let made = run(&[
        "render",
        "--policy",
        "policy.yaml",
        "--target",
        "istio",
        "--as",
        "filters",
    ]);
    for (image, file) in [
        ("latency-histogram", "latency-histogram.wasm"),
        ("canary-lean", "canary-lean.wasm"),
    ] {
        let digest = digest(file);
        let url = format!("  url: oci://registry.example.com/fairlead/{image}@{digest}\n");
        let hex = digest.strip_prefix("sha256:").unwrap();
        assert!(
            made.contains(&url) && made.contains(&format!("  sha256: \"{hex}\"\n")),
            "{made}"
        );
    }
}
