//! Envoy's admin interface: plain HTTP on loopback, one connection a request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::Error;

/// An Envoy that is too busy to answer its admin interface for this long is taken for stuck.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Answers above this are refused: a full dump of statistics is about 1 MB.
const MAX_ANSWER: u64 = 256 << 20;

/// A client for one admin address.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Admin {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // No proxy: the environment may name one for everything. No pool: Envoy may close an idle connection any
        // time, and a connection on loopback costs nothing.
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            address,
            agent: config.into(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Status and body, whatever the status.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String), Error> {
        let sent = self.agent.get(self.url(path)).call();
        read(path, sent)
    }

    /// Status and body, whatever the status.
    pub(crate) fn post(&self, path: &str) -> Result<(u16, String), Error> {
        let sent = self.agent.post(self.url(path)).send_empty();
        read(path, sent)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn read(
    path: &str,
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String), Error> {
    let failed = |error: ureq::Error| Error::Admin {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut response = sent.map_err(failed)?;
    let body = response
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER)
        .read_to_string()
        .map_err(failed)?;
    Ok((response.status().as_u16(), body))
}

/// The body of an answer with status 200.
pub(crate) fn expect_ok(path: &str, (status, body): (u16, String)) -> Result<String, Error> {
    match status {
        200 => Ok(body),
        _ => Err(Error::Admin {
            path: path.to_owned(),
            reason: format!("{status} {}", body.trim()),
        }),
    }
}

/// Counters and gauges of a `/stats` answer in text form. Histograms and text readouts have no single number and are
/// left out.
pub(crate) fn parse_stats(text: &str) -> BTreeMap<String, u64> {
    let number = |line: &str| {
        let (name, value) = line.rsplit_once(": ")?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(number).collect()
}

/// Name and port of each listener in a `/listeners?format=json` answer.
pub(crate) fn parse_listeners(text: &str) -> Vec<(String, u16)> {
    let Ok(answer) = serde_json::from_str::<Value>(text) else {
        return Vec::new();
    };
    let port = |status: &Value| {
        let name = status.get("name")?.as_str()?.to_owned();
        let port = status
            .pointer("/local_address/socket_address/port_value")?
            .as_u64()?;
        Some((name, u16::try_from(port).ok()?))
    };
    answer
        .get("listener_statuses")
        .and_then(Value::as_array)
        .map(|all| all.iter().filter_map(port).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_are_the_lines_that_end_in_a_number() {
        let text = "a.b: 3\na.version_text: \"2\"\nh.time: P0(nan,1.0) P25(nan,1.025)\nh2: No recorded values\n\
                    listener.[::1]_80.x: 18446744073709551615\n";
        let expected = [("a.b", 3), ("listener.[::1]_80.x", u64::MAX)].map(|(name, n)| (name.to_owned(), n));
        assert_eq!(parse_stats(text), BTreeMap::from(expected));
    }

    #[test]
    fn listeners_without_a_port_are_left_out() {
        let text = r#"{"listener_statuses":[
            {"name":"main","local_address":{"socket_address":{"address":"127.0.0.1","port_value":41}}},
            {"name":"pipe","local_address":{"pipe":{"path":"/x"}}}]}"#;
        assert_eq!(parse_listeners(text), [("main".to_owned(), 41)]);
        assert_eq!(parse_listeners("{}"), []);
        assert_eq!(parse_listeners("starting"), []);
    }
}
