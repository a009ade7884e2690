//! What a child process writes, line by line: kept in memory within a bound, and waited for without polling.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Text kept in memory a stream; the oldest lines go first.
const MAX_BYTES: usize = 8 << 20;

/// The lines of one stream.
#[derive(Debug, Default)]
pub(super) struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    kept: VecDeque<String>,
    bytes: usize,
    dropped: usize,
    closed: bool,
}

impl Lines {
    /// Reads `stream` to its end; a copy of each line goes to `file` and, if asked, to standard error. A copy that
    /// cannot be written is given up silently: the child must never block on a full pipe.
    pub(super) fn follow(&self, stream: impl Read, mut file: Option<File>, echo: bool) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            if let Some(copy) = &mut file
                && copy.write_all(&line).is_err()
            {
                file = None;
            }
            if echo {
                let _ = io::stderr().write_all(&line);
            }
            self.push(
                String::from_utf8_lossy(&line)
                    .trim_end_matches(['\n', '\r'])
                    .to_owned(),
            );
        }
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn push(&self, line: String) {
        let mut state = self.state();
        state.bytes = state.bytes.saturating_add(line.len());
        state.kept.push_back(line);
        while state.bytes > MAX_BYTES {
            let Some(oldest) = state.kept.pop_front() else {
                break;
            };
            state.bytes = state.bytes.saturating_sub(oldest.len());
            state.dropped = state.dropped.saturating_add(1);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// All lines in memory.
    pub(super) fn all(&self) -> Vec<String> {
        self.state().kept.iter().cloned().collect()
    }

    /// How many lines there have been, dropped ones included.
    pub(super) fn position(&self) -> usize {
        let state = self.state();
        state.dropped.saturating_add(state.kept.len())
    }

    /// The first line at or after `position` for which `wanted` holds; waits for it until the deadline or the end of
    /// the stream.
    pub(super) fn find(
        &self,
        position: usize,
        within: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut next = position;
        self.wait(within, |state| {
            let skip = next.saturating_sub(state.dropped);
            let found = state.kept.iter().skip(skip).find(|line| wanted(line)).cloned();
            next = state.dropped.saturating_add(state.kept.len());
            found
        })
    }

    /// Waits until there have been `count` lines; false at the deadline or the end of the stream.
    pub(super) fn reach(&self, count: usize, within: Duration) -> bool {
        let enough = |state: &State| state.dropped.saturating_add(state.kept.len()) >= count;
        self.wait(within, |state| enough(state).then_some(())).is_some()
    }

    /// Waits for the end of the stream, so that all that the child wrote is here.
    pub(super) fn drained(&self, within: Duration) {
        self.wait(within, |state| state.closed.then_some(()));
    }

    fn wait<T>(&self, within: Duration, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let started = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = within
                .checked_sub(started.elapsed())
                .filter(|left| !left.is_zero())?;
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Lines {
        let lines = Lines::default();
        lines.follow(text, None, false);
        lines
    }

    #[test]
    fn lines_are_found_from_a_position_on() {
        let lines = read(b"one a\ntwo a\r\nlast \xff without end");
        let find = |from, text: &str| lines.find(from, Duration::ZERO, |line| line.contains(text));
        assert_eq!(find(0, "a").as_deref(), Some("one a"));
        assert_eq!(find(1, "a").as_deref(), Some("two a"));
        assert_eq!(find(2, "two"), None);
        assert_eq!(find(0, "last").as_deref(), Some("last \u{fffd} without end"));
        assert_eq!(lines.position(), 3);
    }

    #[test]
    fn waiting_ends_with_the_stream_long_before_the_deadline() {
        let started = Instant::now();
        let lines = read(b"x\n");
        assert_eq!(lines.find(0, Duration::from_secs(600), |line| line == "y"), None);
        assert!(!lines.reach(2, Duration::from_secs(600)));
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_line_that_comes_later_wakes_the_waiter() {
        let lines = Lines::default();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                lines
                    .find(0, Duration::from_secs(60), |line| line == "it")
                    .is_some()
            });
            lines.push("noise".into());
            lines.push("it".into());
            assert!(waiter.join().unwrap());
        });
    }

    #[test]
    fn the_oldest_lines_go_when_the_bound_is_reached() {
        let lines = Lines::default();
        let long = "x".repeat(MAX_BYTES / 2);
        lines.push("first".into());
        lines.push(long.clone());
        assert_eq!(lines.all().len(), 2);
        lines.push(long);
        lines.push("end".into());
        assert_eq!(lines.position(), 4);
        assert_eq!(lines.find(0, Duration::ZERO, |line| line == "first"), None);
        assert_eq!(
            lines.find(0, Duration::ZERO, |line| line == "end").as_deref(),
            Some("end")
        );
        assert!(lines.all().iter().map(String::len).sum::<usize>() <= MAX_BYTES);
    }
}
