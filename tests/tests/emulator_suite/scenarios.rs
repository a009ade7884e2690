//! The scenarios in `tests/scenarios` in one module: the command answers each request as it does with a module for each filter.

use std::path::Path;

use fairlead_tests::modules;
use fairlead_tests::scenarios::{in_each, play};

/// A line for each request. What comes after them is of plugins, whose names differ.
fn answers(folder: &Path, more: &[&str]) -> Result<Vec<String>, String> {
    let mut lines: Vec<String> = play(folder, more)?.lines().map(str::to_owned).collect();
    lines.pop();
    Ok(lines)
}

/// What differs in a scenario.
fn difference(folder: &Path) -> Option<String> {
    let (apart, together) = match (answers(folder, &[]), answers(folder, &["--suite"])) {
        (Ok(apart), Ok(together)) => (apart, together),
        (Err(problem), _) | (_, Err(problem)) => return Some(problem),
    };
    if apart.is_empty() || apart.len() != together.len() {
        return Some(format!(
            "{} answers, {} in one module",
            apart.len(),
            together.len()
        ));
    }
    let pairs = apart.iter().zip(&together);
    let mut different = pairs.filter(|(one, other)| one != other);
    different
        .next()
        .map(|(one, other)| format!("{one}\nin one module {other}"))
}

#[test]
fn every_scenario_is_answered_alike_in_one_module() {
    if modules::module("suite").is_some() {
        in_each(|folder| difference(folder).into_iter().collect());
    }
}
