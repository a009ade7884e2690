//! What the benches share: how long each is measured, and the made-up traffic that they run on.
//!
//! The folder `benches` holds one file a crate; `bench/README.md` says how to run them and how to read them. All inputs are
//! computed from their number, so that every run, on every machine, does the same work.
//!
//! What this does not do: measure a store. A proxy keeps cells in memory that its workers share, with a lock and a copy
//! each way; [`Stored`] is a cell of one thread, so that what is measured is the crate. What a whole filter costs is in
//! the fuel tables of the end-to-end tests, which are exact, and is measured on a real Envoy.

mod cpu_time;

pub use cpu_time::CpuTime;

use fairlead_stage::{Step, Timestamp};
use std::time::Duration;

/// A moment late in 2026: where the benches' time begins.
pub const START: Timestamp = Timestamp::from_unix_nanos(1_790_000_000_000_000_000);

/// Criterion as all benches use it.
pub type Criterion = criterion::Criterion<CpuTime>;

/// The settings of all benches: 200 ms to warm up, half a second of processor time in 20 samples. That tells a tenth from
/// nothing, which is what a shared machine allows.
#[must_use]
pub fn criterion() -> Criterion {
    criterion::Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(20)
        .nresamples(10_000)
}

/// A cell of a store without the store: two buffers that change places when a step writes.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    bytes: Vec<u8>,
    next: Vec<u8>,
    written: bool,
}

impl Stored {
    /// Runs a step on the cell, and keeps what it writes.
    pub fn update<T>(&mut self, step: impl FnOnce(Option<&[u8]>, &mut Vec<u8>) -> Step<T>) -> T {
        self.next.clear();
        let old = self.written.then_some(self.bytes.as_slice());
        match step(old, &mut self.next) {
            Step::Keep(answer) => answer,
            Step::Write(answer) => {
                std::mem::swap(&mut self.bytes, &mut self.next);
                self.written = true;
                answer
            }
        }
    }

    /// What the cell holds; `None` if it was never written.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        self.written.then_some(&self.bytes)
    }
}

/// So many empty cells.
#[must_use]
pub fn cells(count: u32) -> Vec<Stored> {
    vec![Stored::default(); count as usize]
}

/// 64 even bits for a number: SplitMix64 (Steele, Lea and Flood, 2014).
#[must_use]
pub const fn bits(number: u64) -> u64 {
    let sum = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The keys of so many clients, 17 bytes each.
#[must_use]
pub fn keys(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| format!("client-{:010x}", bits(number) >> 24).into_bytes())
        .collect()
}

/// So many latencies in microseconds, about log-normal: the median is 20 ms, one in a hundred is above 86 ms.
#[must_use]
pub fn latencies(count: u64) -> Vec<u64> {
    const MEDIAN: f64 = 20_000.0;
    const SIGMA: f64 = 0.63;
    let uniform = |number| bits(number) as f64 / u64::MAX as f64;
    (0..count)
        .map(|number| {
            // The sum of twelve uniform numbers less six is about normal.
            let first = number.wrapping_mul(12);
            let normal = (first..first.wrapping_add(12)).map(uniform).sum::<f64>() - 6.0;
            (MEDIAN * (SIGMA * normal).exp()) as u64
        })
        .collect()
}
