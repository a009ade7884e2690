//! In which order the reasons for a variant count.
//!
//! What somebody asks for explicitly comes before what the operator has ruled, and that before chance: force header, force
//! cookie, routing header of a trusted caller, the trace's earlier decision, release cookie, rules, draw. That is the order
//! of ingress-nginx (header, cookie, weight), with the release cookie and rules in between, as Flagger and Gateway API have
//! them. Each is asked only if none before it has an answer, as each answer may cost a call of the host.

/// A variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The default one.
    Default,
    /// The one at this position.
    Variant(usize),
}

/// Why a request has its variant, in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The force header says so.
    ForceHeader,
    /// The force cookie says so.
    ForceCookie,
    /// A trusted caller has decided already.
    RoutingHeader,
    /// An earlier request of the same trace was decided so.
    Trace,
    /// The user was drawn before.
    ReleaseCookie,
    /// A rule matches.
    Rule,
    /// The draw says so.
    Sticky,
    /// Nothing says anything.
    Default,
}

impl Reason {
    /// All, in order.
    pub const ALL: [Self; 8] = [
        Self::ForceHeader,
        Self::ForceCookie,
        Self::RoutingHeader,
        Self::Trace,
        Self::ReleaseCookie,
        Self::Rule,
        Self::Sticky,
        Self::Default,
    ];

    /// The name in metrics, as it is acted upon.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForceHeader => "force_header",
            Self::ForceCookie => "force_cookie",
            Self::RoutingHeader => "routing_header",
            Self::Trace => "trace",
            Self::ReleaseCookie => "release_cookie",
            Self::Rule => "rule",
            Self::Sticky => "sticky",
            Self::Default => "default",
        }
    }

    /// The name in metrics of a decision that is only counted.
    #[must_use]
    pub const fn would(self) -> &'static str {
        match self {
            Self::ForceHeader => "would_force_header",
            Self::ForceCookie => "would_force_cookie",
            Self::RoutingHeader => "would_routing_header",
            Self::Trace => "would_trace",
            Self::ReleaseCookie => "would_release_cookie",
            Self::Rule => "would_rule",
            Self::Sticky => "would_sticky",
            Self::Default => "would_default",
        }
    }

    /// Whether somebody has chosen for this one request: testers, whose requests say nothing about users.
    #[must_use]
    pub const fn is_forced(self) -> bool {
        matches!(self, Self::ForceHeader | Self::ForceCookie | Self::RoutingHeader)
    }
}

/// What there is to say for a variant. `None`: nothing.
pub trait Evidence {
    /// The force header.
    fn force_header(&mut self) -> Option<Choice>;
    /// The force cookie.
    fn force_cookie(&mut self) -> Option<Choice>;
    /// The routing header of a trusted caller.
    fn routing_header(&mut self) -> Option<Choice>;
    /// Whether the release is over, so that nobody is in it but those who are forced.
    fn has_ended(&mut self) -> bool;
    /// The trace's earlier decision.
    fn trace(&mut self) -> Option<Choice>;
    /// The release cookie.
    fn release_cookie(&mut self) -> Option<Choice>;
    /// The first rule that matches.
    fn rule(&mut self) -> Option<Choice>;
    /// The draw; `None` without a key.
    fn sticky(&mut self) -> Option<Choice>;
}

/// Decides.
#[inline]
pub fn decide(evidence: &mut impl Evidence) -> (Choice, Reason) {
    if let Some(choice) = evidence.force_header() {
        return (choice, Reason::ForceHeader);
    }
    if let Some(choice) = evidence.force_cookie() {
        return (choice, Reason::ForceCookie);
    }
    if let Some(choice) = evidence.routing_header() {
        return (choice, Reason::RoutingHeader);
    }
    if evidence.has_ended() {
        return (Choice::Default, Reason::Default);
    }
    if let Some(choice) = evidence.trace() {
        return (choice, Reason::Trace);
    }
    if let Some(choice) = evidence.release_cookie() {
        return (choice, Reason::ReleaseCookie);
    }
    if let Some(choice) = evidence.rule() {
        return (choice, Reason::Rule);
    }
    match evidence.sticky() {
        Some(choice) => (choice, Reason::Sticky),
        None => (Choice::Default, Reason::Default),
    }
}

