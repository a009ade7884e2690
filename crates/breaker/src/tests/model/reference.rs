//! The model: every call in a list.

use crate::tests::*;

/// A completed call, when it completed.
#[derive(Clone, Copy, Debug)]
struct Seen {
    when: u64,
    failed: bool,
    slow: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    policy: Policy,
    pub(super) phase: Phase,
    pub(super) generation: u32,
    pub(super) since: u64,
    pub(super) until: u64,
    opens: u32,
    /// When buckets begin.
    origin: u64,
    calls: Vec<Seen>,
    /// All calls of the closed phase, for failures in a row.
    row: Vec<Seen>,
    probes: Vec<Seen>,
    permits: Vec<u32>,
}

fn rate(part: usize, whole: usize, share: Share, above: bool) -> bool {
    let (part, bound) = (part as u64 * 1_000_000, whole as u64 * u64::from(share.ppm()));
    part > 0 && if above { part > bound } else { part >= bound }
}

impl Model {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            phase: Phase::Closed,
            generation: 0,
            since: 0,
            until: 0,
            opens: 0,
            origin: 0,
            calls: Vec::new(),
            row: Vec::new(),
            probes: Vec::new(),
            permits: Vec::new(),
        }
    }

    /// The bucket of a moment, and how many make a window.
    fn bucket(&self, when: u64) -> Option<(u64, u64)> {
        match self.policy.window {
            Window::Time { duration, buckets } => {
                let buckets = u64::from(buckets.get());
                let length = duration.as_nanos() as u64 / buckets;
                Some((when.saturating_sub(self.origin) / length, buckets))
            }
            Window::Calls(_) => None,
        }
    }

    fn window(&self, now: u64) -> Vec<Seen> {
        match self.policy.window {
            Window::Calls(calls) => {
                let skip = self.calls.len().saturating_sub(calls.get() as usize);
                self.calls[skip..].to_vec()
            }
            Window::Time { .. } => {
                let (current, buckets) = self.bucket(now).unwrap();
                let lies = |seen: &&Seen| self.bucket(seen.when).unwrap().0 + buckets > current;
                self.calls.iter().filter(lies).copied().collect()
            }
        }
    }

    fn enter(&mut self, phase: Phase, now: u64) {
        let keeps = self.policy.rules.keep_window;
        self.opens = self.row_of_opens(now) + u32::from(phase == Phase::Open);
        if phase == Phase::Closed && self.policy.open.backoff != Backoff::Linear {
            self.opens = 0;
        }
        if !keeps {
            self.calls.clear();
            self.origin = now;
        }
        self.row.clear();
        self.probes.clear();
        self.permits.clear();
        self.phase = phase;
        self.generation += 1;
        self.since = now;
        self.until = now
            + match phase {
                // Set from what was drawn, after a look at its bounds.
                Phase::Open => 0,
                Phase::HalfOpen => self.policy.half_open.max_wait.as_nanos() as u64,
                Phase::Closed => self.policy.recovery_ramp.as_nanos() as u64,
            };
    }

    fn row_of_opens(&self, now: u64) -> u32 {
        if self.phase != Phase::Closed || self.policy.open.backoff != Backoff::Linear {
            return self.opens;
        }
        let period = match self.policy.window {
            Window::Time { duration, .. } => duration,
            Window::Calls(_) => self.policy.open.duration,
        };
        self.opens
            .saturating_sub(((now - self.since) / period.as_nanos() as u64) as u32)
    }

    /// The shortest and the longest that it may open for now.
    pub(super) fn bounds(&self) -> (f64, f64) {
        let open = &self.policy.open;
        let first = open.duration.as_nanos() as f64;
        let length = match open.backoff {
            Backoff::Linear => first * f64::from(self.opens),
            Backoff::Factor { permille } => {
                first * (f64::from(permille) / 1_000.0).powi(self.opens as i32 - 1)
            }
        };
        let length = length.min(open.max.max(open.duration).as_nanos() as f64);
        let jitter = f64::from(open.jitter.ppm()) / 1e6;
        (length * (1.0 - jitter) - 1e4, length * (1.0 + jitter) + 1e4)
    }

    fn expire(&mut self, now: u64) -> bool {
        let over = self.phase == Phase::HalfOpen && now >= self.until;
        if over {
            let to = [Phase::Open, Phase::Closed][usize::from(self.policy.half_open.then == Then::Close)];
            self.enter(to, now);
        }
        over
    }

    /// Whether a request passes: `None` is up to chance, on a ramp.
    pub(super) fn admit(&mut self, now: u64, own: u32, dead: &[u32]) -> Option<bool> {
        self.expire(now);
        if self.phase == Phase::Open && now >= self.until && self.until > self.since {
            let probes = self.policy.half_open.probes;
            self.enter([Phase::Closed, Phase::HalfOpen][usize::from(probes > 0)], now);
        }
        if self.phase == Phase::HalfOpen {
            let held = self.permits.len();
            self.permits
                .retain(|holder| *holder == own || !dead.contains(holder));
            if self.permits.len() < held && self.policy.rules.lost_probe_opens {
                self.enter(Phase::Open, now);
            }
        }
        match self.phase {
            Phase::Open => Some(false),
            Phase::HalfOpen => {
                let room = self.probes.len() + self.permits.len() < self.policy.half_open.probes as usize;
                if room {
                    self.permits.push(own);
                }
                Some(room)
            }
            Phase::Closed if self.generation > 0 && now < self.until => None,
            Phase::Closed => Some(true),
        }
    }

    /// Counts the end of a call; says whether it was late.
    pub(super) fn complete(&mut self, now: u64, own: u32, ticket: Ticket, call: Call) -> bool {
        if self.expire(now) || ticket.generation != self.generation {
            return true;
        }
        let rules = self.policy.rules;
        let counts = call.outcome != Outcome::Ignored || rules.ignored_succeed;
        let seen = Seen {
            when: now,
            failed: call.outcome == Outcome::Failure,
            slow: call.slow,
        };
        match self.phase {
            Phase::Open => true,
            Phase::Closed => counts && self.count(seen, ticket.started.as_unix_nanos()),
            Phase::HalfOpen => {
                let Some(position) = self.permits.iter().position(|holder| *holder == own) else {
                    return true;
                };
                self.permits.remove(position);
                if counts {
                    self.probes.push(seen);
                    if rules.keep_window {
                        self.calls.push(seen);
                    }
                    self.judge_probes(now);
                } else if rules.lost_probe_opens {
                    self.enter(Phase::Open, now);
                }
                false
            }
        }
    }

    fn count(&mut self, seen: Seen, started: u64) -> bool {
        if self.since == 0 {
            (self.since, self.origin) = (started, started);
            self.until = started + self.policy.warm_up.as_nanos() as u64;
        }
        if let Some((current, 1)) = self.bucket(seen.when) {
            let (origin, length) = (self.origin, self.policy.window);
            let Window::Time { duration, .. } = length else {
                unreachable!()
            };
            let begin = origin + current * duration.as_nanos() as u64;
            self.row.retain(|seen| seen.when >= begin);
            if started < begin {
                return true;
            }
        }
        self.calls.push(seen);
        self.row.push(seen);
        let window = self.window(seen.when);
        let consecutive = self.row.iter().rev().take_while(|seen| seen.failed).count();
        let warm = self.generation == 0 && seen.when < self.until;
        let rules = &self.policy.rules;
        let weighs = seen.failed || seen.slow || !(rules.bad_calls_trip || rules.keep_window);
        if weighs && !warm && self.trips(&window, consecutive) {
            self.enter(Phase::Open, seen.when);
        }
        false
    }

    fn trips(&self, window: &[Seen], consecutive: usize) -> bool {
        let above = self.policy.rules.trip_above;
        let mut minimum = self.policy.minimum_requests as usize;
        if let Window::Calls(calls) = self.policy.window {
            minimum = minimum.min(calls.get() as usize);
        }
        let enough = window.len() >= minimum;
        let failures = window.iter().filter(|seen| seen.failed).count();
        let slow = window.iter().filter(|seen| seen.slow).count();
        let trip = self.policy.trip;
        trip.error_rate
            .is_some_and(|share| enough && rate(failures, window.len(), share, above))
            || trip
                .slow
                .is_some_and(|bound| enough && rate(slow, window.len(), bound.rate, above))
            || trip
                .consecutive_failures
                .is_some_and(|limit| consecutive >= limit.get() as usize)
    }

    fn judge_probes(&mut self, now: u64) {
        let all = self.policy.half_open.probes as usize;
        let left = all - self.probes.len();
        if self.policy.rules.judge_all_probes && left > 0 {
            return;
        }
        let verdict = |failed: bool, slow: bool| {
            let mut probes = self.probes.clone();
            probes.resize(
                all,
                Seen {
                    when: now,
                    failed,
                    slow,
                },
            );
            self.would_close(&probes)
        };
        match (verdict(false, false), verdict(true, true)) {
            (false, _) => self.enter(Phase::Open, now),
            (true, true) => self.enter(Phase::Closed, now),
            (true, false) => {}
        }
    }

    fn would_close(&self, probes: &[Seen]) -> bool {
        let rules = self.policy.rules;
        let successes = probes.iter().filter(|seen| !seen.failed).count();
        let slow = probes.iter().filter(|seen| seen.slow).count();
        let too_slow = self
            .policy
            .trip
            .slow
            .is_some_and(|bound| rate(slow, probes.len(), bound.rate, rules.trip_above));
        // All of them suffice, whatever is asked for; none never does.
        let enough = successes == probes.len()
            || rate(
                successes,
                probes.len(),
                self.policy.half_open.success_rate,
                rules.close_above,
            );
        enough && !too_slow
    }
}
