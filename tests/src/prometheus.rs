//! A real Prometheus that scrapes what a test runs, to ask it what a user would see.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Connection, Request, Response};
use crate::modules;
use crate::proxy::PATIENCE;

/// Names the program, as `cargo xtask test` does.
const VARIABLE: &str = "FAIRLEAD_PROMETHEUS";
/// Between two looks at what cannot be waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// The labels of a series, its name (`__name__`) among them.
pub type Labels = BTreeMap<String, String>;

/// What a Prometheus scrapes, and how: by default nothing, each second, from `/stats/prometheus`.
#[derive(Clone, Debug)]
pub struct Scrape {
    targets: Vec<(String, SocketAddr)>,
    interval: Duration,
    params: BTreeMap<String, Vec<String>>,
    metric_relabel: String,
    native_histograms: bool,
}

impl Default for Scrape {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            interval: Duration::from_secs(1),
            params: BTreeMap::new(),
            metric_relabel: "[]".to_owned(),
            native_histograms: false,
        }
    }
}

impl Scrape {
    /// Scrapes one target, whose series get this `instance`.
    #[must_use]
    pub fn of(instance: &str, address: SocketAddr) -> Self {
        Self::default().and(instance, address)
    }

    /// Scrapes another target as well.
    #[must_use]
    pub fn and(mut self, instance: &str, address: SocketAddr) -> Self {
        self.targets.push((instance.to_owned(), address));
        self
    }

    /// How often, in whole milliseconds. It is also the time that a scrape may take.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Adds a query parameter, such as `histogram_buckets=prometheusnative`.
    #[must_use]
    pub fn param(mut self, name: &str, value: &str) -> Self {
        let values = self.params.entry(name.to_owned()).or_default();
        values.push(value.to_owned());
        self
    }

    /// The value of `metric_relabel_configs`: a list in YAML, or in JSON, which is YAML too.
    #[must_use]
    pub fn metric_relabel(mut self, configs: impl Into<String>) -> Self {
        self.metric_relabel = configs.into();
        self
    }

    /// Keeps native histograms, which Prometheus then asks its targets for.
    #[must_use]
    pub fn native_histograms(mut self) -> Self {
        self.native_histograms = true;
        self
    }

    /// The configuration of a Prometheus.
    fn config(&self) -> String {
        let interval = format!("{}ms", self.interval.as_millis());
        let targets: Vec<Value> = (self.targets.iter())
            .map(|(instance, address)| json!({"targets": [address], "labels": {"instance": instance}}))
            .collect();
        let mut config = format!(
            "global: {}\nscrape_configs:\n- job_name: envoy\n  metrics_path: /stats/prometheus\n",
            json!({"scrape_interval": interval, "scrape_timeout": interval}),
        );
        let params = json!(self.params);
        let _ = write!(
            config,
            "  params: {params}\n  static_configs: {}\n",
            json!(targets)
        );
        config.push_str("  metric_relabel_configs:\n");
        for line in self.metric_relabel.lines() {
            let _ = writeln!(config, "    {line}");
        }
        config
    }
}

