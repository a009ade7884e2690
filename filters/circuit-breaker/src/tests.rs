use super::*;
use fairlead_stage::memory::{BrokenCells, MemoryCells, MemoryJournal, MemoryMeter, MemoryView};
use fairlead_stage::{CellError, Cells, EditKind, HeaderMap, Parts};
use serde_json::{Value, json};
use std::time::Duration;

mod fallback;
mod limits;
mod outcomes;

/// What a response looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upstream {
    /// A status with a body.
    Status(u16),
    /// A status, after so many milliseconds.
    After(u16, u64),
    /// A reply of the proxy itself, with these flags.
    Local(u16, u64),
    /// A gRPC status in trailers.
    Trailers(u32),
    /// The client went away.
    Aborted,
}

/// A filter with everything it is lent, and a clock.
struct Rig {
    stage: CircuitBreaker,
    needs: Needs,
    cells: MemoryCells,
    meter: MemoryMeter,
    journal: MemoryJournal,
    now: std::cell::Cell<Timestamp>,
}

fn policy(more: Value) -> Value {
    let mut breaker = json!({
        "name": "b",
        "minimum_requests": 4,
        "trip": {"error_rate": "50%"},
        "open": {"duration": "10s"},
        "half_open": {"probes": 2},
    });
    for (name, value) in more.as_object().unwrap() {
        breaker[name] = value.clone();
    }
    json!({"breakers": [breaker]})
}

impl Rig {
    fn new(config: &Value) -> Self {
        let (stage, needs) = CircuitBreaker::plan(config.to_string().as_bytes()).unwrap();
        Self {
            stage,
            needs,
            cells: MemoryCells::default(),
            meter: MemoryMeter::default(),
            journal: MemoryJournal::default(),
            now: std::cell::Cell::new(Timestamp::from_unix_nanos(1_700_000_000_000_000_000)),
        }
    }

    fn proxy<'r, C: Cells>(&'r self, cells: &'r C) -> Parts<'r, C, MemoryMeter, MemoryJournal> {
        Parts {
            cells,
            meter: &self.meter,
            journal: &self.journal,
        }
    }

    fn pass_time(&self, by: Duration) {
        self.now.set(self.now.get().saturating_add(by));
    }

    fn tick(&self) {
        self.stage.on_tick(self.now.get(), &self.proxy(&self.cells));
    }

    fn begin(&self, view: MemoryView) -> Begun {
        self.begin_with(view, &self.cells)
    }

    fn begin_with(&self, view: MemoryView, cells: &impl Cells) -> Begun {
        let mut effects = Effects::default();
        let view = view.when(self.now.get());
        let (verdict, flight) = self.stage.on_request(&view, &self.proxy(cells), &mut effects);
        let edits = effects.edits().map(|edit| {
            let sign = if edit.kind == EditKind::Remove { "-" } else { "" };
            format!(
                "{sign}{}={}",
                String::from_utf8_lossy(edit.name),
                String::from_utf8_lossy(edit.value)
            )
        });
        Begun {
            edits: edits.collect(),
            reply: match verdict {
                Verdict::Continue => None,
                Verdict::Deny(reply) => Some((
                    reply.status,
                    reply.details.to_owned(),
                    String::from_utf8(reply.body.into_owned()).unwrap(),
                )),
            },
            flight,
        }
    }

    fn end(&self, mut flight: Flight, upstream: Upstream) {
        let proxy = self.proxy(&self.cells);
        let mut effects = Effects::default();
        let (status, flags) = match upstream {
            Upstream::Status(status) => (Some(status), 0),
            Upstream::After(status, millis) => {
                self.pass_time(Duration::from_millis(millis));
                (Some(status), 0)
            }
            Upstream::Local(status, flags) => (Some(status), flags),
            Upstream::Trailers(_) => (Some(200), 0),
            Upstream::Aborted => (None, 0x4000),
        };
        let view = MemoryView::default().when(self.now.get());
        let view = view.with_attribute(&self.needs, &["response", "flags"], u64::to_le_bytes(flags));
        if let Some(status) = status {
            let view = view
                .clone()
                .with_header(HeaderMap::Response, ":status", status.to_string());
            self.stage.on_response(&mut flight, &view, &proxy, &mut effects);
        }
        if let Upstream::Trailers(code) = upstream {
            let view = view
                .clone()
                .with_header(HeaderMap::ResponseTrailers, "grpc-status", code.to_string());
            self.stage.on_trailers(&mut flight, &view, &proxy);
        }
        self.stage.on_done(Some(flight), &view, &proxy);
    }

