//! Lines of a stage in the proxy's log, with the filter and the plugin that they come from.

use fairlead_stage::Journal;
use log::{info, warn};

/// The proxy's log, for one plugin.
#[derive(Debug)]
pub(crate) struct ProxyLog {
    filter: &'static str,
    plugin: String,
}

impl ProxyLog {
    pub(crate) fn new(filter: &'static str, plugin: &str) -> Self {
        Self {
            filter,
            plugin: plugin.to_owned(),
        }
    }
}

impl Journal for ProxyLog {
    #[inline(never)]
    fn warn(&self, line: &str) {
        warn!("{} {}: {line}", self.filter, self.plugin);
    }

    #[inline(never)]
    fn info(&self, line: &str) {
        info!("{} {}: {line}", self.filter, self.plugin);
    }
}
