//! Programs for tests: shell scripts that stand in for Envoy or Python.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Writes an executable script and returns once the system runs it.
///
/// Linux refuses to run a file that is open for writing, and a child that another test is just starting may hold this
/// one open for a moment after it is written.
pub(crate) fn write(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n[ \"$1\" = runs? ] && exit 0\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    let busy = || matches!(Command::new(path).arg("runs?").status(), Err(e) if e.kind() == ErrorKind::ExecutableFileBusy);
    while busy() {
        std::thread::yield_now();
    }
}
