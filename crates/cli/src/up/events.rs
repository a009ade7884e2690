//! What has happened while the demo runs: what was done to the upstreams, and what the guard did about it.

use super::metrics::{Standing, Tallies, Variant};
use super::release::Release;
use crate::percent;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many are kept.
const SHOWN: usize = 4;

/// The last events. Shared by the threads of a demo.
#[derive(Debug)]
pub(super) struct Events {
    start: Instant,
    last: Mutex<VecDeque<(Duration, String)>>,
}

impl Events {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            last: Mutex::default(),
        }
    }

    /// For how long there have been events.
    pub(super) fn time(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds one.
    pub(super) fn say(&self, what: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.push_back((self.time(), what));
        if last.len() > SHOWN {
            last.pop_front();
        }
    }

    /// Adds what has changed in a release from one look to the next.
    pub(super) fn compare(&self, release: &Release, before: &Tallies, after: &Tallies) {
        if !before.has_weights(release) || !after.has_weights(release) {
            return;
        }
        for (name, _) in release.variants() {
            let change = change(&before.variant(release, name), &after.variant(release, name));
            if let Some(change) = change {
                self.say(format!("{name}: {change}"));
            }
        }
    }

    /// The last ones, at most so many, as lines below a blank one.
    pub(super) fn last(&self, most: usize) -> Vec<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = last
            .iter()
            .skip(last.len().saturating_sub(most))
            .map(|(at, what)| format!("{}  {what}", clock(*at)));
        let blank = (!last.is_empty()).then(String::new);
        blank.into_iter().chain(lines).collect()
    }
}

/// What to say of a variant that was so, and now is so.
fn change(before: &Variant, after: &Variant) -> Option<String> {
    let weight = percent::weight(after.weight);
    if after.trips > before.trips {
        return Some(match after.guard {
            Some(Standing::Out) => format!("the guard takes it out for good: weight {weight}"),
            _ => format!("the guard takes it out: weight {weight}"),
        });
    }
    if before.guard == Some(Standing::Held) && after.guard == Some(Standing::Watching) {
        return Some(format!("the hold is over: weight {weight}"));
    }
    (after.weight != before.weight).then(|| format!("weight {weight}"))
}

/// Minutes and seconds.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:>2}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;
    use fairlead_rollout::Share;

    fn variant(guard: Standing, trips: u64, ppm: u32) -> Variant {
        Variant {
            guard: Some(guard),
            trips,
            weight: Share::from_ppm(ppm).unwrap(),
            ..Variant::default()
        }
    }

    #[test]
    fn the_guards_doings_are_told_once() {
        let full = variant(Standing::Watching, 0, 200_000);
        let held = variant(Standing::Held, 1, 0);
        let back = variant(Standing::Watching, 1, 100_000);
        let out = variant(Standing::Out, 1, 0);
        let told = |before: &Variant, after: &Variant| change(before, after).unwrap_or_default();
        assert_eq!(told(&full, &held), "the guard takes it out: weight 0 %");
        assert_eq!(told(&held, &held), "");
        assert_eq!(told(&held, &back), "the hold is over: weight 10 %");
        assert_eq!(told(&full, &out), "the guard takes it out for good: weight 0 %");
        assert_eq!(
            told(&back, &variant(Standing::Watching, 1, 200_000)),
            "weight 20 %"
        );
    }

    #[test]
    fn nothing_is_told_of_weights_that_were_never_said() {
        let release = Policy::demo().unwrap().releases.remove(0);
        let with = |v2: u32| {
            Tallies::parse(&format!(
                "fairlead_canary_weight_ppm{{component=\"canary\",tag=\"v2\"}} {v2}\n\
                 fairlead_canary_weight_ppm{{component=\"canary\",tag=\"stable\"}} {}\n",
                1_000_000 - v2
            ))
        };
        let events = Events::new();
        events.compare(&release, &Tallies::default(), &with(200_000));
        events.compare(&release, &with(200_000), &with(200_000));
        assert!(events.last(9).is_empty());
        events.compare(&release, &with(200_000), &with(100_000));
        assert_eq!(events.last(9), ["", " 0:00  v2: weight 10 %"]);
    }

    #[test]
    fn the_oldest_events_go() {
        let events = Events::new();
        for n in 0..20 {
            events.say(n.to_string());
        }
        let last = events.last(usize::MAX);
        assert_eq!(last.len(), SHOWN + 1);
        assert!(last[SHOWN].ends_with("  19"), "{last:?}");
        assert!(events.last(1)[1].ends_with("  19"));
        assert_eq!(clock(Duration::from_secs(754)), "12:34");
    }
}
