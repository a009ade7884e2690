//! An open loop: requests have fixed times of arrival, whether or not earlier ones are answered.
//!
//! Latency counts from the time at which a request *should* have been sent. A closed loop waits for a slow answer and
//! leaves out the requests that would have suffered with it (Gil Tene calls that coordinated omission); here they queue
//! for a free connection and their wait counts. When the generator itself is late its lateness is inside the latency as
//! well, and [`Latencies::behind`] says how much of it there was.
//!
//! Arrivals are evenly spaced, not random: the same arrivals for every proxy that is compared, and no noise of their own.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

use crate::closed::{PATIENCE, Statuses};
use crate::connection::{Connection, Progress};
use crate::request::Requests;
use crate::timer::Timer;

/// Events taken from the system at once.
const EVENTS: usize = 256;
/// The timer's token; connections count from 0.
const ALARM: Token = Token(usize::MAX);
/// Longest latency that is told apart: 10 minutes.
const LONGEST: u64 = 600_000_000_000;

/// How to load an address at a fixed rate.
#[derive(Clone, Debug)]
pub struct Rate {
    address: SocketAddr,
    requests: Requests,
    per_second: f64,
    connections: usize,
    patience: Duration,
}

impl Rate {
    /// `per_second` requests a second, evenly spaced, over up to 32 connections.
    pub fn new(address: SocketAddr, requests: impl Into<Requests>, per_second: f64) -> Self {
        Self {
            address,
            requests: requests.into(),
            per_second,
            connections: 32,
            patience: PATIENCE,
        }
    }

    /// Connections, which is the most that can be under way at once; at least 1. Requests take turns on them.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How long requests that are not answered at the end still have; 5 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends on the calling thread for `duration`, then waits for the answers that are missing.
    ///
    /// # Errors
    /// The system's, when nobody listens or files run out; `InvalidInput` for a rate that is not above 0 and finite.
    pub fn run(&self, duration: Duration) -> io::Result<Latencies> {
        let gap = Some(1.0 / self.per_second)
            .filter(|gap| gap.is_finite() && *gap > 0.0)
            .ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "the rate must be above 0 and finite")
            })?;
        let poll = Poll::new()?;
        let open = |index| Connection::open(self.address, Token(index), poll.registry());
        let connections: Vec<_> = (0..self.connections).map(open).collect::<io::Result<_>>()?;
        let mut run = Run {
            idle: (0..connections.len()).collect(),
            connections,
            timer: Timer::new(&poll, ALARM)?,
            poll,
            requests: &self.requests,
            start: Instant::now(),
            gap,
            total: (duration.as_secs_f64() / gap).round() as u64,
            arrived: 0,
            sent: 0,
            waiting: VecDeque::new(),
            statuses: Statuses::default(),
            seen: Latencies::new()?,
        };
        run.drive(duration + self.patience)?;
        Ok(run.finish())
    }
}

/// Latencies of an open loop, each from the intended time of sending to the last byte of the answer.
#[derive(Clone, Debug)]
pub struct Latencies {
    latency: Histogram<u64>,
    behind: Histogram<u64>,
    /// Answers by status code.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests that were cut off or got a malformed answer. They have no latency.
    pub errors: u64,
    /// Requests without an answer in time after the end, sent or still queued. Their latency is what they had waited then.
    pub unanswered: u64,
}

impl Latencies {
    fn new() -> io::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST, 3).map_err(io::Error::other);
        Ok(Self {
            latency: histogram()?,
            behind: histogram()?,
            by_status: BTreeMap::new(),
            errors: 0,
            unanswered: 0,
        })
    }

    /// The latency that a share `q` (0 to 1) of the requests did not exceed; zero without requests. Exact to 0.1 %.
    pub fn quantile(&self, q: f64) -> Duration {
        Duration::from_nanos(self.latency.value_at_quantile(q))
    }

    /// The mean latency; zero without requests.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.latency.mean() as u64)
    }

    /// Requests with a latency.
    pub fn count(&self) -> u64 {
        self.latency.len()
    }

    /// How late requests were sent, as a quantile: because no connection was free, or because the generator itself got
    /// no CPU time. When it is near the latency, the generator or the number of connections was measured.
    pub fn behind(&self, q: f64) -> Duration {
        Duration::from_nanos(self.behind.value_at_quantile(q))
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds, which is all that can go wrong.
        let _ = self.latency.add(&other.latency);
        let _ = self.behind.add(&other.behind);
        self.errors += other.errors;
        self.unanswered += other.unanswered;
        for (status, count) in &other.by_status {
            *self.by_status.entry(*status).or_default() += count;
        }
    }
}

