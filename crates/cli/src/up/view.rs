//! What the user sees: how to try the proxy, then the numbers of each rule, variant, breaker and route, and what has happened.
//!
//! On a terminal the numbers stand still and change in place; anywhere else they are printed anew every few seconds.

mod breakers;
mod history;
mod how_to_try;
mod latency;
mod tables;
mod window;

use super::events::{Events, clock};
use super::mesh::{Mesh, REVIEWS};
use super::metrics::Tallies;
use super::policy::Policy;
use super::stop::Stop;
use super::timeline;
use super::traffic::Traffic;
use anyhow::Context as _;
pub(super) use breakers::breakers;
use console::Term;
use history::History;
pub(super) use how_to_try::how_to_try;
pub(super) use latency::{objectives, quantiles};
use std::time::{Duration, Instant};
pub(super) use tables::{release, rules};
use window::Window;

/// Between two looks; on a terminal each is shown.
const LOOK: Duration = Duration::from_millis(500);
/// Every how many looks are shown, anywhere else.
const SHOWN: u32 = 6;
/// On terminals that are lower only the last few things that have happened are shown.
const ROOMY: usize = 38;
const FEW: usize = 2;
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
    traffic: Option<&Traffic>,
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
            let room = usize::from(height).saturating_sub(1);
            let mut lines = screen(policy, &window, &history, events, traffic, room.saturating_sub(1));
            lines.push("Ctrl-C ends it.".to_owned());
            lines.truncate(room);
            term.clear_last_lines(drawn).context("terminal")?;
            drawn = lines.len();
            for line in lines {
                term.write_line(&console::truncate_str(&line, usize::from(width), ""))
                    .context("terminal")?;
            }
        } else if looks.is_multiple_of(SHOWN) {
            let mut lines = screen(policy, &window, &history, events, traffic, usize::MAX);
            lines.push(String::new());
            term.write_line(&lines.join("\n")).context("standard output")?;
        }
        looks = looks.wrapping_add(1);
        if stop.within(LOOK) {
            return Ok(());
        }
    }
}

/// What there is to see at a moment, in so many lines as far as it can be shortened.
fn screen(
    policy: &Policy,
    window: &Window,
    history: &History,
    events: &Events,
    traffic: Option<&Traffic>,
    room: usize,
) -> Vec<String> {
    let last = if room < ROOMY { FEW } else { usize::MAX };
    let mut happened = Vec::new();
    let rows = history.rows();
    let rows = rows.get(rows.len().saturating_sub(last)..).unwrap_or(rows);
    if !rows.is_empty() {
        happened.push(String::new());
        happened.extend(timeline::lines(REVIEWS, rows, clock));
    }
    happened.extend(events.last(last));
    let lost = traffic.map_or(0, Traffic::lost);
    if lost > 0 {
        happened.push(format!("{lost} requests of the background traffic got no answer"));
    }
    let mut lines = numbers(policy, window);
    let mut latencies = latencies(policy, window, traffic);
    let left = room.saturating_sub(lines.len()).saturating_sub(happened.len());
    latencies.truncate(left.saturating_sub(1));
    if !lines.is_empty() && !latencies.is_empty() {
        lines.push(String::new());
    }
    lines.extend(latencies);
    lines.extend(happened);
    lines
}

/// Latencies and objectives, with a blank line between two tables.
fn latencies(policy: &Policy, window: &Window, traffic: Option<&Traffic>) -> Vec<String> {
    let empty = Tallies::default();
    let now = window.last().unwrap_or(&empty);
    let mut lines = Vec::new();
    for histogram in &policy.histograms {
        let Some(quantiles) = histogram.quantiles() else {
            continue;
        };
        // Of other policies nobody knows which label sets the traffic falls under.
        let clients = traffic.filter(|_| policy.is_demo).map(|traffic| {
            let timings = traffic.timings();
            timings.by_label_set(histogram, quantiles.window, Instant::now())
        });
        lines.extend(latency::live_latency(
            histogram,
            &now.latency(histogram),
            clients.as_ref(),
        ));
        lines.push(String::new());
    }
    if policy
        .histograms
        .iter()
        .any(|histogram| !histogram.objectives().is_empty())
    {
        lines.extend(latency::live_objectives(&policy.histograms, window));
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
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
