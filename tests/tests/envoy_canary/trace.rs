//! A sidecar's two sides: what was decided on the way in holds for the calls on the way out.

use fairlead_envoy::{HttpFilter, Listener};
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::proxy::{Lab, port, wait};
use serde_json::{Value, json};

use crate::shop::{Shop, listener};
use crate::{EARLY, FILTER, LATE, PLUGIN, ask, release, user, with};

fn traced(trace: Value) -> Value {
    with(release("10%"), json!({"propagate": {"trace": trace}}))
}

fn inbound(name: &str, filter: impl Into<HttpFilter>) -> Listener {
    listener(name, filter).with("traffic_direction", json!("INBOUND"))
}

fn outbound(name: &str, filter: impl Into<HttpFilter>) -> Listener {
    listener(name, filter).with("traffic_direction", json!("OUTBOUND"))
}

fn traceparent(n: u64) -> String {
    format!("00-{n:032x}-00f067aa0ba902b7-01")
}

/// A request of a user within a trace.
fn call(id: &str, trace: u64) -> Request {
    user(id).header("traceparent", traceparent(trace))
}

#[test]
fn a_trace_takes_its_variant_through_a_sidecar() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let plugin = || lab.plugin(PLUGIN, &traced(json!(true)));
    let other = lab.plugin("other", &traced(json!(true)));
    let gateway = lab.plugin("gateway", &traced(json!(true)));
    let listeners = [
        inbound("in", plugin()),
        outbound("out", plugin()),
        outbound("other", other),
        listener("gateway", gateway),
    ];
    let shop = Shop::open(&lab, 2, listeners);
    let open = |name: &str| Connection::open(port(&shop.envoy, name));
    // Two of each, so that both workers take part.
    let (mut inbound, mut outbound) = ([open("in"), open("in")], [open("out"), open("out")]);
    let (mut other, mut gateway) = (open("other"), open("gateway"));
    for n in 0..20 {
        let (drawn, not_drawn, unknown) = (3 * n + 1, 3 * n + 2, 3 * n + 3);
        let inbound = &mut inbound[n as usize % 2];
        assert_eq!(ask(inbound, &call(EARLY, drawn)), "v2");
        assert_eq!(ask(inbound, &call(LATE, not_drawn)), "v1");
        for outbound in &mut outbound {
            // The key would say the opposite; the trace decides.
            assert_eq!(ask(outbound, &call(LATE, drawn)), "v2", "trace {drawn}");
            assert_eq!(
                ask(
                    outbound,
                    &Request::get("/").header("traceparent", traceparent(drawn))
                ),
                "v2"
            );
            assert_eq!(ask(outbound, &call(EARLY, not_drawn)), "v1", "trace {not_drawn}");
            // A trace that nobody has seen, what is no trace, and none at all: the key decides.
            assert_eq!(ask(outbound, &call(EARLY, unknown)), "v2");
            assert_eq!(ask(outbound, &call(LATE, unknown)), "v1");
            assert_eq!(ask(outbound, &user(EARLY).header("traceparent", "00-zz")), "v2");
            assert_eq!(ask(outbound, &user(LATE)), "v1");
        }
        // Neither another plugin nor a listener without a direction looks into this table; the inbound side does not either.
        assert_eq!(ask(&mut other, &call(LATE, drawn)), "v1");
        assert_eq!(ask(&mut gateway, &call(LATE, drawn)), "v1");
        assert_eq!(ask(inbound, &call(LATE, drawn)), "v1");
        // The last word of the inbound side counts.
        assert_eq!(ask(&mut outbound[0], &call(EARLY, drawn)), "v1");
    }
    let told = |outcome| shop.stat(None, Some(outcome), "trace_total");
    assert_eq!(shop.exposures("v2", "trace", 80), 80);
    assert_eq!(shop.exposures("stable", "trace", 60), 60);
    wait("all is counted", || told("miss") >= 80);
    assert_eq!(
        (told("stored"), told("hit"), told("miss"), told("evicted")),
        (60, 140, 80, 0)
    );
}

#[test]
fn a_full_table_forgets_the_oldest_and_time_forgets_all() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let plugin = || lab.plugin(PLUGIN, &traced(json!({"max_entries": 8, "ttl": "2s"})));
    let shop = Shop::open(&lab, 1, [inbound("in", plugin()), outbound("out", plugin())]);
    let mut inbound = Connection::open(port(&shop.envoy, "in"));
    let mut outbound = Connection::open(port(&shop.envoy, "out"));
    // One set of eight: the newest eight of a hundred.
    for trace in 1..=100 {
        assert_eq!(ask(&mut inbound, &call(EARLY, trace)), "v2");
    }
    let found = |outbound: &mut Connection| {
        (1..=100)
            .filter(|trace| ask(outbound, &call(LATE, *trace)) == "v2")
            .collect::<Vec<u64>>()
    };
    assert_eq!(found(&mut outbound), (93..=100).collect::<Vec<u64>>());
    wait("traces end", || found(&mut outbound).is_empty());
    let told = |outcome| shop.stat(None, Some(outcome), "trace_total");
    // Every trace was stored, most of them in the place of another.
    assert_eq!(told("stored") + told("evicted"), 100);
    assert_eq!(told("evicted"), 92);
}
