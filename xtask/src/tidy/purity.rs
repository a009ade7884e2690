//! Pure crates have no clock, no I/O, no log and no environment; only the guest crate calls the proxy; no test is ignored.

use super::source::{self, Path};
use super::{File, Problem};
use crate::tiers::{CONFIG, PURE};

/// The one crate that calls the host.
const GUEST: &str = "crates/guest/";

/// Names that no pure crate uses, whatever path they are reached by.
const NAMES: [&str; 7] = [
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "proxy_wasm",
    "web_time",
];
/// Pieces of paths that no pure crate uses. `Instant` alone may be the associated type of a clock that is passed in.
const PIECES: [&[&str]; 3] = [&["time", "Instant"], &["Instant", "now"], &["time", "*"]];
/// Beginnings of paths that no pure crate uses.
const MODULES: [&[&str]; 7] = [
    &["log"],
    &["std", "*"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "process"],
    &["std", "thread"],
];
/// Macros that print.
const MACROS: [&str; 5] = ["dbg", "eprint", "eprintln", "print", "println"];

/// Checks one file.
pub(super) fn check(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(text) = file.text.as_deref().filter(|_| file.is_rust()) else {
        return problems;
    };
    let tokens = source::tokens(text);
    for window in tokens.windows(3) {
        if let [hash, bracket, name] = window
            && (hash.text.as_str(), bracket.text.as_str(), name.text.as_str()) == ("#", "[", "ignore")
        {
            let at = format!("{}:{}", file.path, name.line);
            problems.push(Problem::new(at, "an ignored test", "make it run, or remove it"));
        }
    }
    let pure = decides(&file.path);
    for path in source::paths(&source::without_tests(&tokens)) {
        let at = || format!("{}:{}", file.path, path.line);
        if pure && forbidden(&path) {
            let what = format!("{} in a pure crate", path.segments.join("::"));
            problems.push(Problem::new(
                at(),
                what,
                "take time and data as arguments, return what to do",
            ));
        }
        if !file.path.starts_with(GUEST) && path.contains(&["proxy_wasm", "hostcalls"]) {
            problems.push(Problem::new(
                at(),
                "a host call outside of crates/guest",
                "let crates/guest make it",
            ));
        }
    }
    problems
}

/// Whether a file is source, not tests, of a pure crate.
fn decides(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let ["crates", folder, "src", rest @ ..] = parts.as_slice() else {
        return false;
    };
    let package = format!("fairlead-{folder}");
    let pure = PURE.contains(&package.as_str()) || package == CONFIG;
    pure && !rest.iter().any(|part| *part == "tests" || *part == "tests.rs")
}

fn forbidden(path: &Path) -> bool {
    let named = path
        .segments
        .iter()
        .any(|segment| NAMES.contains(&segment.as_str()));
    let piece = PIECES.iter().any(|piece| path.contains(piece));
    let module = MODULES.iter().any(|module| {
        path.segments.len() >= module.len()
            && path
                .segments
                .iter()
                .zip(*module)
                .all(|(segment, name)| segment == name)
    });
    // A variable may be called `log`; the crate is followed by a path.
    let module = module && path.segments.len() > 1;
    let prints = path.is_macro
        && path
            .segments
            .last()
            .is_some_and(|last| MACROS.contains(&last.as_str()));
    named || piece || module || prints
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn problems(path: &str, source: &str) -> Vec<String> {
        check(&file(path, source))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn each_forbidden_call_in_a_pure_crate_is_a_problem_with_its_line() {
        for source in [
            "use std::time::{Duration, Instant};",
            "let t = std::time::SystemTime::now();",
            "std::fs::read(p)",
            "use std::{env};",
            "use std::*;",
            "use std::time::*;",
            "let t = Instant::now();",
            "let s = net::TcpStream::connect(a);",
            "log::info!(x)",
            "println!(x)",
            "use proxy_wasm::types::Action;",
        ] {
            let problems = problems("crates/quota/src/gcra.rs", &format!("\n{source}"));
            assert_eq!(problems.len(), 1, "{source}: {problems:?}");
            assert!(
                problems[0].starts_with("crates/quota/src/gcra.rs:2: "),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn what_decides_from_arguments_is_pure() {
        let source = "//! Like std::time::Instant.\nuse std::net::IpAddr; use std::time::Duration; f(\"println!\"); log(2); Self::Instant::ZERO;";
        assert_eq!(problems("crates/quota/src/gcra.rs", source), [""; 0]);
    }

    #[test]
    fn other_crates_and_tests_may_read_clocks() {
        assert_eq!(
            problems("crates/emulator/src/lib.rs", "use std::time::Instant;"),
            [""; 0]
        );
        assert_eq!(
            problems("crates/quota/src/gcra/tests.rs", "use std::time::Instant;"),
            [""; 0]
        );
        assert_eq!(
            problems("crates/quota/src/a.rs", "#[cfg(test)] mod tests { use std::fs; }"),
            [""; 0]
        );
    }

    #[test]
    fn only_the_guest_calls_the_host() {
        let source = "proxy_wasm::hostcalls::log(level, text)";
        assert_eq!(problems("crates/guest/src/abi.rs", source), [""; 0]);
        assert_eq!(problems("filters/rate-limit/src/lib.rs", source).len(), 1);
        assert_eq!(
            problems("crates/emulator/src/module.rs", "crate::hostcalls::link()"),
            [""; 0]
        );
    }

    #[test]
    fn an_ignored_test_is_a_problem() {
        assert_eq!(
            problems(
                "tests/tests/emulator.rs",
                "#[test]\n#[ignore = \"slow\"]\nfn a() {}"
            )
            .len(),
            1
        );
    }
}
