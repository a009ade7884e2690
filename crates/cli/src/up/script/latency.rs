//! Requests that take known times, other ones in v2 than in the stable version, and what the latency histogram says of them.
//!
//! No other check asks for these paths, so that all counts are those of these requests.

use super::comparison::{Comparison, Groups, Measured, Quantile, ms};
use super::crowd::Crowd;
use super::exposures::Why;
use super::{COUNTED_WITHIN, Script};
use crate::up::client::{Answer, Ask, Client, STABLE, V2};
use crate::up::delays::Delays;
use crate::up::metrics::{Latency, Tallies};
use anyhow::Context as _;
use fairlead_config::latency_histogram::Slo;
use humantime::format_duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Requests of each route and version: a delay of each percentile.
const EACH: u64 = 100;
/// What is for sale, and where it is paid for: the objective is about that.
const ITEMS: [&str; 3] = ["/shop/items/1", "/shop/items/2", "/shop/items/3"];
const PAY: &str = "/shop/pay";

/// A route in a version, and how long it takes.
struct Case {
    paths: &'static [&'static str],
    is_v2: bool,
    delays: Delays,
}

const fn case(paths: &'static [&'static str], is_v2: bool, delays: Delays) -> Case {
    Case { paths, is_v2, delays }
}

static CASES: [Case; 4] = [
    case(&ITEMS, false, Delays::CHECKED_ITEMS),
    case(&ITEMS, true, Delays::CHECKED_ITEMS_V2),
    case(&[PAY], false, Delays::CHECKED_PAY),
    case(&[PAY], true, Delays::CHECKED_PAY_V2),
];

/// A request, and what came of it.
struct Sent {
    path: &'static str,
    delay: Duration,
    answer: Option<Answer>,
}

impl Script<'_> {
    /// Everything about the latency histogram; `clients` reach all workers.
    pub(super) fn latency(&mut self, clients: &[Client]) -> anyhow::Result<()> {
        let policy = self.policy;
        let histogram = policy.histograms.first().context("no latency histogram")?;
        let [slo] = histogram.objectives() else {
            anyhow::bail!("not one objective")
        };
        let release = policy.releases.first().context("no canary")?;
        let crowd = Crowd::new(release, clients)?;
        let sent = self.shop(&crowd, self.crew(clients));
        anyhow::ensure!(!self.stop.is_set(), "interrupted");
        // Who got no answer shows as a count that differs.
        let mut groups: Groups = CASES
            .iter()
            .flat_map(|case| case.paths)
            .flat_map(|path| {
                [STABLE, V2].map(|variant| ((histogram.route(path).to_owned(), variant), Vec::new()))
            })
            .collect();
        let mut payments = Vec::new();
        for one in &sent {
            self.ledger.chosen(Why::Drawn, one.answer.as_ref());
            let Some(answer) = &one.answer else { continue };
            let measured = Measured {
                delay: u64::try_from(one.delay.as_micros())?,
                took: answer.micros(),
            };
            let group = (histogram.route(one.path).to_owned(), answer.variant());
            groups.entry(group).or_default().push(measured);
            if one.path == PAY {
                payments.push(measured);
            }
        }
        let good = good(slo, &payments);
        let compare = |tallies: &Tallies| Comparison::new(&groups, histogram, &tallies.latency(histogram));
        let judged = |said: &Latency| {
            let pay = said.objective(&slo.name);
            pay.requests == u64::try_from(payments.len()).unwrap_or(u64::MAX)
                && (good[0]..=good[1]).contains(&pay.good)
        };
        // Each worker hands on what it has counted at its own tick.
        let tallies = Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, |now| {
            compare(now).holds() && judged(&now.latency(histogram))
        })?;
        let comparison = compare(&tallies);
        self.counts(&comparison);
        self.quantiles(&comparison);
        let pay = tallies.latency(histogram).objective(&slo.name);
        self.check(
            "the objective has counted each payment, and which were good",
            judged(&tallies.latency(histogram)) && pay.good > 0 && pay.good < pay.requests,
            format!(
                "{} of {} within {}",
                range(good),
                payments.len(),
                format_duration(slo.threshold)
            ),
            format!("{} of {}", pay.good, pay.requests),
        );
        self.comparison = Some(comparison);
        Ok(())
    }

    /// Sends all requests: each client takes the next one when it has its answer.
    fn shop(&self, crowd: &Crowd<'_>, crew: &[Client]) -> Vec<Sent> {
        let drawn = crowd.drawn_at(crowd.release.weight());
        let (in_v2, others): (Vec<&String>, Vec<&String>) =
            crowd.users.iter().partition(|user| drawn.contains(*user));
        let next = AtomicU64::new(0);
        let work = |client: &Client| {
            let mut sent = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some((case, turn)) = turn(n).filter(|_| !self.stop.is_set()) else {
                    return sent;
                };
                let users = if case.is_v2 { &in_v2 } else { &others };
                let (Some(path), Some(user)) = (nth(case.paths, turn), nth(users, turn)) else {
                    return sent;
                };
                let delay = case.delays.of(turn);
                let ask = Ask::new(path).header("x-user-id", user).taking(delay);
                let answer = client.send(&ask).ok();
                sent.push(Sent { path, delay, answer });
            }
        };
        thread::scope(|scope| {
            let work = &work;
            let all: Vec<_> = crew
                .iter()
                .map(|client| scope.spawn(move || work(client)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Vec<Sent>>| thread.join().unwrap_or_default();
            all.into_iter().flat_map(join).collect()
        })
    }

    /// Each request is counted once, in the window and in exact buckets.
    fn counts(&mut self, comparison: &Comparison) {
        let rows = &comparison.rows;
        let show = |of: fn(&super::comparison::Row) -> u64| {
            let counts: Vec<String> = rows.iter().map(|row| of(row).to_string()).collect();
            counts.join(", ")
        };
        self.check(
            "latencies count each request once, by route and version",
            rows.iter()
                .all(|row| row.window == row.requests && row.requests > 0),
            show(|row| row.requests),
            show(|row| row.window),
        );
        let sum = |of: fn(&super::comparison::Row) -> u64| {
            rows.iter().fold(0_u64, |sum, row| sum.saturating_add(of(row)))
        };
        let seconds = |micros: u64| format!("{:.3} s", micros as f64 / 1e6);
        self.check(
            "so do exact buckets, and their sums are what clients saw",
            rows.iter().all(|row| row.is_exact() && row.requests > 0),
            format!(
                "{} requests, {} to {}",
                sum(|row| row.requests),
                seconds(sum(|row| row.sums[0])),
                seconds(sum(|row| row.sums[1]))
            ),
            format!(
                "{} requests, {}",
                sum(|row| row.exact.requests),
                seconds(sum(|row| row.exact.micros))
            ),
        );
    }

    /// Each quantile is what clients measured.
    fn quantiles(&mut self, comparison: &Comparison) {
        let names = comparison.rows.first().map_or_else(Vec::new, |row| {
            row.quantiles.iter().map(|one| one.name.clone()).collect()
        });
        for name in names {
            let all: Vec<&Quantile> = comparison
                .rows
                .iter()
                .flat_map(|row| row.quantiles.iter().filter(|one| one.name == name))
                .collect();
            let show = |of: &dyn Fn(&Quantile) -> String| {
                all.iter().map(|one| of(one)).collect::<Vec<_>>().join(", ")
            };
            self.check(
                &format!("{name} of each is what clients measured, within the stated error"),
                all.iter().all(|one| one.holds()),
                show(&|one| format!("{} to {}", ms(one.least), ms(one.most))),
                show(&|one| one.filter.map_or("none".to_owned(), ms)),
            );
        }
    }
}

