//! Plays the lines of a traffic file on an emulated proxy, in the order of virtual time.
//!
//! Requests are handed over one at a time, and whatever is due by then has happened before, so that only what is in flight
//! is in memory. Answers come back in the order of the lines, however long each took; a repeated line's answers stand
//! together.

use super::traffic::{Event, Line, What};
use anyhow::Result;
use fairlead_emulator::{Emulator, Event as Happening, Fault, LogLine, Metrics, Outcome, Report, Update};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

/// What each policy line sends: by line number, plugins and their configs.
pub(super) type Configs = HashMap<usize, Vec<(String, Vec<u8>)>>;

/// A request and what it met.
pub(super) struct Played {
    pub(super) id: String,
    /// Which line it stands on, by index.
    pub(super) line: usize,
    pub(super) outcome: Outcome,
}

/// What is known once all is played.
pub(super) struct End {
    pub(super) metrics: Metrics,
    pub(super) logs: Vec<LogLine>,
    pub(super) faults: Vec<Fault>,
    pub(super) updates: Vec<Update>,
}

/// A line (by index) and which of its repetitions.
type Turn = (usize, u64);

struct Player<'l> {
    lines: &'l [Line],
    /// By request number.
    turns: HashMap<u64, Turn>,
    /// Ended, and not yet given out.
    ended: BTreeMap<Turn, Outcome>,
    /// The next one to give out.
    next: Turn,
    end: End,
}

/// Plays all lines and gives each answer to `answer`.
///
/// # Errors
/// Those of `answer`.
pub(super) fn play(
    mut proxy: Emulator,
    lines: &[Line],
    configs: &Configs,
    answer: &mut dyn FnMut(&Played) -> Result<()>,
) -> Result<End> {
    let end = End {
        metrics: Metrics::default(),
        logs: Vec::new(),
        faults: Vec::new(),
        updates: Vec::new(),
    };
    let mut player = Player {
        lines,
        turns: HashMap::new(),
        ended: BTreeMap::new(),
        next: (0, 0),
        end,
    };
    let mut due: BinaryHeap<Reverse<(Duration, Turn)>> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| Reverse((line.at, (index, 0))))
        .collect();
    while let Some(Reverse((at, turn))) = due.pop() {
        let Some(line) = lines.get(turn.0) else { continue };
        match &line.what {
            What::Request(repeated) => {
                let id = proxy.request(at, repeated.request.clone());
                player.turns.insert(id.index(), turn);
                let again = turn.1.saturating_add(1);
                if again < repeated.times {
                    due.push(Reverse((at.saturating_add(repeated.every), (turn.0, again))));
                }
            }
            What::Event(event) => schedule(&mut proxy, at, event, configs.get(&line.number)),
        }
        let report = proxy.run_until(at);
        player.take(report, answer)?;
    }
    let report = proxy.run();
    player.take(report, answer)?;
    player.end.metrics = proxy.metrics();
    let rest = proxy.finish();
    player.take(rest, answer)?;
    Ok(player.end)
}

fn schedule(proxy: &mut Emulator, at: Duration, event: &Event, configs: Option<&Vec<(String, Vec<u8>)>>) {
    let happening = match event {
        Event::Policy(_) => {
            for (plugin, configuration) in configs.into_iter().flatten() {
                let (plugin, configuration) = (plugin.clone(), configuration.clone());
                proxy.schedule(
                    at,
                    Happening::Configure {
                        plugin,
                        configuration,
                    },
                );
            }
            return;
        }
        Event::ClockJump(nanoseconds) => Happening::ClockJump {
            nanoseconds: *nanoseconds,
        },
        Event::KillWorker(worker) => Happening::KillWorker { worker: *worker },
        Event::Tick => Happening::Tick,
    };
    proxy.schedule(at, happening);
}

impl Player<'_> {
    fn take(&mut self, report: Report, answer: &mut dyn FnMut(&Played) -> Result<()>) -> Result<()> {
        self.end.logs.extend(report.logs);
        self.end.faults.extend(report.faults);
        self.end.updates.extend(report.updates);
        for outcome in report.outcomes {
            if let Some(turn) = self.turns.remove(&outcome.id.index()) {
                self.ended.insert(turn, outcome);
            }
        }
        while let Some(line) = self.lines.get(self.next.0) {
            let What::Request(repeated) = &line.what else {
                self.next = (self.next.0.saturating_add(1), 0);
                continue;
            };
            let Some(outcome) = self.ended.remove(&self.next) else {
                break;
            };
            answer(&Played {
                id: repeated.id_of(self.next.1),
                line: self.next.0,
                outcome,
            })?;
            let again = self.next.1.saturating_add(1);
            self.next = if again < repeated.times {
                (self.next.0, again)
            } else {
                (self.next.0.saturating_add(1), 0)
            };
        }
        Ok(())
    }
}
