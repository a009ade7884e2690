//! Which plugins are still there, where the proxy does not say when one has gone.
//!
//! A build that is not told of ends (`lean`) is not told of a plugin's either, and would keep every config that it ever had.
//! But the proxy ticks a plugin for as long as it has it, so that one whose ticks fail to come while those of others do has
//! gone.
//!
//! # Bound
//! Timers of one thread run in the order in which they are due, and each is set anew when it has run. So between two ticks
//! of a plugin that is there, others tick for no more than its period and one of theirs. Time counts only as far as ticks
//! show that the thread was awake, which neither a thread that stood still nor a clock that was set passes for. A plugin
//! that has gone is forgotten three of its periods later, or with the fourth tick of another that ticks more rarely; until
//! then its config takes up memory.

use std::time::Duration;

/// How often a plugin ticks that has no use for it.
pub(crate) const PERIOD: Duration = Duration::from_secs(2);

/// How many of its periods a plugin is waited for.
const PATIENCE: u64 = 3;

/// A plugin that ticks.
#[derive(Debug)]
struct Ticking {
    number: u32,
    period_nanos: u64,
    /// When it has ticked last, or was begun to be watched, in time awake.
    heard_nanos: u64,
}

/// The plugins of a VM that tick.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    plugins: Vec<Ticking>,
    /// How long the thread was seen awake, and by the clock when it was last.
    awake_nanos: u64,
    last_nanos: u64,
}

impl Pulse {
    /// No plugin yet.
    pub(crate) const fn new() -> Self {
        Self {
            plugins: Vec::new(),
            awake_nanos: 0,
            last_nanos: 0,
        }
    }

    /// From now on a plugin ticks once in a period.
    pub(crate) fn watch(&mut self, number: u32, period: Duration) {
        self.plugins.retain(|plugin| plugin.number != number);
        self.plugins.push(Ticking {
            number,
            period_nanos: u64::try_from(period.as_nanos()).unwrap_or(u64::MAX),
            heard_nanos: self.awake_nanos,
        });
    }

    /// A plugin ticks. Gives one that has gone, if there is one, and forgets it; the rest when asked again.
    pub(crate) fn beat(&mut self, number: u32, now_nanos: u64) -> Option<u32> {
        // What passed while nothing ticked, though something should have, is not known to have been waited.
        let shortest = self.plugins.iter().map(|plugin| plugin.period_nanos).min()?;
        let passed = now_nanos.saturating_sub(self.last_nanos).min(shortest);
        self.last_nanos = now_nanos;
        self.awake_nanos = self.awake_nanos.saturating_add(passed);
        let awake = self.awake_nanos;
        let mut plugins = self.plugins.iter_mut();
        plugins.find(|plugin| plugin.number == number)?.heard_nanos = awake;
        let is_gone = |plugin: &Ticking| {
            awake.saturating_sub(plugin.heard_nanos) > plugin.period_nanos.saturating_mul(PATIENCE)
        };
        let gone = self.plugins.iter().position(is_gone)?;
        Some(self.plugins.swap_remove(gone).number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn all_gone(pulse: &mut Pulse, number: u32, now: u64) -> Vec<u32> {
        std::iter::from_fn(|| pulse.beat(number, now)).collect()
    }

    /// A thread whose timers run in the order in which they are due; it may stand still meanwhile, and its clock be set.
    #[derive(Default)]
    struct Thread {
        /// What the clock would say if nobody set it.
        time: u64,
        set: i64,
        /// When each is due, its period and its number.
        timers: Vec<(u64, u64, u32)>,
        pulse: Pulse,
    }

    impl Thread {
        fn add(&mut self, number: u32, period: u64) {
            self.timers.push((self.time + period, period, number));
            self.pulse.watch(number, Duration::from_nanos(period));
        }

        /// Passes time, then runs what is due; says which have gone.
        fn run(&mut self, nanos: u64) -> Vec<u32> {
            self.time += nanos;
            self.timers.sort_unstable();
            let (time, now) = (self.time, self.time.saturating_add_signed(self.set));
            let mut gone = Vec::new();
            for (due, period, number) in self.timers.iter_mut().filter(|(due, ..)| *due <= time) {
                *due = time + *period;
                gone.extend(all_gone(&mut self.pulse, *number, now));
            }
            gone
        }
    }

    proptest! {
        /// However long the thread stands still between two runs of its timers, and wherever its clock is set.
        #[test]
        fn a_plugin_that_ticks_is_never_taken_for_gone(
            periods in prop::collection::vec(1..60 * SECOND, 1..8),
            steps in prop::collection::vec(
                (prop_oneof![3 => 0..2 * SECOND, 1 => 0..1_000 * SECOND], prop::option::weighted(0.1, -1_000_i64..1_000)),
                0..400
            ),
        ) {
            let mut thread = Thread { time: 10_000 * SECOND, ..Thread::default() };
            for (number, period) in (1..).zip(periods) {
                thread.add(number, period);
            }
            for (nanos, set) in steps {
                thread.set = set.map_or(thread.set, |seconds| seconds * SECOND.cast_signed());
                prop_assert_eq!(thread.run(nanos), Vec::<u32>::new());
            }
        }

        /// Three of its periods after its last tick, or four of those that are left, and what is between two of their ticks.
        #[test]
        fn one_that_ticks_no_more_is_gone_soon(
            period in 1..10_u64, own in 1..10_u64, others in 1..4_u32, after in 0..100_u64,
        ) {
            let mut thread = Thread { time: 10_000 * SECOND, ..Thread::default() };
            thread.add(1, own * SECOND);
            for number in 2..2 + others {
                thread.add(number, period * SECOND);
            }
            for _ in 0..after {
                prop_assert_eq!(thread.run(SECOND / 4), Vec::<u32>::new());
            }
            thread.timers.retain(|(.., number)| *number != 1);
            let waited = (0..).find(|_| thread.run(SECOND / 4) == [1]);
            // Time awake is counted in shares of the shorter period.
            let most = if own < period { 5 * period } else { 3 * own + 2 * period };
            prop_assert!(waited.unwrap() <= 4 * most + 4, "{:?} {}", waited, most);
            prop_assert_eq!(thread.pulse.plugins.len(), others as usize);
        }
    }

    #[test]
    fn the_last_one_is_kept() {
        let mut pulse = Pulse::new();
        pulse.watch(1, PERIOD);
        for beat in 0..100 {
            assert_eq!(pulse.beat(1, beat * SECOND), None);
        }
        assert_eq!(pulse.beat(2, 1_000 * SECOND), None, "one that is not known");
    }

    #[test]
    fn a_plugin_that_is_watched_anew_is_one() {
        let mut pulse = Pulse::new();
        pulse.watch(1, PERIOD);
        pulse.watch(1, PERIOD * 2);
        assert_eq!(pulse.plugins.len(), 1);
    }
}
