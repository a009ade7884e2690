//! Recording rules and alerts, read by a real Prometheus, which evaluates each of them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fairlead_tests::client::{Connection, Request};
use fairlead_tests::modules::workspace;
use fairlead_tests::prometheus::Prometheus;
use serde_json::{Value, json};

use crate::{Tools, istio};

const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A Prometheus with rules and nothing to scrape. Ends when it is dropped.
struct Ruled(Child);

impl Drop for Ruled {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ruled {
    fn start(program: &Path, folder: &Path, groups: &Value) -> Self {
        let file = |name: &str| folder.join(name);
        // JSON is YAML.
        fs::write(file("rules.yml"), json!({"groups": groups}).to_string()).expect("a file");
        let config = json!({"global": {"evaluation_interval": "1s"}, "rule_files": ["rules.yml"]});
        fs::write(file("prometheus.yml"), config.to_string()).expect("a file");
        let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
        let child = Command::new(program)
            .arg(flag("config.file", &file("prometheus.yml")))
            .arg(flag("storage.tsdb.path", &file("data")))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(file("log")).expect("a file"))
            .spawn();
        Self(child.expect("Prometheus starts"))
    }

    /// Looks until there is something, which a process that has ended never gives.
    fn wait<T>(&mut self, folder: &Path, mut look: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let begin = Instant::now();
        loop {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            if let Some(found) = look(&log) {
                return Some(found);
            }
            if self.0.try_wait().expect("a child").is_some() {
                return None;
            }
            assert!(begin.elapsed() < PATIENCE, "{log}");
            std::thread::sleep(PAUSE);
        }
    }

    /// Its rules once each has been evaluated: name and health. `None` if it refuses them.
    fn rules(&mut self, folder: &Path) -> Option<Vec<(String, String)>> {
        let port: u16 = self.wait(folder, |log| {
            let line = log.lines().find(|line| line.contains(r#"msg="Listening on""#))?;
            let (_, rest) = line.split_once("address=127.0.0.1:")?;
            rest.split_whitespace().next()?.parse().ok()
        })?;
        self.wait(folder, |_| {
            // Its name for the port is in the log before it listens.
            let mut connection = Connection::to(([127, 0, 0, 1], port).into()).ok()?;
            let answer = connection.ask(&Request::get("/api/v1/rules"));
            let answer: Value = serde_json::from_slice(&answer.body).ok()?;
            let groups = answer["data"]["groups"].as_array()?;
            let rules: Vec<(String, String)> = groups
                .iter()
                .flat_map(|group| group["rules"].as_array().into_iter().flatten())
                .map(|rule| {
                    let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
                    (text("name"), text("health"))
                })
                .collect();
            let known = rules.iter().all(|(_, health)| health != "unknown");
            (known && !rules.is_empty()).then_some(rules)
        })
    }
}

/// The metrics that a text names in full, each with the outcome that it asks for, if any.
fn metrics(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fairlead_") {
        let rest = &text[at..];
        let end = rest.find(|one: char| !one.is_ascii_lowercase() && one != '_');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        let outcome = after
            .strip_prefix("{cache=\"")
            .and_then(|after| after.split('"').next());
        // `fairlead_<filter>_..` and patterns are no names.
        if !name.ends_with('_') {
            found.push((name, outcome));
        }
    }
    found
}

#[test]
fn rules_and_pages_name_metrics_that_there_are() {
    let tables = fs::read_to_string(workspace().join("docs/metrics.md")).expect("a page");
    for file in [
        "istio/latency-histogram/rules.yaml",
        "istio/latency-histogram/podmonitor.yaml",
        "istio/README.md",
        "istio/rollback.md",
        "docs/install.md",
    ] {
        let text = fs::read_to_string(workspace().join(file)).expect("a file");
        for (metric, outcome) in metrics(&text) {
            let row = tables
                .lines()
                .find(|line| line.starts_with(&format!("| `{metric}`")));
            let row = row.unwrap_or_else(|| panic!("{metric} of {file} is not in docs/metrics.md"));
            if let Some(outcome) = outcome {
                assert!(
                    row.contains(&format!("`{outcome}`")),
                    "{metric} of {file}: {outcome}"
                );
            }
        }
    }
    assert_eq!(
        metrics("sum(fairlead_a_b{cache=\"c\"}) + fairlead_d + fairlead_<x>_y"),
        [("fairlead_a_b", Some("c")), ("fairlead_d", None)]
    );
}

/// Keys as Prometheus' operator writes them: `source_labels` is `sourceLabels`.
fn in_camel_case(value: &Value) -> Value {
    let camel = |key: &str| {
        let mut parts = key.split('_');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |name, part| {
            let (head, rest) = part.split_at(1);
            name + &head.to_uppercase() + rest
        })
    };
    match value {
        Value::Array(items) => items.iter().map(in_camel_case).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (camel(key), value.clone()))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn the_pod_monitor_relabels_as_the_page_does() {
    let Some(tools) = Tools::find() else {
        return;
    };
    // `envoy_latency_histogram` has a real Prometheus scrape by what the page says.
    let page = fs::read_to_string(workspace().join("filters/latency-histogram/README.md")).expect("a page");
    let (_, block) = page
        .split_once("```yaml\nmetric_relabel_configs:\n")
        .expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    let object = format!("apiVersion: v1\nkind: Block\nmetadata: {{name: block}}\nspec:\n{block}");
    let page = in_camel_case(&tools.objects(&object)[0]["spec"]);
    let monitor = tools.object(&istio().join("latency-histogram/podmonitor.yaml"));
    let rules = &monitor["spec"]["podMetricsEndpoints"][0]["metricRelabelings"];
    let (page, rules) = (
        page.as_array().expect("a list"),
        rules.as_array().expect("a list"),
    );
    let (first, labels) = rules.split_at(page.len());
    assert_eq!(first, page);
    // The others do for further labels what the last of these does for the route.
    let route = page.last().expect("a rule").to_string();
    for (rule, label) in labels.iter().zip(["status", "variant"]) {
        assert_eq!(rule.to_string(), route.replace("route", label));
    }
    assert_eq!(labels.len(), 2);
}

#[test]
fn prometheus_evaluates_every_rule() {
    let (Some(tools), Some(program)) = (Tools::find(), Prometheus::locate()) else {
        return;
    };
    let object = tools.object(&istio().join("latency-histogram/rules.yaml"));
    let groups = &object["spec"]["groups"];
    let folder = tempfile::tempdir().expect("a folder");
    let rules = Ruled::start(&program, folder.path(), groups)
        .rules(folder.path())
        .expect("Prometheus takes the rules");
    let written = groups[0]["rules"].as_array().expect("rules").len();
    assert_eq!(rules.len(), written);
    for (name, health) in rules {
        assert_eq!(health, "ok", "{name}");
    }
    // It would not take anything.
    let mut broken = groups.clone();
    broken[0]["rules"][0]["expr"] = json!("rate(");
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(
        Ruled::start(&program, folder.path(), &broken).rules(folder.path()),
        None
    );
}
