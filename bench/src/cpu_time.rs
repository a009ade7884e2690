//! Time that a thread has spent on a processor, as Criterion's measure.
//!
//! On a machine that does other things too, the clock on the wall also counts what those take. A thread's own processor time
//! leaves that out, but not what they cost a cache or the other half of a core. Nothing measured here waits: what blocks on
//! a lock or sleeps would come out too cheap.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time of the measuring thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime;

fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)).saturating_add(Duration::from_nanos(part(time.tv_nsec)))
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        spent()
    }

    fn end(&self, start: Duration) -> Duration {
        spent().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        one.saturating_add(*other)
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
