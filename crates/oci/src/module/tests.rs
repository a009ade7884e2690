use super::*;

/// A module that exports these callbacks.
fn wasm(callbacks: &[&str]) -> Vec<u8> {
    let exports: String = (callbacks.iter())
        .map(|name| format!("(export \"proxy_on_{name}\" (func 0))"))
        .collect();
    wat::parse_str(format!(
        "(module (func) (export \"proxy_abi_version_0_2_1\" (func 0)) {exports})"
    ))
    .unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn refused(files: &[(&str, &[u8])]) -> String {
    let folder = folder(files);
    Module::read(&folder.path().join(files[0].0))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_full_build_leaves_nothing_out() {
    let bytes = wasm(&["request_headers", "tick"]);
    let folder = folder(&[("rate-limit.wasm", &bytes)]);
    let module = Module::read(&folder.path().join("rate-limit.wasm")).unwrap();
    assert_eq!((module.name.as_str(), module.build), ("rate-limit", Build::Full));
    assert_eq!(module.left_out, [""; 0]);
    assert_eq!(module.stem(), "rate-limit");
    assert_eq!(module.bytes, bytes);
}

#[test]
fn what_a_lean_build_leaves_out_is_what_the_full_one_has_more() {
    let full = wasm(&["request_headers", "response_trailers", "response_body", "tick"]);
    let lean = wasm(&["request_headers", "tick"]);
    let folder = folder(&[("a.wasm", &full), ("a-lean.wasm", &lean)]);
    let module = Module::read(&folder.path().join("a-lean.wasm")).unwrap();
    assert_eq!((module.name.as_str(), module.build), ("a", Build::Lean));
    assert_eq!(module.left_out, ["response_body", "response_trailers"]);
    assert_eq!(module.stem(), "a-lean");
}

#[test]
fn a_lean_build_alone_cannot_be_told_what_it_lacks() {
    let said = refused(&[("a-lean.wasm", &wasm(&["tick"]))]);
    assert!(
        said.contains("a.wasm") && said.contains("cargo xtask build"),
        "{said}"
    );
}

#[test]
fn a_lean_build_of_another_module_is_refused() {
    let said = refused(&[
        ("a-lean.wasm", &wasm(&["log", "tick"])),
        ("a.wasm", &wasm(&["tick"])),
    ]);
    assert!(said.contains("has log"), "{said}");
}

#[test]
fn what_no_proxy_loads_is_refused() {
    assert!(refused(&[("a.wasm", b"not a module")]).contains("is no module for a proxy"));
    let other = wat::parse_str("(module)").unwrap();
    assert!(refused(&[("a.wasm", &other)]).contains("exports no proxy_abi_version_*"));
    let cut = wasm(&["tick"]);
    assert!(refused(&[("a.wasm", &cut[..cut.len() - 3])]).contains("is no module for a proxy"));
}

#[test]
fn a_file_that_cannot_name_an_image_is_refused() {
    for name in [
        "A.wasm",
        "a b.wasm",
        "a--b.wasm",
        "-a.wasm",
        "a",
        ".wasm",
        "ä.wasm",
    ] {
        assert!(
            refused(&[(name, &wasm(&[]))]).contains("cannot be the name of an image"),
            "{name}"
        );
    }
    assert!(is_repository("circuit-breaker2_x.y"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = Module::read(Path::new("not/there.wasm")).unwrap_err().to_string();
    assert!(missing.starts_with("not/there.wasm cannot be read"), "{missing}");
}
