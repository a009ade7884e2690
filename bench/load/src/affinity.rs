//! Which cores a thread may run on.

use std::io;

/// Keeps the calling thread on `cores` (counted from 0), and with it all threads and processes that it starts from now
/// on. On systems other than Linux nothing happens.
///
/// # Errors
/// The system's, for a core that is not there or not allowed.
#[cfg(target_os = "linux")]
pub fn pin(cores: &[usize]) -> io::Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    for core in cores.iter().copied().filter(|core| *core < CpuSet::MAX_CPU) {
        set.set(core);
    }
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// Keeps the calling thread on `cores` (counted from 0), and with it all threads and processes that it starts from now
/// on. On systems other than Linux nothing happens.
///
/// # Errors
/// None here.
#[cfg(not(target_os = "linux"))]
pub fn pin(_cores: &[usize]) -> io::Result<()> {
    Ok(())
}
