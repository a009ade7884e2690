//! The guard, tick by tick.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn guarded(more: Value) -> Rig {
    let mut guard = json!({"window": "10s", "minimum_requests": 50, "error_rate": {"max": "5%"}, "on_trip": {"hold": "30s"}});
    for (name, value) in more.as_object().unwrap() {
        guard[name] = value.clone();
    }
    Rig::new(&config(json!({"guard": guard, "force": {"header": "x-force"}})))
}

/// 200 users for some seconds, each twice a second; those in v2 are answered with this status once.
fn run(rig: &Rig, from: u64, seconds: u64, status: &str) -> Vec<usize> {
    (from..from + seconds)
        .map(|second| {
            let now = Timestamp::from_unix_nanos(0).saturating_add(SECOND * u32::try_from(second).unwrap());
            let in_v2 = (0..200)
                .filter(|n| {
                    let request = user(format!("u{n}")).when(now);
                    let answer = |status: &str| {
                        MemoryView::at(now).with_header(HeaderMap::Response, ":status", status)
                    };
                    // Who is in v2 is known once the request is decided.
                    let is_v2 = rig
                        .send_with(request.clone(), MemoryView::at(now), &rig.cells)
                        .is_v2();
                    rig.send_with(request, answer(if is_v2 { status } else { "200" }), &rig.cells);
                    is_v2
                })
                .count();
            rig.stage.on_tick(now, &rig.proxy(&rig.cells));
            in_v2
        })
        .collect()
}

fn state(rig: &Rig) -> u64 {
    rig.count("guard_state", Some("v2"), None)
}

#[test]
fn a_bad_canary_is_taken_out_and_comes_back_one_step_lower() {
    let rig = guarded(json!({}));
    assert!(run(&rig, 1000, 5, "200").iter().all(|n| *n > 80));
    assert_eq!(
        (state(&rig), rig.count("weight_ppm", Some("v2"), None)),
        (0, 500_000)
    );
    let bad = run(&rig, 1005, 3, "500");
    assert!(bad[0] > 80);
    assert_eq!(bad[2], 0, "{bad:?}");
    assert_eq!((state(&rig), rig.count("weight_ppm", Some("v2"), None)), (1, 0));
    assert_eq!(rig.count("weight_ppm", Some("stable"), None), 1_000_000);
    assert_eq!(rig.count("guard_trips_total", Some("v2"), Some("error_rate")), 1);
    // Who is forced still gets there.
    assert!(rig.send(user("a").with("x-force", "always")).is_v2());
    assert!(run(&rig, 1008, 27, "200").iter().all(|n| *n == 0));
    let after = run(&rig, 1035, 5, "200");
    assert!(after[2..].iter().all(|n| (30..70).contains(n)), "{after:?}");
    assert_eq!(
        (state(&rig), rig.count("weight_ppm", Some("v2"), None)),
        (0, 250_000)
    );
    let lines = rig.journal.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let tripped: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&tripped["event"], &tripped["variant"], &tripped["bound"]),
        (&json!("guard_tripped"), &json!("v2"), &json!("error_rate"))
    );
    assert_eq!(
        serde_json::from_str::<Value>(&lines[1]).unwrap()["event"],
        "guard_resumed"
    );
}

#[test]
fn one_that_is_to_stay_out_stays_out() {
    let rig = guarded(json!({"on_trip": {"then": "stay_out"}}));
    run(&rig, 1000, 4, "503");
    assert_eq!(state(&rig), 2);
    assert!(run(&rig, 1004, 900, "200").iter().all(|n| *n == 0));
    assert_eq!(rig.journal.lines().len(), 1);
}

#[test]
fn a_slow_canary_is_one_too() {
    let rig = guarded(json!({"latency": {"quantile": "p95", "max": "800ms"}}));
    let at = |millis: u64| Timestamp::from_unix_nanos(0).saturating_add(Duration::from_millis(millis));
    let user = drawn();
    for n in 0..100 {
        let start = at(1_000_000 + n);
        let answer =
            MemoryView::at(start.saturating_add(SECOND)).with_header(HeaderMap::Response, ":status", "200");
        rig.send_with(super::user(&user).when(start), answer, &rig.cells);
    }
    rig.stage.on_tick(at(1_002_000), &rig.proxy(&rig.cells));
    assert_eq!(state(&rig), 1);
    assert_eq!(rig.count("guard_trips_total", Some("v2"), Some("latency")), 1);
}

#[test]
fn outcomes_are_what_http_and_grpc_say_and_forced_ones_do_not_count() {
    let rig = guarded(json!({}));
    let name = drawn();
    let send = |request: MemoryView, status: &str, header: Option<&str>, trailer: Option<&str>| {
        let mut effects = Effects::default();
        let (_, mut flight) = rig
            .stage
            .on_request(&request, &rig.proxy(&rig.cells), &mut effects);
        let mut response = MemoryView::default().with_header(HeaderMap::Response, ":status", status);
        if let Some(code) = header {
            response = response.with_header(HeaderMap::Response, "grpc-status", code);
        }
        if let Some(code) = trailer {
            response = response.with_header(HeaderMap::ResponseTrailers, "grpc-status", code);
        }
        rig.stage
            .on_response(&mut flight, &response, &rig.proxy(&rig.cells), &mut effects);
        rig.stage
            .on_trailers(&mut flight, &response, &rig.proxy(&rig.cells));
        rig.stage.on_done(Some(flight), &response, &rig.proxy(&rig.cells));
    };
    for (status, header, trailer) in [
        ("200", None, None),
        ("404", None, None),
        ("500", None, None),
        ("503", None, None),
        ("200", Some("14"), None),
        ("200", None, Some("13")),
        ("200", None, Some("0")),
        ("200", None, Some("5")),
    ] {
        send(user(&name), status, header, trailer);
    }
    send(user(&name).with("x-force", "always"), "500", None, None);
    // Nobody was answered: the client went away.
    let mut effects = Effects::default();
    let (_, flight) = rig
        .stage
        .on_request(&user(&name), &rig.proxy(&rig.cells), &mut effects);
    rig.stage
        .on_done(Some(flight), &MemoryView::default(), &rig.proxy(&rig.cells));
    rig.stage.on_tick(Timestamp::default(), &rig.proxy(&rig.cells));
    let count = |outcome: &str| rig.count("outcomes_total", Some("v2"), Some(outcome));
    assert_eq!((count("success"), count("failure")), (4, 4));
}
