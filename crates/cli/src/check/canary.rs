//! What `fairlead check` says about a canary that can be used.

use super::mode;
use crate::percent;
use crate::phase::word;
use crate::time::rfc3339;
use fairlead_config::Mode;
use fairlead_config::canary::Canary;
use serde_json::{Value, json};

/// `release checkout-2026-11: v2 10 %, else stable; 2 rules; guard`
pub(super) fn summary(canary: &Canary) -> String {
    let variants: Vec<String> = canary
        .variants
        .iter()
        .map(|variant| match &canary.ramp {
            Some(_) => variant.name.clone(),
            None => format!("{} {}", variant.name, percent::weight(variant.weight)),
        })
        .collect();
    let mut parts = vec![format!(
        "release {}: {}, else {}",
        canary.release,
        variants.join(", "),
        canary.default.name
    )];
    if let Some(ramp) = &canary.ramp {
        let steps = counted(ramp.steps().len(), "step");
        let mut text = format!("ramp of {steps} from {}", rfc3339(ramp.start()));
        if let Some((since, finish)) = ramp.finish() {
            text.push_str(&format!(
                ", {} after {}",
                word(finish),
                humantime::format_duration(since)
            ));
        }
        parts.push(text);
    }
    if !canary.rules.is_empty() {
        parts.push(counted(canary.rules.len(), "rule"));
    }
    if canary.guard.is_some() {
        parts.push("guard".to_owned());
    }
    if canary.mode != Mode::Enforce {
        parts.push(mode(canary.mode).to_owned());
    }
    parts.join("; ")
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The same for machines.
pub(super) fn json(canary: &Canary) -> Value {
    let variants: Vec<Value> = canary
        .variants
        .iter()
        .map(|variant| {
            json!({ "name": variant.name, "value": variant.value, "weight_ppm": variant.weight.ppm() })
        })
        .collect();
    json!({
        "name": canary.release,
        "mode": mode(canary.mode),
        "header": canary.header,
        "variants": variants,
        "default": { "name": canary.default.name, "value": canary.default.value },
        "rules": canary.rules.len(),
        "ramp_steps": canary.ramp.as_ref().map(|ramp| ramp.steps().len()),
        "guard": canary.guard.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlead_config::canary::parse;

    fn check(config: &str, expected: &str) {
        let canary = parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}: {errors:?}"));
        assert_eq!(summary(&canary), expected, "{config}");
    }

    #[test]
    fn a_line_says_who_gets_what_and_when() {
        check(
            r#"{"release":"r1","variants":[{"name":"v2","weight":"12.5%"},{"name":"v3"}]}"#,
            "release r1: v2 12.5 %, v3 0 %, else stable",
        );
        check(
            r#"{"release":"r1","mode":"shadow","variants":[{"name":"v2"}],"default":{"name":"v1"},
                "ramp":{"start":"2026-11-23T09:00:00Z","steps":[{"at":"0s","weight":"1%"}],"finish":{"at":"90m","as":"ended"}},
                "rules":[{"match":[{"methods":["GET"]}],"variant":"v2"}],
                "guard":{"error_rate":{"max":"5%"}}}"#,
            "release r1: v2, else v1; ramp of 1 step from 2026-11-23T09:00:00Z, ended after 1h 30m; 1 rule; guard; shadow",
        );
    }
}
