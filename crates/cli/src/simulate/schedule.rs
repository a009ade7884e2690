//! Which canary a proxy has, and where its ramp stands, when a request arrives.
//!
//! Worked out from the policies and the lines of the traffic file by the code that is in the module, not asked of it.

use super::play::Configs;
use super::traffic::{Event, Line, What};
use crate::policy_file::{Plugin, PolicyFile};
use fairlead_config::canary::{self, Canary};
use fairlead_config::policy::Checked;
use fairlead_config::{Filter, Module, suite};
use fairlead_rollout::Standing;
use fairlead_stage::Timestamp;
use std::time::Duration;

/// Virtual time and, within it, the line (by index): what happens in the order of these.
pub(super) type Moment = (Duration, usize);

/// Canaries over time.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// The wall clock at the start.
    start: Duration,
    /// How many nanoseconds the wall clock has moved by, from each moment on.
    jumps: Vec<(Moment, i128)>,
    /// By plugin, in the order of the chain.
    plugins: Vec<(String, Vec<Dated>)>,
}

/// A canary's config, and from when on it is in force.
#[derive(Debug)]
struct Dated {
    /// `None`: from the start on.
    since: Option<Moment>,
    canary: Box<Canary>,
}

/// The canary in a config that was sent to a plugin, if there is one and the plugin takes the config.
fn canary_of(plugin: &Plugin, config: &[u8]) -> Option<Box<Canary>> {
    match plugin.module {
        Module::Filter(Filter::Canary) => canary::parse(config).ok().map(Box::new),
        Module::Filter(_) => None,
        Module::Suite => {
            let filters = suite::parse(config).ok()?.filters;
            filters.into_iter().find_map(|(_, checked)| match checked {
                Checked::Canary(canary) => Some(canary),
                _ => None,
            })
        }
    }
}

impl Schedule {
    /// The canaries of a policy, and what lines make of them.
    pub(super) fn of(start: Duration, policy: &PolicyFile, lines: &[Line], configs: &Configs) -> Self {
        let mut plugins: Vec<(String, Vec<Dated>)> = Vec::new();
        for placed in &policy.filters {
            if let Checked::Canary(canary) = &placed.checked {
                let first = Dated {
                    since: None,
                    canary: canary.clone(),
                };
                plugins.push((placed.plugin.clone(), vec![first]));
            }
        }
        let mut jumps = Vec::new();
        let mut moved: i128 = 0;
        for (index, line) in lines.iter().enumerate() {
            let moment = (line.at, index);
            match &line.what {
                What::Event(Event::ClockJump(nanos)) => {
                    moved = moved.saturating_add(i128::from(*nanos));
                    jumps.push((moment, moved));
                }
                What::Event(Event::Policy(_)) => {
                    let sent = configs.get(&line.number).into_iter().flatten();
                    for (name, config) in sent {
                        let sent_to = policy.plugins.iter().find(|plugin| plugin.name == *name);
                        // One that is refused changes nothing.
                        let Some(canary) = sent_to.and_then(|plugin| canary_of(plugin, config)) else {
                            continue;
                        };
                        let dated = Dated {
                            since: Some(moment),
                            canary,
                        };
                        match plugins.iter_mut().find(|(known, _)| known == name) {
                            Some((_, all)) => all.push(dated),
                            // A suite that had no canary so far.
                            None => plugins.push((name.clone(), vec![dated])),
                        }
                    }
                }
                _ => {}
            }
        }
        Self {
            start,
            jumps,
            plugins,
        }
    }

    /// The position of the plugin that metrics name so.
    pub(super) fn plugin(&self, component: &str) -> Option<usize> {
        if self.plugins.len() == 1 {
            return Some(0);
        }
        let kept = |letter: char| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '_'
            }
        };
        self.plugins
            .iter()
            .position(|(name, _)| name.chars().map(kept).eq(component.chars()))
    }

    /// How many canaries there are in the chain.
    pub(super) fn len(&self) -> usize {
        self.plugins.len()
    }

    /// The config of a plugin that is in force at a moment: its position among all that the plugin ever has.
    pub(super) fn in_force(&self, plugin: usize, moment: Moment) -> usize {
        let dated = self
            .plugins
            .get(plugin)
            .map(|(_, dated)| &dated[..])
            .unwrap_or_default();
        let begun = dated.partition_point(|dated| dated.since.is_none_or(|since| since < moment));
        begun.saturating_sub(1)
    }

    /// A config of a plugin.
    pub(super) fn canary(&self, plugin: usize, config: usize) -> Option<&Canary> {
        let (_, dated) = self.plugins.get(plugin)?;
        dated.get(config).map(|dated| &*dated.canary)
    }

    /// All configs that a plugin ever has, in order.
    pub(super) fn canaries(&self, plugin: usize) -> impl Iterator<Item = &Canary> + Clone {
        let dated = self
            .plugins
            .get(plugin)
            .map(|(_, dated)| &dated[..])
            .unwrap_or_default();
        dated.iter().map(|dated| &*dated.canary)
    }

    /// What a plugin is called.
    pub(super) fn title(&self, plugin: usize) -> &str {
        self.plugins.get(plugin).map_or("", |(name, _)| name)
    }

    /// Where the ramp of a config stands at a moment; `None`: it has none.
    pub(super) fn standing(&self, plugin: usize, config: usize, moment: Moment) -> Option<Standing> {
        let ramp = self.canary(plugin, config)?.ramp.as_ref()?;
        Some(ramp.standing(self.wall_clock(moment)))
    }

    fn wall_clock(&self, moment: Moment) -> Timestamp {
        let begun = self.jumps.partition_point(|(since, _)| *since < moment);
        let moved = begun
            .checked_sub(1)
            .and_then(|last| self.jumps.get(last))
            .map_or(0, |(_, moved)| *moved);
        let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        let now = nanos(self.start)
            .saturating_add(nanos(moment.0))
            .saturating_add(moved);
        Timestamp::from_unix_nanos(u64::try_from(now.max(0)).unwrap_or(u64::MAX))
    }
}
