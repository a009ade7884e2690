//! The wish to end, which Ctrl-C, SIGTERM or a finished caller expresses, and waiting that such a wish cuts short.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by all threads of a demo. Once set it stays set.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// A wish that SIGINT, SIGTERM and SIGHUP set. A process can have one.
    pub(super) fn at_signals() -> anyhow::Result<Self> {
        let stop = Self::default();
        let wish = stop.clone();
        ctrlc::set_handler(move || wish.set())?;
        Ok(stop)
    }

    /// Asks everyone to end.
    pub(super) fn set(&self) {
        *self.lock() = true;
        self.0.1.notify_all();
    }

    /// Whether to end.
    pub(super) fn is_set(&self) -> bool {
        *self.lock()
    }

    /// Waits for `time`, or less if it is time to end; the answer says which.
    pub(super) fn within(&self, time: Duration) -> bool {
        let guard = self.lock();
        let waited = self.0.1.wait_timeout_while(guard, time, |set| !*set);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The same until a moment, which may have passed.
    pub(super) fn until(&self, moment: Instant) -> bool {
        self.within(moment.saturating_duration_since(Instant::now()))
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_end_cuts_every_wait_short() {
        let stop = Stop::default();
        assert!(!stop.within(Duration::ZERO) && !stop.is_set());
        let waiting = stop.clone();
        let thread = std::thread::spawn(move || waiting.within(Duration::from_secs(3600)));
        stop.set();
        assert!(thread.join().unwrap());
        assert!(stop.is_set() && stop.until(Instant::now()));
    }
}
