//! Bad times for v2 and for the reviews, so that the guard and the breaker have something to do.
//!
//! Every now and then half of v2's requests fail for a few seconds. Later an operator, played by this thread, begins a new
//! attempt, as half of the weight would be lost at each trip. Shortly before v2 the reviews fail altogether. All the time v2 is
//! a little slower than v1, so that latencies differ.

use super::events::Events;
use super::mesh::Mesh;
use super::stop::Stop;
use fairlead_upstream::{Behavior, BehaviorError};
use std::time::Duration;

/// Until the first bad time of the reviews.
const REVIEWS_FIRST: Duration = Duration::from_secs(3);
/// How long each is. With the demo's traffic the breaker opens after one second, and one round of probes fails.
const REVIEWS_BAD: Duration = Duration::from_secs(3);
/// From its end until that of v2.
const BETWEEN: Duration = Duration::from_secs(4);
/// How long each is. The guard needs about two seconds to be sure, and v2 is well again before its hold is over.
const BAD: Duration = Duration::from_secs(4);
/// From its end until the next attempt.
const MENDED: Duration = Duration::from_secs(20);
/// By how much v2 is slower than v1.
const SLOWER: Duration = Duration::from_millis(20);
/// From there until the reviews fail again: 40 s after the last time.
const QUIET: Duration = Duration::from_secs(9);

/// Fails the reviews and half of v2's requests every now and then, until it is time to end.
pub(super) fn run(mesh: &Mesh, events: &Events, stop: &Stop) {
    mesh.v2().set(usual());
    let mut pause = REVIEWS_FIRST;
    while !stop.within(pause) {
        let Ok(broken) = Behavior::parse("status=500") else {
            return;
        };
        mesh.reviews.set(broken);
        events.say("the reviews answer 500 from now on".to_owned());
        let ended = stop.within(REVIEWS_BAD);
        mesh.reviews.set(Behavior::default());
        if ended {
            return;
        }
        events.say("the reviews are well again".to_owned());
        if stop.within(BETWEEN) {
            return;
        }
        let Ok(bad) = bad() else { return };
        let bad = Behavior {
            fail: bad.fail,
            ..usual()
        };
        mesh.v2().set(bad);
        events.say("v2 fails 50 % of its requests from now on".to_owned());
        let ended = stop.within(BAD);
        mesh.v2().set(usual());
        if ended {
            return;
        }
        events.say("v2 is well again".to_owned());
        if stop.within(MENDED) {
            return;
        }
        events.say(match mesh.next_attempt() {
            Ok(attempt) => format!("the operator tries once more: guard.attempt is {attempt}"),
            Err(error) => format!("the operator cannot try once more: {error:#}"),
        });
        pause = QUIET;
    }
}

/// v2 is slower: its answer comes in two pieces.
fn usual() -> Behavior {
    Behavior {
        chunks: Some(2),
        chunk_delay: Some(SLOWER),
        ..Behavior::default()
    }
}

/// Every second request fails.
pub(super) fn bad() -> Result<Behavior, BehaviorError> {
    Behavior::parse("fail=50%25")
}
