//! The scenarios: hand-written ones for each rule, and generated ones.

use fairlead_emulator::FailurePolicy;

use super::scenario::*;

fn one_filter(name: &str, configuration: &str, steps: Vec<Step>) -> Scenario {
    Scenario {
        name: name.to_owned(),
        workers: 1,
        filters: vec![filter("probe", configuration)],
        steps,
    }
}

/// All questions in every phase of all kinds of streams.
pub(crate) fn ask() -> Scenario {
    one_filter(
        "ask",
        "ask state",
        vec![
            get("ask touch")
                .header("x-multi", "a")
                .header("x-multi", "b")
                .header("x-empty", ""),
            post("ask touch", "hello")
                .trailer("x-t", "1")
                .up_trailer("x-trailer", "v"),
            post("ask", "hello").up(answer(200, &["first", "second"])),
            get("deny ask touch"),
            get("deny-response ask"),
            get("ask").without_host(),
            get("ask pause-forever").abort(),
            get("ask").abort(),
            get("ask").up(Up::NoRoute),
            get("ask").up(Up::Unreachable),
            get("ask").up(Up::Timeout),
            get("ask").up(Up::Close),
            get("ask pause"),
            get("ask pause-response"),
            get("ask").header("x-bytes", b"a\xffb"),
            Step {
                method: "HEAD".to_owned(),
                ..get("ask")
            },
            get("ask").up(answer(204, &[])),
            get("ask").up(answer(404, &[])),
        ],
    )
}

/// Writes, replies, pauses.
pub(crate) fn write() -> Scenario {
    one_filter(
        "write",
        "",
        vec![
            get("write")
                .header("x-gone", "1")
                .header("x-multi", "a")
                .header("x-multi", "b")
                .header("user-agent", "u"),
            get("pairs"),
            get("pairs-response"),
            get("deny"),
            get("deny-headers"),
            get("deny-bare"),
            get("deny-pause"),
            get("deny-twice"),
            get("deny-grpc"),
            get("deny-grpc").header("content-type", "application/grpc"),
            get("deny").header("content-type", "application/grpc+proto"),
            get("deny-response"),
            get("deny-body"),
            get("deny deny-response"),
            get("pause"),
            get("pause-deny"),
            get("pause-response"),
            get("pause pause-response"),
            get("continue"),
            get("close"),
            get("close-response"),
            post("hold", "hello"),
            post("hold-response", "hello").up(answer(200, &["first", "second"])),
            post("append prepend patch", "hello"),
            get("append-response prepend-response patch-response"),
            post("trailers", "hello"),
            get("trailers-response"),
            post("pause", "hello").trailer("x-t", "1"),
            get("pause-response").up_trailer("x-trailer", "v"),
            post("hold", "hello").trailer("x-t", "1"),
            post("deny", "hello"),
            Step {
                method: "HEAD".to_owned(),
                ..get("deny")
            },
        ],
    )
}

/// Two plugins of one VM and one of another.
fn three_filters() -> Vec<Filter> {
    let other = Filter {
        vm_id: "other",
        ..filter("other", "")
    };
    vec![
        filter("first", "state"),
        Filter {
            root_id: "second",
            ..filter("second", "")
        },
        other,
    ]
}

/// A chain of filters: requests forwards, responses backwards.
pub(crate) fn chain() -> Scenario {
    let words = [
        "ask",
        "write",
        "deny",
        "deny-response",
        "pause",
        "hold",
        "hold-response",
    ];
    let steps = words.into_iter().map(|words| post(words, "hello")).collect();
    Scenario {
        name: "chain".to_owned(),
        workers: 1,
        filters: three_filters(),
        steps,
    }
}

/// Two workers.
pub(crate) fn workers() -> Scenario {
    let steps = (0..8).map(|_| get("touch").header("x-multi", "a")).collect();
    let first = Filter {
        vm_configuration: "vm",
        ..filter("probe", "done-later")
    };
    Scenario {
        name: "workers".to_owned(),
        workers: 2,
        filters: vec![first],
        steps,
    }
}

