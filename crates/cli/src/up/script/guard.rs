//! A bad canary: the guard takes it out, holds it, lets half of it back in, and a new attempt all of it.

use super::crowd::{Crowd, OFFICE, SHOP, shop};
use super::exposures::{STABLE, Seen, V2, Why};
use super::split::is_cleared;
use super::{COUNTED_WITHIN, Script};
use crate::percent;
use crate::up::client::Ask;
use crate::up::metrics::{Standing, Tallies};
use crate::up::trouble;
use anyhow::Context as _;
use fairlead_rollout::Share;
use fairlead_upstream::Behavior;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the guard may take to see that v2 is bad, and all workers to follow. What it takes is a second or two.
const TRIPS_WITHIN: Duration = Duration::from_secs(10);
/// How long all workers may take to follow after a hold, or a new config.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(10);
/// Between two rounds of all users.
const PAUSE: Duration = Duration::from_millis(50);

/// A line of the log that tells of a trip.
const TRIPPED: &str = "\"event\":\"guard_tripped\"";

impl Script<'_> {
    pub(super) fn guard(&mut self, crowd: &mut Crowd<'_>) -> anyhow::Result<()> {
        let hold = crowd.release.hold().context("no guard")?;
        let bad_since = Instant::now();
        let tripped = self.trips(crowd)?;
        self.held(crowd, tripped)?;
        let half = crowd.drawn_at(crowd.release.weight().halved(1));
        let after = match tripped {
            true => self.back(crowd, bad_since, &half, hold.saturating_add(FOLLOWS_WITHIN))?,
            false => None,
        };
        self.check(
            "after the hold, half of its users come back",
            after.is_some_and(|after| after >= hold),
            format!(
                "{} of {} users in v2, after {:.0} s or more",
                half.len(),
                crowd.users.len(),
                hold.as_secs_f64()
            ),
            match after {
                Some(after) => format!("{}, after {:.1} s", half.len(), after.as_secs_f64()),
                None if tripped => "others".to_owned(),
                None => "it was never out".to_owned(),
            },
        );
        self.lines(tripped);
        self.outcomes(crowd)?;
        self.again(crowd)
    }

    /// v2 turns bad, until no user gets it any more. It is well again at the end.
    fn trips(&mut self, crowd: &mut Crowd<'_>) -> anyhow::Result<bool> {
        let drawn = crowd.drawn_at(crowd.release.weight());
        let failed_before = self.ledger.exposures.v2.failed;
        let start = Instant::now();
        self.mesh.v2().set(trouble::bad()?);
        let mut in_v2 = drawn.len();
        while in_v2 > 0 && start.elapsed() < TRIPS_WITHIN && !self.stop.is_set() {
            in_v2 = self.round(crowd, &drawn).len();
        }
        let after = start.elapsed().as_secs_f64();
        self.mesh.v2().set(Behavior::default());
        let failed = self.ledger.exposures.v2.failed.saturating_sub(failed_before);
        let tripped = in_v2 == 0 && failed > 0;
        self.check(
            "v2 fails half of its requests: the guard takes it out",
            tripped,
            format!(
                "0 of {} drawn users in v2 within {:.0} s",
                drawn.len(),
                TRIPS_WITHIN.as_secs_f64()
            ),
            format!("{in_v2} after {after:.1} s and {failed} failed requests"),
        );
        Ok(tripped)
    }

    /// While the guard holds v2.
    fn held(&mut self, crowd: &mut Crowd<'_>, tripped: bool) -> anyhow::Result<()> {
        let release = crowd.release;
        let deadline = Instant::now().checked_add(FOLLOWS_WITHIN).context("clock")?;
        // Each worker says so at its own tick.
        let (v2, stable) = loop {
            let now = Tallies::read(&self.mesh.envoy)?;
            let (v2, stable) = (now.variant(release, V2), now.variant(release, STABLE));
            let done =
                v2.guard == Some(Standing::Held) && (v2.weight, stable.weight) == (Share::NONE, Share::ALL);
            // Without a trip there is nothing to wait for.
            if (done && v2.trips > 0) || !tripped || Instant::now() >= deadline || self.stop.within(PAUSE) {
                break (v2, stable);
            }
        };
        let show = |weight: Share, rest: Share, standing: &str, trips: u64| {
            let (weight, rest) = (percent::weight(weight), percent::weight(rest));
            format!("{standing}, weight {weight}, stable {rest}, trips {trips}")
        };
        let standing = v2.guard.map_or("none", Standing::name);
        self.check(
            "metrics say so: held, no weight, one trip over both workers",
            v2.guard == Some(Standing::Held)
                && v2.weight == Share::NONE
                && stable.weight == Share::ALL
                && v2.trips == 1,
            show(Share::NONE, Share::ALL, "held", 1),
            show(v2.weight, stable.weight, standing, v2.trips),
        );
        let force = shop(&crowd.other)
            .header("x-forwarded-for", OFFICE)
            .header("x-canary-force", "always");
        self.all_get(
            "a forced tester still reaches v2",
            "v2",
            crowd,
            &[(Why::ForceHeader, force)],
        );
        // With the cookie of v2, a holder goes home and loses it.
        let cookie = crowd.cookie.clone().unwrap_or_default();
        let answer = crowd.send(&Ask::new(SHOP).header("cookie", cookie));
        let stays = answer.as_ref().is_some_and(|answer| answer.is_from("v2"));
        let why = if stays { Why::ReleaseCookie } else { Why::Drawn };
        self.ledger.chosen(why, answer.as_ref());
        let home = answer.as_ref().is_some_and(|answer| answer.is_from("v1"));
        let cleared = answer.as_ref().is_some_and(is_cleared);
        let show = |home: bool, cleared: bool| {
            let version = if home { "v1" } else { "v2" };
            format!("{version}, cookie {}", if cleared { "cleared" } else { "kept" })
        };
        self.check(
            "the holder of a release cookie goes home",
            home && cleared,
            show(true, true),
            show(home, cleared),
        );
        Ok(())
    }

    /// Rounds until exactly these of all users get v2; how long after `start` anybody got it again. `None` if it never comes to that.
    fn back(
        &mut self,
        crowd: &mut Crowd<'_>,
        start: Instant,
        users: &BTreeSet<String>,
        within: Duration,
    ) -> anyhow::Result<Option<Duration>> {
        let deadline = Instant::now().checked_add(within).context("clock")?;
        let (all, drawn) = (Arc::clone(&crowd.users), crowd.drawn_at(crowd.release.weight()));
        let mut first = None;
        loop {
            let in_v2 = self.round(crowd, &drawn);
            if !in_v2.is_empty() {
                first = first.or(Some(start.elapsed()));
            }
            if in_v2 == *users && self.round(crowd, all.iter()) == *users {
                return Ok(first);
            }
            if Instant::now() >= deadline || self.stop.within(PAUSE) {
                return Ok(None);
            }
        }
    }

    /// One worker trips the guard, once, and says so. The hold has given another time to say so too.
    fn lines(&mut self, tripped: bool) {
        let envoy = &self.mesh.envoy;
        // What Envoy writes comes through a pipe.
        let within = if tripped { COUNTED_WITHIN } else { Duration::ZERO };
        let found = envoy.wait_for_log(TRIPPED, within).is_ok();
        let lines = envoy.logs().iter().filter(|line| line.contains(TRIPPED)).count();
        self.check(
            "Envoy's log tells of the trip once",
            found && lines == 1,
            "1 line",
            lines.to_string(),
        );
    }

    /// What the guard has counted is what clients saw.
    fn outcomes(&mut self, crowd: &Crowd<'_>) -> anyhow::Result<()> {
        let release = crowd.release;
        let seen = self.ledger.exposures.v2;
        let of = |tallies: &Tallies| Seen::counted(&tallies.variant(release, V2));
        let enough = |tallies: &Tallies| {
            let counted = of(tallies);
            counted.succeeded >= seen.succeeded && counted.failed >= seen.failed
        };
        let counted = of(&Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, enough)?);
        let show = |seen: Seen| format!("{} good, {} failed", seen.succeeded, seen.failed);
        self.check(
            "the guard has counted what clients saw of v2",
            (counted.succeeded, counted.failed) == (seen.succeeded, seen.failed) && seen.failed > 0,
            show(seen),
            show(counted),
        );
        Ok(())
    }

    /// An operator who has mended v2 begins a new attempt: the guard forgets.
    fn again(&mut self, crowd: &mut Crowd<'_>) -> anyhow::Result<()> {
        let start = Instant::now();
        let begun = self.mesh.next_attempt();
        let all = crowd.drawn_at(crowd.release.weight());
        let after = match begun {
            Ok(_) => self.back(crowd, start, &all, FOLLOWS_WITHIN)?,
            Err(_) => None,
        };
        let release = crowd.release;
        let of = |tallies: &Tallies| tallies.variant(release, V2).weight;
        let enough = |tallies: &Tallies| of(tallies) == release.weight();
        let weight = of(&Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, enough)?);
        let show = |users: &str, weight: Share| format!("{users} in v2, weight {}", percent::weight(weight));
        let expected = format!("{} of {} users", all.len(), crowd.users.len());
        self.check(
            "a new guard.attempt lets all of its users in again",
            after.is_some() && weight == release.weight(),
            show(&expected, release.weight()),
            match (begun, after) {
                (Err(error), _) => error.to_string(),
                (_, Some(_)) => show(&all.len().to_string(), weight),
                (_, None) => show("others", weight),
            },
        );
        Ok(())
    }
}
