//! A canary release as the demo needs to know it: its variants, and who is drawn for them.
//!
//! Who is drawn follows from the config alone, so the checks work it out here, beside the proxy, and compare.

use super::policy::component;
use fairlead_config::canary::Canary;
use fairlead_rollout::draw::{self, Place};
use fairlead_rollout::{Share, ranges};
use std::time::Duration;

/// A canary filter of a policy.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// Label `component` of its metrics.
    pub(super) plugin: String,
    config: Canary,
}

impl Release {
    pub(super) fn new(plugin: &str, config: &Canary) -> Self {
        Self {
            plugin: component(plugin),
            config: config.clone(),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.config.release
    }

    /// The header that routes match.
    pub(super) fn header(&self) -> &str {
        &self.config.header
    }

    /// Name and routing value of each variant besides the default one.
    pub(super) fn variants(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.config.variants.iter();
        all.map(|variant| (variant.name.as_str(), variant.value.as_str()))
    }

    /// The names of all variants, the default one last.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let default = self.config.default.name.as_str();
        self.variants().map(|(name, _)| name).chain([default])
    }

    /// The weight of the first variant.
    pub(super) fn weight(&self) -> Share {
        self.config
            .variants
            .first()
            .map_or(Share::NONE, |variant| variant.weight)
    }

    /// For how long a variant is out after the guard has tripped; `None` without a guard.
    pub(super) fn hold(&self) -> Option<Duration> {
        Some(self.config.guard?.guard.on_trip.hold)
    }

    /// Whether the first variant's range, `open` of its planned weight wide, has a user of this id.
    pub(super) fn draws(&self, user: &str, open: Share) -> bool {
        let planned = self.weight();
        ranges::pick(self.place(user), &[ranges::Range { planned, open }]).is_some()
    }

    /// The first of all users `<prefix>0`, `<prefix>1` and so on who is drawn, at half of the weight too, and the first who is
    /// not; `None` if there are none among a thousand.
    pub(super) fn users_like(&self, prefix: &str) -> Option<(String, String)> {
        let users = || (0..1000_u32).map(|n| format!("{prefix}{n}"));
        let half = self.weight().halved(1);
        let drawn = users().find(|user| self.draws(user, half))?;
        let other = users().find(|user| !self.draws(user, self.weight()))?;
        Some((drawn, other))
    }

    fn place(&self, user: &str) -> Place {
        let sticky = &self.config.sticky;
        draw::place(sticky.hash, [&sticky.salt, user].concat().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use crate::up::policy::Policy;
    use fairlead_rollout::Share;

    #[test]
    fn users_are_drawn_by_what_the_demos_policy_says() {
        let release = Policy::demo().unwrap().releases.remove(0);
        assert_eq!(release.names().collect::<Vec<_>>(), ["v2", "stable"]);
        assert_eq!((release.name(), release.header()), ("demo-checkout", "x-canary"));
        let place = |user: &str| release.place(user).ppm();
        // As `python3 -c 'import mmh3; print(mmh3.hash("demo-checkout" + "ben", signed=False) * 1_000_000 >> 32)'` says.
        assert_eq!((place("ben"), place("zoe")), (749_984, 43_632));
        let users: Vec<String> = (0..1000).map(|n| format!("user-{n}")).collect();
        for user in &users {
            assert_eq!(
                release.draws(user, release.weight()),
                place(user) < 200_000,
                "{user}"
            );
            let half = release.weight().halved(1);
            assert_eq!(release.draws(user, half), place(user) < 100_000, "{user}");
            assert!(!release.draws(user, Share::NONE));
        }
    }
}
