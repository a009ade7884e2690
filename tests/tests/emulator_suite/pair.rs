//! The chain of modules and the suite under the same policy and traffic, and what tells them apart.
//!
//! Both get the same hash seeds, which are random otherwise. The plugins of the chain have names of their own, so that each
//! can be given a config; in what they count and log these are read as the suite's.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use fairlead_emulator::{
    Answer, CompiledModule, Emulator, Event, FailurePolicy, FaultKind, LogLine, Outcome, Plugin, Report,
};
use fairlead_tests::modules;

use crate::policies::{FILTERS, Policy};
use crate::traffic::{Step, What, event};

const PLUGIN: &str = "edge";
const WORKERS: usize = 3;
/// No filter takes this config.
const NONSENSE: &str = r#"{"nonsense": true}"#;
/// How long it goes on after the last step.
const REST: Duration = Duration::from_millis(2500);

/// The modules under test.
pub(crate) struct Modules {
    suite: CompiledModule,
    single: BTreeMap<&'static str, CompiledModule>,
}

impl Modules {
    /// `None` if one of them is not built.
    pub(crate) fn find() -> Option<Self> {
        let names = ["latency-histogram", "rate-limit", "canary", "circuit-breaker"];
        let single = FILTERS
            .into_iter()
            .zip(names)
            .map(|(filter, name)| Some((filter, modules::compiled(name)?)))
            .collect::<Option<_>>()?;
        Some(Self {
            suite: modules::compiled("suite")?,
            single,
        })
    }
}

/// A proxy that runs the stages in one of the two ways.
struct Side {
    proxy: Emulator,
    /// Plugins with the part of a policy that each has; `None`: all of it.
    plugins: Vec<(String, Option<&'static str>)>,
}

/// What has become of it all.
struct Seen {
    report: Report,
    metrics: BTreeMap<String, String>,
    cells: BTreeMap<String, String>,
}

fn name_in_chain(filter: &str) -> String {
    format!("{PLUGIN}-{filter}")
}

/// A text in which a plugin of the chain has the suite's name.
fn as_in_suite(text: &str) -> String {
    FILTERS.iter().fold(text.to_owned(), |text, filter| {
        text.replace(&name_in_chain(filter), PLUGIN)
    })
}

impl Side {
    fn chain(modules: &Modules, policy: &Policy) -> Self {
        let filters = policy.0.iter().map(|(filter, _)| *filter);
        Self::start(
            filters
                .map(|filter| (name_in_chain(filter), Some(filter), &modules.single[filter]))
                .collect(),
        )
    }

    fn suite(modules: &Modules) -> Self {
        Self::start(vec![(PLUGIN.to_owned(), None, &modules.suite)])
    }

