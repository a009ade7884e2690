//! Packages of a Debian system, for machines on which a missing tool is a failure.

use crate::console::Console;
use crate::process::{self, Show};
use std::process::Command;

/// Installs packages, as root, where there is apt. Whoever wants them sees whether they are there then.
pub(crate) fn install(packages: &[&str], console: &Console) {
    console.step(&format!("apt-get install {}", packages.join(" ")));
    let update = ["update", "--quiet"];
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    for (arguments, of) in [(&update[..], &[][..]), (&install, packages)] {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .args(of)
            .env("DEBIAN_FRONTEND", "noninteractive");
        if process::stream(&mut command, console, |_, _| Show::No).is_err() {
            // Not Debian.
            return;
        }
    }
}
