//! Who gets which version: the draw, those who choose, and those who try to.

use super::Script;
use super::crowd::{Crowd, ELSEWHERE, OFFICE, SHOP, shop};
use super::exposures::{COOKIE, Why};
use crate::up::client::{Answer, Ask, Client};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Requests of each user.
const ROUNDS: usize = 3;

impl Script<'_> {
    /// Everything about the canary release; `clients` reach all workers.
    pub(super) fn canary(&mut self, clients: &[Client]) -> anyhow::Result<()> {
        let policy = self.policy;
        let release = policy.releases.first().context("no canary")?;
        let mut crowd = Crowd::new(release, clients)?;
        self.split(&mut crowd);
        self.forced(&mut crowd);
        self.client_header(&mut crowd)?;
        self.release_cookie(&mut crowd);
        anyhow::ensure!(!self.stop.is_set(), "interrupted");
        self.guard(&mut crowd)
    }

    /// The draw follows from the user's id, on every worker.
    fn split(&mut self, crowd: &mut Crowd<'_>) {
        let all = Arc::clone(&crowd.users);
        let mut rounds: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for user in self.round(crowd, all.iter()) {
                let times = rounds.entry(user).or_default();
                *times = times.saturating_add(1);
            }
        }
        let users = all.len();
        let both = rounds.values().filter(|times| **times < ROUNDS).count();
        self.check(
            "a user gets the same version each time, on every worker",
            both == 0 && !rounds.is_empty(),
            format!("{users} users with one version in {ROUNDS} requests"),
            users.saturating_sub(both).to_string(),
        );
        let expected = crowd.drawn_at(crowd.release.weight());
        let seen: BTreeSet<String> = rounds.into_keys().collect();
        let others = seen.difference(&expected).count();
        self.check(
            "and it is what the hash of release and user id says",
            seen == expected,
            format!("{} of {users} users in v2, 0 other ones", expected.len()),
            format!("{}, {others} other ones", seen.len()),
        );
    }

    /// Testers choose; nobody else does.
    fn forced(&mut self, crowd: &mut Crowd<'_>) {
        let (drawn, other) = (crowd.drawn.clone(), crowd.other.clone());
        let force = |user: &str, from: &str, value: &str| {
            let ask = shop(user).header("x-forwarded-for", from);
            ask.header("x-canary-force", value)
        };
        let cookie = |user: &str, from: &str, value: &str| {
            let ask = shop(user).header("x-forwarded-for", from);
            ask.header("cookie", format!("canary={value}"))
        };
        let (header, by_cookie) = (Why::ForceHeader, Why::ForceCookie);
        self.all_get(
            "a tester in the office is forced into v2, whoever it is",
            "v2",
            crowd,
            &[
                (header, force(&other, OFFICE, "always")),
                (by_cookie, cookie(&other, OFFICE, "v2")),
            ],
        );
        self.all_get(
            "and out of it",
            "v1",
            crowd,
            &[
                (header, force(&drawn, OFFICE, "never")),
                (by_cookie, cookie(&drawn, OFFICE, "stable")),
            ],
        );
        self.all_get(
            "nobody else can force anything",
            "v1",
            crowd,
            &[
                (Why::Drawn, force(&other, ELSEWHERE, "always")),
                (Why::Drawn, cookie(&other, ELSEWHERE, "always")),
                (Why::Drawn, shop(&other).header("x-canary-force", "always")),
            ],
        );
    }

    /// What a client sends in the routing header counts for nothing, and goes no further.
    fn client_header(&mut self, crowd: &mut Crowd<'_>) -> anyhow::Result<()> {
        let (drawn, other) = (crowd.drawn.clone(), crowd.other.clone());
        let times = crowd.twice();
        let into = shop(&other).header("x-canary", "v2");
        let out = shop(&drawn).header("x-canary", "stable");
        let mut seen = Vec::new();
        for (ask, version) in [(into, "v1"), (out, "v2")] {
            for _ in 0..times {
                let answer = self.visit(crowd, Why::Drawn, &ask);
                seen.push(answer.is_some_and(|answer| answer.is_from(version)));
            }
        }
        // All say something else than what was decided. One that is overwritten counts too, as the policy has `allow_from`.
        self.ledger.exposures.headers_removed = u64::try_from(seen.len())?;
        let wrong = seen.iter().filter(|same| !**same).count();
        self.check(
            "x-canary of a client has no effect",
            wrong == 0,
            format!("0 of {} requests", seen.len()),
            wrong.to_string(),
        );
        // The upstreams remember the last thousand requests: these, and most of those before.
        let (mut all, mut wrong) = (0_usize, 0_usize);
        for (upstream, value) in self.mesh.upstreams.iter().zip([None, Some("v2")]) {
            let requests = upstream.requests();
            let shop = requests.iter().filter(|request| request.path == SHOP);
            for request in shop {
                all = all.saturating_add(1);
                let fine = request.header("x-canary") == value && request.header("x-canary-force").is_none();
                wrong = wrong.saturating_add(usize::from(!fine));
            }
        }
        self.check(
            "upstreams see x-canary as it was decided, and no x-canary-force",
            wrong == 0 && all > 0,
            format!("0 of {all} requests otherwise"),
            wrong.to_string(),
        );
        Ok(())
    }

    /// The release cookie keeps those who have it from us.
    fn release_cookie(&mut self, crowd: &mut Crowd<'_>) {
        let (drawn, other) = (crowd.drawn.clone(), crowd.other.clone());
        let answer = self.visit(crowd, Why::Drawn, &shop(&drawn));
        let Some(cookie) = answer.as_ref().and_then(cookie_of) else {
            self.check("the release cookie keeps a user in v2", false, "a cookie", "none");
            return;
        };
        crowd.cookie = Some(cookie.clone());
        let why = Why::ReleaseCookie;
        self.all_get(
            "the release cookie keeps its holder in v2, whatever the user id",
            "v2",
            crowd,
            &[
                (why, Ask::new(SHOP).header("cookie", &cookie)),
                (why, shop(&other).header("cookie", &cookie)),
            ],
        );
        let mut broken = cookie.into_bytes();
        if let Some(last) = broken.last_mut() {
            // Another hex digit.
            *last = if *last == b'0' { b'1' } else { b'0' };
        }
        let written = format!("{COOKIE}v2.00000.0000000000000000").into_bytes();
        let (mut sent, mut kept, mut left) = (0_usize, 0_usize, 0_usize);
        for value in [broken, written] {
            for _ in 0..crowd.twice() {
                let answer = self.visit(crowd, Why::Drawn, &shop(&other).header("cookie", &value));
                let cleared = answer.as_ref().is_some_and(is_cleared);
                sent = sent.saturating_add(1);
                left = left.saturating_add(usize::from(!cleared));
                kept = kept.saturating_add(usize::from(answer.is_none_or(|answer| !answer.is_from("v1"))));
                let forged = &mut self.ledger.exposures.cookies_forged;
                *forged = forged.saturating_add(1);
            }
        }
        self.check(
            "a forged one keeps nobody, and is cleared",
            kept == 0 && left == 0,
            format!("0 of {sent} requests in v2, 0 not cleared"),
            format!("{kept} in v2, {left} not cleared"),
        );
    }

    /// All these requests, each several times over every connection, are answered by one version.
    pub(super) fn all_get(&mut self, what: &str, version: &str, crowd: &mut Crowd<'_>, asks: &[(Why, Ask)]) {
        let times = crowd.twice();
        let mut versions = Vec::new();
        for (why, ask) in asks {
            versions.extend(self.visits(crowd, *why, ask, times));
        }
        let right = versions.iter().flatten().filter(|seen| *seen == version).count();
        self.check(
            what,
            right == versions.len() && right > 0,
            format!("{} of {} requests get {version}", versions.len(), versions.len()),
            right.to_string(),
        );
    }
}

/// The release cookie that an answer sets, as a request sends it.
fn cookie_of(answer: &Answer) -> Option<String> {
    let line = answer.cookies.iter().find(|line| line.starts_with(COOKIE))?;
    let (pair, _) = line.split_once(';')?;
    (pair != COOKIE).then(|| pair.to_owned())
}

/// Whether an answer clears the release cookie.
pub(super) fn is_cleared(answer: &Answer) -> bool {
    let cleared = |line: &String| {
        let rest = line.strip_prefix(COOKIE);
        rest.is_some_and(|rest| rest.starts_with(';') && rest.contains("Max-Age=0"))
    };
    answer.cookies.iter().any(cleared)
}
