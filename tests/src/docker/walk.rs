//! A page that shows commands and what they print, as steps that can be run.
//!
//! In blocks fenced with `console`, a line that begins with `$ ` is a command, which goes on in the next line after a
//! backslash; what follows up to the next command is its output. `...` stands for any text within a line.

/// A command of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands, from 1.
    pub line: usize,
    /// Without `$ `.
    pub command: String,
    /// The lines that it prints.
    pub output: Vec<String>,
}

/// The commands of a page, in order.
///
/// # Panics
/// If a block is fenced as something else, since nobody would run what it shows, or begins with no command.
#[must_use]
pub fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut inside, mut goes_on) = (Vec::<Step>::new(), false, false);
    for (number, line) in (1..).zip(page.lines()) {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside;
            let expected = if inside { "console" } else { "" };
            assert_eq!(fence, expected, "line {number}: not a block of commands");
            continue;
        }
        if !inside {
            continue;
        }
        let command = line.strip_prefix("$ ");
        if let Some(command) = command {
            steps.push(Step {
                line: number,
                command: String::new(),
                output: Vec::new(),
            });
            goes_on = true;
            append(&mut steps, command, &mut goes_on);
        } else if goes_on {
            append(&mut steps, line, &mut goes_on);
        } else {
            let step = steps.last_mut();
            let step = step.unwrap_or_else(|| panic!("line {number}: output of no command"));
            step.output.push(line.to_owned());
        }
    }
    steps
}

/// Adds a line to the last command; whether another one follows.
fn append(steps: &mut [Step], line: &str, goes_on: &mut bool) {
    let Some(step) = steps.last_mut() else { return };
    let unfinished = line.strip_suffix('\\');
    *goes_on = unfinished.is_some();
    step.command.push_str(unfinished.unwrap_or(line));
}

/// What is wrong with an output: the first line that is not as expected. Blank ends do not count.
#[must_use]
pub fn difference(expected: &[String], seen: &str) -> Option<String> {
    let expected = without_end(expected.iter().map(|line| line.trim_end()).collect());
    let seen = without_end(seen.lines().map(str::trim_end).collect());
    for (index, line) in expected.iter().enumerate() {
        match seen.get(index) {
            Some(found) if matches(line, found) => {}
            Some(found) => return Some(format!("expected: {line}\nseen:     {found}")),
            None => return Some(format!("missing: {line}")),
        }
    }
    let more = seen.get(expected.len());
    more.map(|found| format!("not expected: {found}"))
}

fn without_end(mut lines: Vec<&str>) -> Vec<&str> {
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// Whether a line is as the page has it.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("...");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(end) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_the_lines_up_to_the_next_one() {
        let page = "text\n```console\n$ a\nb\n\nc\n$ d \\\n  e\n```\n$ no command\n```console\n$ f\n```\n";
        let step = |line, command: &str, output: &[&str]| Step {
            line,
            command: command.to_owned(),
            output: output.iter().map(|&line| line.to_owned()).collect(),
        };
        assert_eq!(
            steps(page),
            [
                step(3, "a", &["b", "", "c"]),
                step(7, "d   e", &[]),
                step(12, "f", &[])
            ]
        );
    }

    #[test]
    #[should_panic(expected = "line 2: not a block of commands")]
    fn a_block_that_nobody_would_run_is_refused() {
        let _ = steps("text\n```sh\nrm x\n```\n");
    }

    #[test]
    fn an_output_is_compared_line_by_line() {
        let check = |expected: &str, seen: &str| {
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            difference(&expected, seen)
        };
        for (expected, seen) in [
            ("a\n\nb", "a\r\n\r\nb\r\n"),
            ("", "\n"),
            ("t=...;r=...", "t=12;r=3"),
            ("...", "anything"),
            ("{\"v\":[...,\"20\"]}", "{\"v\":[1.5,\"20\"]}"),
            ("\"0...\"", "\"0.15\""),
        ] {
            assert_eq!(check(expected, seen), None, "{expected}");
        }
        for (expected, seen) in [
            ("a", "b"),
            ("a", "a\nb"),
            ("a\nb", "a"),
            ("a", ""),
            ("", "a"),
            ("t=...;r=0", "t=1;r=3"),
            ("...,\"20\"]", "1,\"2\"]"),
            ("ab...bc", "abc"),
            ("a", "aa"),
        ] {
            assert!(check(expected, seen).is_some(), "{expected}");
        }
    }
}
