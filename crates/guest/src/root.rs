//! The plugin as the proxy knows it: one root context a config, in each worker's VM and on the main thread.

use crate::abi;
use crate::lean::{self, LeftOut};
use crate::metrics;
use crate::plugin::Plugin;
use crate::pulse;
use crate::streams::Streams;
use crate::surroundings::key_prefix;
use fairlead_stage::{MetricDef, MetricKind, Needs, Refusal, Stage, Tick, Timestamp};
use log::{LevelFilter, error, info};
use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::ContextType;
use std::rc::Rc;
use std::time::Duration;

/// How often a proxy that serves without its filter says so.
const REMINDER: Duration = Duration::from_secs(60);

/// What the last configuration came to.
enum State<S: Stage> {
    /// None was accepted yet.
    Unconfigured,
    Configured(Rc<Plugin<S>>),
    /// The config cannot be used, no earlier one could, and it asks to serve without the filter.
    Passing(String),
}

/// The root context.
pub(crate) struct Root<S: Stage> {
    /// What the proxy calls this context.
    number: u32,
    streams: &'static Streams<S>,
    left_out: LeftOut,
    state: State<S>,
    name: String,
    /// Begins every shared key of this plugin.
    key_prefix: Vec<u8>,
}

impl<S: Stage> Root<S> {
    pub(crate) fn new(number: u32, streams: &'static Streams<S>, left_out: LeftOut) -> Self {
        Self {
            number,
            streams,
            left_out,
            state: State::Unconfigured,
            name: String::new(),
            key_prefix: Vec::new(),
        }
    }

    /// Finds out what the plugin is called. Istio makes the name unique in the proxy; a bare Envoy may leave it empty.
    #[inline(never)]
    fn identify(&mut self) {
        let property = |path: &[u8]| abi::property(path).filter(|value| !value.is_empty());
        let name = property(b"plugin_name").or_else(|| property(b"plugin_root_id"));
        self.name = name.map_or_else(
            || S::NAME.to_owned(),
            |n| String::from_utf8_lossy(&n).into_owned(),
        );
        self.key_prefix = key_prefix(S::NAME, &self.name);
    }

    /// Has the proxy tick this plugin, or not; a build that is not told of ends hears by it that the plugin is there.
    fn tick(&self, wanted: Tick) {
        let is_heard = self.left_out.without_ends();
        let period = if is_heard {
            wanted.or(Some(pulse::PERIOD))
        } else {
            wanted
        };
        let set = abi::set_tick_period(period.map_or(0, millis));
        if let (true, Ok(()), Some(period)) = (is_heard, set, period) {
            self.streams.watch(self.number, period);
        }
    }

    fn shared_key(&self, suffix: &str) -> Vec<u8> {
        let mut key = self.key_prefix.clone();
        key.extend_from_slice(suffix.as_bytes());
        key
    }

    fn gauge(&self, filter: &str, name: &'static str, value: u64) {
        let def = MetricDef {
            name,
            kind: MetricKind::Gauge,
            rule: None,
            outcome: None,
        };
        if let Some(id) = metrics::define(filter, &self.name, &def) {
            let _ = abi::record_metric(id, value);
        }
    }

    #[inline(never)]
    fn accept(&mut self, stage: S, needs: Needs, config: &[u8]) {
        // Anyone can see from here on that this plugin once had a config it could use.
        let _ = abi::set_shared_data(&self.shared_key("configured"), b"1", 0);
        self.tick(needs.tick);
        self.announce(S::NAME, &needs, config);
        for part in needs.parts() {
            self.announce(part.name, &part.needs, config);
        }
        let plugin = Rc::new(Plugin::new(&self.name, stage, needs));
        self.streams.serve(self.number, Rc::clone(&plugin));
        self.state = State::Configured(plugin);
    }

