//! The page of the example shows what the command prints.

use super::at;
use std::process::{Command, Output};

/// Whether `text` is what `shown` shows of it: line by line, where `...` stands for any lines.
fn is_shown(shown: &[&str], text: &[&str]) -> bool {
    match (shown, text) {
        ([], text) => text.is_empty(),
        (["...", rest @ ..], text) => {
            (0..=text.len()).any(|from| is_shown(rest, text.get(from..).unwrap_or_default()))
        }
        ([line, rest @ ..], [first, behind @ ..]) => line == first && is_shown(rest, behind),
        _ => false,
    }
}

#[test]
fn the_examples_page_shows_what_is_printed() {
    let page = std::fs::read_to_string(at("examples/quickstart/README.md")).unwrap();
    let blocks = page
        .split("```")
        .filter_map(|block| block.strip_prefix("console\n$ fairlead "));
    let blocks: Vec<(&str, &str)> = blocks.map(|block| block.split_once('\n').unwrap()).collect();
    assert_eq!(blocks.len(), 3);
    for (command, shown) in blocks {
        let args: Vec<&str> = command.split(' ').collect();
        let output = in_a_folder_with_examples(&args);
        let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let (shown, lines): (Vec<&str>, Vec<&str>) = (shown.lines().collect(), all.lines().collect());
        assert!(is_shown(&shown, &lines), "fairlead {command} prints\n{all}");
    }
}

/// As in the root of the repository, but for a record of images there.
fn in_a_folder_with_examples(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = folder.path().join("examples/quickstart");
    std::fs::create_dir_all(&quickstart).unwrap();
    std::fs::copy(
        at("examples/quickstart/policy.yaml"),
        quickstart.join("policy.yaml"),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    command.args(args).current_dir(folder.path()).output().unwrap()
}
