use super::*;

/// What `query` is read as, written as [`Behavior`]'s own text; of an error the beginning.
fn check(query: &str, expect: &str) {
    match Behavior::parse(query) {
        Ok(behavior) => assert_eq!(behavior.to_string(), expect, "{query}"),
        Err(wrong) => assert!(
            wrong.to_string().starts_with(expect) && !expect.is_empty(),
            "{query}: {wrong}"
        ),
    }
}

#[test]
fn settings_are_read_as_written() {
    check("", "");
    check("delay=50ms&status=503", "status=503&delay=50000us");
    check("delay=0ms", "delay=0us");
    check("delay=2s&chunk-delay=250us", "delay=2000000us&chunk-delay=250us");
    check("delay=10m", "delay=600000000us");
    check("fail=20%&fail-status=500", "fail=20%25&fail-status=500");
    check("fail=20%25", "fail=20%25");
    check("fail=0.5%", "fail=0.50%25");
    check("fail=33.33%", "fail=33.33%25");
    check("fail=100%", "fail=100%25");
    check("reset=1&echo=0", "reset=1&echo=0");
    check("hold=1&delay=1us", "delay=1us&hold=1");
    check("bytes=1073741824&chunks=10000", "bytes=1073741824&chunks=10000");
    check(
        "grpc-status=16&grpc-message=gone+away",
        "grpc-status=16&grpc-message=gone+away",
    );
    check("h-x-foo=bar&h-Retry-After=3", "h-x-foo=bar&h-retry-after=3");
}

#[test]
fn what_is_read_can_be_written_and_read_again() {
    let query = "status=204&delay=7ms&hold=0&fail=12.34%&fail-status=429&reset=0&bytes=9&chunks=3&chunk-delay=1s\
                 &grpc-status=4&grpc-message=a%26b&h-x-a=1%25";
    let behavior = Behavior::parse(query).unwrap();
    assert_eq!(behavior.to_string().parse(), Ok(behavior));
}

#[test]
fn wrong_values_are_refused_with_what_they_must_be() {
    for value in [
        "",
        "50",
        "ms",
        "-1ms",
        "+5ms",
        "1.5s",
        "5 ms",
        "5min",
        "11m",
        "99999999999999999999s",
    ] {
        check(
            &format!("delay={}", value.replace('+', "%2B")),
            &format!("delay={value}: not a duration"),
        );
    }
    for value in ["", "200 ", "abc", "199", "600", "99999999999"] {
        check(
            &format!("status={value}"),
            &format!("status={value}: not a status of 200 to 599"),
        );
    }
    for value in [
        "20",
        "%",
        "101%",
        "100.01%",
        "1.234%",
        "-1%",
        ".5%",
        "1.%",
        "99999999999999999999%",
    ] {
        check(
            &format!("fail={value}"),
            &format!("fail={value}: not a percentage"),
        );
    }
    check("reset=yes", "reset=yes: not 0 or 1");
    check("hold=2", "hold=2: not 0 or 1");
    check("bytes=1073741825", "bytes=1073741825: not a size");
    check("chunks=0", "chunks=0: not a number of 1 to 10000");
    check("grpc-status=17", "grpc-status=17: not a gRPC status");
    check("h-x y=1", "h-x y=1: not a header name");
    check("h-x=%0A", "h-x=\n: not a header value");
    check(
        "statu=503",
        "statu=503: no such setting; there are status, delay, hold,",
    );
    check("bytes=3&echo=1", "echo=1: cannot be together with `bytes`");
}

#[test]
fn names_that_are_no_setting_are_left_alone_in_a_request() {
    let behavior = Behavior::from_query("user=alice&delay=1ms&flag", Unknown::Ignored).unwrap();
    assert_eq!(
        behavior,
        Behavior {
            delay: Some(Duration::from_millis(1)),
            ..Behavior::default()
        }
    );
}

#[test]
fn the_more_specific_setting_wins_field_by_field() {
    let check = |own: &str, other: &str, expect: &str| {
        let merged = Behavior::parse(own).unwrap().or(&Behavior::parse(other).unwrap());
        assert_eq!(merged, Behavior::parse(expect).unwrap(), "{own} over {other}");
    };
    check("status=500", "status=503&delay=1s", "status=500&delay=1s");
    check("reset=0", "reset=1", "reset=0");
    check("h-x=1", "h-x=2&h-y=3", "h-x=1&h-y=3");
    check("echo=1", "bytes=5", "echo=1");
    check("bytes=5", "echo=1", "bytes=5");
    check("echo=0", "bytes=5", "echo=0&bytes=5");
    check(
        "",
        "echo=1&fail=1%&fail-status=500",
        "echo=1&fail=1%&fail-status=500",
    );
}

#[test]
fn a_share_is_exact_after_any_number_of_requests() {
    for (text, hundredths) in [
        ("0%", 0u64),
        ("0.01%", 1),
        ("20%", 2000),
        ("33.33%", 3333),
        ("100%", 10_000),
    ] {
        let share: Percent = text.parse().unwrap();
        let mut chosen = 0;
        for n in 0..20_000 {
            chosen += u64::from(share.chooses(n));
            assert_eq!(chosen, (n + 1) * hundredths / 10_000, "{text} after {}", n + 1);
        }
    }
}

#[test]
fn a_fifth_is_every_fifth_request() {
    let share: Percent = "20%".parse().unwrap();
    let chosen: Vec<u64> = (0..15).filter(|n| share.chooses(*n)).collect();
    assert_eq!(chosen, [4, 9, 14]);
}
