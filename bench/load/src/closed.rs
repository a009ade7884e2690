//! A closed loop: each connection sends its next request as soon as the last one is answered.
//!
//! It finds out how much a proxy can take, and keeps it busy while its CPU time is measured. It says nothing about
//! latency: a slow proxy is simply asked less often. For that there is [`Rate`](crate::Rate).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::connection::{Connection, Progress};
use crate::request::Requests;

/// How long requests that are under way at the end have for their answers, unless said otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Events taken from the system at once.
const EVENTS: usize = 256;

/// How to load an address as much as it takes.
#[derive(Clone, Debug)]
pub struct Saturate {
    address: SocketAddr,
    requests: Requests,
    connections: usize,
    threads: usize,
    patience: Duration,
}

impl Saturate {
    /// 32 connections, driven by the calling thread.
    pub fn new(address: SocketAddr, requests: impl Into<Requests>) -> Self {
        Self {
            address,
            requests: requests.into(),
            connections: 32,
            threads: 1,
            patience: PATIENCE,
        }
    }

    /// Keep-alive connections over all threads, each with one request under way; at least 1.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Threads that share the connections; at least 1. One alone is the calling thread.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// How long requests that are under way at the end of a run have for their answers; 5 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens the connections.
    ///
    /// # Errors
    /// The system's, when nobody listens or files run out.
    pub fn connect(&self) -> io::Result<Closed> {
        let threads = self.threads.min(self.connections);
        let lane = |index: usize| {
            let share = (self.connections + index) / threads;
            Lane::connect(self, share, index as u64, threads as u64)
        };
        Ok(Closed {
            lanes: (0..threads).map(lane).collect::<io::Result<_>>()?,
        })
    }

    /// Opens the connections, runs for `duration`, closes them.
    ///
    /// # Errors
    /// As [`connect`](Self::connect) and [`Closed::run`].
    pub fn run(&self, duration: Duration) -> io::Result<Throughput> {
        self.connect()?.run(duration)
    }
}

/// A closed loop with open connections, for several runs.
#[derive(Debug)]
pub struct Closed {
    lanes: Vec<Lane>,
}

impl Closed {
    /// Sends for `duration`, then waits for the answers that are missing. Numbered requests go on where the
    /// last run ended.
    ///
    /// # Errors
    /// The system's, for the poll itself. What happens to single requests and connections is counted instead.
    pub fn run(&mut self, duration: Duration) -> io::Result<Throughput> {
        let start = Instant::now();
        let mut total = Throughput::default();
        if let [lane] = self.lanes.as_mut_slice() {
            lane.run(start, duration, &mut total)?;
            return Ok(total);
        }
        let runs: Vec<io::Result<Throughput>> = std::thread::scope(|scope| {
            let spawn = |lane| {
                scope.spawn(move || {
                    let mut own = Throughput::default();
                    Lane::run(lane, start, duration, &mut own).map(|()| own)
                })
            };
            let threads: Vec<_> = self.lanes.iter_mut().map(spawn).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a thread of the load generator ended early")))
            };
            threads.into_iter().map(join).collect()
        });
        for run in runs {
            total.add(run?);
        }
        Ok(total)
    }
}

/// What a closed loop has seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Throughput {
    /// Answers.
    pub requests: u64,
    /// Requests without an answer: malformed, cut off, or none in time after the end.
    pub errors: u64,
    /// Connections that could not be opened again and were missing for the rest of the run.
    pub lost: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Answers by status code.
    pub by_status: BTreeMap<u16, u64>,
}

impl Throughput {
    /// Answers a second; 0 if there were none.
    pub fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 {
            self.requests as f64 / seconds
        } else {
            0.0
        }
    }

    /// Answers with this status.
    pub fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// Whether every request was answered with 200.
    pub fn all_ok(&self) -> bool {
        self.errors == 0 && self.lost == 0 && self.requests > 0 && self.status(200) == self.requests
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.lost += other.lost;
        self.elapsed = self.elapsed.max(other.elapsed);
        for (status, count) in other.by_status {
            *self.by_status.entry(status).or_default() += count;
        }
    }
}