/// A running Prometheus. Dropping it ends the process and removes what it has stored.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Prometheus {
    /// Finds the program: named by `FAIRLEAD_PROMETHEUS`, in `PATH`, or fetched by an earlier `cargo xtask test`. `None`, after
    /// one line on standard error: skip the test.
    ///
    /// # Panics
    /// If there is none and the variable `CI` is `true`: there a test that skips itself would go unnoticed.
    #[must_use]
    pub fn locate() -> Option<PathBuf> {
        static SKIPPED: Once = Once::new();
        let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut installed = std::env::split_paths(&path)
            .chain([modules::workspace().join(".fairlead/tools/prometheus")])
            .map(|folder| folder.join("prometheus"));
        let found = (named.map(PathBuf::from)).or_else(|| installed.find(|file| file.is_file()));
        if found.is_none() {
            let lack = format!("no Prometheus found: run `cargo xtask test --tier envoy`, or set {VARIABLE}");
            let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!ci, "{lack}");
            SKIPPED.call_once(|| {
                // Past the capture of `cargo test`.
                let _ = writeln!(std::io::stderr(), "skipped: tests with Prometheus ({lack})");
            });
        }
        found
    }

    /// Starts it on a free port, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start, with its log.
    #[must_use]
    pub fn start(program: &Path, scrape: &Scrape) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("prometheus.yml"), scrape.config()).expect("a file");
        let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
        let mut command = Command::new(program);
        command
            .arg(flag("config.file", &file("prometheus.yml")))
            .arg(flag("storage.tsdb.path", &file("data")))
            // The kernel chooses the port, and the log tells it: none can be taken in between.
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(file("log")).expect("a file"));
        if scrape.native_histograms {
            command.arg("--enable-feature=native-histograms");
        }
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        // From here on a panic ends the child.
        let mut prometheus = Self {
            child,
            port: 0,
            folder,
        };
        prometheus.port = prometheus.wait("it does not listen", |prometheus| listening(&prometheus.log()));
        prometheus.wait("it is not ready", |prometheus| {
            (prometheus.get("/-/ready").status == 200).then_some(())
        });
        prometheus
    }

    /// The result of an instant query, now: a vector, or a scalar without labels.
    ///
    /// # Panics
    /// If Prometheus refuses it, or the result is of another type; a native histogram is no number, ask `histogram_count()`
    /// and the like.
    #[must_use]
    pub fn query(&self, promql: &str) -> Vec<(Labels, f64)> {
        let answer = self.api(&format!("/api/v1/query?query={}", escape(promql)));
        let data = &answer["data"];
        let number = |sample: &Value| {
            let text = sample["value"][1].as_str();
            text.and_then(|text| text.parse().ok())
                .unwrap_or_else(|| panic!("{promql}: {sample} has no number"))
        };
        match data["resultType"].as_str() {
            Some("vector") => (data["result"].as_array().expect("a list").iter())
                .map(|sample| (labels(&sample["metric"]), number(sample)))
                .collect(),
            Some("scalar") => vec![(Labels::new(), number(&json!({"value": data["result"]})))],
            _ => panic!("{promql}: {answer}"),
        }
    }

    /// Asks until the result is as it should be; that result.
    ///
    /// # Panics
    /// After a minute, with the last result and what Prometheus says of its targets; as [`query`](Self::query).
    pub fn wait_for(
        &self,
        promql: &str,
        mut condition: impl FnMut(&[(Labels, f64)]) -> bool,
    ) -> Vec<(Labels, f64)> {
        let begin = Instant::now();
        loop {
            let result = self.query(promql);
            if condition(&result) {
                return result;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{promql}: {result:#?}\n{}",
                self.targets()
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// Health and last error of each target.
    fn targets(&self) -> String {
        let answer = self.api("/api/v1/targets?state=active");
        let targets = answer["data"]["activeTargets"].as_array();
        (targets.into_iter().flatten())
            .map(|target| {
                let field = |name: &str| target[name].as_str().unwrap_or_default();
                let instance = &target["labels"]["instance"];
                format!("{instance}: {} {}\n", field("health"), field("lastError"))
            })
            .collect()
    }

    fn api(&self, path: &str) -> Value {
        let body = self.get(path).body;
        let answer: Value = serde_json::from_slice(&body).expect("Prometheus answers with JSON");
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer
    }

    fn get(&self, path: &str) -> Response {
        Connection::open(self.port).ask(&Request::get(path))
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            // A process that has ended has written all.
            let ended = self.child.try_wait().expect("a child");
            if let (None, Some(found)) = (ended, look(self)) {
                return found;
            }
            assert!(
                ended.is_none() && begin.elapsed() < PATIENCE,
                "Prometheus: {what} {ended:?}\n{}",
                self.log()
            );
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Nothing that it has stored is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port in the line of a log that says where it listens.
fn listening(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains(r#"msg="Listening on""#))?;
    let (_, rest) = line.split_once("address=127.0.0.1:")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn labels(metric: &Value) -> Labels {
    let pairs = metric.as_object().expect("labels").iter();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
        .collect()
}

/// A value of a query string (RFC 3986, 2.1).
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        let _ = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => write!(escaped, "{}", char::from(byte)),
            _ => write!(escaped, "%{byte:02X}"),
        };
    }
    escaped
}
