//! Bad times for v2, so that the guard has something to do: every now and then half of its requests fail for a few seconds.
//! Later an operator, played by this thread, begins a new attempt, as half of the weight would be lost at each trip.

use super::events::Events;
use super::mesh::Mesh;
use super::stop::Stop;
use fairlead_upstream::{Behavior, BehaviorError};
use std::time::Duration;

/// Until the first bad time.
const FIRST: Duration = Duration::from_secs(10);
/// How long each is. The guard needs about two seconds to be sure, and v2 is well again before its hold is over.
const BAD: Duration = Duration::from_secs(4);
/// From its end until the next attempt.
const MENDED: Duration = Duration::from_secs(20);
/// From there until the next bad time: 40 s after the last one.
const QUIET: Duration = Duration::from_secs(16);

/// Fails half of v2's requests every now and then, until it is time to end.
pub(super) fn run(mesh: &Mesh, events: &Events, stop: &Stop) {
    let mut pause = FIRST;
    while !stop.within(pause) {
        let Ok(bad) = bad() else { return };
        mesh.v2().set(bad);
        events.say("v2 fails 50 % of its requests from now on".to_owned());
        let ended = stop.within(BAD);
        mesh.v2().set(Behavior::default());
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

/// Every second request fails.
pub(super) fn bad() -> Result<Behavior, BehaviorError> {
    Behavior::parse("fail=50%25")
}
