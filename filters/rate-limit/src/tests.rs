//! The stage without a proxy: what requests meet, what they are told, what is counted.

use super::*;
use fairlead_stage::memory::{BrokenCells, MemoryCells, MemoryJournal, MemoryMeter, MemoryView};
use fairlead_stage::{CellError, Cells, HeaderMap, Parts, Reply, Timestamp};
use serde_json::{Value, json};

/// A filter with everything it needs, in memory.
struct Rig {
    stage: RateLimit,
    needs: Needs,
    cells: MemoryCells,
    meter: MemoryMeter,
}

/// What a request met.
#[derive(Debug, PartialEq)]
struct Met {
    status: u16,
    headers: Vec<(String, String)>,
    by: String,
    body: String,
}

impl Met {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Rig {
    fn new(config: &Value) -> Self {
        let (stage, needs) = RateLimit::plan(config.to_string().as_bytes()).unwrap();
        Self {
            stage,
            needs,
            cells: MemoryCells::default(),
            meter: MemoryMeter::default(),
        }
    }

    fn send(&self, view: MemoryView) -> Met {
        self.send_with(view, &self.cells)
    }

    fn send_with(&self, view: MemoryView, cells: &impl Cells) -> Met {
        let mut effects = Effects::default();
        let proxy = Parts {
            cells,
            meter: &self.meter,
            journal: &MemoryJournal::default(),
        };
        let (verdict, mut flight) = self.stage.on_request(&view, &proxy, &mut effects);
        let met = match verdict {
            Verdict::Deny(Reply {
                status,
                grpc_status,
                details,
                body,
            }) => {
                assert_eq!(grpc_status, Some(8));
                let body = String::from_utf8(body.into_owned()).unwrap();
                Met {
                    status,
                    headers: headers(&effects),
                    by: details.to_owned(),
                    body,
                }
            }
            Verdict::Continue => {
                assert!(effects.is_empty(), "an admitted request is not changed");
                let verdict = self.stage.on_response(&mut flight, &view, &proxy, &mut effects);
                assert_eq!(verdict, Verdict::Continue);
                Met {
                    status: 200,
                    headers: headers(&effects),
                    by: String::new(),
                    body: String::new(),
                }
            }
        };
        self.stage.on_done(Some(flight), &view, &proxy);
        met
    }

    fn statuses(&self, views: impl IntoIterator<Item = MemoryView>) -> Vec<u16> {
        views.into_iter().map(|view| self.send(view).status).collect()
    }

    fn count(&self, limit: &str, outcome: &str) -> u64 {
        self.meter
            .named(&self.needs, "requests_total", Some(limit), Some(outcome))
            .unwrap_or(0)
    }
}

fn headers(effects: &Effects) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    effects
        .edits()
        .map(|edit| {
            assert_eq!(edit.map, HeaderMap::Response);
            (text(edit.name), text(edit.value))
        })
        .collect()
}

/// A request with an API key, so many milliseconds after some start.
fn keyed(key: &str, at_ms: u64) -> MemoryView {
    get(at_ms).with("x-api-key", key)
}

fn get(at_ms: u64) -> MemoryView {
    let now = Timestamp::from_unix_nanos(1_790_000_000_000_000_000 + at_ms * 1_000_000);
    MemoryView::get("api.example.com", "/orders").when(now)
}

fn per_key(extra: Value) -> Value {
    let mut limit = json!({"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/s", "burst": 2});
    for (name, value) in extra.as_object().unwrap() {
        limit[name] = value.clone();
    }
    json!({"limits": [limit]})
}

#[test]
fn each_key_has_its_own_quota() {
    let rig = Rig::new(&per_key(json!({})));
    let sent = rig.statuses([
        keyed("a", 0),
        keyed("a", 0),
        keyed("a", 0),
        keyed("b", 0),
        keyed("a", 1000),
    ]);
    assert_eq!(sent, [200, 200, 429, 200, 200]);
    assert_eq!(
        (rig.count("per-key", "admitted"), rig.count("per-key", "denied")),
        (4, 1)
    );
}

