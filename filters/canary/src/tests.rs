//! The stage without a proxy: what requests become, what responses carry, what is counted.

use super::*;
use fairlead_stage::memory::{BrokenCells, MemoryCells, MemoryJournal, MemoryMeter, MemoryView};
use fairlead_stage::{CellError, Cells, EditKind, HeaderMap, Parts};
use serde_json::{Value, json};
use std::time::Duration;

mod guard;
mod plain;

/// A filter with everything it needs, in memory.
struct Rig {
    stage: Canary,
    needs: Needs,
    cells: MemoryCells,
    meter: MemoryMeter,
    journal: MemoryJournal,
}

/// What became of a request: header edits as `name=value`, `-name` for a removal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    request: Vec<String>,
    response: Vec<String>,
}

impl Met {
    fn cookie(&self) -> Option<&str> {
        let cookie = self.response.first()?.strip_prefix("set-cookie=")?;
        Some(cookie.split(';').next().unwrap_or(cookie))
    }

    fn is_v2(&self) -> bool {
        self.request.iter().any(|edit| edit == "x-canary=v2")
    }
}

fn edits(effects: &Effects) -> Vec<String> {
    let text = |edit: fairlead_stage::Edit<'_>| {
        let name = String::from_utf8_lossy(edit.name).into_owned();
        match edit.kind {
            EditKind::Remove => format!("-{name}"),
            EditKind::Set | EditKind::Add => format!("{name}={}", String::from_utf8_lossy(edit.value)),
        }
    };
    effects.edits().map(text).collect()
}

impl Rig {
    fn new(config: &Value) -> Self {
        let (stage, needs) = Canary::plan(config.to_string().as_bytes()).unwrap();
        Self {
            stage,
            needs,
            cells: MemoryCells::default(),
            meter: MemoryMeter::default(),
            journal: MemoryJournal::default(),
        }
    }

    fn proxy<'r, C: Cells>(&'r self, cells: &'r C) -> Parts<'r, C, MemoryMeter, MemoryJournal> {
        Parts {
            cells,
            meter: &self.meter,
            journal: &self.journal,
        }
    }

    fn send(&self, request: MemoryView) -> Met {
        self.send_with(request, MemoryView::default(), &self.cells)
    }

    fn send_with(&self, request: MemoryView, response: MemoryView, cells: &impl Cells) -> Met {
        let mut effects = Effects::default();
        let proxy = self.proxy(cells);
        let (verdict, mut flight) = self.stage.on_request(&request, &proxy, &mut effects);
        assert_eq!(verdict, Verdict::Continue);
        let mut met = Met {
            request: edits(&effects),
            response: Vec::new(),
        };
        effects.clear();
        self.stage
            .on_response(&mut flight, &response, &proxy, &mut effects);
        met.response = edits(&effects);
        self.stage.on_done(Some(flight), &response, &proxy);
        met
    }

    fn from(&self, address: &str, request: MemoryView) -> Met {
        self.send(request.with_attribute(&self.needs, &["source", "address"], address))
    }

    fn count(&self, name: &str, rule: Option<&str>, outcome: Option<&str>) -> u64 {
        self.meter.named(&self.needs, name, rule, outcome).unwrap_or(0)
    }

    fn exposures(&self, variant: &str, reason: &str) -> u64 {
        self.count("exposures_total", Some(variant), Some(reason))
    }
}

fn get() -> MemoryView {
    MemoryView::get("shop.example.com", "/")
}

fn user(name: impl AsRef<[u8]>) -> MemoryView {
    get().with("x-user-id", name)
}

