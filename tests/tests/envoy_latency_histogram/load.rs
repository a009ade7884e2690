//! Requests whose latencies are known: given to the upstream, and measured by client and proxy.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fairlead_tests::client::{Request, side_by_side};
use fairlead_tests::proxy::PATIENCE;
use serde_json::Value;

use crate::service::Service;

/// Requests of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    path: String,
    headers: Vec<(String, String)>,
    delays: Vec<Duration>,
}

/// How long the requests of a group took, in microseconds, each list in ascending order.
///
/// For each request `upstream` <= what the filter measures <= `client`: the upstream is asked after the filter has seen the request,
/// and has answered before the stream ends; the client's clock runs before the request is sent, and until the response, of which
/// the proxy sends the last byte after the filter has seen the stream end, is there. So the same holds for their quantiles, and the two
/// are what a measurement in between is held against: what lies between them is not the filter's error.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From the first byte to the upstream until the last one from it, by Envoy's access log.
    pub(crate) upstream: Vec<u64>,
    /// From the first byte of the request until the last one of the response, by Envoy's access log.
    pub(crate) proxy: Vec<u64>,
    /// By the client.
    pub(crate) client: Vec<u64>,
}

impl Group {
    pub(crate) fn new(path: &str, delays: Vec<Duration>) -> Self {
        Self {
            path: path.to_owned(),
            headers: Vec::new(),
            delays,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How many requests it has.
    pub(crate) fn len(&self) -> usize {
        self.delays.len()
    }

    fn request(&self, index: usize, delay: Duration) -> Request {
        let request = Request::get(&self.path)
            .header("x-group", index.to_string())
            .header("x-upstream-delay", format!("{}us", delay.as_micros()));
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// Sends the requests of all groups, mixed, over so many connections, each of which waits for an answer before it asks again. What was
/// seen of each group.
pub(crate) fn drive(service: &Service, groups: &[Group], connections: usize) -> Vec<Seen> {
    let mut calls: Vec<(f64, usize, Request)> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let requests = group.delays.iter().map(|delay| group.request(index, *delay));
        // Each group over the whole run.
        let place = |n: usize| n as f64 / group.len() as f64;
        calls.extend(
            requests
                .enumerate()
                .map(|(n, request)| (place(n), index, request)),
        );
    }
    calls.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let before = service.envoy.access_log().len();
    let next = AtomicUsize::new(0);
    let seen: Mutex<Vec<Seen>> = Mutex::new(groups.iter().map(|_| Seen::default()).collect());
    side_by_side(service.port(), connections, |_, connection| {
        while let Some((_, group, request)) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begin = Instant::now();
            let status = connection.ask(request).status;
            let took = begin.elapsed();
            assert_eq!(status, 200);
            seen.lock().expect("no client panics")[*group]
                .client
                .push(micros(took));
        }
    });
    let mut seen = seen.into_inner().expect("no client panics");
    let log = service
        .envoy
        .wait_for_access_log(before + calls.len(), PATIENCE)
        .unwrap();
    for line in &log[before..] {
        let group: usize = text(&line["group"]).parse().expect("a group");
        seen[group].upstream.push(number(&line["upstream_us"]));
        seen[group].proxy.push(number(&line["total_us"]));
    }
    for (seen, group) in seen.iter_mut().zip(groups) {
        for list in [&mut seen.upstream, &mut seen.proxy, &mut seen.client] {
            list.sort_unstable();
            assert_eq!(list.len(), group.len());
        }
    }
    seen
}

/// The value of rank `ceil(p * n)`, which is what the filter says its quantiles are, of values in ascending order.
pub(crate) fn quantile(ascending: &[u64], percent: usize) -> u64 {
    ascending[(ascending.len() * percent).div_ceil(100) - 1]
}

/// So many points of the unit square, spread evenly in any order of any part of them (the sequence R2 of Roberts, "The Unreasonable
/// Effectiveness of Quasirandom Sequences").
fn points(count: usize) -> impl Iterator<Item = (f64, f64)> {
    (1..=count).map(|n| {
        let n = n as f64;
        (
            (n * 0.754_877_666_246_693).fract(),
            (n * 0.569_840_290_998_053).fract(),
        )
    })
}

/// Between two bounds, all alike.
pub(crate) fn uniform(count: usize, low_ms: f64, high_ms: f64) -> Vec<Duration> {
    points(count)
        .map(|(x, _)| millis(low_ms + (high_ms - low_ms) * x))
        .collect()
}

/// One of two, `share` of them the slow one.
pub(crate) fn bimodal(count: usize, fast_ms: f64, slow_ms: f64, share: f64) -> Vec<Duration> {
    let slow = |(x, _): (f64, f64)| if x < share { slow_ms } else { fast_ms };
    points(count).map(|point| millis(slow(point))).collect()
}

/// The logarithm is normal: a median and a standard deviation of it (Box and Muller).
pub(crate) fn lognormal(count: usize, median_ms: f64, sigma: f64) -> Vec<Duration> {
    points(count)
        .map(|(x, y)| {
            let normal = (-2.0 * (1.0 - x).ln()).sqrt() * (std::f64::consts::TAU * y).cos();
            millis(median_ms * (sigma * normal).exp())
        })
        .collect()
}

fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1000.0)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("not so long")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> u64 {
    text(value)
        .parse()
        .unwrap_or_else(|_| panic!("{value} is no number"))
}