#[test]
fn a_request_without_the_key_is_not_limited() {
    let rig = Rig::new(&per_key(json!({})));
    assert_eq!(rig.statuses((0..5).map(|_| get(0))), [200; 5]);
    assert_eq!(rig.count("per-key", "admitted"), 0);
}

#[test]
fn a_limit_without_a_key_is_one_bucket() {
    let rig = Rig::new(&json!({"limits": [{"name": "all", "rate": "2/s"}]}));
    assert_eq!(
        rig.statuses([keyed("a", 0), keyed("b", 0), get(0)]),
        [200, 200, 429]
    );
}

#[test]
fn the_wait_and_the_rest_are_stated() {
    let rig = Rig::new(&per_key(json!({})));
    let first = rig.send(keyed("a", 0));
    assert_eq!(first.header("ratelimit-policy"), Some(r#""per-key";q=1;w=1"#));
    assert_eq!(first.header("ratelimit"), Some(r#""per-key";r=1;t=1"#));
    rig.send(keyed("a", 0));
    let third = rig.send(keyed("a", 0));
    assert_eq!(third.by, "rate_limit/per-key");
    assert_eq!(third.header("retry-after"), Some("1"));
    assert_eq!(third.header("ratelimit"), Some(r#""per-key";r=0;t=1"#));
}

#[test]
fn several_limits_make_one_field() {
    let rig = Rig::new(&json!({"limits": [
        {"name": "second", "rate": "5/s"},
        {"name": "hour", "rate": "100/h", "burst": 100},
    ]}));
    let met = rig.send(get(0));
    assert_eq!(
        met.header("ratelimit-policy"),
        Some(r#""second";q=5;w=1, "hour";q=100;w=3600"#)
    );
    assert_eq!(
        met.header("ratelimit"),
        Some(r#""second";r=4;t=1, "hour";r=99;t=36"#)
    );
}

#[test]
fn other_headers_can_be_asked_for() {
    let names = |style: &str| {
        let mut config = per_key(json!({}));
        config["response_headers"] = json!(style);
        let met = Rig::new(&config).send(keyed("a", 0));
        met.headers
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("draft03"),
        [
            "x-ratelimit-limit: 1, 1;w=1",
            "x-ratelimit-remaining: 1",
            "x-ratelimit-reset: 1"
        ]
    );
    assert_eq!(
        names("legacy"),
        [
            "ratelimit-limit: 1",
            "ratelimit-remaining: 1",
            "ratelimit-reset: 1"
        ]
    );
    assert_eq!(names("none"), [""; 0]);
}

#[test]
fn a_refused_request_costs_nothing() {
    let rig = Rig::new(&json!({"limits": [
        {"name": "wide", "rate": "3/h", "burst": 3},
        {"name": "narrow", "key": [{"header": "x-api-key"}], "rate": "1/h", "burst": 1},
    ]}));
    // The second request is refused by `narrow`: `wide` must still have two units for the others.
    assert_eq!(
        rig.statuses([keyed("a", 0), keyed("a", 1), keyed("b", 2), keyed("c", 3)]),
        [200, 429, 200, 200]
    );
    assert_eq!(
        (rig.count("wide", "admitted"), rig.count("wide", "denied")),
        (3, 0)
    );
    assert_eq!(
        (rig.count("narrow", "admitted"), rig.count("narrow", "denied")),
        (3, 1)
    );
}

#[test]
fn shadow_counts_and_changes_nothing() {
    let rig = Rig::new(&per_key(json!({"mode": "shadow"})));
    let met: Vec<_> = (0..4).map(|_| rig.send(keyed("a", 0))).collect();
    assert!(met.iter().all(|met| met.status == 200 && met.headers.is_empty()));
    assert_eq!(
        (
            rig.count("per-key", "admitted"),
            rig.count("per-key", "would_deny")
        ),
        (2, 2)
    );
}

#[test]
fn a_filter_in_shadow_enforces_no_limit() {
    let mut config = per_key(json!({}));
    config["mode"] = json!("shadow");
    let rig = Rig::new(&config);
    assert_eq!(rig.statuses((0..4).map(|_| keyed("a", 0))), [200; 4]);
    assert_eq!(rig.count("per-key", "would_deny"), 2);
}

#[test]
fn what_is_off_needs_nothing() {
    let rig = Rig::new(&per_key(json!({"mode": "off"})));
    assert!(!rig.needs.request && !rig.needs.response && rig.needs.groups().is_empty());
    assert_eq!(rig.statuses((0..4).map(|_| keyed("a", 0))), [200; 4]);
}

#[test]
fn overrides_replace_the_quota_of_their_key() {
    let rig = Rig::new(&per_key(json!({"overrides": [
        {"key": ["partner"], "rate": "4/s"},
        {"key": ["internal"], "unlimited": true},
    ]})));
    let admitted = |key: &str| {
        rig.statuses((0..6).map(|_| keyed(key, 0)))
            .iter()
            .filter(|s| **s == 200)
            .count()
    };
    assert_eq!(
        (admitted("partner"), admitted("internal"), admitted("other")),
        (4, 6, 2)
    );
}

#[test]
fn the_reply_is_the_configured_one() {
    let mut config = per_key(json!({"burst": 1}));
    config["deny"] =
        json!({"status": 503, "body": "later", "content_type": "text/x-note", "headers": {"x-why": "limit"}});
    let rig = Rig::new(&config);
    rig.send(keyed("a", 0));
    let met = rig.send(keyed("a", 0));
    assert_eq!((met.status, met.body.as_str()), (503, "later"));
    assert_eq!(met.header("content-type"), Some("text/x-note"));
    assert_eq!(met.header("x-why"), Some("limit"));
}

#[test]
fn a_problem_document_names_the_limit() {
    let mut config = per_key(json!({"burst": 1}));
    config["deny"] = json!({"problem_json": true});
    let rig = Rig::new(&config);
    rig.send(keyed("a", 0));
    let met = rig.send(keyed("a", 0));
    assert_eq!(met.header("content-type"), Some("application/problem+json"));
    let body: Value = serde_json::from_str(&met.body).unwrap();
    assert_eq!(body["violated-policies"], json!(["per-key"]));
    assert_eq!(body["status"], json!(429));
}

#[test]
fn a_store_that_refuses_opens_the_limit_and_one_that_is_contended_closes_it() {
    let rig = Rig::new(&per_key(json!({})));
    let open = rig.send_with(keyed("a", 0), &BrokenCells(CellError::Unavailable));
    assert_eq!((open.status, open.headers), (200, vec![]));
    let closed = rig.send_with(keyed("a", 0), &BrokenCells(CellError::Contended));
    assert_eq!((closed.status, closed.header("retry-after")), (429, Some("1")));
    assert_eq!(rig.count("per-key", "undecided"), 2);
}

#[test]
fn a_clock_that_is_set_back_neither_opens_nor_blocks() {
    let rig = Rig::new(&per_key(json!({})));
    let hour = 3_600_000;
    assert_eq!(
        rig.statuses([keyed("a", hour), keyed("a", hour), keyed("a", hour)]),
        [200, 200, 429]
    );
    // An hour back: the bucket is empty as it was, and fills at its rate from here.
    assert_eq!(
        rig.statuses([keyed("a", 0), keyed("a", 1000), keyed("a", 1000)]),
        [429, 200, 429]
    );
}

#[test]
fn a_refused_config_says_what_is_wrong_and_whether_to_pass() {
    let refusal = |config: &str| RateLimit::plan(config.as_bytes()).err().unwrap();
    let plain = refusal(r#"{"limits":[{"name":"a","rate":"0/s"}]}"#);
    assert!(plain.message.starts_with("limits[0].rate: "), "{}", plain.message);
    assert!(!plain.pass_at_first_load);
    assert!(
        refusal(r#"{"on_invalid_config":"pass","limits":[{"name":"a","rate":"0/s"}]}"#).pass_at_first_load
    );
}

#[test]
fn memory_is_known_when_the_filter_is_configured() {
    let rig = Rig::new(&per_key(json!({"max_keys": 4096})));
    assert_eq!(
        rig.needs.groups().iter().map(|group| group.cells).sum::<u32>(),
        512
    );
    assert!(rig.needs.cell_memory_bytes() <= 512 * 145);
    for key in 0..10_000 {
        rig.send(keyed(&key.to_string(), key));
    }
    assert!(rig.cells.len() <= 512);
}
