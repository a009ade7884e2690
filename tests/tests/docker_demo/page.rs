//! The page, from its first command to its last.

use std::time::{Duration, Instant};

use fairlead_tests::docker::{Ended, Project, Step, difference, steps};
use fairlead_tests::modules;

/// What is scraped, or written to a log, is there a moment later.
const SOON: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// The one command that is not run here: a test does not build what it tests. `Project::enter` has seen that the modules are there.
const BUILD: &str = "cargo xtask build";

#[test]
fn every_command_of_the_page_prints_what_stands_there() {
    let Some(project) = Project::enter() else { return };
    let page = modules::workspace().join("examples/docker/README.md");
    let steps = steps(&std::fs::read_to_string(page).expect("the page"));
    assert!(steps.len() > 20, "{} commands", steps.len());
    let mut built = false;
    for step in &steps {
        if step.command == BUILD {
            built = true;
            continue;
        }
        if let Err(wrong) = run(&project, step) {
            panic!(
                "line {}: {}\n{wrong}\n{}",
                step.line,
                step.command,
                project.logs()
            );
        }
    }
    assert!(built, "the page does not say how to build the modules");
    // The last command ends it all: nothing is left for the drop to remove.
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

/// Runs a step; one that only asks, again until the answer is as it should be.
fn run(project: &Project, step: &Step) -> Result<(), String> {
    let asks = ["/api/v1/query", "/stats/prometheus", " logs "];
    let asks = asks.iter().any(|it| step.command.contains(it));
    let expected: Vec<String> = step.output.iter().map(|line| project.here(line)).collect();
    let begin = Instant::now();
    loop {
        let ended = project.run(&step.command);
        let Some(wrong) = wrong(&expected, &ended) else {
            return Ok(());
        };
        if !asks || begin.elapsed() > SOON {
            return Err(wrong);
        }
        std::thread::sleep(PAUSE);
    }
}

fn wrong(expected: &[String], ended: &Ended) -> Option<String> {
    let Ended { well, stdout, stderr } = ended;
    if !well {
        return Some(format!("it failed\n{stdout}{stderr}"));
    }
    difference(expected, stdout).map(|wrong| format!("{wrong}\nall of it:\n{stdout}{stderr}"))
}
