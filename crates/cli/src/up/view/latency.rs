//! Quantiles of latencies as a table with bars, beside what the background traffic has measured itself; and objectives.

use super::tables::{heading, lines, rated};
use super::window::Window;
use crate::percent;
use crate::up::histogram::{Histogram, value};
use crate::up::metrics::{Latency, Tallies};
use crate::up::table::{self, Side};
use crate::up::timings::quantile;
use fairlead_config::latency_histogram::Slo;
use humantime::format_duration;
use std::collections::BTreeMap;

/// How wide the widest bar is.
const WIDTH: u64 = 30;
/// What bars are drawn with: up to the first quantile, from there to the second, and so on.
const MARKS: [char; 4] = ['#', '=', '-', '.'];

/// What clients measured, in microseconds and ascending order, by label set.
pub(super) type Clients = BTreeMap<String, Vec<u64>>;

/// The quantiles of the window by label set, in milliseconds; with `clients`, each beside theirs of the same window.
pub(super) fn live_latency(histogram: &Histogram, now: &Latency, clients: Option<&Clients>) -> Vec<String> {
    let (by, shares) = (histogram.by(), histogram.shares());
    let mut sets: Vec<&String> = now.window.keys().collect();
    sets.sort_by_key(|set| (histogram.place(value(set, "route").unwrap_or_default()), *set));
    let said = |set: &str, name: &str| {
        let shown = now.window.get(set).filter(|shown| shown.requests > 0)?;
        shown.micros.get(name).copied()
    };
    let all = sets
        .iter()
        .flat_map(|set| shares.iter().filter_map(|(_, name)| said(set, name)));
    let longest = all.max().unwrap_or(0);
    let mut first = heading(&by, &["requests"]);
    for (_, name) in &shares {
        first.push(format!("{name} ms"));
        first.extend(clients.map(|_| "client".to_owned()));
    }
    first.push(legend(
        &shares.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
        longest,
    ));
    let mut rows = vec![first];
    for set in sets {
        let requests = now.window.get(set).map_or(0, |shown| shown.requests);
        let mut row: Vec<String> = by
            .iter()
            .map(|label| value(set, label).unwrap_or_default().to_owned())
            .chain([requests.to_string()])
            .collect();
        let mut ends = Vec::new();
        for (share, name) in &shares {
            let micros = said(set, name);
            ends.extend(micros);
            row.push(ms(micros));
            if let Some(clients) = clients {
                row.push(ms(clients.get(set).and_then(|sorted| quantile(sorted, *share))));
            }
        }
        row.push(bar(&ends, longest));
        rows.push(row);
    }
    let numbers = rows
        .first()
        .map_or(0, |row| row.len().saturating_sub(by.len()).saturating_sub(1));
    let sides = [
        vec![Side::Left; by.len()],
        vec![Side::Right; numbers],
        vec![Side::Left],
    ]
    .concat();
    table::lines(&sides, &rows)
}

/// The same, without clients.
pub(in crate::up) fn quantiles(histogram: &Histogram, now: &Latency) -> Vec<String> {
    live_latency(histogram, now, None)
}

/// What the bars show: `# p50 = p95 - p99, to 62.1 ms`. Nothing where there are none.
fn legend(names: &[&str], longest: u64) -> String {
    if longest == 0 {
        return String::new();
    }
    let marks = names
        .iter()
        .zip(MARKS)
        .map(|(name, mark)| format!("{mark} {name}"));
    format!(
        "{}, to {} ms",
        marks.collect::<Vec<_>>().join(" "),
        ms(Some(longest))
    )
}

/// A bar that changes its look at each of these values, on a scale that ends with the longest.
fn bar(ends: &[u64], longest: u64) -> String {
    let mut bar = String::new();
    let mut drawn = 0;
    for (end, mark) in ends.iter().zip(MARKS) {
        let to = end.saturating_mul(WIDTH).div_ceil(longest.max(1)).min(WIDTH);
        bar.extend((drawn..to).map(|_| mark));
        drawn = drawn.max(to);
    }
    bar
}

fn ms(micros: Option<u64>) -> String {
    micros.map_or("-".to_owned(), |micros| format!("{:.1}", micros as f64 / 1000.0))
}

/// The columns of words; numbers follow.
const WORDS: &[&str] = &["objective", "aim"];