/// The connections of one thread.
#[derive(Debug)]
struct Lane {
    poll: Poll,
    connections: Vec<Connection>,
    requests: Requests,
    turn: u64,
    stride: u64,
    patience: Duration,
}

impl Lane {
    fn connect(config: &Saturate, connections: usize, first: u64, stride: u64) -> io::Result<Self> {
        let poll = Poll::new()?;
        let open = |index| Connection::open(config.address, Token(index), poll.registry());
        Ok(Self {
            connections: (0..connections).map(open).collect::<io::Result<_>>()?,
            poll,
            requests: config.requests.clone(),
            turn: first,
            stride,
            patience: config.patience,
        })
    }

    fn run(&mut self, start: Instant, duration: Duration, seen: &mut Throughput) -> io::Result<()> {
        let end = start + duration;
        let mut events = Events::with_capacity(EVENTS);
        self.poll_once(&mut events, Duration::ZERO)?;
        self.reopen_closed(&events, seen);
        let mut statuses = Statuses::default();
        let mut under_way = 0_usize;
        for index in 0..self.connections.len() {
            under_way += usize::from(self.next(index, start, seen));
        }
        let mut last = start;
        while under_way > 0 {
            let now = Instant::now();
            let Some(left) = (end + self.patience)
                .checked_duration_since(now)
                .filter(|left| !left.is_zero())
            else {
                break;
            };
            self.poll_once(&mut events, left)?;
            let now = Instant::now();
            for event in &events {
                let Token(index) = event.token();
                let Some(connection) = self.connections.get_mut(index) else {
                    continue;
                };
                let reopen = match connection.advance(event.is_read_closed()) {
                    Progress::Waiting => continue,
                    Progress::Answered(answer) => {
                        statuses.count(answer.status);
                        last = now;
                        answer.close || event.is_read_closed()
                    }
                    Progress::Failed => {
                        seen.errors += 1;
                        true
                    }
                };
                connection.finish();
                under_way -= 1;
                if reopen {
                    seen.lost += u64::from(connection.reopen(self.poll.registry()).is_err());
                }
                if now < end {
                    under_way += usize::from(self.next(index, now, seen));
                }
            }
        }
        // Whoever has not answered by now is cut off, so that its late answer is not taken for that of a later run.
        for connection in self
            .connections
            .iter_mut()
            .filter(|connection| connection.due.is_some())
        {
            seen.errors += 1;
            seen.lost += u64::from(connection.reopen(self.poll.registry()).is_err());
        }
        seen.requests += statuses.total();
        seen.elapsed = last.duration_since(start);
        seen.by_status = statuses.into_map();
        Ok(())
    }

    /// Sends the next request on a connection, twice if the first attempt breaks it; whether one is under way.
    fn next(&mut self, index: usize, now: Instant, seen: &mut Throughput) -> bool {
        let Some(connection) = self.connections.get_mut(index) else {
            return false;
        };
        for _ in 0..2 {
            if !connection.is_idle() {
                return false;
            }
            let turn = self.turn;
            self.turn = turn.wrapping_add(self.stride);
            match connection.send(&self.requests, turn, now) {
                Progress::Failed => {
                    seen.errors += 1;
                    seen.lost += u64::from(connection.reopen(self.poll.registry()).is_err());
                }
                Progress::Waiting | Progress::Answered(_) => return true,
            }
        }
        false
    }

    /// Connections that the server has closed while nothing was under way.
    fn reopen_closed(&mut self, events: &Events, seen: &mut Throughput) {
        for event in events.iter().filter(|event| event.is_read_closed()) {
            let Token(index) = event.token();
            if let Some(connection) = self.connections.get_mut(index).filter(|it| !it.is_lost()) {
                seen.lost += u64::from(connection.reopen(self.poll.registry()).is_err());
            }
        }
    }

    fn poll_once(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}

/// Counts by status: a handful, the last one almost always the same.
#[derive(Debug, Default)]
pub(crate) struct Statuses(Vec<(u16, u64)>);

impl Statuses {
    pub(crate) fn count(&mut self, status: u16) {
        match self.0.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.0.push((status, 1)),
        }
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    pub(crate) fn into_map(self) -> BTreeMap<u16, u64> {
        self.0.into_iter().collect()
    }
}