/// The case of the `n`-th request, and its number among those of that case; `None` when all were sent.
fn turn(n: u64) -> Option<(&'static Case, u64)> {
    let cases = u64::try_from(CASES.len()).ok()?;
    let turn = n.checked_div(cases)?;
    (turn < EACH).then_some(())?;
    Some((nth(&CASES, n)?, turn))
}

/// The `n`-th of a list that is gone through again and again.
fn nth<T>(list: &[T], n: u64) -> Option<&T> {
    let length = u64::try_from(list.len()).ok()?;
    list.get(usize::try_from(n.checked_rem(length)?).ok()?)
}

/// The least and the most good requests that an objective can have counted: surely good is what was so for its client, surely
/// bad what was to take longer.
fn good(slo: &Slo, measured: &[Measured]) -> [u64; 2] {
    let threshold = slo.threshold.as_micros();
    let count = |of: fn(&Measured) -> u64| {
        let good = measured.iter().filter(|one| u128::from(of(one)) <= threshold);
        u64::try_from(good.count()).unwrap_or(u64::MAX)
    };
    [count(|one| one.took), count(|one| one.delay)]
}

fn range([least, most]: [u64; 2]) -> String {
    match least == most {
        true => least.to_string(),
        false => format!("{least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;

    #[test]
    fn each_case_gets_a_hundred_requests() {
        let mut turns = [0; CASES.len()];
        for n in 0..u64::MAX {
            let Some((case, turn)) = turn(n) else { break };
            let place = CASES.iter().position(|one| std::ptr::eq(one, case)).unwrap();
            assert_eq!(turn, turns[place]);
            turns[place] += 1;
        }
        assert_eq!(turns, [EACH; CASES.len()]);
    }

    #[test]
    fn payments_have_labels_of_their_own_and_are_far_from_the_threshold() {
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        assert_eq!(histogram.route(PAY), PAY);
        assert!(
            ITEMS
                .iter()
                .all(|path| histogram.route(path) == "/shop/items/{id}")
        );
        let [slo] = histogram.objectives() else { panic!() };
        let threshold = slo.threshold.as_millis();
        for case in CASES.iter().filter(|case| case.paths.contains(&PAY)) {
            for n in 0..EACH {
                let delay = case.delays.of(n).as_millis();
                assert!(delay + 20 <= threshold || delay > threshold, "{delay} ms");
            }
        }
    }

    #[test]
    fn a_request_near_the_threshold_may_be_either() {
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        let [slo] = histogram.objectives() else { panic!() };
        let all = [(50_000, 51_000), (99_500, 100_500), (120_000, 121_000)];
        let all = all.map(|(delay, took)| Measured { delay, took });
        assert_eq!(good(slo, &all), [1, 2]);
        assert_eq!(range([1, 2]), "1 to 2");
        assert_eq!(range([2, 2]), "2");
    }
}
