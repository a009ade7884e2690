//! Counting what the test harnesses report.

use serde::{Deserialize, Serialize};

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Counts {
    /// Ran and were right.
    pub(crate) passed: u64,
    /// Ran and were wrong, or could not run.
    pub(crate) failed: u64,
    /// Did not run.
    pub(crate) skipped: u64,
}

impl Counts {
    /// One check that passed.
    pub(crate) const fn passed() -> Self {
        Self {
            passed: 1,
            failed: 0,
            skipped: 0,
        }
    }

    /// One check that failed.
    pub(crate) const fn failed() -> Self {
        Self {
            passed: 0,
            failed: 1,
            skipped: 0,
        }
    }

    /// One check, by whether it passed.
    pub(crate) const fn of_check(passed: bool) -> Self {
        if passed { Self::passed() } else { Self::failed() }
    }

    /// One check that did not run.
    pub(crate) const fn skipped() -> Self {
        Self {
            passed: 0,
            failed: 0,
            skipped: 1,
        }
    }

    /// Adds what a line of output reports. The harnesses of Rust and of wasm-bindgen end each binary with the same line:
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    pub(crate) fn read(&mut self, line: &str) {
        let Some((_, numbers)) = line
            .split_once("test result: ")
            .and_then(|(_, rest)| rest.split_once(". "))
        else {
            return;
        };
        for part in numbers.split(';') {
            let Some((number, word)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], passed: u64, failed: u64, skipped: u64) {
        let mut counts = Counts::default();
        for line in lines {
            counts.read(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed,
                failed,
                skipped
            },
            "{lines:?}"
        );
    }

    #[test]
    fn the_results_of_all_binaries_are_added() {
        let ok =
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s";
        let bad = "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s";
        check(&["running 4 tests", ok, bad], 5, 4, 1);
    }

    #[test]
    fn the_wasm_harness_counts_too() {
        check(
            &["test result: ok. 4 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.04s"],
            4,
            0,
            0,
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        check(
            &["test a::passed ... ok", "5 passed", "test result: ", ""],
            0,
            0,
            0,
        );
    }
}
