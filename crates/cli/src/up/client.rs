//! An HTTP client that keeps one connection and looks at what answers say about limits, versions and age.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ureq::http::{HeaderMap, HeaderValue};

/// An Envoy that takes this long for one answer is stuck.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The variants of the demo's policy; the version v2 calls itself so, too.
pub(super) const V2: &str = "v2";
pub(super) const STABLE: &str = "stable";
/// How its release cookie begins for those who are in v2.
const COOKIE_OF_V2: &str = "fairlead-release=v2.";

/// A client with a connection of its own. Not for several threads: a second request at a time opens a second connection.
#[derive(Debug)]
pub(super) struct Client {
    base: String,
    agent: ureq::Agent,
}

/// A GET request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) path: &'static str,
    pub(super) headers: Vec<(&'static str, HeaderValue)>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// What the upstream calls itself; `None` if Envoy has answered itself.
    pub(super) version: Option<String>,
    /// Whole seconds of `Retry-After`.
    pub(super) retry_after: Option<u64>,
    /// The limits that both `RateLimit` and `RateLimit-Policy` speak of.
    pub(super) stated: Vec<String>,
    /// The values of `Set-Cookie`.
    pub(super) cookies: Vec<String>,
    /// Whole seconds of `Age`: this is no fresh answer.
    pub(super) age: Option<u64>,
    /// Whether `Warning` says that it is stale.
    pub(super) warned: bool,
    pub(super) body: Vec<u8>,
    /// Just before the request was sent.
    pub(super) sent: Instant,
    /// When the answer was there.
    pub(super) received: Instant,
}

impl Ask {
    /// A request without headers of its own.
    pub(super) fn new(path: &'static str) -> Self {
        Self {
            path,
            headers: Vec::new(),
        }
    }

    /// Asks the upstream to take so long.
    pub(super) fn taking(self, delay: Duration) -> Self {
        self.header("x-upstream-delay", format!("{}us", delay.as_micros()))
    }

    /// Adds a header. What cannot be a header value is left out.
    pub(super) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }
}

impl Client {
    /// A client of the proxy at `address`; connects at the first request.
    pub(super) fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            // Longer than any demo waits between two requests of a client.
            .max_idle_age(Duration::from_secs(600))
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            base: format!("http://{address}"),
            agent: config.into(),
        }
    }

    /// Sends a request and reads the answer to its end.
    pub(super) fn send(&self, ask: &Ask) -> Result<Answer, ureq::Error> {
        let request = self.agent.get(format!("{}{}", self.base, ask.path));
        let request = ask
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        let sent = Instant::now();
        let mut response = request.call()?;
        // A connection is used again only once its body is read.
        let body = response.body_mut().read_to_vec()?;
        let received = Instant::now();
        let headers = response.headers();
        Ok(Answer {
            status: response.status().as_u16(),
            version: text(headers, "x-version").map(str::to_owned),
            retry_after: text(headers, "retry-after").and_then(|seconds| seconds.parse().ok()),
            stated: stated(headers),
            cookies: cookies(headers),
            age: text(headers, "age").and_then(|seconds| seconds.parse().ok()),
            warned: text(headers, "warning").is_some_and(|warning| warning.starts_with("110 ")),
            body,
            sent,
            received,
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The limits that both fields speak of.
fn stated(headers: &HeaderMap) -> Vec<String> {
    let named = |field| names(text(headers, field).unwrap_or_default());
    let policies = named("ratelimit-policy");
    named("ratelimit")
        .into_iter()
        .filter(|name| policies.contains(name))
        .collect()
}

/// The values of all `Set-Cookie` lines.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("set-cookie").iter();
    values
        .filter_map(|value| Some(value.to_str().ok()?.to_owned()))
        .collect()
}

/// The names in a list such as `"per-key";r=5;t=1, "other";r=1`. Names of limits hold neither quotes nor commas.
fn names(list: &str) -> Vec<String> {
    let name = |member: &str| Some(member.trim().strip_prefix('"')?.split_once('"')?.0.to_owned());
    list.split(',').filter_map(name).collect()
}

impl Answer {
    /// How long it took, in microseconds, until it was there with its body.
    pub(super) fn micros(&self) -> u64 {
        let took = self.received.saturating_duration_since(self.sent);
        u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
    }

    /// The variant of the demo's release that the request got: as the version says that has answered or, where none has, the
    /// release cookie. With neither there was nothing to draw.
    pub(super) fn variant(&self) -> &'static str {
        let v2 = match self.version.as_deref() {
            Some(version) => version == V2,
            None => self.cookies.iter().any(|line| line.starts_with(COOKIE_OF_V2)),
        };
        if v2 { V2 } else { STABLE }
    }

    /// Whether this version has given it.
    pub(super) fn is_from(&self, version: &str) -> bool {
        self.version.as_deref() == Some(version)
    }
}

#[cfg(test)]
impl Answer {
    /// An answer with this status from a version, sent and received now.
    pub(super) fn from(version: Option<&str>, status: u16) -> Self {
        let now = Instant::now();
        Self {
            status,
            version: version.map(str::to_owned),
            retry_after: None,
            stated: Vec::new(),
            cookies: Vec::new(),
            age: None,
            warned: false,
            body: Vec::new(),
            sent: now,
            received: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_limit_is_stated_if_both_fields_speak_of_it() {
        let policy = ("ratelimit-policy", r#""a";q=20;w=1, "b";q=60;w=60"#);
        assert_eq!(
            stated(&headers(&[policy, ("ratelimit", r#""b";r=0;t=1"#)])),
            ["b"]
        );
        assert!(stated(&headers(&[policy])).is_empty());
        assert!(stated(&headers(&[policy, ("ratelimit", "c;r=1")])).is_empty());
    }

    #[test]
    fn who_is_refused_has_the_variant_that_the_release_cookie_says() {
        let variant = |version, cookie: &str| {
            let cookies = vec!["other=v2.".to_owned(), cookie.to_owned()];
            let answer = Answer::from(version, 429);
            Answer { cookies, ..answer }.variant()
        };
        assert_eq!(variant(Some("v2"), ""), V2);
        assert_eq!(variant(Some("v1"), "fairlead-release=v2.00001.00"), STABLE);
        assert_eq!(variant(None, "fairlead-release=v2.00001.00; Path=/"), V2);
        assert_eq!(variant(None, "fairlead-release=stable.00001.00; Path=/"), STABLE);
        assert_eq!(variant(None, ""), STABLE);
    }
}
