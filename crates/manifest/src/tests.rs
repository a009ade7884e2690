use super::*;
use fairlead_config::Severity;
use fairlead_config::policy::parse_policy;
use serde_json::{Value, json};

mod made;
mod refused;

fn written(value: &Value) -> Yaml {
    match value {
        Value::Null => Yaml::Null,
        Value::Bool(value) => Yaml::Bool(*value),
        Value::Number(number) => Yaml::Number(number.clone()),
        Value::String(text) => Yaml::Text(text.clone()),
        Value::Array(items) => Yaml::List(items.iter().map(written).collect()),
        Value::Object(fields) => {
            let mut map = Map::default();
            for (key, value) in fields {
                map.add(key, written(value));
            }
            map.into()
        }
    }
}

/// A filter's part of a policy.
fn part(name: &str) -> (&str, Value) {
    let part = match name {
        "latency_histogram" => json!({ "labels": { "status_class": true } }),
        "rate_limit" => json!({ "limits": [{ "name": "all", "rate": "5/s" }] }),
        "canary" => json!({ "release": "r", "variants": [{ "name": "v2", "weight": "10%" }],
            "sticky": { "by": [{ "header": "x-user-id" }] } }),
        "circuit_breaker" => json!({ "breakers": [{ "name": "all", "trip": { "error_rate": "50%" } }] }),
        other => panic!("{other}"),
    };
    (name, part)
}

/// `latency_histogram, canary`: a policy with these, in this order.
fn policy(filters: &str) -> Value {
    let names: Vec<&str> = filters.split(", ").collect();
    let mut policy: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| part(name))
        .map(|(name, part)| (name.to_owned(), part))
        .collect();
    if names.len() > 1 {
        policy.insert("order".to_owned(), json!(names));
    }
    Value::Object(policy)
}

fn record() -> Record {
    let mut images = Vec::new();
    for (module, left_out) in [
        ("latency-histogram", None),
        ("rate-limit", Some("response_headers")),
        ("canary", Some("response_headers")),
        ("circuit-breaker", Some("response_body")),
        ("suite", Some("response_body")),
    ] {
        let image = |build: &str, left_out: &[&str], digit: usize| {
            json!({ "module": module, "build": build, "digest": format!("sha256:{}", digit.to_string().repeat(64)),
                "left_out": left_out, "reference": null })
        };
        images.push(image("full", &[], images.len()));
        if let Some(left_out) = left_out {
            images.push(image("lean", &[left_out], images.len()));
        }
    }
    Record::parse(&json!({ "format": 1, "images": images }).to_string()).unwrap()
}

fn services() -> Vec<Service> {
    let object = json!({ "kind": "Service", "metadata": { "name": "reviews" },
        "spec": { "ports": [{ "port": 8000, "targetPort": 8080 }] } });
    vec![Service::read(&object).unwrap()]
}

/// A policy, options and what else there is.
struct Case {
    policy: Value,
    options: Options,
    images: Option<Record>,
    services: Vec<Service>,
}

fn case(filters: &str, target: Target, ask: impl FnOnce(&mut Options)) -> Case {
    let mut options = Options::new(target);
    ask(&mut options);
    Case {
        policy: policy(filters),
        options,
        images: None,
        services: Vec::new(),
    }
}

impl Case {
    fn with_images(self) -> Self {
        Self {
            images: Some(record()),
            ..self
        }
    }

    fn with_services(self) -> Self {
        Self {
            services: services(),
            ..self
        }
    }

    fn render(&self) -> Result<Rendered, Vec<String>> {
        let checked = parse_policy(&self.policy).unwrap();
        let Yaml::Map(map) = written(&self.policy) else {
            panic!("a policy is a map");
        };
        let input = Input {
            policy: &checked,
            written: &map,
            images: self.images.as_ref(),
            services: &self.services,
        };
        let refused = |refused: Refused| refused.problems.iter().map(ToString::to_string).collect();
        render(input, &self.options).map_err(refused)
    }

    /// Its documents as JSON.
    fn documents(&self) -> Vec<Value> {
        let rendered = self.render().unwrap();
        rendered
            .documents
            .into_iter()
            .map(|map| Yaml::Map(map).to_json())
            .collect()
    }

    /// What advice there is, by where and severity.
    fn advice(&self) -> Vec<(String, Severity)> {
        let rendered = self.render().unwrap();
        rendered
            .advice
            .into_iter()
            .map(|advice| (advice.at, advice.severity))
            .collect()
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