/// A config with these fields besides the least there must be: half of all users by `x-user-id`.
fn config(more: Value) -> Value {
    let mut config = json!({
        "release": "r1",
        "variants": [{"name": "v2", "weight": "50%"}],
        "sticky": {"by": [{"header": "x-user-id"}]},
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

/// Users by where the draw of release `r1` puts them.
fn users(in_v2: bool) -> impl Iterator<Item = String> {
    let rig = Rig::new(&config(json!({})));
    (0..)
        .map(|n| format!("u{n}"))
        .filter(move |name| rig.send(user(name)).is_v2() == in_v2)
}

fn drawn() -> String {
    users(true).next().unwrap()
}

fn not_drawn() -> String {
    users(false).next().unwrap()
}

#[test]
fn a_user_stays_where_the_draw_puts_them() {
    let rig = Rig::new(&config(json!({})));
    for name in users(true).take(20) {
        assert!((0..3).all(|_| rig.send(user(&name)).is_v2()));
    }
    for name in users(false).take(20) {
        assert_eq!(rig.send(user(&name)), Met::default());
    }
    assert_eq!(rig.exposures("v2", "sticky"), 60);
    assert_eq!(rig.exposures("stable", "sticky"), 20);
}

#[test]
fn who_has_no_key_gets_the_default() {
    let rig = Rig::new(&config(json!({"variants": [{"name": "v2", "weight": "100%"}]})));
    assert_eq!(rig.send(get()), Met::default());
    assert_eq!(rig.send(user("")), Met::default());
    assert_eq!(rig.exposures("stable", "default"), 2);
    assert!(rig.send(user(b"\xff\xfe")).is_v2());
}

#[test]
fn nobody_is_drawn_at_no_weight() {
    let rig = Rig::new(&config(json!({"variants": [{"name": "v2"}]})));
    assert_eq!(rig.send(user(drawn())), Met::default());
    assert_eq!(rig.exposures("stable", "default"), 1);
}

#[test]
fn a_client_cannot_write_the_routing_header() {
    for more in [
        json!({}),
        json!({"force": {"header": "x-force", "allow_from": [{"cidrs": ["10.0.0.0/8"]}]}}),
    ] {
        let rig = Rig::new(&config(more));
        let met = rig.from("192.0.2.1:5", user(not_drawn()).with("x-canary", "v2"));
        assert_eq!(met.request, ["-x-canary"]);
        let met = rig.from("192.0.2.1:5", user(drawn()).with("x-canary", "v3"));
        assert_eq!(met.request, ["x-canary=v2"]);
    }
}

#[test]
fn routing_headers_that_count_for_nothing_are_counted_where_they_are_looked_for() {
    for (more, expected) in [
        (json!({}), 1),
        (json!({"force": {"allow_from": [{"cidrs": ["10.0.0.0/8"]}]}}), 2),
    ] {
        let rig = Rig::new(&config(more));
        for name in [drawn(), not_drawn()] {
            rig.from("192.0.2.1:5", user(name).with("x-canary", "v2"));
        }
        assert_eq!(rig.count("routing_headers_removed_total", None, None), expected);
    }
}

#[test]
fn a_trusted_caller_can_and_nothing_is_written_that_is_there() {
    let rig = Rig::new(&config(
        json!({"force": {"allow_from": [{"cidrs": ["10.0.0.0/8"]}]}}),
    ));
    let lines = |request: MemoryView, lines: &str| {
        request.with_attribute(&rig.needs, &["request", "headers", "x-canary"], lines)
    };
    let sent = lines(user(not_drawn()).with("x-canary", "v2"), "v2");
    assert_eq!(rig.from("10.1.2.3:5", sent), Met::default());
    let two = lines(user(not_drawn()).with("x-canary", "v2"), "v2,v3");
    assert_eq!(rig.from("10.1.2.3:5", two).request, ["x-canary=v2"]);
    assert_eq!(rig.exposures("v2", "routing_header"), 2);
    // What is no variant is no decision.
    let met = rig.from("10.1.2.3:5", user(not_drawn()).with("x-canary", "v9"));
    assert_eq!(met.request, ["-x-canary"]);
}

#[test]
fn force_is_for_those_who_may() {
    let rig = Rig::new(&config(
        json!({"force": {"header": "x-force", "cookie": "canary", "allow_from": [{"cidrs": ["10.0.0.0/8"]}]}}),
    ));
    let (inside, outside) = ("10.1.2.3:5", "192.0.2.1:5");
    let met = rig.from(inside, user(not_drawn()).with("x-force", "always"));
    assert_eq!(met.request, ["x-canary=v2", "-x-force"]);
    let met = rig.from(inside, user(drawn()).with("x-force", "never"));
    assert_eq!(met.request, ["-x-force"]);
    let met = rig.from(outside, user(not_drawn()).with("x-force", "always"));
    assert_eq!(met.request, ["-x-force"]);
    assert!(
        rig.from(inside, user(not_drawn()).with("cookie", "a=1; canary=v2"))
            .is_v2()
    );
    assert!(
        !rig.from(outside, user(not_drawn()).with("cookie", "canary=v2"))
            .is_v2()
    );
    // The header comes before the cookie.
    let both = user(not_drawn())
        .with("x-force", "never")
        .with("cookie", "canary=always");
    assert!(!rig.from(inside, both).is_v2());
    assert_eq!(rig.exposures("v2", "force_header"), 1);
    assert_eq!(rig.exposures("stable", "force_header"), 2);
    assert_eq!(rig.exposures("v2", "force_cookie"), 1);
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rule = |value: &str, variant: &str, mode: &str| json!({"match": [{"headers": {"x-group": {"exact": value}}}], "variant": variant, "mode": mode});
    let rig = Rig::new(&config(json!({"rules": [
        rule("beta", "v2", "enforce"),
        rule("beta", "stable", "enforce"),
        rule("staff", "v2", "shadow"),
        rule("off", "v2", "off"),
    ]})));
    assert!(rig.send(user(not_drawn()).with("x-group", "beta")).is_v2());
    assert!(!rig.send(user(not_drawn()).with("x-group", "staff")).is_v2());
    assert!(!rig.send(user(not_drawn()).with("x-group", "off")).is_v2());
    assert_eq!(rig.exposures("v2", "rule"), 1);
    assert_eq!(rig.exposures("v2", "would_rule"), 1);
    assert_eq!(rig.exposures("stable", "sticky"), 2);
}

#[test]
fn the_release_cookie_is_issued_once_and_keeps_its_holder() {
    let cookie = json!({"by": [{"header": "x-user-id"}], "cookie": {"name": "rel", "max_age": "24h", "same_site": "lax"}});
    let rig = Rig::new(&config(json!({"sticky": cookie})));
    let met = rig.send(user(drawn()));
    let issued = met.cookie().unwrap().to_owned();
    assert!(issued.starts_with("rel=v2."), "{issued}");
    assert!(
        met.response[0].contains("; Max-Age=86400") && met.response[0].ends_with("SameSite=Lax"),
        "{met:?}"
    );
    // It holds without the key, and nothing is issued again.
    let again = rig.send(get().with("cookie", &issued));
    assert!(again.is_v2());
    assert_eq!(again.response, [""; 0]);
    assert_eq!(rig.exposures("v2", "release_cookie"), 1);
    // Who is not drawn gets none.
    assert_eq!(rig.send(user(not_drawn())), Met::default());
    // Nobody can write one.
    for forged in [
        "rel=v2",
        "rel",
        "rel=v2.00000.0000000000000000",
        "rel=\"\"",
        "rel=stable.00000.0000000000000000",
    ] {
        let met = rig.send(user(not_drawn()).with("cookie", forged));
        assert!(!met.is_v2(), "{forged}");
        assert!(
            met.response[0].starts_with("set-cookie=rel=; ") && met.response[0].contains("Max-Age=0"),
            "{met:?}"
        );
    }
    assert_eq!(rig.count("cookies_total", None, Some("issued")), 1);
    assert_eq!(rig.count("cookies_total", None, Some("cleared")), 5);
    assert_eq!(rig.count("cookies_total", None, Some("rejected")), 5);
}

#[test]
fn a_cookie_of_a_closed_variant_or_of_another_release_sends_home() {
    let sticky = json!({"by": [{"header": "x-user-id"}], "cookie": {"name": "rel", "secret": "sixteen bytes or more"}});
    let rig = Rig::new(&config(json!({"sticky": sticky})));
    let issued = rig.send(user(drawn())).cookie().unwrap().to_owned();
    let closed = Rig::new(&config(
        json!({"sticky": sticky, "variants": [{"name": "v2", "weight": "0%"}]}),
    ));
    let met = closed.send(get().with("cookie", &issued));
    assert!(!met.is_v2());
    assert_eq!(met.cookie(), Some("rel="));
    let next = Rig::new(&config(
        json!({"sticky": sticky, "release": "r2", "variants": [{"name": "v2", "weight": "0.0001%"}]}),
    ));
    let met = next.send(get().with("cookie", &issued));
    assert!(!met.is_v2());
    assert_eq!(met.cookie(), Some("rel="));
    // At any weight above nothing it holds.
    let lower = Rig::new(&config(
        json!({"sticky": sticky, "variants": [{"name": "v2", "weight": "0.0001%"}]}),
    ));
    assert!(lower.send(get().with("cookie", &issued)).is_v2());
}

#[test]
fn random_draws_stay_by_their_cookie_and_only_move_up() {
    let sticky =
        json!({"by": [{"random": true}], "cookie": {"name": "rel", "secret": "sixteen bytes or more"}});
    let at = |weight: &str| {
        Rig::new(&config(
            json!({"sticky": sticky, "variants": [{"name": "v2", "weight": weight}]}),
        ))
    };
    let (half, most) = (at("50%"), at("90%"));
    let (mut stayed, mut moved) = (0, 0);
    for n in 0..200 {
        let met = half.send(get().when(Timestamp::from_unix_nanos(n * 1_000_003)));
        let issued = met.cookie().unwrap().to_owned();
        let again = half.send(get().with("cookie", &issued));
        assert_eq!((again.is_v2(), again.response.len()), (met.is_v2(), 0));
        let later = most.send(get().with("cookie", &issued));
        assert!(later.is_v2() || !met.is_v2());
        stayed += u32::from(met.is_v2());
        moved += u32::from(later.is_v2());
    }
    assert!((70..=130).contains(&stayed), "{stayed}");
    assert!((160..=198).contains(&moved), "{moved}");
}

#[test]
fn a_ramp_takes_more_in_with_time_and_an_ended_one_sends_all_home() {
    let rig = Rig::new(&config(json!({
        "variants": [{"name": "v2"}],
        "force": {"header": "x-force"},
        "rules": [{"match": [{"headers": {"x-group": {"exact": "beta"}}}], "variant": "v2"}],
        "ramp": {
            "start": "1970-01-01T01:00:00Z",
            "steps": [{"at": "0s", "weight": "10%"}, {"at": "1m", "weight": "50%"}],
            "finish": {"at": "2m", "as": "ended"},
        },
    })));
    let at = |seconds: u64| Timestamp::from_unix_nanos(seconds * 1_000_000_000);
    let share = |seconds: u64| {
        (0..1000)
            .filter(|n| rig.send(user(format!("u{n}")).when(at(seconds))).is_v2())
            .count()
    };
    assert_eq!(share(3599), 0);
    assert!((60..140).contains(&share(3600)));
    assert!((440..560).contains(&share(3660)));
    assert_eq!(share(3720), 0);
    assert!(!rig.send(user("a").with("x-group", "beta").when(at(3720))).is_v2());
    assert!(
        rig.send(user("a").with("x-force", "always").when(at(3720)))
            .is_v2()
    );
}

#[test]
fn shadow_counts_and_changes_nothing() {
    let rig = Rig::new(&config(json!({
        "mode": "shadow",
        "force": {"header": "x-force"},
        "sticky": {"by": [{"header": "x-user-id"}], "cookie": {}},
        "propagate": {"baggage": true},
        "guard": {"error_rate": {"max": "5%"}},
    })));
    assert_eq!(rig.send(user(drawn()).with("x-canary", "v2")), Met::default());
    assert_eq!(rig.send(user("a").with("x-force", "always")), Met::default());
    assert_eq!(rig.exposures("v2", "would_sticky"), 1);
    assert_eq!(rig.exposures("v2", "would_force_header"), 1);
    assert!(!rig.needs.response);
}

#[test]
fn off_asks_for_nothing() {
    let rig = Rig::new(&config(
        json!({"mode": "off", "guard": {"error_rate": {"max": "5%"}}}),
    ));
    assert!(!rig.needs.request && !rig.needs.response && rig.needs.tick.is_none());
    assert!(rig.needs.metrics().is_empty() && rig.needs.groups().is_empty());
}

#[test]
fn requests_outside_of_match_are_left_alone() {
    let rig = Rig::new(&config(json!({"match": [{"hosts": ["shop.example.com"]}]})));
    assert!(rig.send(user(drawn())).is_v2());
    let other = MemoryView::get("other.example.com", "/")
        .with("x-user-id", drawn())
        .with("x-canary", "v2");
    assert_eq!(rig.send(other), Met::default());
    assert_eq!(
        rig.exposures("v2", "sticky") + rig.exposures("stable", "sticky"),
        1
    );
}

#[test]
fn baggage_is_appended_and_never_overwritten() {
    let rig = Rig::new(&config(json!({"propagate": {"baggage": true}})));
    let met = rig.send(
        user(drawn())
            .with("baggage", "a=1;p")
            .with("baggage", "b=2, fairlead.r1=forged"),
    );
    assert_eq!(met.request, ["x-canary=v2", "baggage=a=1;p,b=2,fairlead.r1=v2"]);
    assert_eq!(rig.send(user(not_drawn()).with("baggage", "a=1")), Met::default());
    let full = rig.send(user(drawn()).with("baggage", "a=".to_owned() + &"x".repeat(8180)));
    assert_eq!(full.request, ["x-canary=v2"]);
    assert_eq!(rig.count("baggage_total", None, Some("full")), 1);
}

#[test]
fn a_trace_keeps_its_variant_through_the_application() {
    let rig = Rig::new(&config(
        json!({"propagate": {"trace": {"max_entries": 64, "ttl": "60s"}}}),
    ));
    let trace = |n: u32| format!("00-{n:032x}-00f067aa0ba902b7-01");
    let way = |direction: u64, request: MemoryView| {
        rig.send(request.with_attribute(
            &rig.needs,
            &["xds", "listener_direction"],
            direction.to_le_bytes(),
        ))
    };
    assert!(way(1, user(drawn()).with("traceparent", trace(1))).is_v2());
    assert!(!way(1, user(not_drawn()).with("traceparent", trace(2))).is_v2());
    // On the way out there is no user id, and users that would be decided otherwise keep the trace's variant.
    assert!(way(2, get().with("traceparent", trace(1))).is_v2());
    assert!(!way(2, user(drawn()).with("traceparent", trace(2))).is_v2());
    assert!(!way(2, get().with("traceparent", trace(3))).is_v2());
    assert!(!way(2, get().with("traceparent", "garbage")).is_v2());
    let counts = ["stored", "hit", "miss", "evicted"].map(|what| rig.count("trace_total", None, Some(what)));
    assert_eq!(counts, [2, 2, 1, 0]);
    assert_eq!(rig.exposures("v2", "trace"), 1);
}

#[test]
fn a_broken_store_changes_no_decision() {
    let all = json!({
        "guard": {"error_rate": {"max": "5%"}},
        "propagate": {"trace": {}},
        "sticky": {"by": [{"header": "x-user-id"}, {"random": true}], "cookie": {}},
    });
    let rig = Rig::new(&config(all));
    for error in [CellError::Contended, CellError::Unavailable] {
        let response = MemoryView::default().with_header(HeaderMap::Response, ":status", "200");
        let request = |user: MemoryView| {
            user.with(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            )
            .with_attribute(&rig.needs, &["xds", "listener_direction"], 1_u64.to_le_bytes())
        };
        assert!(
            rig.send_with(request(user(drawn())), response.clone(), &BrokenCells(error))
                .is_v2()
        );
        rig.send_with(request(get()), response, &BrokenCells(error));
        rig.stage
            .on_tick(Timestamp::default(), &rig.proxy(&BrokenCells(error)));
    }
}
