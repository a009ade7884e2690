//! Rules for single files: size, head, name.

use super::{File, Problem};

/// Lines of a Rust file that fail.
const LINES: usize = 500;
/// Lines of a Rust file above which it is only counted.
const LONG: usize = 300;
/// Bytes of a file that fail, whatever it is: a repository is not a store for binaries.
const BYTES: u64 = 400_000;
/// Names that say nothing about what is inside.
const VAGUE: [&str; 6] = ["common", "helper", "helpers", "scripts", "util", "utils"];

/// Whether a Rust file is longer than it should be, which alone is no problem.
pub(super) fn is_long(file: &File) -> bool {
    file.is_rust() && file.text.as_ref().is_some_and(|text| text.lines().count() > LONG)
}

/// Checks one file.
pub(super) fn check(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |what: String, fix: &str| problems.push(Problem::new(&file.path, what, fix));
    if file.bytes > BYTES {
        report(
            format!("{} bytes", file.bytes),
            "fetch or generate it, or make it smaller",
        );
    }
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let mut names: Vec<&str> = stem.split('/').collect();
    if !file.is_rust() {
        names.pop();
    }
    if let Some(vague) = names.iter().find(|name| VAGUE.contains(name)) {
        report(
            format!("`{vague}` says nothing about what is inside"),
            "name it after what it is",
        );
    }
    if !file.is_rust() {
        return problems;
    }
    if names.last() == Some(&"mod") {
        report("a mod.rs".to_owned(), "rename it: foo.rs beside foo/");
    }
    let Some(text) = &file.text else {
        report("not UTF-8".to_owned(), "save it as UTF-8");
        return problems;
    };
    let lines = text.lines().count();
    if lines > LINES {
        report(format!("{lines} lines"), "split it by idea, about 300 lines each");
    }
    if !file.path.ends_with("tests.rs") && !has_head(text) {
        report(
            "no `//!` at its head".to_owned(),
            "say what the module is, why, and what it does not do",
        );
    }
    problems
}

/// Whether the first line that is neither blank nor a plain comment is `//!`.
fn has_head(text: &str) -> bool {
    let plain = |line: &str| line.is_empty() || (line.starts_with("//") && !line.starts_with("//!"));
    text.lines()
        .map(str::trim)
        .find(|line| !plain(line))
        .is_some_and(|line| line.starts_with("//!"))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn check_one(path: &str, text: &str, expected: &str) {
        let problems = check(&file(path, text));
        match (problems.as_slice(), expected) {
            ([], "") => {}
            ([problem], expected) if !expected.is_empty() => {
                assert!(problem.to_string().contains(expected), "{problem}")
            }
            (problems, expected) => panic!("{path}: expected {expected:?}, found {problems:?}"),
        }
    }

    #[test]
    fn a_long_rust_file_is_a_problem_and_a_shorter_one_is_none() {
        check_one(
            "crates/a/src/lib.rs",
            &format!("//! A.\n{}", "\n".repeat(500)),
            "501 lines",
        );
        check_one(
            "crates/a/src/lib.rs",
            &format!("//! A.\n{}", "\n".repeat(499)),
            "",
        );
        check_one("docs/long.md", &"\n".repeat(900), "");
    }

    #[test]
    fn rust_files_over_300_lines_are_counted_as_long() {
        assert!(is_long(&file("a.rs", &"\n".repeat(301))));
        assert!(!is_long(&file("a.rs", &"\n".repeat(300))) && !is_long(&file("a.md", &"\n".repeat(301))));
    }

    #[test]
    fn a_rust_file_says_at_its_head_what_it_is() {
        check_one("crates/a/src/b.rs", "use a;\n", "no `//!`");
        check_one("crates/a/src/b.rs", "", "no `//!`");
        check_one("crates/a/src/b.rs", "// Copyright\n\n//! B.\n", "");
    }

    #[test]
    fn names_say_what_is_inside() {
        check_one("crates/a/src/mod.rs", "//! A.\n", "mod.rs");
        check_one("crates/utils/Cargo.toml", "", "`utils`");
        check_one("crates/a/src/helpers.rs", "//! A.\n", "`helpers`");
        check_one("tests/common/data.json", "", "`common`");
        check_one("docs/common", "", "");
    }

    #[test]
    fn a_large_file_of_any_kind_is_a_problem() {
        let large = File {
            path: "docs/demo.gif".into(),
            bytes: 400_001,
            text: None,
        };
        assert_eq!(check(&large).len(), 1);
        assert_eq!(
            check(&File {
                bytes: 400_000,
                ..large
            })
            .len(),
            0
        );
    }
}
