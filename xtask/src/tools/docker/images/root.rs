//! The context of an image that is made here: a program with the libraries that it is linked to, and no more.

use crate::tools::Missing;
use crate::tools::docker::Client;
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The folder of the context that is the image's file system.
pub(super) const ROOT: &str = "root";

/// How names are looked up. Without it glibc does not ask the engine's own server.
const NSSWITCH: &str = "hosts: files dns\n";

/// A folder that is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(workspace: &Workspace) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("image-{}-{next}", std::process::id());
        let folder = workspace.cache().join("docker").join(name);
        std::fs::create_dir_all(&folder).context("cannot create a folder in .fairlead/docker")?;
        Ok(Self(folder))
    }

    /// An empty folder.
    pub(super) fn folder(&self, name: &str) -> anyhow::Result<()> {
        std::fs::create_dir(self.0.join(name)).context("cannot create a folder")
    }

    /// A copy of a file.
    pub(super) fn file(&self, from: &Path, name: &str) -> anyhow::Result<()> {
        let to = self.0.join(name);
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).context("cannot create a folder")?;
        }
        std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
        Ok(())
    }

    /// A program at a place in the image, with its loader and libraries where it looks for them.
    pub(super) fn program(&self, program: &Path, at: &str) -> anyhow::Result<()> {
        let inside = |path: &str| format!("{ROOT}/{}", path.trim_start_matches('/'));
        self.file(program, &inside(at))?;
        for library in libraries(program)? {
            self.file(Path::new(&library), &inside(&library))?;
        }
        let etc = self.0.join(ROOT).join("etc");
        std::fs::create_dir_all(&etc).context("cannot create a folder")?;
        std::fs::write(etc.join("nsswitch.conf"), NSSWITCH).context("cannot write a file")
    }

    /// Builds the image.
    pub(super) fn build(&self, client: &Client, dockerfile: &str, image: &str) -> anyhow::Result<()> {
        std::fs::write(self.0.join("Dockerfile"), dockerfile).context("cannot write a Dockerfile")?;
        let label = format!("{}=true", super::LABEL);
        let context = self.0.to_string_lossy();
        let arguments = ["build", "--quiet", "--label", &label, "--tag", image, &context];
        client.ask(&arguments).map(drop)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// What a program is linked to.
fn libraries(program: &Path) -> anyhow::Result<Vec<String>> {
    let said = Command::new("ldd").arg(program).env("LC_ALL", "C").output();
    let Ok(said) = said else {
        bail!(Missing(
            "no registry answers, and images can be made here only where there is ldd".to_owned()
        ));
    };
    // It ends with an error for a static program, which has none.
    let listed = String::from_utf8_lossy(&said.stdout).into_owned();
    if let Some(line) = listed.lines().find(|line| line.contains("not found")) {
        bail!("{} lacks a library: {}", program.display(), line.trim());
    }
    let mut found = paths(&listed);
    // Older releases of glibc load what looks up names by themselves.
    let folder = found.iter().find(|path| path.ends_with("/libc.so.6"));
    let folder = folder
        .and_then(|path| path.strip_suffix("libc.so.6"))
        .map(str::to_owned);
    if let Some(folder) = folder {
        let by_name = ["nss_files", "nss_dns", "resolv"].map(|name| format!("{folder}lib{name}.so.2"));
        let missing = by_name.into_iter().filter(|path| Path::new(path).is_file());
        let missing: Vec<String> = missing.filter(|path| !found.contains(path)).collect();
        found.extend(missing);
    }
    Ok(found)
}

/// The files in what ldd prints: `libm.so.6 => /lib/libm.so.6 (0x7f..)` and `/lib64/ld-linux-x86-64.so.2 (0x7f..)`.
fn paths(listed: &str) -> Vec<String> {
    let file = |line: &str| {
        let path = line.split_once(" => ").map_or(line, |(_, path)| path);
        let path = path.split_whitespace().next()?;
        path.starts_with('/').then(|| path.to_owned())
    };
    listed.lines().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_loader_are_read_from_what_ldd_prints() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(
            paths(listed),
            ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]
        );
        assert_eq!(paths("\tstatically linked\n"), Vec::<String>::new());
    }
}