/// What a force header or cookie asks for: `always` is the first variant, `never` the default one, and each goes by its
/// name. Anything else asks for nothing, as in ingress-nginx.
pub fn forced<'n>(
    value: &[u8],
    default: &str,
    variants: impl IntoIterator<Item = &'n str>,
) -> Option<Choice> {
    match value {
        b"always" => Some(Choice::Variant(0)),
        b"never" => Some(Choice::Default),
        name if name == default.as_bytes() => Some(Choice::Default),
        name => variants
            .into_iter()
            .position(|variant| variant.as_bytes() == name)
            .map(Choice::Variant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Evidence of some kinds, each for the variant of its own position, that notes what it was asked for.
    struct Known {
        has: Vec<Reason>,
        ended: bool,
        asked: Vec<Reason>,
    }

    impl Known {
        fn answer(&mut self, reason: Reason) -> Option<Choice> {
            self.asked.push(reason);
            self.has
                .contains(&reason)
                .then_some(Choice::Variant(reason as usize))
        }
    }

    impl Evidence for Known {
        fn force_header(&mut self) -> Option<Choice> {
            self.answer(Reason::ForceHeader)
        }
        fn force_cookie(&mut self) -> Option<Choice> {
            self.answer(Reason::ForceCookie)
        }
        fn routing_header(&mut self) -> Option<Choice> {
            self.answer(Reason::RoutingHeader)
        }
        fn has_ended(&mut self) -> bool {
            self.ended
        }
        fn trace(&mut self) -> Option<Choice> {
            self.answer(Reason::Trace)
        }
        fn release_cookie(&mut self) -> Option<Choice> {
            self.answer(Reason::ReleaseCookie)
        }
        fn rule(&mut self) -> Option<Choice> {
            self.answer(Reason::Rule)
        }
        fn sticky(&mut self) -> Option<Choice> {
            self.answer(Reason::Sticky)
        }
    }

    const KINDS: [Reason; 7] = [
        Reason::ForceHeader,
        Reason::ForceCookie,
        Reason::RoutingHeader,
        Reason::Trace,
        Reason::ReleaseCookie,
        Reason::Rule,
        Reason::Sticky,
    ];

    #[test]
    fn the_first_in_order_counts_and_nothing_after_it_is_asked() {
        for (first, reason) in KINDS.into_iter().enumerate() {
            let mut evidence = Known {
                has: KINDS[first..].to_vec(),
                ended: false,
                asked: Vec::new(),
            };
            assert_eq!(decide(&mut evidence), (Choice::Variant(first), reason));
            assert_eq!(evidence.asked, KINDS[..=first]);
        }
    }

    #[test]
    fn without_evidence_it_is_the_default() {
        let mut evidence = Known {
            has: Vec::new(),
            ended: false,
            asked: Vec::new(),
        };
        assert_eq!(decide(&mut evidence), (Choice::Default, Reason::Default));
    }

    #[test]
    fn after_the_end_only_force_counts() {
        for (position, reason) in KINDS.into_iter().enumerate() {
            let mut evidence = Known {
                has: vec![reason],
                ended: true,
                asked: Vec::new(),
            };
            let expected = if reason.is_forced() {
                (Choice::Variant(position), reason)
            } else {
                (Choice::Default, Reason::Default)
            };
            assert_eq!(decide(&mut evidence), expected);
        }
    }

    #[test]
    fn force_values_are_always_never_and_names() {
        let forced = |value: &[u8]| forced(value, "stable", ["v2", "v3"]);
        assert_eq!(forced(b"always"), Some(Choice::Variant(0)));
        assert_eq!(forced(b"never"), Some(Choice::Default));
        assert_eq!(forced(b"stable"), Some(Choice::Default));
        assert_eq!(forced(b"v3"), Some(Choice::Variant(1)));
        for other in [&b""[..], b"Always", b"true", b"v2 ", b"\xff"] {
            assert_eq!(forced(other), None, "{other:?}");
        }
    }
}
