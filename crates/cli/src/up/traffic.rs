//! Background traffic: a few kinds of clients, each a thread with a connection of its own, under 120 requests a second in
//! all.
//!
//! Requests are sent at moments that follow from the start; a client that falls behind leaves moments out rather than
//! catching up, so that a busy machine gets less traffic and not more.

use super::client::{Ask, Client};
use super::stop::Stop;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The running traffic. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Traffic {
    stop: Stop,
    lost: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

/// A client that sends what `ask` says, `n` counting up, once a period.
struct Kind {
    period: Duration,
    ask: fn(n: u64) -> Ask,
}

static KINDS: [Kind; 6] = [
    // Stays within her limit of 20 a second.
    Kind {
        period: Duration::from_millis(100),
        ask: |_| Ask::new("/api/orders").header("x-api-key", "alice"),
    },
    // Hammers, on two connections: about 80 a second.
    Kind {
        period: Duration::from_millis(25),
        ask: mallory,
    },
    Kind {
        period: Duration::from_millis(25),
        ask: mallory,
    },
    // On the other version.
    Kind {
        period: Duration::from_millis(200),
        ask: |_| {
            Ask::new("/api/orders")
                .header("x-api-key", "bob")
                .header("x-version", "v2")
        },
    },
    // Without a key, from eight addresses behind the gateway, the first much more often than the others. What stands to the
    // left of the address is forged anew each time.
    Kind {
        period: Duration::from_millis(200),
        ask: |n| {
            let host = if n.is_multiple_of(2) {
                1
            } else {
                n.wrapping_div(2) % 7 + 2
            };
            let forged = format!("10.{}.{}.1, 203.0.113.{host}", n % 200, n % 250);
            Ask::new("/api/orders").header("x-forwarded-for", forged)
        },
    },
    // Searches more than the limit that is being tried out would let her.
    Kind {
        period: Duration::from_millis(300),
        ask: |_| Ask::new("/api/search").header("x-api-key", "carol"),
    },
];

fn mallory(_: u64) -> Ask {
    Ask::new("/api/orders").header("x-api-key", "mallory")
}

impl Traffic {
    /// Starts all clients.
    pub(super) fn start(address: SocketAddr) -> Self {
        let (stop, lost) = (Stop::default(), Arc::<AtomicU64>::default());
        let start = |kind: &'static Kind| {
            let (stop, lost) = (stop.clone(), Arc::clone(&lost));
            thread::spawn(move || drive(kind, &Client::new(address), &stop, &lost))
        };
        let threads = KINDS.iter().map(start).collect();
        Self { stop, lost, threads }
    }

    /// How many requests got no answer.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.set();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn drive(kind: &Kind, client: &Client, stop: &Stop, lost: &AtomicU64) {
    let mut next = Instant::now();
    for n in 0_u64.. {
        if client.send(&(kind.ask)(n)).is_err() {
            lost.fetch_add(1, Ordering::Relaxed);
        }
        next = moment_after(next, Instant::now(), kind.period);
        if stop.until(next) {
            return;
        }
    }
}

/// The first moment of the schedule that is not over yet.
fn moment_after(last: Instant, now: Instant, period: Duration) -> Instant {
    let next = last.checked_add(period).unwrap_or(last);
    if next < now { now } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_falls_behind_does_not_catch_up() {
        let (start, period) = (Instant::now(), Duration::from_millis(100));
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(moment_after(start, at(30), period), at(100));
        assert_eq!(moment_after(start, at(950), period), at(950));
    }

    #[test]
    fn all_clients_together_stay_below_the_stated_rate() {
        let rate: f64 = KINDS.iter().map(|kind| kind.period.as_secs_f64().recip()).sum();
        assert!(rate < 120.0, "{rate}");
    }

    #[test]
    fn every_address_behind_the_gateway_is_of_the_range_for_documentation() {
        let [.., anonymous, _] = &KINDS;
        let last = |n| {
            let ask = (anonymous.ask)(n);
            let text = ask.headers[0].1.to_str().unwrap().to_owned();
            text.rsplit_once("203.0.113.").unwrap().1.parse::<u8>().unwrap()
        };
        let hosts: Vec<u8> = (0..16).map(last).collect();
        assert_eq!(hosts.iter().filter(|host| **host == 1).count(), 8);
        assert!((1..=8).all(|host| hosts.contains(&host)));
    }
}
