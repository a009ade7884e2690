//! What actionlint does not ask of workflows: that a tag which somebody moves, or a text which somebody writes, cannot run code with
//! their permissions.
//!
//! Lines are looked at, not YAML: workflows here are indented by two spaces, and what cannot be read so is a problem of its own.

use super::{File, Problem};

const FOLDER: &str = ".github/workflows/";

/// Problems of a workflow.
pub(super) fn check(file: &File) -> Vec<Problem> {
    let Some(text) = file.text.as_deref().filter(|_| file.path.starts_with(FOLDER)) else {
        return Vec::new();
    };
    let lines: Vec<Line<'_>> = text.lines().enumerate().map(Line::of).collect();
    let mut problems = Vec::new();
    let mut found = |number: usize, what: &str, fix: &str| {
        problems.push(Problem::new(format!("{}:{number}", file.path), what, fix));
    };
    if !lines
        .iter()
        .any(|line| line.indent == 0 && line.text == "permissions: {}")
    {
        found(
            1,
            "jobs have permissions that they do not name",
            "write `permissions: {}` at the top",
        );
    }
    for (name, job) in jobs(&lines) {
        for key in ["timeout-minutes:", "permissions:"] {
            if !job
                .iter()
                .any(|line| line.indent == 4 && line.text.starts_with(key))
            {
                found(
                    name.number,
                    &format!("a job without `{key}`"),
                    "write it for each job",
                );
            }
        }
    }
    for (index, line) in lines.iter().enumerate() {
        let after = lines.get(index + 1..).unwrap_or_default();
        if let Some(action) = line.value_of("uses") {
            if !is_pinned(action) {
                found(
                    line.number,
                    "an action that is not pinned",
                    "write owner/name@<commit> # v1.2.3",
                );
            }
            let rest = after
                .iter()
                .take_while(|next| !next.begins && (next.indent >= line.indent || next.text.is_empty()));
            let mut settings = rest.map(|setting| setting.text);
            let keeps = !settings.any(|setting| setting == "persist-credentials: false");
            if action.starts_with("actions/checkout@") && keeps {
                found(
                    line.number,
                    "the checkout keeps a token",
                    "write `persist-credentials: false`",
                );
            }
        }
        if let Some(script) = line.value_of("run") {
            let block = after
                .iter()
                .take_while(|next| next.text.is_empty() || next.indent > line.indent);
            let inside = block.map(|line| (line.number, line.text));
            for (number, text) in std::iter::once((line.number, script)).chain(inside) {
                // `env` and other settings of the step stand at its own indent, which ends the block.
                if text.contains("${{") {
                    found(
                        number,
                        "an expression becomes part of a script",
                        "pass it in `env` and write \"$NAME\"",
                    );
                }
            }
        }
    }
    problems
}

/// `owner/name@<commit> # v1.2.3`.
fn is_pinned(action: &str) -> bool {
    let Some((name, version)) = action.split_once(" # v") else {
        return false;
    };
    let commit = name.split_once('@').map_or("", |(_, commit)| commit);
    let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit && version.starts_with(|first: char| first.is_ascii_digit())
}

/// The jobs, each with its own lines.
fn jobs<'l, 't>(lines: &'l [Line<'t>]) -> Vec<(&'l Line<'t>, &'l [Line<'t>])> {
    let start = lines
        .iter()
        .position(|line| line.indent == 0 && line.text == "jobs:");
    let all = start.and_then(|start| lines.get(start + 1..)).unwrap_or_default();
    let is_job = |line: &Line<'_>| line.indent == 2 && line.text.ends_with(':');
    let mut jobs = Vec::new();
    for (index, line) in all.iter().enumerate().filter(|(_, line)| is_job(line)) {
        let rest = all.get(index + 1..).unwrap_or_default();
        let end = rest.iter().position(is_job).unwrap_or(rest.len());
        jobs.push((line, rest.get(..end).unwrap_or_default()));
    }
    jobs
}

