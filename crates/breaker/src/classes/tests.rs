use super::*;
use crate::classes::LocalReplies as Flags;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_set_of_statuses_has_what_was_put_in() {
    let set = Statuses::NONE
        .with(404, 404)
        .with(500, 503)
        .with(90, 101)
        .with(598, 700);
    for status in 0..=u16::MAX {
        let inside = matches!(status, 404 | 500..=503 | 100..=101 | 598..=599);
        assert_eq!(set.contains(status), inside, "{status}");
    }
    let grpc = GrpcStatuses::NONE.with(0).with(14).with(17).with(u32::MAX);
    let inside: Vec<u32> = (0..40).filter(|status| grpc.contains(*status)).collect();
    assert_eq!(inside, [0, 14]);
    assert!(GrpcStatuses::NONE.with(2).contains(99), "as UNKNOWN");
}

#[test]
fn flags_have_the_bits_that_envoy_gives_them() {
    for (name, bit) in [
        ("LH", 0x1),
        ("UH", Flags::UH),
        ("UT", Flags::UT),
        ("LR", Flags::LR),
        ("UR", Flags::UR),
        ("UF", Flags::UF),
        ("UC", Flags::UC),
        ("UO", Flags::UO),
        ("NR", Flags::NR),
        ("DI", Flags::DI),
        ("FI", 0x400),
        ("RL", Flags::RL),
        ("UAEX", 0x1000),
        ("RLSE", Flags::RLSE),
        ("DC", Flags::DC),
        ("URX", Flags::URX),
        ("UPE", Flags::UPE),
        ("DR", Flags::DR),
    ] {
        assert_eq!(Flags::bit(name), Some(bit), "{name}");
    }
    assert_eq!(Flags::bit("uf"), None);
    assert_eq!(Flags::bit(""), None);
}

fn check(classes: &Classes, rows: &[(u16, u64, Outcome)]) {
    for (status, flags, outcome) in rows {
        assert_eq!(classes.response(*status, *flags), *outcome, "{status} {flags:x}");
        // Who does not ask for flags where none are needed gets the same answer.
        if !classes.needs_flags(*status) {
            assert_eq!(classes.response(*status, 0), *outcome, "{status} {flags:x}");
        }
    }
}

use Outcome::{Failure, Ignored, Success};

#[test]
fn the_defaults_blame_the_upstream_for_what_it_did() {
    check(
        &Classes::default(),
        &[
            (200, 0, Success),
            (404, 0, Success),
            (499, 0, Success),
            (500, 0, Failure),
            (599, 0, Failure),
            (503, Flags::UF, Failure),
            (503, Flags::UH, Failure),
            (504, Flags::UT, Failure),
            (503, Flags::URX | Flags::UF, Failure),
            (503, Flags::UC, Failure),
            (502, Flags::UPE, Failure),
            (503, Flags::DI, Failure),
            // The proxy's own bounds and rules.
            (503, Flags::UO, Ignored),
            (404, Flags::NR, Ignored),
            (429, Flags::RL, Ignored),
            (403, 0x1000, Ignored),
            (503, 0x400, Ignored),
            // Cut off after its headers: they count.
            (200, Flags::UC, Success),
            (200, Flags::DC, Success),
            (500, Flags::DC, Failure),
        ],
    );
}

#[test]
fn what_is_written_differently_counts_differently() {
    let strict = Classes {
        ignored: Statuses::NONE.with(501, 501),
        failures: Statuses::NONE.with(500, 599).with(429, 429),
        reset: false,
        truncated: true,
        local_replies: Flags::NONE.with(Flags::UO),
        ..Classes::default()
    };
    check(
        &strict,
        &[
            (501, Flags::UO, Ignored),
            (429, 0, Failure),
            (429, Flags::RL, Ignored),
            (503, Flags::UO, Failure),
            (503, Flags::UF, Ignored),
            (503, Flags::UR, Ignored),
            (503, Flags::URX, Failure),
            (200, Flags::UR, Failure),
            (200, Flags::UT, Failure),
            (200, Flags::UR | Flags::DC, Success),
        ],
    );
    assert_eq!(strict.reset(), Ignored);
    assert_eq!(strict.aborted(), Ignored);
    assert_eq!(Classes::default().reset(), Failure);
    let impatient = Classes {
        ignore_client_abort: false,
        ..strict
    };
    assert_eq!(impatient.aborted(), Failure);
}

#[test]
fn grpc_counts_by_its_own_status() {
    let classes = Classes {
        grpc_ignored: GrpcStatuses::NONE.with(13),
        ..Classes::default()
    };
    for (status, flags, outcome) in [
        (0, 0, Success),
        (5, 0, Success),
        (4, 0, Failure),
        (13, 0, Ignored),
        (14, 0, Failure),
        (14, Flags::UF, Failure),
        (14, Flags::UO, Ignored),
        (99, 0, Success),
    ] {
        assert_eq!(classes.grpc(status, flags), outcome, "{status}");
    }
}

#[test]
fn flags_are_not_asked_for_where_they_change_nothing() {
    let classes = Classes::default();
    assert!(!classes.needs_flags(200) && !classes.needs_flags(301));
    assert!(classes.needs_flags(404) && classes.needs_flags(503));
    let truncated = Classes {
        truncated: true,
        ..classes
    };
    assert!(truncated.needs_flags(200));
}
