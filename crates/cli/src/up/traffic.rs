//! Background traffic: a few kinds of clients, each a thread with a connection of its own, under 200 requests a second in
//! all.
//!
//! Requests are sent at moments that follow from the start; a client that falls behind leaves moments out rather than
//! catching up, so that a busy machine gets less traffic and not more.

use super::client::{Ask, Client};
use super::delays::Delays;
use super::stop::Stop;
use super::timings::Timings;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The running traffic. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Traffic {
    stop: Stop,
    noted: Arc<Noted>,
    threads: Vec<JoinHandle<()>>,
}

/// What clients have noted.
#[derive(Debug, Default)]
struct Noted {
    lost: AtomicU64,
    timings: Timings,
}

/// A client that sends what `ask` says, `n` counting up, once a period.
struct Kind {
    period: Duration,
    ask: fn(n: u64) -> Ask,
    /// As a browser does, it sends back the cookie that it was given last; after so many requests it is another user's
    /// browser. `None`: no cookies.
    visit: Option<u64>,
}

impl Kind {
    const fn every(ms: u64, ask: fn(u64) -> Ask) -> Self {
        Self {
            period: Duration::from_millis(ms),
            ask,
            visit: None,
        }
    }
}

static KINDS: [Kind; 14] = [
    // Stays within her limit of 20 a second.
    Kind::every(100, |_| Ask::new("/api/orders").header("x-api-key", "alice")),
    // Hammers, on two connections: about 80 a second.
    Kind::every(25, mallory),
    Kind::every(25, mallory),
    // Tries to get into v2 by the routing header.
    Kind::every(200, |_| {
        Ask::new("/api/orders")
            .header("x-api-key", "bob")
            .header("x-user-id", "bob")
            .header("x-canary", "v2")
    }),
    // Searches more than the limit that is being tried out would let her.
    Kind::every(300, |_| Ask::new("/api/search").header("x-api-key", "carol")),
    // A hundred users of the shop, who look at its front page and at items, and pay; on three connections, together up to 60
    // a second.
    Kind::every(50, user),
    Kind::every(50, user),
    Kind::every(50, user),
    // Visitors without a user id, each with a browser that keeps cookies, for two seconds.
    Kind {
        visit: Some(20),
        ..Kind::every(100, |n| Ask::new("/shop/").taking(Delays::FRONT.of(n)))
    },
    // A tester in the office, and one who is out of it.
    Kind::every(500, |_| {
        Ask::new("/shop/")
            .header("x-user-id", "tess")
            .header("x-forwarded-for", "192.0.2.7")
            .header("x-canary-force", "always")
    }),
    Kind::every(500, |_| {
        Ask::new("/shop/")
            .header("x-user-id", "zoe")
            .header("x-forwarded-for", "192.0.2.8")
            .header("cookie", "canary=never")
    }),
    // Reads reviews that all may read, and those that are his own.
    Kind::every(80, reader),
    Kind::every(250, |n| {
        let ask = Ask::new("/reviews/mine").header("cookie", "sid=dan");
        ask.taking(Delays::REVIEWS.of(n))
    }),
    // Without a key, from eight addresses behind the gateway, the first much more often than the others. What stands to the
    // left of the address is forged anew each time.
    Kind::every(200, anonymous),
];

fn anonymous(n: u64) -> Ask {
    let host = if n.is_multiple_of(2) {
        1
    } else {
        n.wrapping_div(2) % 7 + 2
    };
    let forged = format!("10.{}.{}.1, 203.0.113.{host}", n % 200, n % 250);
    Ask::new("/api/orders").header("x-forwarded-for", forged)
}

fn user(n: u64) -> Ask {
    // A user who comes again looks at something else.
    let (path, delays) = match n.wrapping_add(n.wrapping_div(100)) % 5 {
        0 => ("/shop/", Delays::FRONT),
        1 | 2 => ("/shop/items/1", Delays::ITEMS),
        3 => ("/shop/items/2", Delays::ITEMS),
        _ => ("/shop/pay", Delays::PAY),
    };
    let ask = Ask::new(path).header("x-user-id", format!("user-{}", n % 100));
    ask.taking(delays.of(n))
}

fn reader(n: u64) -> Ask {
    let path = if n.is_multiple_of(2) {
        "/reviews/1"
    } else {
        "/reviews/2"
    };
    Ask::new(path).taking(Delays::REVIEWS.of(n))
}

fn mallory(_: u64) -> Ask {
    Ask::new("/api/orders").header("x-api-key", "mallory")
}

impl Traffic {
    /// Starts all clients.
    pub(super) fn start(address: SocketAddr) -> Self {
        let (stop, noted) = (Stop::default(), Arc::<Noted>::default());
        let start = |kind: &'static Kind| {
            let (stop, noted) = (stop.clone(), Arc::clone(&noted));
            thread::spawn(move || drive(kind, &Client::new(address), &stop, &noted))
        };
        let threads = KINDS.iter().map(start).collect();
        Self { stop, noted, threads }
    }

    /// How many requests got no answer.
    pub(super) fn lost(&self) -> u64 {
        self.noted.lost.load(Ordering::Relaxed)
    }

    /// How long answers took.
    pub(super) fn timings(&self) -> &Timings {
        &self.noted.timings
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

fn drive(kind: &Kind, client: &Client, stop: &Stop, noted: &Noted) {
    let mut next = Instant::now();
    let mut cookie = None;
    for n in 0_u64.. {
        let mut ask = (kind.ask)(n);
        if let Some(visit) = kind.visit {
            cookie = cookie.filter(|_| !n.is_multiple_of(visit));
            if let Some(cookie) = &cookie {
                ask = ask.header("cookie", cookie);
            }
        }
        match client.send(&ask) {
            Ok(answer) => {
                noted.timings.note(ask.path, &answer);
                cookie = answer.cookies.last().and_then(|line| pair(line)).or(cookie);
            }
            Err(_) => {
                noted.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        next = moment_after(next, Instant::now(), kind.period);
        if stop.until(next) {
            return;
        }
    }
}

/// Name and value of a cookie that an answer sets, as a request sends them.
fn pair(line: &str) -> Option<String> {
    Some(line.split_once(';')?.0.to_owned())
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
        assert!(rate < 200.0, "{rate}");
    }

    #[test]
    fn every_address_behind_the_gateway_is_of_the_range_for_documentation() {
        let last = |n| {
            let ask = anonymous(n);
            let text = ask.headers[0].1.to_str().unwrap().to_owned();
            text.rsplit_once("203.0.113.").unwrap().1.parse::<u8>().unwrap()
        };
        let hosts: Vec<u8> = (0..16).map(last).collect();
        assert_eq!(hosts.iter().filter(|host| **host == 1).count(), 8);
        assert!((1..=8).all(|host| hosts.contains(&host)));
    }
}