    /// The first config is refused: seeds can be laid down before the first one that is used.
    fn start(plugins: Vec<(String, Option<&'static str>, &CompiledModule)>) -> Self {
        let mut builder = Emulator::builder().workers(WORKERS).serve_refused(true);
        for (name, _, module) in &plugins {
            let plugin = Plugin::new(name, module).configuration(NONSENSE);
            builder = builder.plugin(plugin.failure_policy(FailurePolicy::FailReload));
        }
        let mut proxy = builder.build().expect("a refused config is served without");
        for filter in FILTERS {
            let whole = format!("fairlead/1/{filter}/{PLUGIN}/seed");
            let single = format!("fairlead/1/{filter}/{}/seed", name_in_chain(filter));
            for key in [whole, single] {
                proxy.set_shared_data("", key.as_bytes(), b"sixteen bytes of");
            }
        }
        let plugins = plugins.into_iter().map(|(name, part, _)| (name, part));
        Self {
            proxy,
            plugins: plugins.collect(),
        }
    }

    fn configure(&mut self, at: Duration, config: impl Fn(Option<&str>) -> String) {
        for (name, part) in &self.plugins {
            let event = Event::Configure {
                plugin: name.clone(),
                configuration: config(*part).into_bytes(),
            };
            self.proxy.schedule(at, event);
        }
    }

    fn offer(&mut self, at: Duration, policy: &Policy) {
        self.configure(at, |part| {
            let config = match part {
                None => policy.as_suite(),
                Some(part) => policy
                    .0
                    .iter()
                    .find(|(filter, _)| *filter == part)
                    .expect("of the policy")
                    .1
                    .clone(),
            };
            config.to_string()
        });
    }

    fn play(mut self, policies: &[Policy; 2], steps: &[Step]) -> Seen {
        self.offer(Duration::ZERO, &policies[0]);
        let mut at = Duration::from_millis(1);
        for step in steps {
            // Never at a multiple of a timer's period after another step.
            at += Duration::from_micros(step.after_ms * 1000 + 137);
            match &step.what {
                What::Request(asked) => {
                    self.proxy.request(at, asked.request());
                }
                What::Update(policy) => self.offer(at, &policies[*policy]),
                What::Nonsense => self.configure(at, |_| NONSENSE.to_owned()),
                What::Jump(_) | What::Kill(_) => {
                    let event = event(&step.what).expect("an event");
                    self.proxy.schedule(at, event);
                }
            }
        }
        let mut report = self.proxy.run_until(at + REST);
        let metrics = metrics(&self.proxy);
        let cells = cells(&self.proxy);
        let rest = self.proxy.finish();
        report.outcomes.extend(rest.outcomes);
        report.logs.extend(rest.logs);
        report.faults.extend(rest.faults);
        Seen {
            report,
            metrics,
            cells,
        }
    }
}

fn metrics(proxy: &Emulator) -> BTreeMap<String, String> {
    let all = proxy.metrics();
    let counters = all.counters.iter().map(|(name, value)| (name, value.to_string()));
    let gauges = all.gauges.iter().map(|(name, value)| (name, value.to_string()));
    let histograms = all
        .histograms
        .iter()
        .map(|(name, values)| (name, format!("{:?}", values.values())));
    counters
        .chain(gauges)
        .chain(histograms)
        .map(|(name, value)| (as_in_suite(name), value))
        // Who refuses a config is by design another one, and what is hashed is another text.
        .filter(|(name, _)| !name.ends_with("_config_rejected") && !name.ends_with("_config_fingerprint"))
        .filter(|(name, _)| !name.starts_with("wasm_filter.suite."))
        .collect()
}

/// All that workers share, by the name of the cell.
fn cells(proxy: &Emulator) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    proxy
        .shared_data("")
        .into_iter()
        .map(|(key, value, _)| (as_in_suite(&text(&key)), text(&value)))
        // That a config was taken up is the whole plugin's.
        .filter(|(key, _)| !key.ends_with("/configured"))
        .collect()
}

/// What a log says of stages: when, where and what, in no order.
fn lines(logs: &[LogLine]) -> Vec<String> {
    let mut lines: Vec<String> = logs
        .iter()
        .map(|line| (line, as_in_suite(&line.message)))
        .filter(|(_, message)| !message.contains("configuration refused") && !message.starts_with("suite "))
        .map(|(line, message)| {
            let message = without(&without(&message, " fingerprint "), "\"request_bytes\":");
            format!("{:?} {} {}: {message}", line.at, line.thread, line.level.name())
        })
        .collect();
    lines.sort();
    lines
}

/// A line without `word` and what comes after it up to the next comma.
fn without(message: &str, word: &str) -> String {
    match message.split_once(word) {
        Some((before, after)) => format!("{before}{}", after.split_once(',').unwrap_or_default().1),
        None => message.to_owned(),
    }
}

fn answer(from: &Answer) -> String {
    match from {
        Answer::Filter { details, .. } => format!("a filter: {details}"),
        other => format!("{other:?}"),
    }
}

struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, chain: &T, suite: &T) {
        if chain != suite {
            self.0.push(format!("{what}: chain {chain:?}, suite {suite:?}"));
        }
    }

    fn outcome(&mut self, chain: &Outcome, suite: &Outcome) {
        let id = chain.id.index();
        let of = |field: &str| format!("request {id}: {field}");
        self.compare(&of("id"), &chain.id, &suite.id);
        self.compare(&of("status"), &chain.status, &suite.status);
        self.compare(&of("answer"), &answer(&chain.from), &answer(&suite.from));
        self.compare(&of("details"), &chain.details, &suite.details);
        self.compare(&of("flags"), &chain.flags, &suite.flags);
        self.compare(&of("times"), &(chain.start, chain.end), &(suite.start, suite.end));
        self.compare(
            &of("response headers"),
            &chain.response_headers,
            &suite.response_headers,
        );
        self.compare(&of("response body"), &chain.response_body, &suite.response_body);
        self.compare(
            &of("response trailers"),
            &chain.response_trailers,
            &suite.response_trailers,
        );
        self.compare(&of("truncated"), &chain.truncated, &suite.truncated);
        self.compare(
            &of("upstream's headers"),
            &chain.upstream_request,
            &suite.upstream_request,
        );
        self.compare(&of("upstream's body"), &chain.upstream_body, &suite.upstream_body);
        self.compare(
            &of("route refreshes"),
            &chain.route_refreshes,
            &suite.route_refreshes,
        );
        self.compare(&of("counted"), &counted(chain), &counted(suite));
    }

    fn maps(&mut self, what: &str, chain: &BTreeMap<String, String>, suite: &BTreeMap<String, String>) {
        for name in chain
            .keys()
            .chain(suite.keys().filter(|name| !chain.contains_key(*name)))
        {
            self.compare(&format!("{what} {name}"), &chain.get(name), &suite.get(name));
        }
    }
}

