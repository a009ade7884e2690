//! What holds requests back besides the state: timeouts, places in flight, shedding, the ramp.

use super::*;

#[test]
fn a_timeout_is_written_for_the_router() {
    let rig = Rig::new(&policy(json!({"timeout": "1500ms"})));
    assert_eq!(rig.begin(get()).edits, ["x-envoy-upstream-rq-timeout-ms=1500"]);
}

#[test]
fn no_more_are_in_flight_than_may_be() {
    let rig = Rig::new(&policy(json!({"max_in_flight": 2})));
    let first = rig.begin(get());
    let second = rig.begin(get());
    assert!(second.reply.is_none());
    assert_eq!(rig.begin(get()).reply.unwrap().0, 503);
    rig.end(first.flight, Upstream::Aborted);
    let third = rig.begin(get());
    assert!(third.reply.is_none());
    for flight in [second.flight, third.flight] {
        rig.end(flight, Upstream::Status(200));
    }
    assert_eq!(rig.count("rejected_total", Some("bulkhead")), 1);
}

#[test]
fn throttling_refuses_a_share_that_follows_the_failures() {
    let rig = Rig::new(&json!({"breakers": [{
        "name": "b",
        "throttle": {"success_rate": "95%", "max_rejection": "80%"},
    }]}));
    rig.tick();
    let refused = |upstream: u16| {
        let passed = (0..500).filter(|_| rig.call(Upstream::Status(upstream))).count();
        500 - passed
    };
    assert_eq!(refused(200), 0);
    assert!(refused(503) > 50);
    let refused = refused(503);
    assert!((180..=300).contains(&refused), "{refused}");
    assert!((400_000..600_000).contains(&rig.count("rejection_ppm", None)));
}

#[test]
fn recovery_lets_more_and_more_pass() {
    let rig = Rig::new(&policy(
        json!({"recovery_ramp": "10s", "half_open": {"probes": 1}}),
    ));
    rig.open();
    rig.pass_time(Duration::from_secs(10));
    assert!(rig.call(Upstream::Status(200)));
    let share = || (0..400).filter(|_| rig.begin(get()).reply.is_none()).count();
    rig.pass_time(Duration::from_secs(2));
    let early = share();
    rig.pass_time(Duration::from_secs(6));
    let late = share();
    rig.pass_time(Duration::from_secs(2));
    assert!((40..=120).contains(&early), "{early}");
    assert!((280..=360).contains(&late), "{late}");
    assert_eq!(share(), 400);
    assert!(rig.count("rejected_total", Some("ramp")) > 0);
}
