//! What grows, and what is measured of it.

use std::fmt;
use std::str::FromStr;

use fairlead_report::Axis;
use serde::{Deserialize, Serialize};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// Rules in the configuration.
    Rules,
    /// Keys with a bucket of their own.
    Keys,
    /// Worker threads.
    Workers,
    /// Headers of the request.
    Headers,
    /// Nothing: requests a second.
    Throughput,
}

impl Sweep {
    /// All sweeps, in the order in which they run.
    pub const ALL: [Self; 5] = [
        Self::Rules,
        Self::Keys,
        Self::Workers,
        Self::Headers,
        Self::Throughput,
    ];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Keys => "keys",
            Self::Workers => "workers",
            Self::Headers => "headers",
            Self::Throughput => "throughput",
        }
    }
}

impl Sweep {
    /// What to know when reading its plots.
    pub(crate) const fn note(self) -> &'static str {
        match self {
            Self::Rules => {
                "One rule of all is about the request. Hosts are found by an index; values of a header are compared one \
                 after the other."
            }
            Self::Keys => "Requests name all keys in turn, so that each comes as rarely as can be.",
            Self::Workers => "All requests have one key.",
            Self::Headers => {
                "Whoever first looks a header up by its name makes Envoy index all of them. Where the baseline routes by a \
                 header, as with a canary, it has paid for that already."
            }
            Self::Throughput => "",
        }
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Sweep {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|sweep| sweep.name() == name);
        found.ok_or_else(|| {
            format!(
                "no sweep `{name}`; there are {}",
                Self::ALL.map(Self::name).join(", ")
            )
        })
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Instructions of the worker thread that a request costs over no filter.
    Instructions,
    /// CPU time of the workers that a request costs over no filter, in microseconds.
    Cpu,
    /// Resident memory of the whole proxy in MiB.
    Memory,
    /// Requests a second.
    Requests,
    /// Requests a second as a share of those without a filter.
    Share,
    /// The share that CPU time says: that of a request without filters over that of one with them, of proxy, generator
    /// and upstream together.
    CpuShare,
}

impl Metric {
    pub(crate) const ALL: [Self; 6] = [
        Self::Instructions,
        Self::Cpu,
        Self::Memory,
        Self::Requests,
        Self::Share,
        Self::CpuShare,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Instructions => "Instructions a request",
            Self::Cpu => "CPU time a request",
            Self::Memory => "Resident memory",
            Self::Requests => "Requests a second",
            Self::Share => "Share of no filter",
            Self::CpuShare => "Share of no filter by CPU time",
        }
    }

    pub(crate) const fn note(self) -> &'static str {
        match self {
            Self::Instructions => {
                "Of the worker thread, over no filter; counted by callgrind, with how far its windows were apart."
            }
            Self::Cpu => "Of the worker threads, over no filter in the same round; median and 95 % interval.",
            Self::Memory => "Of the whole proxy, about 64 MiB of which it has without a filter.",
            Self::Requests => {
                "Generator and upstream share the cores with the proxy; median and 95 % interval."
            }
            Self::Share => {
                "Requests a second over those without a filter in the same round; median and 95 % interval."
            }
            Self::CpuShare => {
                "CPU time of proxy, generator and upstream together; the steadier of the two shares on a busy machine."
            }
        }
    }

    pub(crate) fn axis(self) -> Axis {
        let unit = match self {
            Self::Cpu => "us",
            Self::Memory => "MiB",
            Self::Instructions | Self::Requests | Self::Share | Self::CpuShare => "",
        };
        Axis::linear(self.title(), unit)
    }

    pub(crate) const fn digits(self) -> usize {
        match self {
            Self::Instructions | Self::Requests => 0,
            Self::Memory => 1,
            Self::Cpu => 2,
            Self::Share | Self::CpuShare => 3,
        }
    }
}
