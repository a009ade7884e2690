//! A timer that wakes a poll to the microsecond.
//!
//! `epoll_wait` counts in milliseconds, which is the distance between requests at 1,000 a second. On Linux a timerfd
//! among the polled files wakes at the exact time; elsewhere the millisecond stays, and latencies include it.

use std::io;
use std::time::{Duration, Instant};

use mio::{Poll, Token};

/// One alarm at a time, for one poll.
#[derive(Debug)]
pub(crate) struct Timer {
    #[cfg(target_os = "linux")]
    file: std::os::fd::OwnedFd,
    at: Option<Instant>,
}

#[cfg(target_os = "linux")]
impl Timer {
    /// A timer whose alarms are events of `token`.
    pub(crate) fn new(poll: &Poll, token: Token) -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        use std::os::fd::AsRawFd as _;

        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let file = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        poll.registry().register(
            &mut mio::unix::SourceFd(&file.as_raw_fd()),
            token,
            mio::Interest::READABLE,
        )?;
        Ok(Self { file, at: None })
    }

    /// Sets the alarm, in place of the last one, and returns how long a poll may wait at most.
    pub(crate) fn arm(&mut self, at: Instant, now: Instant, patience: Duration) -> io::Result<Duration> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        if self.at.replace(at) != Some(at) {
            // Zero would switch the timer off.
            let wait = at.saturating_duration_since(now).max(Duration::from_nanos(1));
            let time = Itimerspec {
                it_interval: Timespec::default(),
                it_value: Timespec {
                    tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
                    tv_nsec: wait.subsec_nanos().into(),
                },
            };
            timerfd_settime(&self.file, TimerfdTimerFlags::empty(), &time)?;
        }
        Ok(patience)
    }
}

#[cfg(not(target_os = "linux"))]
impl Timer {
    /// A timer that is the timeout of the poll.
    pub(crate) fn new(_poll: &Poll, _token: Token) -> io::Result<Self> {
        Ok(Self { at: None })
    }

    /// Sets the alarm, in place of the last one, and returns how long a poll may wait at most.
    pub(crate) fn arm(&mut self, at: Instant, now: Instant, patience: Duration) -> io::Result<Duration> {
        self.at = Some(at);
        Ok(at.saturating_duration_since(now).min(patience))
    }
}