/// A line of a workflow.
struct Line<'t> {
    number: usize,
    /// Where its key begins; behind the dash of a list.
    indent: usize,
    /// Whether a dash is before it.
    begins: bool,
    /// Without indent and dash.
    text: &'t str,
}

impl<'t> Line<'t> {
    fn of((index, line): (usize, &'t str)) -> Self {
        let text = line.trim_start_matches([' ', '-']);
        let text = if text.starts_with('#') { "" } else { text };
        Self {
            number: index + 1,
            indent: line.len() - line.trim_start_matches([' ', '-']).len(),
            begins: line.trim_start().starts_with('-'),
            text: text.trim_end(),
        }
    }

    fn value_of(&self, key: &str) -> Option<&'t str> {
        Some(self.text.strip_prefix(key)?.strip_prefix(':')?.trim_start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
on: push
permissions: {}
jobs:
  one:
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - name: ${{ github.ref }}
        run: |
          a \"$NAME\"

          b
        env:
          NAME: ${{ github.ref }}
";

    /// What is found when one text in a good workflow is replaced by another: line and problem.
    fn found(from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from), "{from}");
        let file = super::super::file(".github/workflows/x.yml", &GOOD.replace(from, to));
        let problems = check(&file).into_iter();
        problems
            .map(|problem| {
                let line = problem.at.rsplit(':').next().unwrap().to_owned();
                format!("{line} {}", problem.what)
            })
            .collect()
    }

    #[test]
    fn a_workflow_with_least_privilege_has_no_problem() {
        assert_eq!(found("on: push", "on: push"), [""; 0]);
    }

    #[test]
    fn an_action_is_pinned_by_its_commit_with_the_version_beside_it() {
        let not_pinned = ["9 an action that is not pinned"];
        let commit = "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1";
        assert_eq!(found(commit, "@v7.0.1"), not_pinned);
        assert_eq!(found(commit, "@v7 # v7.0.1"), not_pinned);
        assert_eq!(found(" # v7.0.1", ""), not_pinned);
        assert_eq!(found(" # v7.0.1", " # latest"), not_pinned);
    }

    #[test]
    fn a_checkout_keeps_no_token() {
        let keeps = ["9 the checkout keeps a token"];
        assert_eq!(
            found("persist-credentials: false", "persist-credentials: true"),
            keeps
        );
        assert_eq!(
            found("        with:\n          persist-credentials: false\n", ""),
            keeps
        );
    }

    #[test]
    fn permissions_and_time_are_bounded_for_each_job() {
        assert_eq!(
            found("permissions: {}", "permissions: write-all"),
            ["1 jobs have permissions that they do not name"]
        );
        assert_eq!(
            found("    timeout-minutes: 5\n", ""),
            ["4 a job without `timeout-minutes:`"]
        );
        assert_eq!(
            found("    permissions:\n      contents: read\n", ""),
            ["4 a job without `permissions:`"]
        );
        // Each job has its own.
        let two = found("    steps:\n", "    steps:\n  two:\n    steps:\n");
        assert_eq!(
            two,
            [
                "9 a job without `timeout-minutes:`",
                "9 a job without `permissions:`"
            ]
        );
    }

    #[test]
    fn no_expression_becomes_part_of_a_script() {
        let part = "an expression becomes part of a script";
        assert_eq!(
            found("\"$NAME\"", "${{ github.head_ref }}"),
            [format!("14 {part}")]
        );
        assert_eq!(
            found("          b\n", "          ${{ inputs.b }}\n"),
            [format!("16 {part}")]
        );
        assert_eq!(
            found("run: |\n          a", "run: ${{ inputs.a }} |\n          a"),
            [format!("13 {part}")]
        );
    }

    #[test]
    fn other_files_are_not_looked_at() {
        assert_eq!(check(&super::super::file("docs/x.yml", "uses: a@b")).len(), 0);
    }
}