/// Traps in each phase under a failure policy, in a chain with a second filter of another VM.
pub(crate) fn crashes(policy: FailurePolicy, name: &str) -> Vec<Scenario> {
    let places = [
        ("request", "trap"),
        ("response", "trap-response"),
        ("body", "trap-body"),
        ("log", "trap-log"),
    ];
    let scenario = |(place, words): (&str, &str)| Scenario {
        name: format!("crash-{name}-{place}"),
        workers: 1,
        filters: vec![
            Filter {
                policy,
                ..filter("first", "")
            },
            Filter {
                policy,
                vm_id: "second",
                ..filter("second", "")
            },
        ],
        steps: vec![
            get(""),
            get(words).traps().wait(1600),
            get("").traps(),
            get("").traps().wait(1600),
            get("deny").traps(),
        ],
    };
    places.into_iter().map(scenario).collect()
}

/// All policies and their names.
pub(crate) const POLICIES: [(FailurePolicy, &str); 4] = [
    (FailurePolicy::FailClosed, "closed"),
    (FailurePolicy::FailOpen, "open"),
    (FailurePolicy::LegacyFailOpen, "legacy"),
    (FailurePolicy::FailReload, "reload"),
];

/// Scenarios whose log is kept in a golden file.
pub(crate) fn kept() -> Vec<Scenario> {
    let crashes = POLICIES
        .into_iter()
        .flat_map(|(policy, name)| crashes(policy, name));
    [ask(), write(), chain()].into_iter().chain(crashes).collect()
}

/// A linear congruential generator (Knuth's MMIX constants): enough to choose from lists.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

const WORDS: &[&str] = &[
    "",
    "",
    "ask",
    "touch",
    "write",
    "pairs",
    "pairs-response",
    "deny",
    "deny-headers",
    "deny-bare",
    "deny-pause",
    "deny-twice",
    "deny-grpc",
    "deny-response",
    "deny-body",
    "pause",
    "pause-deny",
    "pause-response",
    "hold",
    "hold-response",
    "append",
    "prepend",
    "patch",
    "append-response",
    "patch-response",
    "trailers",
    "close",
    "close-response",
];

/// Forty random steps through a random chain.
pub(crate) fn generated(seed: u64) -> Scenario {
    let mut dice = Dice(seed);
    let mut filters = match dice.roll(3) {
        0 => vec![filter("probe", "state")],
        1 => vec![
            filter("first", ""),
            Filter {
                vm_id: "other",
                ..filter("second", "state")
            },
        ],
        _ => three_filters(),
    };
    let workers = 1 + dice.roll(2);
    if workers > 1 {
        // Workers start in any order, and so would the values of what they share.
        filters.iter_mut().for_each(|filter| filter.configuration.clear());
    }
    let steps = (0..40).map(|_| step(&mut dice)).collect();
    Scenario {
        name: format!("generated-{seed}"),
        workers,
        filters,
        steps,
    }
}

fn step(dice: &mut Dice) -> Step {
    let mut words = dice.pick(WORDS).to_owned();
    let more = dice.pick(WORDS);
    // Resetting a stream and answering it in one callback is left out: see the differences in `differential`.
    if dice.roll(3) == 0 && !words.starts_with("close") && !more.starts_with("close") {
        words = format!("{words} {more}").trim().to_owned();
    }
    let mut step = if dice.roll(2) == 0 {
        get(&words)
    } else {
        post(&words, dice.pick(&["x", "hello", "0123456789"]))
    };
    // Two filters that pause a message with trailers are left out: see the differences in `differential`.
    let pauses = words.contains("pause");
    if step.body.is_some() && !pauses && dice.roll(3) == 0 {
        step = step.trailer("x-t", "1");
    }
    for (name, value) in [
        ("x-multi", "a"),
        ("x-multi", "b"),
        ("x-empty", ""),
        ("user-agent", "u"),
        ("x-gone", "1"),
    ] {
        if dice.roll(3) == 0 {
            step = step.header(name, value);
        }
    }
    match dice.roll(12) {
        0 => step.up(Up::NoRoute),
        1 => step.up(Up::Unreachable),
        2 => step.up(Up::Close),
        3 => step.without_host(),
        4 => step.up(answer(404, &[])),
        // One chunk: whether a second one comes before or after a tick is a matter of time.
        5 => step.up(answer(500, &["oops"])),
        6 if !pauses => step.up_trailer("x-trailer", "v"),
        _ => step,
    }
}
