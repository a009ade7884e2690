//! `cargo xtask clean`: removes what the tasks made.

use crate::workspace::Workspace;
use anyhow::Context as _;

/// Removes dist/ and .fairlead/, and target/ when `all`.
///
/// # Errors
/// A folder could not be removed.
pub(crate) fn run(workspace: &Workspace, all: bool) -> anyhow::Result<()> {
    let mut folders = vec![workspace.dist(), workspace.cache()];
    if all {
        folders.push(workspace.target.clone());
    }
    for folder in folders.iter().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        println!(
            "removed {}",
            folder.strip_prefix(&workspace.root).unwrap_or(folder).display()
        );
    }
    Ok(())
}
