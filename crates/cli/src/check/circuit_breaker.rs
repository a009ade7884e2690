//! What `fairlead check` says about circuit breakers that can be used.

use super::mode;
use crate::percent;
use fairlead_breaker::policy::{Slow, Throttle, Trip, Window};
use fairlead_config::Mode;
use fairlead_config::circuit_breaker::{Breaker, CircuitBreaker, Force, Per};
use humantime::format_duration;
use serde_json::{Value, json};

/// `2 breakers: trips opens at 50 % failures of at least 20 calls in 10s, for 30s; ...`
pub(super) fn summary(config: &CircuitBreaker) -> String {
    let breakers: Vec<String> = config
        .breakers
        .iter()
        .map(|breaker| shown(config, breaker))
        .collect();
    let plural = if breakers.len() == 1 { "" } else { "s" };
    let list = if breakers.is_empty() {
        String::new()
    } else {
        format!(": {}", breakers.join("; "))
    };
    format!("{} breaker{plural}{list}", breakers.len())
}

fn shown(config: &CircuitBreaker, breaker: &Breaker) -> String {
    let mut text = breaker.name.clone();
    match (breaker.force, &breaker.throttle) {
        (Some(force), _) => text.push_str(&format!(" is forced {}", force_word(force))),
        (None, Some(throttle)) => text.push_str(&format!(" {}", sheds(throttle, breaker))),
        (None, None) => text.push_str(&format!(" {}", opens(breaker))),
    }
    if breaker.per != Per::Rule {
        text.push_str(&format!(
            ", per {}, {} keys",
            per_word(&breaker.per),
            breaker.max_keys
        ));
    }
    if let Some(most) = breaker.max_in_flight {
        text.push_str(&format!(", {most} in flight"));
    }
    match config.effective(breaker) {
        Mode::Enforce => {}
        weaker => text.push_str(&format!(", {}", mode(weaker))),
    }
    text
}

/// `opens at 50 % failures or 80 % over 3s of at least 20 calls in 10s, or at 5 failures in a row, for 30s`
fn opens(breaker: &Breaker) -> String {
    let policy = &breaker.policy;
    let Trip {
        error_rate,
        slow,
        consecutive_failures,
    } = policy.trip;
    let failed = error_rate.map(|rate| format!("{} failures", percent::weight(rate)));
    let slow =
        slow.map(|Slow { above, rate }| format!("{} over {}", percent::weight(rate), format_duration(above)));
    let rates: Vec<String> = failed.into_iter().chain(slow).collect();
    let mut causes = Vec::new();
    if !rates.is_empty() {
        causes.push(format!(
            "{} {} of at least {} calls in {}",
            if policy.rules.trip_above { "above" } else { "at" },
            rates.join(" or "),
            policy.minimum_requests,
            window(policy.window)
        ));
    }
    causes.extend(consecutive_failures.map(|failures| format!("at {failures} failures in a row")));
    format!(
        "opens {}, for {}",
        causes.join(", or "),
        format_duration(policy.open.duration)
    )
}

/// `refuses up to 80 % below 95 % successes in 10s`
fn sheds(throttle: &Throttle, breaker: &Breaker) -> String {
    format!(
        "refuses up to {} below {} successes in {}",
        percent::weight(throttle.max_rejection),
        percent::weight(throttle.success_rate),
        window(breaker.policy.window)
    )
}

fn window(window: Window) -> String {
    match window {
        Window::Time { duration, .. } => format_duration(duration).to_string(),
        Window::Calls(calls) => format!("the last {calls}"),
    }
}

fn per_word(per: &Per) -> &'static str {
    match per {
        Per::Rule => "rule",
        Per::Cluster => "cluster",
        Per::Route => "route",
        Per::Host => "host",
        Per::Key(_) => "key",
    }
}

fn force_word(force: Force) -> &'static str {
    match force {
        Force::Open => "open",
        Force::Closed => "closed",
    }
}

/// The same for machines.
pub(super) fn json(config: &CircuitBreaker) -> Vec<Value> {
    let one = |breaker: &Breaker| {
        let policy = &breaker.policy;
        let trip = &policy.trip;
        let opens = breaker.throttle.is_none();
        json!({
            "name": breaker.name,
            "mode": mode(config.effective(breaker)),
            "per": per_word(&breaker.per),
            "max_keys": (breaker.per != Per::Rule).then_some(breaker.max_keys),
            "window": window(policy.window),
            "minimum_requests": opens.then_some(policy.minimum_requests),
            "error_rate_ppm": trip.error_rate.filter(|_| opens).map(|rate| rate.ppm()),
            "slow_above_ms": trip.slow.filter(|_| opens).map(|slow| slow.above.as_millis()),
            "slow_rate_ppm": trip.slow.filter(|_| opens).map(|slow| slow.rate.ppm()),
            "consecutive_failures": trip.consecutive_failures.filter(|_| opens),
            "open_ms": opens.then_some(policy.open.duration.as_millis()),
            "probes": opens.then_some(policy.half_open.probes),
            "throttle": !opens,
            "timeout_ms": breaker.timeout.map(|timeout| timeout.as_millis()),
            "max_in_flight": breaker.max_in_flight,
            "force": breaker.force.map(force_word),
        })
    };
    config.breakers.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlead_config::circuit_breaker::parse;

    fn check(config: &str, expected: &str) {
        let config = parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}: {errors:?}"));
        assert_eq!(summary(&config), expected);
    }

    #[test]
    fn a_line_says_what_opens_for_how_long() {
        check("{}", "0 breakers");
        check(
            r#"{"breakers":[{"name":"trips"}]}"#,
            "1 breaker: trips opens at 50 % failures of at least 20 calls in 10s, for 30s",
        );
        check(
            r#"{"mode":"shadow","breakers":[
                {"name":"a","per":"host","max_keys":64,"window":{"calls":100},"open":{"duration":"90s"},
                 "trip":{"error_rate":"12.5%","slow":{"above":"3s","rate":"80%"},"consecutive_failures":5}},
                {"name":"b","throttle":{},"max_in_flight":100,"mode":"off"},
                {"name":"c","force":"open"}]}"#,
            "3 breakers: a opens at 12.5 % failures or 80 % over 3s of at least 20 calls in the last 100, \
             or at 5 failures in a row, for 1m 30s, per host, 64 keys, shadow; \
             b refuses up to 80 % below 95 % successes in 10s, 100 in flight, off; \
             c is forced open, shadow",
        );
    }

    #[test]
    fn machines_get_what_has_a_meaning() {
        let config = parse(
            br#"{"breakers":[{"name":"a","throttle":{}},{"name":"b","timeout":"3s","force":"closed"}]}"#,
        );
        let [throttled, forced] = &json(&config.unwrap())[..] else {
            panic!("two breakers")
        };
        assert_eq!(
            (
                &throttled["throttle"],
                &throttled["open_ms"],
                &throttled["error_rate_ppm"]
            ),
            (&json!(true), &Value::Null, &Value::Null)
        );
        assert_eq!(
            (
                &forced["open_ms"],
                &forced["timeout_ms"],
                &forced["force"],
                &forced["error_rate_ppm"]
            ),
            (&json!(30_000), &json!(3000), &json!("closed"), &json!(500_000))
        );
    }
}
