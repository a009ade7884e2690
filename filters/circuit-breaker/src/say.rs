//! One line a transition, in JSON, so that a log pipeline can read it.

use crate::configure::Breaker;
use fairlead_breaker::{Phase, Transition};
use fairlead_stage::Journal;

/// Longer keys are cut.
const MAX_KEY_BYTES: usize = 128;

/// What a line calls a breaker of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyName {
    /// The breaker has no key.
    None,
    /// What a proxy knows: a cluster, a route, a host.
    Text(Vec<u8>),
    /// What a client sent, which may be a secret: a hash of it.
    Hash(u64),
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Closed => "closed",
        Phase::HalfOpen => "half_open",
        Phase::Open => "open",
    }
}

/// Tells the operator of a transition.
#[inline(never)]
pub(crate) fn say(breaker: &Breaker, key: &KeyName, transition: &Transition, journal: &impl Journal) {
    let mut line = String::from("{\"breaker\":\"");
    line.push_str(&breaker.name);
    push_key(&mut line, key);
    for (name, text) in [
        ("from", word(transition.from)),
        ("to", word(transition.to)),
        ("cause", transition.cause.word()),
    ] {
        line.push_str("\",\"");
        line.push_str(name);
        line.push_str("\":\"");
        line.push_str(text);
    }
    line.push('"');
    let counts = &transition.counts;
    let calls = counts.successes.saturating_add(counts.failures);
    let open_for = u64::try_from(transition.open_for.as_millis()).unwrap_or(u64::MAX);
    for (name, number) in [
        ("calls", calls),
        ("failures", counts.failures),
        ("slow", counts.slow),
        ("generation", u64::from(transition.generation)),
        ("open_for_ms", open_for),
    ] {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        line.push_str(&number.to_string());
    }
    if !breaker.enforced {
        line.push_str(",\"mode\":\"shadow\"");
    }
    line.push('}');
    if transition.to == Phase::Open {
        journal.warn(&line);
    } else {
        journal.info(&line);
    }
}

#[inline(never)]
fn push_key(line: &mut String, key: &KeyName) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble & 15)).copied().unwrap_or(b'0'));
    match key {
        KeyName::None => {}
        KeyName::Text(text) => {
            line.push_str("\",\"key\":\"");
            for byte in text.iter().take(MAX_KEY_BYTES) {
                match byte {
                    b'"' | b'\\' | 0..=0x1f | 0x7f.. => {
                        line.push_str("\\u00");
                        line.push(digit(byte >> 4));
                        line.push(digit(*byte));
                    }
                    _ => line.push(char::from(*byte)),
                }
            }
        }
        KeyName::Hash(hash) => {
            line.push_str("\",\"key_hash\":\"");
            for byte in hash.to_be_bytes() {
                line.push(digit(byte >> 4));
                line.push(digit(byte));
            }
        }
    }
}
