//! All that is counted, from the catalogues in the filters' code: the tables of docs/metrics.md, and what a scrape may
//! have in it.

use std::fmt::Write as _;
use std::path::PathBuf;

use fairlead_guest::COMMON;
use fairlead_stage::{MetricDoc, MetricKind, Presence, Stage};

use crate::modules;

/// The filters. Another one is a line here, and one in Cargo.toml.
pub const FILTERS: &[Filter] = &[
    of::<fairlead_rate_limit::RateLimit>("rate-limit", fairlead_rate_limit::METRICS),
    of::<fairlead_canary::Canary>("canary", fairlead_canary::METRICS),
    of::<fairlead_circuit_breaker::CircuitBreaker>("circuit-breaker", fairlead_circuit_breaker::METRICS),
    of::<fairlead_latency_histogram::LatencyHistogram>(
        "latency-histogram",
        fairlead_latency_histogram::METRICS,
    ),
];

/// A filter and what it counts.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Its folder, and the name of its module.
    pub folder: &'static str,
    /// Its name in metrics: the label `wasm_filter`.
    pub name: &'static str,
    /// What it counts besides [`COMMON`].
    pub metrics: &'static [MetricDoc],
}

const fn of<S: Stage>(folder: &'static str, metrics: &'static [MetricDoc]) -> Filter {
    Filter {
        folder,
        name: S::NAME,
        metrics,
    }
}

impl Filter {
    /// Its own metrics, then those of every plugin.
    pub fn all(&self) -> impl Iterator<Item = &'static MetricDoc> {
        self.metrics.iter().chain(COMMON)
    }

    /// A metric's name as Prometheus shows it.
    #[must_use]
    pub fn full_name(&self, doc: &MetricDoc) -> String {
        full_name(self.name, doc)
    }
}

fn full_name(filter: &str, doc: &MetricDoc) -> String {
    format!("fairlead_{filter}_{}", doc.name)
}

/// The kind as Prometheus names it.
#[must_use]
pub const fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}

/// Where the page is.
#[must_use]
pub fn page() -> PathBuf {
    modules::workspace().join("docs/metrics.md")
}

/// The line of the page after which everything is made from the code; what stands before is written by hand.
pub const MARKER: &str = "<!-- From here on made from the code: UPDATE_DOCS=1 cargo test --release -p fairlead-tests --lib catalogue -->";

/// What follows the marker.
#[must_use]
pub fn tables() -> String {
    let mut text = String::from("\n## Every plugin\n\nOf each plugin, under the name of its filter.\n\n");
    table(&mut text, "<filter>", COMMON);
    for filter in FILTERS {
        let Filter { folder, name, .. } = filter;
        let _ = write!(
            text,
            "\n## {folder}\n\n`wasm_filter=\"{name}\"`; the filter's own page is [filters/{folder}](../filters/{folder}/README.md).\n\n"
        );
        table(&mut text, name, filter.metrics);
    }
    text
}

fn table(text: &mut String, filter: &str, docs: &[MetricDoc]) {
    text.push_str("| metric | kind, unit | `tag` | `cache` | there | meaning |\n|---|---|---|---|---|---|\n");
    for doc in docs {
        let values: Vec<String> = (doc.cache.iter())
            .map(|(value, meaning)| format!("`{value}`: {meaning}"))
            .collect();
        let when = match doc.when {
            Presence::Always => "always",
            Presence::If(config) => config,
        };
        let cells = [
            format!("`{}`", full_name(filter, doc)),
            format!("{}, {}", kind(doc.kind), doc.unit),
            doc.tag.to_owned(),
            values.join("<br>"),
            when.to_owned(),
            doc.meaning.to_owned(),
        ];
        for cell in cells {
            let _ = match cell.as_str() {
                "" => write!(text, "| "),
                _ => write!(text, "| {} ", cell.replace('|', "\\|")),
            };
        }
        text.push_str("|\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use fairlead_envoy::ISTIO_STATS_TAGS;

    fn published() -> String {
        std::fs::read_to_string(page()).expect("the page")
    }

    #[test]
    fn the_page_of_metrics_is_current() {
        let (by_hand, _) = published()
            .split_once(MARKER)
            .map(|(before, after)| (before.to_owned(), after.to_owned()))
            .expect("the marker stands in the page");
        let current = format!("{by_hand}{MARKER}\n{}", tables());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(page(), &current).expect("the page can be written");
        }
        assert!(
            published() == current,
            "docs/metrics.md is not current: run this test with UPDATE_DOCS=1 in the environment"
        );
    }

    #[test]
    fn the_page_shows_the_patterns_that_cut_labels_out() {
        let page = published();
        for (label, pattern) in ISTIO_STATS_TAGS.into_iter().take(4) {
            assert!(page.contains(&format!("`{label}`")), "{label}");
            assert!(page.contains(pattern), "{pattern}");
        }
    }

    #[test]
    fn every_filter_has_its_page_and_no_name_of_a_plugins_own_metrics() {
        for filter in FILTERS {
            let readme = modules::workspace().join(format!("filters/{}/README.md", filter.folder));
            assert!(readme.is_file(), "{}", readme.display());
            let own = filter.metrics.iter().map(|doc| doc.name);
            let taken: Vec<&str> = own
                .filter(|name| COMMON.iter().any(|doc| doc.name == *name))
                .collect();
            assert_eq!(taken, [""; 0], "{}", filter.folder);
        }
    }
}
