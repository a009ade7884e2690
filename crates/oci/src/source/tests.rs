use super::*;

/// A folder that looks like the source of Fairlead.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("filters/a")).unwrap();
    std::fs::create_dir_all(folder.path().join("xtask/tools")).unwrap();
    for (file, text) in [
        ("Cargo.lock", ""),
        ("filters/a/Cargo.toml", ""),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n"),
        (
            "xtask/tools/package.json",
            r#"{"dependencies": {"binaryen": "132.0.0"}}"#,
        ),
    ] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder);
    command.args([
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.com",
        "-c",
        "commit.gpgsign=false",
    ]);
    let output = command.args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_checkout_says_what_is_pinned_there() {
    let folder = checkout();
    let source = Source::at(folder.path(), None).unwrap();
    assert_eq!(source.toolchain.as_deref(), Some("1.95.0"));
    assert_eq!(source.wasm_opt.as_deref(), Some("132.0.0"));
    assert_eq!((source.revision, source.changed), (None, false));
}

#[test]
fn a_commit_is_told_while_nothing_is_changed() {
    let folder = checkout();
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "all"]);
    let source = Source::at(folder.path(), None).unwrap();
    assert_eq!(source.revision.as_ref().map(String::len), Some(40));
    assert!(!source.changed);
    std::fs::write(folder.path().join("filters/a/new.rs"), "").unwrap();
    let source = Source::at(folder.path(), None).unwrap();
    assert_eq!((source.revision, source.changed), (None, true));
}

#[test]
fn the_commit_of_some_other_project_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "").unwrap();
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "all"]);
    let source = Source::at(folder.path(), None).unwrap();
    assert_eq!((source.revision, source.changed), (None, false));
}

#[test]
fn a_commit_that_is_given_is_a_whole_one() {
    let given = |text: &str| Source::at(Path::new("not-there"), Some(text.to_owned()));
    let whole = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(given(whole).unwrap().revision.as_deref(), Some(whole));
    for text in ["", "main", "0123456", &whole.to_uppercase(), &format!("{whole}0")] {
        assert!(
            given(text)
                .unwrap_err()
                .to_string()
                .contains("git rev-parse HEAD"),
            "{text}"
        );
    }
}
