//! A release that is no more than a draw by one header takes a shorter way, to the same end.

use super::*;
use fairlead_stage::{Meter as _, MetricId};

#[test]
fn a_draw_alone_decides_as_the_full_decision_does() {
    let by = |key: Value| json!({"by": [key]});
    for weights in [["0%", "0%"], ["0%", "30%"], ["40%", "0%"], ["25.5%", "70%"]] {
        for key in [
            json!({"header": "x-user-id"}),
            json!({"header": "x-user-id", "default": "nobody"}),
            json!({"header": "x-user-id", "default": ""}),
        ] {
            for (mode, hash) in [
                ("enforce", "murmur3"),
                ("enforce", "sha256_percent"),
                ("shadow", "murmur3"),
            ] {
                let mut sticky = by(key.clone());
                sticky["hash"] = json!(hash);
                sticky["salt"] = json!("seven-7");
                let config = json!({"release": "r", "mode": mode, "sticky": sticky, "variants":
                    [{"name": "v2", "weight": weights[0]}, {"name": "v3", "weight": weights[1]}]});
                let short = Rig::new(&config);
                assert!(short.stage.plain.is_some(), "{config}");
                let mut full = Rig::new(&config);
                full.stage.plain = None;
                let users = (0..60).map(|n| user(format!("{n:0width$}", width = n % 9)));
                for request in users.chain([
                    get(),
                    user(""),
                    get().with("x-canary", "v2"),
                    user("a").with("x-canary", "b"),
                ]) {
                    assert_eq!(short.send(request.clone()), full.send(request), "{config}");
                }
                for metric in 0..short.needs.metrics().len() {
                    let metric = MetricId::at(u32::try_from(metric).unwrap());
                    assert_eq!(short.meter.read(metric), full.meter.read(metric), "{config}");
                }
            }
        }
    }
}

#[test]
fn what_has_a_say_besides_the_draw_is_asked() {
    let plain = json!({"release": "r", "variants": [{"name": "v2", "weight": "10%"}], "sticky": {"by": [{"header": "x-user-id"}]}});
    assert!(Rig::new(&plain).stage.plain.is_some());
    let by = |by: Value| json!({"by": by});
    for (field, value) in [
        ("match", json!([{"headers": {"x-a": {"present": true}}}])),
        ("force", json!({"header": "x-force"})),
        ("force", json!({"cookie": "force"})),
        (
            "rules",
            json!([{"match": [{"headers": {"x-beta": {"present": true}}}], "variant": "v2"}]),
        ),
        ("guard", json!({"error_rate": {"max": "5%"}})),
        ("propagate", json!({"baggage": true})),
        ("propagate", json!({"trace": true})),
        ("sticky", by(json!([{"cookie": "sid"}]))),
        ("sticky", by(json!([{"header": "x-a"}, {"random": true}]))),
        ("sticky", by(json!([{"header": "x-a"}, {"header": "x-b"}]))),
        ("sticky", json!({"by": [{"header": "x-a"}], "cookie": {}})),
    ] {
        let mut config = plain.clone();
        config[field] = value;
        assert!(Rig::new(&config).stage.plain.is_none(), "{config}");
    }
}
