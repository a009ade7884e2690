//! Nothing of the machine that a file was written on: its folders, and where its lock files got packages from.

use super::{File, Problem};

/// Folders of a user or a scratch area, without the leading `/`; the second says whether a name must follow.
const FOLDERS: [(&str, bool); 3] = [("home/", true), ("root/", false), ("Users/", true)];
/// The only source of packages in Cargo.lock.
const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Checks one file.
pub(super) fn check(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let text = file.text.as_deref().unwrap_or_default();
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    for (number, line) in (1_usize..).zip(text.lines()) {
        let mut report = |what: String, fix: &str| {
            problems.push(Problem::new(format!("{}:{number}", file.path), what, fix));
        };
        if let Some(folder) = folder(line) {
            report(
                format!("the path {folder} of one machine"),
                "write it relative, or take it from the environment",
            );
        }
        if name == "Cargo.lock" && line.starts_with("source = ") && line != CRATES_IO {
            report(
                "a package from elsewhere than the public registry".to_owned(),
                "depend on a published version",
            );
        }
        if name == "package-lock.json" && line.trim_start().starts_with("\"resolved\":") {
            report(
                "an address in a lock file".to_owned(),
                "npm install --omit-lockfile-registry-resolved",
            );
        }
    }
    problems
}

/// The first machine's folder that a line names.
fn folder(line: &str) -> Option<String> {
    for (folder, named) in FOLDERS {
        let needle = format!("/{folder}");
        for (position, _) in line.match_indices(&needle) {
            let before = line.get(..position).and_then(|before| before.chars().next_back());
            let after = line
                .get(position + needle.len()..)
                .and_then(|after| after.chars().next());
            let inside = before.is_some_and(|c| c.is_alphanumeric() || "_-.$}*/".contains(c));
            if !inside && (!named || after.is_some_and(|c| c.is_ascii_lowercase())) {
                return Some(needle);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&file(path, text)).len()
    }

    #[test]
    fn a_folder_of_a_machine_is_a_problem() {
        for folder in ["home/x", "root"] {
            assert_eq!(count("README.md", &format!("cd /{folder}/y")), 1, "{folder}");
            assert_eq!(count("a.rs", &format!("\"/{folder}/y\"")), 1, "{folder}");
        }
    }

    #[test]
    fn a_part_of_a_longer_path_is_none() {
        for text in [
            "https://example.org/root/x",
            "target/root/x",
            "$HOME/root/x",
            "/homes/x",
            "/roots",
            "GET /home/",
        ] {
            assert_eq!(count("README.md", text), 0, "{text}");
        }
    }

    #[test]
    fn lock_files_name_no_other_source() {
        assert_eq!(count("Cargo.lock", CRATES_IO), 0);
        assert_eq!(count("Cargo.lock", "source = \"git+https://example.org/a\""), 1);
        assert_eq!(
            count(
                "xtask/tools/package-lock.json",
                "      \"resolved\": \"https://example.org/a.tgz\","
            ),
            1
        );
    }
}
