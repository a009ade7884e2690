//! The gate of fuel stops each shipped module that has become slower, and a slower one does the same as before.

use fairlead_emulator::{CompiledModule, Emulator, Request};
use fairlead_tests::baseline::{Numbers, TOLERANCE_PERCENT, differences};
use fairlead_tests::emulated::{send, start};
use fairlead_tests::fuel::{self, Scenario};
use fairlead_tests::modules;
use fairlead_tests::slowed::slowed;
use serde_json::{Value, json};

const FILTERS: [&str; 5] = [
    "canary",
    "circuit-breaker",
    "latency-histogram",
    "rate-limit",
    "suite",
];

/// A policy of each filter that has something to do for each request.
fn policy(filter: &str) -> Value {
    match filter {
        "canary" => json!({
            "release": "r",
            "variants": [{"name": "v2", "weight": "0%"}],
            "sticky": {"by": [{"header": "x-user"}]},
        }),
        "circuit-breaker" => json!({"breakers": [{"name": "all"}]}),
        "latency-histogram" => json!({"labels": {"status_class": true}}),
        "rate-limit" => json!({"limits": [{"name": "user", "key": [{"header": "x-user"}], "rate": "1/h"}]}),
        _ => {
            let four = FILTERS.into_iter().filter(|filter| *filter != "suite");
            four.map(|filter| (filter.replace('-', "_"), policy(filter)))
                .collect()
        }
    }
}

fn asked(user: &str) -> Request {
    Request::get("/").header("x-user", user)
}

fn slow(filter: &str) -> Option<CompiledModule> {
    let slow = CompiledModule::compile(&slowed(&modules::bytes(filter)?));
    Some(slow.expect("a slowed module is a module"))
}

#[test]
fn no_slowed_filter_passes() {
    for filter in FILTERS {
        let Some(shipped) = modules::compiled(filter) else {
            return;
        };
        let slow = slow(filter).unwrap();
        let mut config = policy(filter);
        // The request that is measured is to be admitted.
        for limits in ["/limits/0", "/rate_limit/limits/0"] {
            if let Some(limit) = config.pointer_mut(limits) {
                limit["rate"] = json!("1000/s");
            }
        }
        let scenario = Scenario {
            name: "a request",
            config,
            request: asked("jim"),
            status: 200,
            route_refreshes: 0,
        };
        let fuel = |module| Numbers::from([(filter.to_owned(), fuel::measure_in(module, &scenario))]);
        let known = fuel(&shipped);
        assert_eq!(differences(&known, &fuel(&shipped), TOLERANCE_PERCENT), [""; 0]);
        let slow = fuel(&slow);
        assert_eq!(
            differences(&known, &slow, TOLERANCE_PERCENT),
            [format!("{filter}: was {}, is {}", known[filter], slow[filter])]
        );
    }
}

#[test]
fn a_slowed_filter_answers_as_before() {
    for filter in FILTERS {
        let Some(shipped) = modules::compiled(filter) else {
            return;
        };
        let answers = |module| {
            let mut proxy = start(Emulator::builder(), module, &policy(filter));
            let users = ["jim", "ann", "jim", "jim", "bob", "jim"].map(asked);
            let report = send(&mut proxy, users);
            assert_eq!(report.faults, []);
            let outcomes = report.outcomes.into_iter();
            let seen: Vec<_> = outcomes
                .map(|outcome| {
                    let headers = (outcome.response_headers, outcome.upstream_request);
                    (outcome.status, headers, outcome.response_body, outcome.counted)
                })
                .collect();
            (seen, proxy.metrics().counters.clone())
        };
        let before = answers(&shipped);
        if filter == "rate-limit" || filter == "suite" {
            let refused = before.0.iter().filter(|(status, ..)| *status == Some(429));
            assert_eq!(refused.count(), 3, "{filter}");
        }
        assert_eq!(answers(&slow(filter).unwrap()), before, "{filter}");
    }
}
