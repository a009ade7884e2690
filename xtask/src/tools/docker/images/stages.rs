//! A Dockerfile that builds a program in one stage and has nothing else in the last: that last stage can be had with a program that was
//! built elsewhere.

use anyhow::bail;

/// A Dockerfile of two stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stages<'d> {
    /// The image that the first one begins with.
    pub(super) base: &'d str,
    /// The last one as it stands.
    last: &'d str,
}

impl<'d> Stages<'d> {
    pub(super) fn of(dockerfile: &'d str) -> anyhow::Result<Self> {
        let first = dockerfile.lines().find_map(|line| line.strip_prefix("FROM "));
        let base = first.and_then(|line| line.split_whitespace().next());
        let last = dockerfile
            .rfind("\nFROM ")
            .and_then(|at| dockerfile.get(at + 1..));
        let (Some(base), Some(last)) = (base, last) else {
            bail!("the upstream's Dockerfile has not two stages");
        };
        Ok(Self { base, last })
    }

    /// The last stage, with a file of the context in place of what an earlier stage has built.
    pub(super) fn last_with(self, file: &str) -> String {
        let mut text = String::new();
        for line in self.last.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["COPY", from, _, to] if from.starts_with("--from=") => {
                    text.push_str(&format!("COPY {file} {to}\n"));
                }
                _ => {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_takes_the_program_from_the_context() {
        let dockerfile =
            "# about\nFROM a:1 AS build\nRUN x\n\nFROM scratch\nCOPY --from=build /x /y\nUSER 1:1\n";
        let stages = Stages::of(dockerfile).unwrap();
        assert_eq!(stages.base, "a:1");
        assert_eq!(stages.last_with("p"), "FROM scratch\nCOPY p /y\nUSER 1:1\n");
        assert!(Stages::of("FROM scratch\nCOPY a b\n").is_err());
    }
}