fn record(histogram: &mut Histogram<u64>, value: Duration) {
    histogram.saturating_record(
        u64::try_from(value.as_nanos())
            .unwrap_or(LONGEST)
            .clamp(1, LONGEST),
    );
}

struct Run<'a> {
    poll: Poll,
    timer: Timer,
    connections: Vec<Connection>,
    /// Connections that are free, longest free first.
    idle: VecDeque<usize>,
    requests: &'a Requests,
    start: Instant,
    gap: f64,
    total: u64,
    arrived: u64,
    sent: u64,
    /// Requests that are due and have no connection yet.
    waiting: VecDeque<Instant>,
    statuses: Statuses,
    seen: Latencies,
}

impl Run<'_> {
    fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 * self.gap)
    }

    fn drive(&mut self, limit: Duration) -> io::Result<()> {
        let end = self.start + limit;
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let now = Instant::now();
            while self.arrived < self.total && self.due(self.arrived) <= now {
                self.waiting.push_back(self.due(self.arrived));
                self.arrived += 1;
            }
            self.send_waiting();
            let done = self.arrived == self.total && self.waiting.is_empty();
            let free = self.connections.iter().all(|connection| connection.due.is_none());
            if now >= end || (done && free) || self.connections.iter().all(Connection::is_lost) {
                return Ok(());
            }
            let mut patience = end.saturating_duration_since(now);
            if self.arrived < self.total {
                patience = self.timer.arm(self.due(self.arrived), now, patience)?;
            }
            match self.poll.poll(&mut events, Some(patience)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                if event.token() != ALARM {
                    self.take(event.token().0, event.is_read_closed());
                }
            }
        }
    }

    fn send_waiting(&mut self) {
        while let (Some(&index), Some(&due)) = (self.idle.front(), self.waiting.front()) {
            self.idle.pop_front();
            let Some(connection) = self.connections.get_mut(index).filter(|it| it.is_idle()) else {
                continue;
            };
            self.waiting.pop_front();
            let turn = self.sent;
            self.sent += 1;
            record(&mut self.seen.behind, due.elapsed());
            if matches!(connection.send(self.requests, turn, due), Progress::Failed) {
                self.seen.errors += 1;
                self.reopen(index);
            }
        }
    }

    fn take(&mut self, index: usize, read_closed: bool) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if connection.due.is_none() {
            // Closed while nothing was under way; it waits among the idle ones.
            if read_closed && !connection.is_lost() {
                let _ = connection.reopen(self.poll.registry());
            }
            return;
        }
        match connection.advance(read_closed) {
            Progress::Waiting => {}
            Progress::Answered(answer) => {
                self.statuses.count(answer.status);
                if let Some(due) = connection.finish() {
                    record(&mut self.seen.latency, due.elapsed());
                }
                if answer.close || read_closed {
                    self.reopen(index);
                } else {
                    self.idle.push_back(index);
                }
            }
            Progress::Failed => {
                self.seen.errors += 1;
                self.reopen(index);
            }
        }
    }

    /// Opens a connection anew and puts it among the free ones, if it can be opened.
    fn reopen(&mut self, index: usize) {
        if let Some(connection) = self.connections.get_mut(index)
            && connection.reopen(self.poll.registry()).is_ok()
        {
            self.idle.push_back(index);
        }
    }

    /// What is not answered by now is as slow as now, at least.
    fn finish(mut self) -> Latencies {
        let under_way = self.connections.iter().filter_map(|connection| connection.due);
        let unsent = (self.arrived..self.total).map(|number| self.due(number));
        let open: Vec<_> = under_way
            .chain(self.waiting.iter().copied())
            .chain(unsent)
            .collect();
        for due in open {
            self.seen.unanswered += 1;
            record(&mut self.seen.latency, due.elapsed());
        }
        self.seen.by_status = self.statuses.into_map();
        self.seen
    }
}
