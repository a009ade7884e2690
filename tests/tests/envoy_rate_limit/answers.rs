//! What clients and access logs are told.

use fairlead_envoy::AccessLog;
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::proxy::{Lab, PATIENCE, listener, port};
use serde_json::json;

use crate::{PLUGIN, per_key, with_key};

#[test]
fn every_answer_states_the_limit_and_the_access_log_names_it() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let mut config = per_key("60/h", 2);
    config["deny"] = json!({"body": "slow down\n", "headers": {"x-reason": "quota"}});
    let main = listener("main")
        .filter(lab.plugin(PLUGIN, &config))
        .access_log(AccessLog::stdout());
    let mut draft03 = per_key("60/h", 2);
    draft03["response_headers"] = json!("draft03");
    let other = listener("draft03").filter(lab.plugin("draft03", &draft03));
    let envoy = lab.start(2, [main, other]);

    let mut connection = Connection::open(port(&envoy, "main"));
    let first = connection.ask(&with_key("a"));
    assert_eq!((first.status, first.body.as_slice()), (200, &b"hello"[..]));
    assert_eq!(first.header("ratelimit-policy"), Some(r#""per-key";q=60;w=3600"#));
    assert_eq!(first.header("ratelimit"), Some(r#""per-key";r=1;t=60"#));
    assert_eq!(first.header("retry-after"), None);
    assert_eq!(connection.ask(&with_key("a")).status, 200);

    let denied = connection.ask(&with_key("a"));
    assert_eq!(
        (denied.status, denied.body.as_slice()),
        (429, &b"slow down\n"[..])
    );
    assert_eq!(denied.header("content-type"), Some("text/plain"));
    assert_eq!(denied.header("x-reason"), Some("quota"));
    assert_eq!(
        denied.header("ratelimit-policy"),
        Some(r#""per-key";q=60;w=3600"#)
    );
    assert!(
        denied
            .header("ratelimit")
            .is_some_and(|limit| limit.starts_with(r#""per-key";r=0;t="#)),
        "{denied:?}"
    );
    let wait: u64 = denied.header("retry-after").expect("a wait").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");

    let log = envoy.wait_for_access_log(3, PATIENCE).unwrap();
    let told: Vec<(&serde_json::Value, &serde_json::Value)> = log
        .iter()
        .map(|line| (&line["status"], &line["response_code_details"]))
        .collect();
    let direct = (&json!(200), &json!("direct_response"));
    assert_eq!(
        told,
        [direct, direct, (&json!(429), &json!("rate_limit/per-key"))]
    );

    let mut connection = Connection::open(port(&envoy, "draft03"));
    let answers: Vec<_> = (0..3).map(|_| connection.ask(&with_key("a"))).collect();
    let remaining = |n: usize| answers[n].header("x-ratelimit-remaining");
    assert_eq!(
        [remaining(0), remaining(1), remaining(2)],
        [Some("1"), Some("0"), Some("0")]
    );
    assert!(
        answers
            .iter()
            .all(|answer| answer.header("x-ratelimit-limit").is_some()),
        "{answers:?}"
    );
    assert!(answers[2].header("retry-after").is_some());
}

#[test]
fn a_grpc_client_gets_resource_exhausted_in_place_of_429() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let envoy = lab.start(
        1,
        [listener("main").filter(lab.plugin(PLUGIN, &per_key("1/h", 1)))],
    );
    let mut connection = Connection::open(port(&envoy, "main"));
    let call = Request::new("POST", "/demo.Trips/Create")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-api-key", "a");
    // Envoy itself answers, and it does not speak gRPC: 2 is UNKNOWN.
    assert_eq!(connection.ask(&call).header("grpc-status"), Some("2"));
    let denied = connection.ask(&call);
    // Headers that end the stream: what gRPC calls trailers only.
    assert_eq!((denied.status, denied.body.len()), (200, 0));
    assert_eq!(denied.header("grpc-status"), Some("8"));
    assert_eq!(denied.header("content-type"), Some("application/grpc"));
    assert!(denied.header("retry-after").is_some(), "{denied:?}");
    assert!(denied.header("ratelimit").is_some(), "{denied:?}");
}