/// The table of all objectives, with rates.
pub(super) fn live_objectives(histograms: &[Histogram], window: &Window) -> Vec<String> {
    let names = ["requests", "/s", "good", "/s", ""];
    let mut rows = vec![heading(WORDS, &names)];
    for histogram in histograms {
        for slo in histogram.objectives() {
            let of = |tallies: &Tallies| tallies.latency(histogram).objective(&slo.name);
            let requests = window.measure(|tallies| of(tallies).requests);
            let good = window.measure(|tallies| of(tallies).good);
            let mut row = aim(slo);
            row.extend([rated(requests), rated(good)].concat());
            row.push(percent::of(good.0, requests.0));
            rows.push(row);
        }
    }
    lines(&rows, WORDS.len())
}

/// The same, totals only.
pub(in crate::up) fn objectives(histograms: &[Histogram], tallies: &Tallies) -> Vec<String> {
    let mut rows = vec![heading(WORDS, &["requests", "good", ""])];
    for histogram in histograms {
        let latency = tallies.latency(histogram);
        for slo in histogram.objectives() {
            let counted = latency.objective(&slo.name);
            let mut row = aim(slo);
            row.extend([counted.requests, counted.good].map(|n| n.to_string()));
            row.push(percent::of(counted.good, counted.requests));
            rows.push(row);
        }
    }
    lines(&rows, WORDS.len())
}

/// Name, and what share is to be how fast.
fn aim(slo: &Slo) -> Vec<String> {
    let threshold = format_duration(slo.threshold);
    let aim = format!("{} within {threshold}", percent::weight(slo.objective));
    vec![slo.name.clone(), aim]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;
    use std::time::{Duration, Instant};

    fn tallies(good: u64) -> Tallies {
        let mut text = String::new();
        for (set, requests, micros) in [
            ("route=/shop/pay,variant=v2", 0, [0, 0, 0]),
            ("route=/shop/pay,variant=stable", 80, [20_000, 40_000, 60_000]),
            ("route=/shop/items/{id},variant=v2", 100, [30_000, 30_400, 30_500]),
        ] {
            let labels = format!("component=\"latency-histogram\",tag=\"{set}\"");
            text.push_str(&format!(
                "fairlead_latency_histogram_window_requests{{{labels}}} {requests}\n"
            ));
            for (name, n) in ["p50", "p95", "p99"].iter().zip(micros) {
                text.push_str(&format!(
                    "fairlead_latency_histogram_request_quantile_microseconds{{cache=\"{name}\",{labels}}} {n}\n"
                ));
            }
        }
        text.push_str(&format!(
            "fairlead_latency_histogram_slo_requests_total{{component=\"latency-histogram\",tag=\"pay\"}} {}\n\
             fairlead_latency_histogram_slo_good_total{{component=\"latency-histogram\",tag=\"pay\"}} {good}\n",
            good + 10
        ));
        Tallies::parse(&text)
    }

    #[test]
    fn bars_are_on_one_scale_and_clients_stand_beside_the_filter() {
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        let now = tallies(0).latency(&histogram);
        let clients = [("route=/shop/pay,variant=stable".to_owned(), vec![20_500, 40_200])].into();
        let expected = [
            "route             variant  requests  p50 ms  client  p95 ms  client  p99 ms  client  # p50 = p95 - p99, to 60.0 ms",
            "/shop/items/{id}  v2            100    30.0       -    30.4       -    30.5       -  ###############=",
            "/shop/pay         stable         80    20.0    20.5    40.0    40.2    60.0    40.2  ##########==========----------",
            "/shop/pay         v2              0       -       -       -       -       -       -",
        ];
        assert_eq!(live_latency(&histogram, &now, Some(&clients)), expected);
        let alone = live_latency(&histogram, &now, None);
        let nothing = live_latency(&histogram, &Latency::default(), None);
        assert_eq!(nothing, ["route  variant  requests  p50 ms  p95 ms  p99 ms"]);
        assert_eq!(
            alone[2],
            "/shop/pay         stable         80    20.0    40.0    60.0  ##########==========----------"
        );
    }

    #[test]
    fn objectives_say_what_share_was_good() {
        let histograms = Policy::demo().unwrap().histograms;
        let expected = [
            "objective  aim                requests  good",
            "pay        95 % within 100ms       100    90  90.0 %",
        ];
        assert_eq!(objectives(&histograms, &tallies(90)), expected);
        let mut window = Window::default();
        let start = Instant::now();
        window.push(start, tallies(80));
        window.push(start + Duration::from_secs(2), tallies(90));
        let expected = [
            "objective  aim                requests   /s  good   /s",
            "pay        95 % within 100ms       100  5.0    90  5.0  90.0 %",
        ];
        assert_eq!(live_objectives(&histograms, &window), expected);
    }
}
