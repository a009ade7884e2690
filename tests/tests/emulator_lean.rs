//! Lean builds do what the full ones do, for less, and refuse what they could do only half of.

use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Event, Outcome, Plugin, Request, Response};
use fairlead_tests::emulated::{memory, refusal, send, start, statuses, update};
use fairlead_tests::modules;
use serde_json::{Value, json};

/// A filter that has a lean build.
struct Filter {
    full: &'static str,
    lean: &'static str,
    /// The callbacks that the lean build leaves out.
    without: &'static [&'static str],
    /// A config that it serves.
    suits: Value,
    /// A config that needs what it leaves out.
    needs_more: Value,
}

fn limits(fields: &str) -> Value {
    let limits = json!([{"name": "user", "key": [{"header": "x-user"}], "rate": "2/h", "burst": 2}]);
    json!({"limits": limits, "response_headers": fields})
}

fn release(sticky: Value) -> Value {
    json!({"release": "r", "variants": [{"name": "v2", "weight": "50%"}], "sticky": sticky})
}

fn breaker(fallback: Value) -> Value {
    json!({"breakers": [{
        "name": "all",
        "trip": {"consecutive_failures": 3},
        "open": {"duration": "1h"},
        "fallback": fallback,
    }]})
}

fn filters() -> [Filter; 4] {
    let by_user = json!({"by": [{"header": "x-user"}]});
    let by_cookie = json!({"cookie": {"name": "release"}});
    let stale = json!({"stale": {"max_age": "5m"}});
    let all = |fallback: Value| {
        json!({
            "latency_histogram": {"labels": {"status_class": true}},
            "rate_limit": limits("ietf"),
            "canary": release(by_user.clone()),
            "circuit_breaker": breaker(fallback),
        })
    };
    const END: &str = "proxy_on_delete";
    const HEADERS: &str = "proxy_on_response_headers";
    const BODY: &str = "proxy_on_response_body";
    const TRAILERS: &str = "proxy_on_response_trailers";
    [
        Filter {
            full: "rate-limit",
            lean: "rate-limit-lean",
            without: &[END, HEADERS],
            suits: limits("none"),
            needs_more: limits("ietf"),
        },
        Filter {
            full: "canary",
            lean: "canary-lean",
            without: &[END, HEADERS, TRAILERS],
            suits: release(by_user.clone()),
            needs_more: release(by_cookie),
        },
        Filter {
            full: "circuit-breaker",
            lean: "circuit-breaker-lean",
            without: &[BODY],
            suits: breaker(json!({"body": "later"})),
            needs_more: breaker(stale.clone()),
        },
        Filter {
            full: "suite",
            lean: "suite-lean",
            without: &[BODY],
            suits: all(json!({"body": "later"})),
            needs_more: all(stale),
        },
    ]
}

/// Requests of a few users, of which some fail.
fn traffic() -> Vec<Request> {
    let users = ["ann", "bob", "cem", "dee", "eve"];
    let one = |number: usize| {
        let status = if number % 5 == 4 || number > 30 { 503 } else { 200 };
        let response = Response::new(status).body(format!("answer {number}"));
        Request::get(format!("/{number}"))
            .header("x-user", users[number % users.len()])
            .upstream(response)
    };
    (0..40).map(one).collect()
}

fn exports(module: &str) -> Vec<String> {
    let bytes = modules::bytes(module).unwrap();
    let mut names = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::ExportSection(exports) = payload.unwrap() {
            names.extend(exports.into_iter().map(|export| export.unwrap().name.to_owned()));
        }
    }
    names
}

/// What a request came to.
fn seen(outcome: &Outcome) -> String {
    let (answer, passed) = (&outcome.response_headers, &outcome.upstream_request);
    let (details, counted) = (&outcome.details, &outcome.counted);
    format!("{:?} {details} {answer:?} {passed:?} {counted:?}", outcome.status)
}

#[test]
fn a_lean_build_does_what_the_full_one_does() {
    for filter in filters() {
        let (Some(full), Some(lean)) = (modules::compiled(filter.full), modules::compiled(filter.lean))
        else {
            return;
        };
        let run = |module: &CompiledModule| {
            let mut proxy = start(Emulator::builder().workers(2), module, &filter.suits);
            let report = send(&mut proxy, traffic());
            assert_eq!(report.faults, [], "{}", filter.full);
            assert!(report.statuses().contains(&200), "{}", filter.full);
            let outcomes: Vec<String> = report.outcomes.iter().map(seen).collect();
            (outcomes, format!("{:?}", proxy.metrics()))
        };
        assert_eq!(run(&full), run(&lean), "{}", filter.full);
    }
}

