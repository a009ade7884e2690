//! A set of hosts and of domains whose hosts are meant.

use super::literals::Literals;
use crate::spec::Host;

/// The set.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    pub(super) exact: Literals,
    pub(super) domains: Literals,
    /// The longest domain: no longer piece of a host is looked up.
    longest_domain: usize,
}

impl Hosts {
    /// Puts a domain in, and says its number.
    pub(super) fn insert_domain(&mut self, domain: &str) -> u32 {
        self.longest_domain = self.longest_domain.max(domain.len());
        self.domains.insert(domain.as_bytes())
    }

    /// Puts a host in. `Host::Any` has no place here.
    pub(super) fn insert(&mut self, host: &Host) {
        match host {
            Host::Any => {}
            Host::Exact(name) => {
                self.exact.insert(name.as_bytes());
            }
            Host::Under(domain) => {
                self.insert_domain(domain);
            }
        }
    }

    /// Calls `visit` with the number of each domain that a host lies under.
    #[inline]
    pub(super) fn visit_domains(&self, host: &[u8], visit: &mut impl FnMut(u32)) {
        if self.longest_domain == 0 {
            return;
        }
        // What stands before the dot has at least one byte.
        let first = host
            .len()
            .saturating_sub(self.longest_domain.saturating_add(1))
            .max(1);
        let ending = host.get(first..).unwrap_or_default();
        for (position, byte) in ending.iter().enumerate() {
            if *byte == b'.'
                && let Some(domain) = ending.get(position.saturating_add(1)..)
                && let Some(number) = self.domains.get(domain)
            {
                visit(number);
            }
        }
    }

    /// Whether a host is meant.
    pub(super) fn contains(&self, host: &[u8]) -> bool {
        let mut found = self.exact.get(host).is_some();
        if !found {
            self.visit_domains(host, &mut |_| found = true);
        }
        found
    }
}
