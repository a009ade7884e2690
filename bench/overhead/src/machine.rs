//! What Linux says about a process: CPU time of its threads, memory, and which cores it may use.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// The cores that the proxy and the load generator get: one each, if there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    /// The proxy's.
    pub proxy: usize,
    /// The load generator's, and that of whatever answers behind the proxy.
    pub load: usize,
}

impl Cores {
    /// The first two that this process may use; `None` if there is only one.
    pub fn find() -> Option<Self> {
        let allowed = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Some(Self {
            proxy: cores.next()?,
            load: cores.next()?,
        })
    }
}

/// Keeps all threads of a process, and those that they start, on one core.
///
/// # Errors
/// There is no such process.
pub fn pin(pid: u32, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    for task in tasks(pid)? {
        let id = task.file_name().and_then(|name| name.to_str()?.parse().ok());
        // A thread may have ended meanwhile.
        if let Some(id) = id.and_then(Pid::from_raw) {
            let _ = sched_setaffinity(Some(id), &set);
        }
    }
    Ok(())
}

/// CPU time, user and system, of Envoy's worker threads.
///
/// # Errors
/// It is no Envoy, or `/proc` is not Linux's.
pub fn worker_time(pid: u32) -> Result<Duration> {
    let time = time_of(pid, |name| name.starts_with("wrk:worker_"))?;
    anyhow::ensure!(
        !time.is_zero(),
        "process {pid} has no worker threads: is it Envoy?"
    );
    Ok(time)
}

/// CPU time, user and system, of all threads that a process has.
///
/// # Errors
/// There is no such process, or `/proc` is not Linux's.
pub fn process_time(pid: u32) -> Result<Duration> {
    time_of(pid, |_| true)
}

fn time_of(pid: u32, counts: impl Fn(&str) -> bool) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for task in tasks(pid)? {
        // A thread may have ended meanwhile.
        let (Ok(name), Ok(stat)) = (
            fs::read_to_string(task.join("comm")),
            fs::read_to_string(task.join("schedstat")),
        ) else {
            continue;
        };
        if counts(name.trim()) {
            let nanos = stat
                .split_whitespace()
                .next()
                .and_then(|first| first.parse().ok());
            total += Duration::from_nanos(
                nanos.context("/proc has no schedstat: the kernel was built without it")?,
            );
        }
    }
    Ok(total)
}

fn tasks(pid: u32) -> Result<Vec<PathBuf>> {
    let folder = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {folder}: this needs Linux"))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Resident, KiB.
    pub rss_kib: u64,
    /// Of these written to and shared with no other process, KiB: what one more such process would cost.
    pub private_dirty_kib: u64,
}

/// The memory of a process now.
///
/// # Errors
/// There is no such process, or `/proc` is not Linux's.
pub fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_memory(&text).with_context(|| format!("{path} does not say what it should"))
}

fn parse_memory(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory {
        rss_kib: field("Rss:")?,
        private_dirty_kib: field("Private_Dirty:")?,
    })
}

/// CPU time since boot, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    /// All cores, idle or not.
    total: u64,
    /// Of these not idle.
    busy: u64,
    /// Of these this process and the children that have ended.
    own: u64,
}

impl Ticks {
    /// Now; `None` where there is no `/proc`.
    pub(crate) fn now() -> Option<Self> {
        let machine = fs::read_to_string("/proc/stat").ok()?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&machine, &own)
    }

    fn parse(machine: &str, own: &str) -> Option<Self> {
        let cores: Vec<u64> = (machine.lines().next()?.strip_prefix("cpu ")?)
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            // Time of guests is in that of users already.
            .take(8)
            .collect();
        let idle = cores.get(3)? + cores.get(4)?;
        let total = cores.iter().sum();
        // The name may have blanks; after it come the state and, as numbers 11 to 14 from there, utime, stime and those
        // of ended children.
        let (_, fields) = own.rsplit_once(") ")?;
        let own = fields.split_whitespace().skip(11).take(4);
        Some(Self {
            total,
            busy: total - idle,
            own: own.filter_map(|field| field.parse::<u64>().ok()).sum(),
        })
    }

    /// The share of the machine's CPU time that other programs took since `earlier`.
    pub(crate) fn others_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        let busy = self.busy.saturating_sub(earlier.busy);
        let own = self.own.saturating_sub(earlier.own);
        Some(busy.saturating_sub(own) as f64 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_rollup() {
        let text = "55e0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:               65536 kB\nPss:  1 kB\n\
                    Private_Clean:   1 kB\nPrivate_Dirty:     14336 kB\n";
        let memory = Memory {
            rss_kib: 65_536,
            private_dirty_kib: 14_336,
        };
        assert_eq!(parse_memory(text), Some(memory));
        assert_eq!(parse_memory("Rss: 1 kB\n"), None);
    }

    #[test]
    fn what_others_took_is_what_was_busy_and_not_ours() {
        let ticks = |busy: u64, idle: u64, own: u64| {
            let machine = format!("cpu  {busy} 10 20 {idle} 5 1 2 3 50 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
            let own = format!("77 (a b) c) S 1 77 77 0 -1 4194304 1 2 3 4 {own} 1 2 3 20 0 9 0 1\n");
            Ticks::parse(&machine, &own).unwrap()
        };
        let begin = ticks(100, 1000, 40);
        assert_eq!(
            begin,
            Ticks {
                total: 1141,
                busy: 136,
                own: 46
            }
        );
        assert_eq!(ticks(170, 1030, 80).others_since(begin), Some(0.3));
        assert_eq!(begin.others_since(begin), None);
    }

    #[test]
    fn cpu_time_of_a_busy_process_grows() {
        let pid = std::process::id();
        let before = process_time(pid).unwrap();
        while process_time(pid).unwrap() < before + Duration::from_millis(1) {}
        assert!(worker_time(pid).is_err());
    }
}
