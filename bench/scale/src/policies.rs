//! Configurations of any size: many rules, of which one is about the request that is sent.
//!
//! The hosts are those of a gateway in front of as many services. The rule for the request's own host stands in the
//! middle of the list, so that a search from either end would show.

use serde_json::{Value, json};

/// The host of the request that is sent.
const HOST: &str = "test.local";

/// A list of `count` rules by host.
fn by_host(count: usize, rule: impl Fn(usize, Value) -> Value) -> Vec<Value> {
    let own = count / 2;
    let host = |index| {
        if index == own {
            HOST.to_owned()
        } else {
            format!("service-{index}.{HOST}")
        }
    };
    (0..count)
        .map(|index| rule(index, json!([{"hosts": [host(index)]}])))
        .collect()
}

fn limit(index: usize, of: Value) -> Value {
    json!({
        "name": format!("limit-{index}"),
        "match": of,
        "key": [{"header": "x-user-id"}],
        "rate": "1000000/s",
        "burst": 1_000_000,
        "scope": "worker",
        // 1,000 limits with the default number of keys would measure memory instead.
        "max_keys": 64,
    })
}

/// Limits for `count` hosts, each by user.
pub(crate) fn limits(count: usize) -> Value {
    json!({"response_headers": "none", "limits": by_host(count, limit)})
}

/// Limits for `count` values of a header. No index helps here: each value has to be compared.
pub(crate) fn limits_by_header(count: usize) -> Value {
    let own = count / 2;
    let plan = |index| {
        if index == own {
            "value-number-3".to_owned()
        } else {
            format!("value-number-x{index}")
        }
    };
    let limits: Vec<Value> = (0..count)
        .map(|index| limit(index, json!([{"headers": {"x-extra-3": {"exact": plan(index)}}}])))
        .collect();
    json!({"response_headers": "none", "limits": limits})
}

/// A canary with `count` rules by host.
pub(crate) fn canary_rules(count: usize) -> Value {
    json!({
        "release": "r",
        "variants": [{"name": "v2", "weight": "10%"}],
        "sticky": {"by": [{"header": "x-user-id"}]},
        "rules": by_host(count, |_, of| json!({"match": of, "variant": "v2"})),
    })
}

/// Breakers for `count` hosts.
pub(crate) fn breakers(count: usize) -> Value {
    json!({"breakers": by_host(count, |index, of| json!({"name": format!("breaker-{index}"), "match": of}))})
}

/// A limit by user that has room for as many keys as there can be, and that no key exhausts or refills within a run: a
/// bucket that is full again would make room for another, and the table would never hold all keys.
pub(crate) fn many_keys(scope: &str) -> Value {
    json!({
        "response_headers": "none",
        "limits": [{
            "name": "user",
            "key": [{"header": "x-user-id"}],
            "rate": "1/m",
            "burst": 1_000_000,
            "scope": scope,
            "max_keys": 1 << 20,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlead_config::policy::parse_policy;

    fn accepted(filter: &str, config: &Value) {
        let policy = json!({filter: config});
        if let Err(errors) = parse_policy(&policy) {
            panic!("{filter}: {errors}");
        }
    }

    #[test]
    fn every_size_is_a_valid_configuration() {
        for count in [1, 2, 10, 100, 256, 1000] {
            accepted("rate_limit", &limits(count));
            accepted("rate_limit", &limits_by_header(count));
            accepted("canary", &canary_rules(count));
            accepted("circuit_breaker", &breakers(count.min(256)));
        }
        accepted("rate_limit", &many_keys("worker"));
        accepted("rate_limit", &many_keys("proxy"));
    }

    #[test]
    fn exactly_one_rule_is_about_the_request() {
        for count in [1, 2, 1000] {
            for config in [
                &limits(count)["limits"],
                &canary_rules(count)["rules"],
                &breakers(count)["breakers"],
            ] {
                let rules = config.as_array().unwrap();
                assert_eq!(rules.len(), count);
                let own: Vec<_> = rules
                    .iter()
                    .filter(|rule| rule["match"][0]["hosts"][0] == HOST)
                    .collect();
                assert_eq!(own.len(), 1);
            }
            let limits = limits_by_header(count);
            let own = limits["limits"].as_array().unwrap().iter();
            let plan =
                |limit: &&Value| limit["match"][0]["headers"]["x-extra-3"]["exact"] == "value-number-3";
            assert_eq!(own.filter(plan).count(), 1);
        }
    }
}