#[test]
fn a_lean_build_refuses_what_it_could_do_only_half_of() {
    for filter in filters() {
        let (Some(full), Some(lean)) = (modules::compiled(filter.full), modules::compiled(filter.lean))
        else {
            return;
        };
        let said = refusal(&lean, &filter.needs_more);
        assert!(
            said.contains("lean build") && said.contains("without -lean"),
            "{said}"
        );
        // An earlier config goes on.
        let mut proxy = start(Emulator::builder(), &lean, &filter.suits);
        let updates = update(&mut proxy, &filter.needs_more).updates;
        assert!(updates.iter().all(|update| !update.accepted), "{}", filter.lean);
        assert_eq!(send(&mut proxy, traffic().into_iter().take(1)).statuses(), [200]);
        // The full build takes it.
        let _serving = start(Emulator::builder(), &full, &filter.needs_more);
    }
}

#[test]
fn requests_pass_a_lean_build_that_refuses_if_the_config_asks_for_it() {
    for filter in filters() {
        let Some(lean) = modules::compiled(filter.lean) else {
            return;
        };
        let mut config = filter.needs_more.clone();
        let parts: Vec<&mut Value> = match filter.full {
            "suite" => config.as_object_mut().unwrap().values_mut().collect(),
            _ => vec![&mut config],
        };
        for part in parts {
            part["on_invalid_config"] = json!("pass");
        }
        let mut proxy = start(Emulator::builder(), &lean, &config);
        assert_eq!(
            statuses(&mut proxy, &traffic()[0], 9),
            [200; 9],
            "{}",
            filter.lean
        );
        if filter.full == "suite" {
            config["canary"]["on_invalid_config"] = json!("refuse");
            let _ = refusal(&lean, &config);
        }
    }
}

#[test]
fn a_lean_build_is_called_for_less() {
    for filter in filters() {
        if modules::module(filter.lean).is_none() {
            return;
        }
        let (full, lean) = (exports(filter.full), exports(filter.lean));
        let gone: Vec<&String> = full.iter().filter(|name| !lean.contains(name)).collect();
        assert_eq!(gone, filter.without, "{}", filter.lean);
        assert!(lean.iter().all(|name| full.contains(name)), "{}", filter.lean);
    }
}

/// Many limits, so that a config that is kept shows in memory; `period` makes it another one.
fn many_limits(period: usize) -> Value {
    let limit = |number: usize| {
        let host = format!("h{number}.example.com");
        json!({"name": format!("l{number}"), "match": [{"hosts": [host]}], "rate": format!("{period}/h")})
    };
    let limits: Vec<Value> = (0..200).map(limit).collect();
    json!({"limits": limits, "response_headers": "none"})
}

#[test]
fn configs_that_have_gone_are_forgotten_without_being_told() {
    let Some(lean) = modules::compiled("rate-limit-lean") else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &lean, &many_limits(1));
    let mut edit = |numbers: std::ops::Range<usize>| -> usize {
        for number in numbers {
            assert!(
                update(&mut proxy, &many_limits(number))
                    .updates
                    .iter()
                    .all(|it| it.accepted)
            );
            let report = proxy.advance(Duration::from_secs(10));
            assert_eq!(report.faults, []);
        }
        memory(&proxy).into_iter().max().unwrap()
    };
    // What is allocated for two or three of them is used again by all that come.
    let few = edit(2..12);
    let many = edit(12..100);
    assert!(
        many <= few + (128 << 10),
        "{few} bytes after 10 edits, {many} after 98"
    );
}

#[test]
fn a_plugin_without_traffic_stays_beside_one_that_is_edited() {
    let Some(lean) = modules::compiled("rate-limit-lean") else {
        return;
    };
    let limit = |name: &str, burst: u32| json!({"limits": [{"name": name, "rate": "1/h", "burst": burst}], "response_headers": "none"});
    let plugin =
        |name: &str, burst: u32| Plugin::new(name, &lean).configuration(limit(name, burst).to_string());
    let built = Emulator::builder()
        .workers(2)
        .plugin(plugin("quiet", 3))
        .plugin(plugin("edited", 9))
        .build();
    let mut proxy = built.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(proxy.vms().len(), 3, "both are in one VM a thread");
    for burst in 10..40 {
        let event = Event::Configure {
            plugin: "edited".to_owned(),
            configuration: limit("edited", burst).to_string().into_bytes(),
        };
        proxy.schedule(proxy.now(), event);
        let report = proxy.advance(Duration::from_secs(30));
        assert_eq!(report.faults, []);
    }
    let request = Request::get("/");
    assert_eq!(
        statuses(&mut proxy, &request, 5),
        [200, 200, 200, 429, 429],
        "quiet"
    );
    let metrics = proxy.metrics();
    let counted = |plugin: &str, outcome: &str| -> u64 {
        let (component, outcome) = (format!("component.{plugin}."), format!("cache.{outcome}."));
        let counters = metrics.counters.iter();
        let of = counters.filter(|(name, _)| name.contains(&component) && name.contains(&outcome));
        of.map(|(_, count)| *count).sum()
    };
    assert_eq!((counted("quiet", "admitted"), counted("quiet", "denied")), (3, 2));
    assert_eq!(counted("edited", "admitted"), 3);
}