    /// Tells of a config that is taken up: in metrics, and in the log.
    #[inline(never)]
    fn announce(&self, filter: &str, needs: &Needs, config: &[u8]) {
        self.gauge(filter, "config_rejected", 0);
        self.gauge(filter, "config_fingerprint", u64::from(fingerprint(config)));
        self.gauge(filter, "state_limit_bytes", needs.cell_memory_bytes());
        info!(
            "{filter} {}: configured, fingerprint {:08x}, at most {} KiB of state in {} cells, {} metrics{}",
            self.name,
            fingerprint(config),
            needs.cell_memory_bytes().div_ceil(1024),
            needs.cell_count(),
            needs.metric_limit(),
            needs.remark.as_deref().unwrap_or_default(),
        );
    }

    /// Refuses a config, or passes where that was asked for and no earlier config is there to go on with.
    #[inline(never)]
    fn refuse(&mut self, refusal: Refusal) -> bool {
        let first_load = matches!(abi::shared_data(&self.shared_key("configured")), Ok(None));
        let Refusal {
            message,
            pass_at_first_load,
        } = refusal;
        error!("{} {}: configuration refused:\n{message}", S::NAME, self.name);
        self.gauge(S::NAME, "config_rejected", 1);
        if !(first_load && pass_at_first_load) {
            return false;
        }
        self.tick(Some(REMINDER));
        self.state = State::Passing(message);
        true
    }

    /// Logs once a minute, by one of all workers, that requests pass without the filter.
    #[inline(never)]
    fn remind(&self, message: &str) {
        let now = Timestamp::from_unix_nanos(abi::current_time_nanos());
        let key = self.shared_key("reminded");
        let (last, number) = match abi::shared_data(&key) {
            Ok(Some((bytes, number))) => (bytes.try_into().map_or(0, u64::from_le_bytes), number),
            Ok(None) => (0, u32::MAX),
            Err(_) => return,
        };
        let since = now.since(Timestamp::from_unix_nanos(last));
        let recent = last <= now.as_unix_nanos() && since < REMINDER / 2;
        if !recent && abi::set_shared_data(&key, &now.as_unix_nanos().to_le_bytes(), number).is_ok() {
            error!(
                "{} {}: requests pass without this filter: configuration refused:\n{message}",
                S::NAME,
                self.name
            );
        }
    }
}

impl<S: Stage> Context for Root<S> {}

impl<S: Stage> RootContext for Root<S> {
    fn on_configure(&mut self, _size: usize) -> bool {
        follow_the_proxys_log_level();
        self.identify();
        let config = abi::plugin_configuration();
        let refusal = match S::plan(&config) {
            Ok((_, needs)) if self.left_out.is_needed(&needs) => Refusal {
                message: lean::MESSAGE.to_owned(),
                pass_at_first_load: needs.passes,
            },
            Ok((stage, needs)) => {
                self.accept(stage, needs, &config);
                return true;
            }
            Err(refusal) => refusal,
        };
        self.refuse(refusal)
    }

    fn on_tick(&mut self) {
        match &self.state {
            State::Configured(plugin) => {
                let now = Timestamp::from_unix_nanos(abi::current_time_nanos());
                plugin.stage.on_tick(now, &plugin.proxy());
            }
            State::Passing(message) => self.remind(message),
            State::Unconfigured => {}
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn millis(period: Duration) -> u32 {
    u32::try_from(period.as_millis()).unwrap_or(u32::MAX)
}

/// Messages below the proxy's level are dropped here, before they are formatted.
fn follow_the_proxys_log_level() {
    let level = match abi::log_level() {
        Some(0) => LevelFilter::Trace,
        Some(1) => LevelFilter::Debug,
        Some(3) => LevelFilter::Warn,
        Some(4 | 5) => LevelFilter::Error,
        Some(6..) => LevelFilter::Off,
        Some(2) | None => LevelFilter::Info,
    };
    log::set_max_level(level);
}

/// FNV-1a of a config, to tell from outside which config a proxy runs.
fn fingerprint(config: &[u8]) -> u32 {
    config.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_fnv_1a() {
        assert_eq!(fingerprint(b""), 0x811c_9dc5);
        assert_eq!(fingerprint(b"a"), 0xe40c_292c);
        assert_eq!(fingerprint(b"foobar"), 0xbf9c_f968);
    }
}
