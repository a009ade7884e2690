//! What the user sees: how to try the proxy, then the numbers of each rule, variant and breaker, and what has happened.
//!
//! On a terminal the numbers stand still and change in place; anywhere else they are printed anew every few seconds.

mod breakers;
mod history;
mod how_to_try;
mod tables;
mod window;

use super::events::{Events, clock};
use super::mesh::{Mesh, REVIEWS};
use super::metrics::Tallies;
use super::policy::Policy;
use super::stop::Stop;
use super::timeline;
use anyhow::Context as _;
pub(super) use breakers::breakers;
use console::Term;
use history::History;
pub(super) use how_to_try::how_to_try;
use std::time::{Duration, Instant};
pub(super) use tables::{release, rules};
use window::Window;

/// Between two looks; on a terminal each is shown.
const LOOK: Duration = Duration::from_millis(500);
/// Every how many looks are shown, anywhere else.
const SHOWN: u32 = 6;
/// Ctrl-C reaches Envoy as well; the wish to end may be a moment later than Envoy's end.
const GRACE: Duration = Duration::from_secs(1);

/// Shows the numbers until it is time to end.
///
/// # Errors
/// Envoy has ended, or stdout is gone.
pub(super) fn watch(
    mesh: &Mesh,
    policy: &Policy,
    events: &Events,
    stop: &Stop,
    lost: impl Fn() -> u64,
) -> anyhow::Result<()> {
    let term = Term::stdout();
    let live = term.is_term();
    let mut window = Window::default();
    let mut history = History::default();
    let mut drawn = 0;
    let mut looks = 0_u32;
    loop {
        let tallies = match Tallies::read(&mesh.envoy) {
            Ok(tallies) => tallies,
            Err(_) if stop.within(GRACE) => return Ok(()),
            Err(_) if !mesh.envoy.is_running() => {
                let last = mesh.envoy.logs().pop().unwrap_or_default();
                anyhow::bail!("Envoy has ended: {last}")
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(before) = window.last() {
            for release in &policy.releases {
                events.compare(release, before, &tallies);
            }
        }
        // Of other policies nobody knows which breaker is about the reviews.
        if let Some(breaker) = policy.breakers.first().filter(|_| policy.is_demo) {
            let upstream = mesh.reviews.counts().total;
            history.look(events.time(), tallies.breaker(breaker), upstream);
        }
        window.push(Instant::now(), tallies);
        if live {
            let (height, width) = term.size();
            let mut lines = screen(policy, &window, &history, events, lost());
            lines.push("Ctrl-C ends it.".to_owned());
            lines.truncate(usize::from(height).saturating_sub(1));
            term.clear_last_lines(drawn).context("terminal")?;
            drawn = lines.len();
            for line in lines {
                term.write_line(&console::truncate_str(&line, usize::from(width), ""))
                    .context("terminal")?;
            }
        } else if looks.is_multiple_of(SHOWN) {
            let mut lines = screen(policy, &window, &history, events, lost());
            lines.push(String::new());
            term.write_line(&lines.join("\n")).context("standard output")?;
        }
        looks = looks.wrapping_add(1);
        if stop.within(LOOK) {
            return Ok(());
        }
    }
}

/// What there is to see at a moment.
fn screen(policy: &Policy, window: &Window, history: &History, events: &Events, lost: u64) -> Vec<String> {
    let mut lines = numbers(policy, window);
    if !history.rows().is_empty() {
        lines.push(String::new());
        lines.extend(timeline::lines(REVIEWS, history.rows(), clock));
    }
    lines.extend(events.last());
    if lost > 0 {
        lines.push(format!("{lost} requests of the background traffic got no answer"));
    }
    lines
}

/// All tables, with a blank line between two.
fn numbers(policy: &Policy, window: &Window) -> Vec<String> {
    let rules = Some(tables::live_rules(&policy.rules, window)).filter(|_| !policy.rules.is_empty());
    let releases = policy
        .releases
        .iter()
        .map(|release| tables::live_release(release, window));
    let breakers =
        Some(breakers::live_breakers(&policy.breakers, window)).filter(|_| !policy.breakers.is_empty());
    let mut lines = Vec::new();
    for table in rules.into_iter().chain(releases).chain(breakers) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(table);
    }
    lines
}
