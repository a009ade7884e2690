//! One key hammered from several connections on all workers, and beside it one that keeps within its rate.

use super::{Group, PER_KEY, Script, quota};
use crate::up::client::{Answer, Ask, Client};
use crate::up::stop::Stop;
use anyhow::Context as _;
use std::thread;
use std::time::{Duration, Instant};

/// How long. With 20 units a second and 20 at once that makes 110 admitted requests, so that one is less than 1 %.
const HAMMER: Duration = Duration::from_millis(4500);
/// A hammering connection then goes on until it is refused once more; not for longer than this.
const LAST_REFUSAL: Duration = Duration::from_secs(2);
/// The pause after each answer of a hammering connection.
const PAUSE: Duration = Duration::from_millis(4);
/// The time between two requests of the quiet client: half of what her limit admits.
const QUIET: Duration = Duration::from_millis(100);
/// Connections that hammer, at first. The kernel spreads them over Envoy's workers as it likes; more are opened until each
/// worker has one.
const CONNECTIONS: usize = 8;
const MOST_CONNECTIONS: usize = 64;

impl Script<'_> {
    /// Both clients, at the same time. Returns the connections, on which every worker is reached.
    pub(super) fn hammer(&mut self) -> anyhow::Result<Vec<Client>> {
        let (clients, shares) = self.connect()?;
        let shown = shares.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ");
        self.check(
            "every worker of Envoy is hammered",
            shares.iter().all(|share| *share > 0),
            "connections on all workers",
            shown,
        );
        let quiet = self.mesh.client();
        let start = Instant::now();
        let end = start.checked_add(HAMMER).context("clock")?;
        let stop = self.stop;
        let (mallory, alice) = thread::scope(|scope| {
            let hammers: Vec<_> = clients
                .iter()
                .map(|client| scope.spawn(move || pound(client, end, stop)))
                .collect();
            let quiet = scope.spawn(|| pace(&quiet, start, end, stop));
            let join =
                |thread: thread::ScopedJoinHandle<'_, Vec<Option<Answer>>>| thread.join().unwrap_or_default();
            let mallory: Vec<Option<Answer>> = hammers.into_iter().flat_map(join).collect();
            (mallory, join(quiet))
        });
        let refused = |answers: &[Option<Answer>]| {
            answers
                .iter()
                .flatten()
                .filter(|answer| answer.status != 200)
                .count()
        };
        self.check(
            "a key within its rate is never refused",
            !alice.is_empty() && refused(&alice) == 0,
            format!("0 of {} refused", alice.len()),
            refused(&alice).to_string(),
        );
        let numbers = self.policy.numbers(PER_KEY)?;
        let answers: Vec<Answer> = mallory.iter().flatten().cloned().collect();
        let bounds = quota::bounds(numbers, &answers);
        let admitted = answers.len().saturating_sub(refused(&mallory));
        self.check(
            "a hammered key gets its quota, all of it and no more",
            u64::try_from(admitted).is_ok_and(|admitted| bounds.contain(admitted)),
            format!("{bounds} of {} admitted", answers.len()),
            admitted.to_string(),
        );
        for answer in mallory.into_iter().chain(alice) {
            self.ledger.add(Group::Keyed, answer);
        }
        Ok(clients)
    }

    /// Clients on every worker, and how many connections each worker has got from them.
    fn connect(&mut self) -> anyhow::Result<(Vec<Client>, Vec<u64>)> {
        let before = self.mesh.connections()?;
        let mut clients = Vec::new();
        loop {
            let client = self.mesh.client();
            self.send(&client, Group::Free, &Ask::new("/"));
            clients.push(client);
            if clients.len() < CONNECTIONS {
                continue;
            }
            let now = self.mesh.connections()?;
            let shares: Vec<u64> = now
                .iter()
                .zip(&before)
                .map(|(now, then)| now.saturating_sub(*then))
                .collect();
            if shares.iter().all(|share| *share > 0) || clients.len() >= MOST_CONNECTIONS {
                return Ok((clients, shares));
            }
        }
    }
}

/// Sends as fast as is sensible until `end`, and on until a refusal.
fn pound(client: &Client, end: Instant, stop: &Stop) -> Vec<Option<Answer>> {
    let ask = Ask::new("/api/orders").header("x-api-key", "mallory");
    let mut answers = Vec::new();
    let latest = end.checked_add(LAST_REFUSAL).unwrap_or(end);
    loop {
        let answer = client.send(&ask).ok();
        let refused = answer.as_ref().is_none_or(|answer| answer.status != 200);
        answers.push(answer);
        let now = Instant::now();
        if (now >= end && refused) || now >= latest || stop.within(PAUSE) {
            return answers;
        }
    }
}

/// Sends at the moments of a schedule until `end`. Late requests are made up for: the quota has grown meanwhile.
fn pace(client: &Client, start: Instant, end: Instant, stop: &Stop) -> Vec<Option<Answer>> {
    let ask = Ask::new("/api/orders").header("x-api-key", "alice");
    let mut answers = Vec::new();
    let mut next = start;
    while next < end && !stop.until(next) {
        answers.push(client.send(&ask).ok());
        next = next.checked_add(QUIET).unwrap_or(end);
    }
    answers
}
