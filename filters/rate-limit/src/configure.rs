//! From a checked config to what the request path uses: compiled rules, tables, texts of replies, metrics.

use crate::RateLimit;
use crate::reply::Replies;
use fairlead_config::{OnInvalidConfig, rate_limit as config};
use fairlead_matching::{Key, MatchSpec, RuleSet};
use fairlead_quota::{Quota, Table};
use fairlead_stage::{Done, GroupId, MetricId, Needs, Refusal, Scope};

/// One limit, ready to decide. Limits that are off are not compiled.
pub(crate) struct Limit {
    pub(crate) name: String,
    /// Whether a refusal is carried out, or only counted.
    pub(crate) enforced: bool,
    /// `None`: one bucket for all requests.
    pub(crate) key: Option<Key>,
    pub(crate) buckets: Buckets,
    pub(crate) overrides: Overrides,
    /// `None` if no key has an own bucket.
    own_buckets: Option<GroupId>,
    pub(crate) metrics: Metrics,
}

/// The buckets of the keys without an override.
pub(crate) struct Buckets {
    pub(crate) quota: Quota,
    pub(crate) table: Table,
    pub(crate) group: GroupId,
}

/// Keys with a quota of their own, sorted by their encoding.
#[derive(Default)]
pub(crate) struct Overrides(Vec<(Vec<u8>, Override)>);

impl Overrides {
    /// What `key` gets, if it has an override.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Override> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, what)| what)
    }

    /// Whether no key has one.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The config has checked that no key comes twice.
    fn insert(&mut self, key: Vec<u8>, what: Override) {
        let (Ok(at) | Err(at)) = self.find(&key);
        self.0.insert(at, (key, what));
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_slice().cmp(key))
    }
}

/// What a key with an override gets.
pub(crate) enum Override {
    Unlimited,
    /// A bucket of its own: this cell of the limit's own buckets.
    Own {
        quota: Quota,
        index: u32,
    },
}

/// The counters of a limit.
pub(crate) struct Metrics {
    pub(crate) admitted: MetricId,
    /// `denied` where enforced, `would_deny` in shadow.
    pub(crate) refused: MetricId,
    pub(crate) overflow_shared: MetricId,
    pub(crate) overflow_denied: MetricId,
    pub(crate) overflow_evicted: MetricId,
    pub(crate) undecided: MetricId,
}

impl Limit {
    pub(crate) fn own_buckets(&self) -> GroupId {
        self.own_buckets.unwrap_or(self.buckets.group)
    }
}

#[inline(never)]
pub(crate) fn plan(bytes: &[u8]) -> Result<(RateLimit, Needs), Refusal> {
    let config = config::parse(bytes).map_err(|errors| Refusal {
        message: errors.to_string(),
        pass_at_first_load: fairlead_config::pass_at_first_load(bytes),
    })?;
    Ok(planned(&config))
}

/// A checked config, compiled.
#[inline(never)]
pub(crate) fn planned(config: &config::RateLimit) -> (RateLimit, Needs) {
    let mut needs = Needs::default();
    needs.passes = config.on_invalid_config == OnInvalidConfig::Pass;
    let active: Vec<&config::Limit> = config
        .limits
        .iter()
        .filter(|limit| config.effective(limit) != fairlead_config::Mode::Off)
        .collect();
    let matches: Vec<Vec<MatchSpec>> = active.iter().map(|limit| limit.matches.clone()).collect();
    let rules = RuleSet::compile(&matches, &mut needs);
    let limits: Vec<Limit> = active
        .iter()
        .map(|limit| compile(config, limit, &mut needs))
        .collect();
    let replies = Replies::new(config, &limits);
    if !limits.is_empty() {
        needs.seed = true;
        needs.request = true;
        needs.response = replies.states_limits() && limits.iter().any(|limit| limit.enforced);
        needs.done = Done::Decided;
    }
    let stage = RateLimit {
        rules,
        limits,
        replies,
    };
    (stage, needs)
}

#[inline(never)]
fn compile(config: &config::RateLimit, limit: &config::Limit, needs: &mut Needs) -> Limit {
    let scope = match limit.scope {
        config::Scope::Worker => Scope::Worker,
        config::Scope::Proxy => Scope::Proxy,
    };
    let enforced = config.effective(limit) == fairlead_config::Mode::Enforce;
    let table = match limit.key {
        Some(_) => Table::new(limit.max_keys, limit.on_overflow, &[limit.quota]),
        None => Table::single(),
    };
    let (overrides, own_buckets) = own(limit, scope, needs);
    // The number of cells is part of the name: in a table of another size a key lives elsewhere.
    let group = needs.cells(
        [&limit.name, "/", &table.sets().to_string()].concat(),
        scope,
        table.sets(),
        table.cell_bytes(),
    );
    Limit {
        name: limit.name.clone(),
        enforced,
        key: limit.key.as_deref().map(|parts| Key::compile(parts, needs)),
        buckets: Buckets {
            quota: limit.quota,
            table,
            group,
        },
        overrides,
        own_buckets,
        metrics: metrics(&limit.name, enforced, needs),
    }
}

/// The overrides of a limit, and a group with a cell for each that has a bucket.
#[inline(never)]
fn own(limit: &config::Limit, scope: Scope, needs: &mut Needs) -> (Overrides, Option<GroupId>) {
    let mut overrides = Overrides::default();
    let mut cells: u32 = 0;
    // A bucket belongs to its key, so the keys are part of the group's name.
    let mut keys: u64 = 0xcbf2_9ce4_8422_2325;
    for one in &limit.overrides {
        let key = Key::encode_literal(&one.key);
        let what = match one.quota {
            config::OverrideQuota::Unlimited => Override::Unlimited,
            config::OverrideQuota::Quota(quota) => {
                let index = cells;
                cells = cells.saturating_add(1);
                keys = key.iter().fold(keys, |hash, byte| {
                    (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
                });
                Override::Own { quota, index }
            }
        };
        overrides.insert(key, what);
    }
    let name = || [&limit.name, "/own/", &keys.to_string()].concat();
    let group = (cells > 0).then(|| needs.cells(name(), scope, cells, Table::single().cell_bytes()));
    (overrides, group)
}

#[inline(never)]
fn metrics(limit: &str, enforced: bool, needs: &mut Needs) -> Metrics {
    let mut counter = |name, outcome| needs.counter(name, Some(limit), Some(outcome));
    Metrics {
        admitted: counter("requests_total", "admitted"),
        refused: counter("requests_total", if enforced { "denied" } else { "would_deny" }),
        overflow_shared: counter("overflow_total", "shared"),
        overflow_denied: counter("overflow_total", "denied"),
        overflow_evicted: counter("overflow_total", "evicted"),
        undecided: counter("requests_total", "undecided"),
    }
}