/// What was counted for a request, in no order.
fn counted(outcome: &Outcome) -> Vec<(String, u64)> {
    let mut counted: Vec<(String, u64)> = outcome
        .counted
        .iter()
        .map(|(name, by)| (as_in_suite(name), *by))
        .collect();
    counted.sort();
    counted
}

/// How many of its configs each side has taken up.
fn accepted(report: &Report, plugins: usize) -> Vec<bool> {
    let updates: Vec<bool> = report.updates.iter().map(|update| update.accepted).collect();
    updates
        .chunks(plugins)
        .map(|each| each.iter().all(|accepted| *accepted))
        .collect()
}

/// What came of a case.
#[derive(Default)]
pub(crate) struct Played {
    /// Whether a policy was refused, by both: then nothing is compared.
    pub(crate) refused: bool,
    /// What differs, in words; nothing should.
    pub(crate) differences: Vec<String>,
    /// What the requests got on the chain.
    pub(crate) statuses: Vec<u16>,
    /// How often something was counted on the chain, by the name of the metric.
    pub(crate) metrics: BTreeMap<String, String>,
}

/// Plays traffic through the chain and through the suite.
pub(crate) fn play(modules: &Modules, policies: &[Policy; 2], steps: &[Step]) -> Played {
    play_apart(modules, policies, policies, steps)
}

/// Gives the suite policies of its own: to see that a difference is noticed.
pub(crate) fn play_apart(
    modules: &Modules,
    policies: &[Policy; 2],
    of_suite: &[Policy; 2],
    steps: &[Step],
) -> Played {
    let chain = Side::chain(modules, &policies[0]).play(policies, steps);
    let suite = Side::suite(modules).play(of_suite, steps);
    let mut all = Differences(Vec::new());
    let offers = steps.iter().filter_map(|step| match step.what {
        What::Update(_) => Some(true),
        What::Nonsense => Some(false),
        What::Request(_) | What::Jump(_) | What::Kill(_) => None,
    });
    let expected: Vec<bool> = std::iter::once(true).chain(offers).collect();
    for side in [&chain, &suite] {
        let trapped = side
            .report
            .faults
            .iter()
            .filter(|fault| !matches!(fault.kind, FaultKind::Killed | FaultKind::Refused));
        assert_eq!(
            trapped.collect::<Vec<_>>(),
            Vec::<&fairlead_emulator::Fault>::new(),
            "{:?}",
            side.report.logs
        );
    }
    let taken_up = accepted(&suite.report, 1);
    all.compare(
        "updates",
        &accepted(&chain.report, policies[0].0.len()),
        &taken_up,
    );
    if taken_up != expected && all.0.is_empty() {
        return Played {
            refused: true,
            ..Played::default()
        };
    }
    all.compare(
        "number of outcomes",
        &chain.report.outcomes.len(),
        &suite.report.outcomes.len(),
    );
    for (one, other) in chain.report.outcomes.iter().zip(&suite.report.outcomes) {
        all.outcome(one, other);
    }
    let (chain_lines, suite_lines) = (lines(&chain.report.logs), lines(&suite.report.logs));
    for line in &chain_lines {
        if !suite_lines.contains(line) {
            all.0.push(format!("log: only the chain: {line}"));
        }
    }
    for line in &suite_lines {
        if !chain_lines.contains(line) {
            all.0.push(format!("log: only the suite: {line}"));
        }
    }
    all.compare("number of log lines", &chain_lines.len(), &suite_lines.len());
    all.maps("metric", &chain.metrics, &suite.metrics);
    all.maps("cell", &chain.cells, &suite.cells);
    Played {
        refused: false,
        differences: all.0,
        statuses: chain.report.statuses(),
        metrics: chain.metrics,
    }
}
