//! Running with one release of Envoy: a row for each test binary, so that the table says which area a release fails in.

use crate::tiers::Groups;

/// How a line begins that a test prints which leaves itself out on this Envoy (`fairlead_tests::versions`). It counts as skipped, though
/// its harness has it among those that passed.
pub(crate) const LEFT_OUT: &str = "not on this Envoy: ";

/// The arguments of a step for each test binary of it that `wanted` names, with its name: `--test envoy*` of the table stands for all that
/// begin so.
/// All binaries of one name run together, whatever their packages: to select packages would make cargo build dependencies anew.
pub(crate) fn each_binary(
    groups: &Groups<'_>,
    arguments: &[&str],
    wanted: impl Fn(&str) -> bool,
) -> Vec<(String, Vec<String>)> {
    const TEST: &str = "--test";
    let expanded = groups.expand(arguments);
    let mut patterns = Vec::new();
    let mut before = Vec::new();
    let mut after = Vec::new();
    let mut rest = expanded.into_iter();
    while let Some(argument) = rest.next() {
        if argument == TEST {
            patterns.extend(rest.next());
        } else if patterns.is_empty() {
            before.push(argument);
        } else {
            after.push(argument);
        }
    }
    let mut names: Vec<&str> = Vec::new();
    for pattern in &patterns {
        let known = groups.binaries.iter().map(|(_, name)| *name);
        for name in known.filter(|name| is_of(name, pattern) && wanted(name)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let of = |name: &str| {
        let mut arguments = before.clone();
        arguments.extend([TEST, name].map(str::to_owned));
        arguments.extend(after.iter().cloned());
        (name.to_owned(), arguments)
    };
    names.into_iter().map(of).collect()
}

fn is_of(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: &[(&str, &str)]) {
        let groups = Groups {
            filters: vec![],
            binaries: vec![
                ("fairlead-envoy", "offline"),
                ("fairlead-envoy", "real"),
                ("fairlead-overhead", "real"),
                ("fairlead-tests", "emulator_canary"),
                ("fairlead-tests", "envoy_canary"),
                ("fairlead-tests", "envoy_cost"),
            ],
        };
        let found = each_binary(&groups, arguments, |name| name != "offline");
        let found: Vec<_> = (found.iter())
            .map(|(name, arguments)| (name.clone(), arguments.join(" ")))
            .collect();
        let expected: Vec<_> = (expected.iter())
            .map(|(name, line)| ((*name).to_owned(), (*line).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_pattern_stands_for_all_binaries_that_begin_so() {
        check(
            &[
                "test",
                "--release",
                "--test",
                "envoy*",
                "--",
                "--test-threads",
                "2",
            ],
            &[
                (
                    "envoy_canary",
                    "test --release --test envoy_canary -- --test-threads 2",
                ),
                (
                    "envoy_cost",
                    "test --release --test envoy_cost -- --test-threads 2",
                ),
            ],
        );
    }

    #[test]
    fn binaries_of_one_name_run_once() {
        check(
            &["test", "{tests}fairlead-envoy", "{tests}fairlead-overhead", "--"],
            &[("real", "test --test real --")],
        );
    }
}
