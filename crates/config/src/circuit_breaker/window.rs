//! The window, as it is written: how far back completed calls count, and how many there must be.

use crate::json::Json;
use crate::leaf::{HOUR, Span};
use crate::problem::Problems;
use crate::read::{Int, Read};
use fairlead_breaker::policy::Window;
use std::num::NonZeroU32;
use std::time::Duration;

/// `window.duration` where neither the config nor a preset says.
const DURATION: Duration = Duration::from_secs(10);
/// `window.buckets` where neither says.
const BUCKETS: NonZeroU32 = NonZeroU32::new(10).unwrap();

object! {
    /// How far back completed calls count: a time, or a number of calls.
    struct WindowFields, "a window" {
        /// How long.
        "duration" AnyOf duration: Span<100, HOUR> = "10s";
        /// In how many parts it rolls. With 1 it does not roll: it is emptied when it is over.
        "buckets" AnyOf buckets: Int<1, 60> = 10;
        /// The last so many completed calls, instead of a time.
        "calls" AnyOf calls: Int<1, 1000>;
    }
}

/// `window:`.
pub(super) struct WrittenWindow;

impl Read for WrittenWindow {
    type Out = WindowFields;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<WindowFields> {
        let fields = WindowFields::read(value, at)?;
        for key in ["duration", "buckets"] {
            if value.has("calls") && value.has(key) {
                at.say_at(key, &["does not go with calls: leave one of them out"]);
            }
        }
        Some(fields)
    }
}

/// What is written, over what else would hold.
#[inline(never)]
pub(super) fn window(fields: Option<WindowFields>, base: Window) -> Window {
    let Some(fields) = fields else { return base };
    if let Some(calls) = fields.calls.and_then(NonZeroU32::new) {
        return Window::Calls(calls);
    }
    let (duration, buckets) = match base {
        Window::Time { duration, buckets } => (duration, buckets),
        Window::Calls(_) => (DURATION, BUCKETS),
    };
    Window::Time {
        duration: fields.duration.unwrap_or(duration),
        buckets: fields.buckets.and_then(NonZeroU32::new).unwrap_or(buckets),
    }
}

/// The minimum that holds, and what was written if a window of calls can never hold as many: such a window is judged when
/// it is full, as resilience4j does.
#[inline(never)]
pub(super) fn minimum_requests(written: Option<u32>, base: u32, window: Window) -> (u32, Option<u32>) {
    let minimum = written.unwrap_or(base);
    match window {
        Window::Calls(calls) if minimum > calls.get() => (calls.get(), written),
        _ => (minimum, None),
    }
}

described_as! {
    WrittenWindow => WindowFields;
}