    /// Sends a request and says whether it got through.
    fn call(&self, upstream: Upstream) -> bool {
        self.call_for(get(), upstream)
    }

    fn call_for(&self, view: MemoryView, upstream: Upstream) -> bool {
        let begun = self.begin(view);
        let passed = begun.reply.is_none();
        if passed {
            self.end(begun.flight, upstream);
        } else {
            let proxy = self.proxy(&self.cells);
            self.stage.on_done(Some(begun.flight), &get(), &proxy);
        }
        passed
    }

    fn open(&self) {
        for _ in 0..4 {
            self.call(Upstream::Status(500));
        }
        assert!(!self.call(Upstream::Status(200)), "it has opened");
    }

    fn count(&self, name: &str, outcome: Option<&str>) -> u64 {
        self.meter
            .named(&self.needs, name, Some("b"), outcome)
            .unwrap_or(0)
    }

    fn state(&self) -> u64 {
        self.count("state", None)
    }
}

struct Begun {
    edits: Vec<String>,
    reply: Option<(u16, String, String)>,
    flight: Flight,
}

fn get() -> MemoryView {
    MemoryView::get("shop.example.com", "/").ended()
}

#[test]
fn it_opens_at_the_rate_and_refuses_until_it_may_probe() {
    let rig = Rig::new(&policy(json!({})));
    for upstream in [200, 200, 500] {
        assert!(rig.call(Upstream::Status(upstream)));
    }
    assert_eq!(rig.state(), 0, "the volume is too low");
    assert!(rig.call(Upstream::Status(503)));
    assert_eq!(rig.state(), 2);
    let begun = rig.begin(get());
    assert_eq!(
        begun.reply,
        Some((503, "circuit_breaker/b".to_owned(), String::new()))
    );
    assert_eq!(begun.edits, ["retry-after=10"]);
    rig.pass_time(Duration::from_millis(9_500));
    assert_eq!(rig.begin(get()).edits, ["retry-after=1"]);
    rig.pass_time(Duration::from_millis(500));
    let probes = [rig.begin(get()), rig.begin(get())];
    assert!(probes.iter().all(|probe| probe.reply.is_none()));
    assert!(rig.begin(get()).reply.is_some(), "two probes are all");
    for probe in probes {
        rig.end(probe.flight, Upstream::Status(200));
    }
    assert_eq!(rig.state(), 0);
    assert!(rig.call(Upstream::Status(200)));
    let transitions = ["open", "half_open", "closed"].map(|to| rig.count("transitions_total", Some(to)));
    assert_eq!(transitions, [1, 1, 1]);
    assert_eq!(rig.count("requests_total", Some("success")), 5);
    assert_eq!(rig.count("requests_total", Some("failure")), 2);
    assert_eq!(rig.count("requests_total", Some("rejected")), 3);
    assert_eq!(rig.count("rejected_total", Some("open")), 2);
    assert_eq!(rig.count("rejected_total", Some("half_open")), 1);
    assert_eq!(rig.count("probes_total", Some("success")), 2);
    assert_eq!(
        rig.journal.lines()[0],
        r#"{"breaker":"b","from":"closed","to":"open","cause":"error_rate","calls":4,"failures":2,"slow":0,"generation":1,"open_for_ms":10000}"#
    );
    assert_eq!(rig.journal.lines().len(), 3);
}

