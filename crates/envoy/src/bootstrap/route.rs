//! Routes: which requests, and where they go.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::duration;

/// One route of a listener. Routes are tried in the order in which they were added; the first that matches is taken.
#[derive(Clone, Debug)]
pub struct Route {
    name: Option<String>,
    prefix: String,
    headers: Vec<(String, String)>,
    action: Action,
    timeout: Option<Duration>,
    extra: Map<String, Value>,
}

#[derive(Clone, Debug)]
enum Action {
    Cluster(String),
    Reply { status: u16, body: String },
}

impl Route {
    /// A route for all paths that begin with `prefix`. Until told otherwise it answers 200 with an empty body.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self {
            name: None,
            prefix: prefix.into(),
            headers: Vec::new(),
            action: Action::Reply {
                status: 200,
                body: String::new(),
            },
            timeout: None,
            extra: Map::new(),
        }
    }

    /// Names the route (the `xds.route_name` attribute, `%ROUTE_NAME%`).
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Matches only requests with this header at exactly this value; several calls must all match.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends the requests to a cluster of the same bootstrap.
    #[must_use]
    pub fn to(mut self, cluster: impl Into<String>) -> Self {
        self.action = Action::Cluster(cluster.into());
        self
    }

    /// Answers in Envoy, with no upstream (`direct_response`). Envoy accepts a body of up to 4096 bytes.
    #[must_use]
    pub fn respond(mut self, status: u16, body: impl Into<String>) -> Self {
        self.action = Action::Reply {
            status,
            body: body.into(),
        };
        self
    }

    /// The upstream's time to answer; zero for no limit. Envoy's default is 15 s. Only for routes to a cluster.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets any other field of `envoy.config.route.v3.Route`; wins over what the builder would write.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: Value) -> Self {
        self.extra.insert(field.into(), value);
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let mut matcher = Map::new();
        matcher.insert("prefix".into(), json!(self.prefix));
        if !self.headers.is_empty() {
            let headers: Vec<Value> = self
                .headers
                .iter()
                .map(|(name, value)| json!({"name": name, "string_match": {"exact": value}}))
                .collect();
            matcher.insert("headers".into(), json!(headers));
        }
        let mut route = Map::new();
        if let Some(name) = &self.name {
            route.insert("name".into(), json!(name));
        }
        route.insert("match".into(), Value::Object(matcher));
        match &self.action {
            Action::Cluster(cluster) => {
                let mut action = Map::new();
                action.insert("cluster".into(), json!(cluster));
                if let Some(timeout) = self.timeout {
                    action.insert("timeout".into(), duration(timeout));
                }
                route.insert("route".into(), Value::Object(action));
            }
            Action::Reply { status, body } => {
                let mut reply = Map::new();
                reply.insert("status".into(), json!(status));
                if !body.is_empty() {
                    reply.insert("body".into(), json!({"inline_string": body}));
                }
                route.insert("direct_response".into(), Value::Object(reply));
            }
        }
        route.extend(self.extra.clone());
        Value::Object(route)
    }
}