#[test]
fn a_good_call_that_makes_the_volume_sufficient_opens_it_at_the_next_tick() {
    let rig = Rig::new(&policy(json!({})));
    for upstream in [500, 500, 200, 200] {
        rig.call(Upstream::Status(upstream));
    }
    rig.tick();
    assert_eq!(rig.state(), 2);
    assert!(rig.journal.lines()[0].contains(r#""calls":4,"failures":2"#));
}

#[test]
fn the_window_is_empty_after_a_close() {
    let rig = Rig::new(&policy(json!({})));
    rig.open();
    rig.pass_time(Duration::from_secs(10));
    for upstream in [200, 200, 500, 500, 500] {
        assert!(rig.call(Upstream::Status(upstream)));
    }
    rig.tick();
    assert_eq!(rig.state(), 0, "three calls since it has closed");
    assert!(rig.call(Upstream::Status(500)));
    assert_eq!(rig.state(), 2);
}

#[test]
fn a_failed_probe_opens_it_again() {
    let rig = Rig::new(&policy(json!({})));
    rig.open();
    rig.pass_time(Duration::from_secs(10));
    assert!(rig.call(Upstream::Status(502)));
    assert_eq!(rig.state(), 2);
    assert!(!rig.call(Upstream::Status(200)));
}

#[test]
fn consecutive_failures_open_it_and_a_success_begins_anew() {
    let rig = Rig::new(&policy(json!({"trip": {"consecutive_failures": 3}})));
    for upstream in [500, 500, 200, 500, 500] {
        rig.call(Upstream::Status(upstream));
    }
    assert_eq!(rig.state(), 0);
    rig.call(Upstream::Status(500));
    assert_eq!(rig.state(), 2);
}

#[test]
fn old_calls_leave_the_window() {
    let rig = Rig::new(&policy(json!({"window": {"duration": "10s", "buckets": 10}})));
    rig.tick();
    for _ in 0..3 {
        rig.call(Upstream::Status(500));
    }
    for _ in 0..44 {
        rig.pass_time(Duration::from_millis(250));
        rig.tick();
    }
    rig.call(Upstream::Status(500));
    assert_eq!(rig.state(), 0, "one call in eleven seconds");
}

#[test]
fn a_result_of_an_earlier_generation_changes_nothing() {
    let rig = Rig::new(&policy(json!({})));
    let early: Vec<Begun> = (0..10).map(|_| rig.begin(get())).collect();
    rig.open();
    rig.pass_time(Duration::from_secs(10));
    for _ in 0..2 {
        assert!(rig.call(Upstream::Status(200)));
    }
    assert_eq!(rig.state(), 0);
    for late in early {
        rig.end(late.flight, Upstream::Status(500));
    }
    assert_eq!(rig.state(), 0);
    assert_eq!(rig.count("requests_total", Some("late")), 10);
}

#[test]
fn a_lost_probe_gives_its_permit_back() {
    let rig = Rig::new(&policy(json!({"half_open": {"probes": 1}})));
    rig.open();
    rig.pass_time(Duration::from_secs(10));
    for _ in 0..20 {
        assert!(rig.call(Upstream::Aborted));
    }
    assert_eq!(rig.state(), 1);
    assert!(rig.call(Upstream::Status(200)));
    assert_eq!(rig.state(), 0);
    assert_eq!(rig.count("probes_total", Some("lost")), 20);
}

#[test]
fn each_key_has_a_breaker_of_its_own() {
    let rig = Rig::new(&policy(json!({"per": {"key": [{"header": "x-tenant"}]}})));
    let tenant = |name: &str| get().with("x-tenant", name);
    for _ in 0..4 {
        rig.call_for(tenant("a"), Upstream::Status(500));
        rig.call_for(tenant("b"), Upstream::Status(200));
    }
    assert!(!rig.call_for(tenant("a"), Upstream::Status(200)));
    assert!(rig.call_for(tenant("b"), Upstream::Status(200)));
    assert!(rig.call(Upstream::Status(500)), "no key, no breaker");
    assert_eq!((rig.state(), rig.count("open_keys", None)), (2, 1));
    let line = &rig.journal.lines()[0];
    assert!(
        line.contains(r#","key_hash":""#) && !line.contains("\"a\""),
        "{line}"
    );
    rig.pass_time(Duration::from_secs(10));
    for _ in 0..2 {
        assert!(rig.call_for(tenant("a"), Upstream::Status(200)));
    }
    assert_eq!((rig.state(), rig.count("open_keys", None)), (0, 0));
}

#[test]
fn hosts_stand_in_the_log_by_name() {
    let rig = Rig::new(&policy(json!({"per": "host"})));
    rig.open();
    assert!(
        rig.journal.lines()[0].contains(r#""key":"shop.example.com""#),
        "{:?}",
        rig.journal.lines()
    );
}

#[test]
fn the_first_breaker_that_refuses_answers_and_the_others_hear_nothing() {
    let rig = Rig::new(&json!({"breakers": [
        {"name": "b", "minimum_requests": 1, "trip": {"error_rate": "50%"}, "failure": {"status": [599]}},
        {"name": "second", "minimum_requests": 1, "trip": {"error_rate": "50%"}},
    ]}));
    assert!(rig.call(Upstream::Status(500)));
    let begun = rig.begin(get());
    assert_eq!(begun.reply.unwrap().1, "circuit_breaker/second");
    assert_eq!(rig.count("requests_total", Some("success")), 1);
}

#[test]
fn forced_open_refuses_all_and_forced_closed_none() {
    let rig = Rig::new(&policy(json!({"force": "open"})));
    assert!(!rig.call(Upstream::Status(200)));
    assert_eq!(rig.count("rejected_total", Some("forced")), 1);
    let rig = Rig::new(&policy(json!({"force": "closed"})));
    for _ in 0..20 {
        assert!(rig.call(Upstream::Status(500)));
    }
}

#[test]
fn shadow_walks_the_same_states_and_refuses_nothing() {
    let rig = Rig::new(&policy(json!({"mode": "shadow", "timeout": "3s"})));
    for _ in 0..4 {
        assert!(rig.call(Upstream::Status(500)));
    }
    assert_eq!(rig.state(), 2);
    let begun = rig.begin(get());
    assert!(begun.reply.is_none() && begun.edits.is_empty());
    rig.end(begun.flight, Upstream::Status(500));
    assert_eq!(rig.count("requests_total", Some("would_reject")), 1);
    rig.pass_time(Duration::from_secs(10));
    for _ in 0..2 {
        rig.call(Upstream::Status(200));
    }
    assert_eq!(rig.state(), 0);
    assert!(rig.journal.lines()[0].ends_with(r#","mode":"shadow"}"#));
}

#[test]
fn off_asks_for_nothing() {
    let rig = Rig::new(&json!({"mode": "off", "breakers": [{"name": "b"}]}));
    assert!(!rig.needs.request && rig.needs.tick.is_none() && rig.needs.metrics().is_empty());
}

#[test]
fn a_broken_store_lets_requests_pass() {
    let rig = Rig::new(&policy(json!({"max_in_flight": 1, "fallback": {"stale": {}}})));
    for error in [CellError::Contended, CellError::Unavailable] {
        for _ in 0..20 {
            let begun = rig.begin_with(get(), &BrokenCells(error));
            assert!(begun.reply.is_none());
            rig.stage
                .on_done(Some(begun.flight), &get(), &rig.proxy(&BrokenCells(error)));
        }
        rig.stage.on_tick(rig.now.get(), &rig.proxy(&BrokenCells(error)));
    }
}

#[test]
fn a_clock_set_back_holds_it_open_for_one_duration_at_most() {
    let rig = Rig::new(&policy(json!({})));
    rig.open();
    let hour = Duration::from_secs(3600).as_nanos() as u64;
    rig.now
        .set(Timestamp::from_unix_nanos(rig.now.get().as_unix_nanos() - hour));
    assert!(!rig.call(Upstream::Status(200)));
    rig.pass_time(Duration::from_secs(10));
    for _ in 0..2 {
        assert!(rig.call(Upstream::Status(200)), "it probes");
    }
    assert_eq!(rig.state(), 0);
    rig.open();
    rig.pass_time(Duration::from_secs(3600));
    assert!(rig.call(Upstream::Status(200)), "it probes");
}
