//! The users of the canary checks, and the connections over which they come.

use super::Script;
use super::exposures::Why;
use crate::up::client::{Answer, Ask, Client};
use crate::up::release::Release;
use anyhow::Context as _;
use fairlead_rollout::Share;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many users.
const USERS: u32 = 200;
/// A path that no rate limit is about.
pub(super) const SHOP: &str = "/shop/";
/// An address that the demo's policy takes for a tester's, and one that it does not.
pub(super) const OFFICE: &str = "192.0.2.7";
pub(super) const ELSEWHERE: &str = "198.51.100.7";

/// All users, and some that stand out.
pub(super) struct Crowd<'c> {
    pub(super) release: &'c Release,
    pub(super) users: Arc<[String]>,
    /// One who is drawn, also at half of the weight.
    pub(super) drawn: String,
    /// One who is not.
    pub(super) other: String,
    /// A release cookie of v2, once there is one.
    pub(super) cookie: Option<String>,
    clients: &'c [Client],
    /// The connection whose turn it is: each request comes over the next one, so that all workers see all users.
    turn: usize,
}

impl<'c> Crowd<'c> {
    /// `clients` reach all workers.
    pub(super) fn new(release: &'c Release, clients: &'c [Client]) -> anyhow::Result<Self> {
        let (drawn, other) = release.users_like("user-").context("no user is drawn")?;
        Ok(Self {
            release,
            users: (0..USERS).map(|n| format!("user-{n}")).collect(),
            drawn,
            other,
            cookie: None,
            clients,
            turn: 0,
        })
    }

    /// The users who get v2 where so much of its planned weight is open.
    pub(super) fn drawn_at(&self, open: Share) -> BTreeSet<String> {
        let drawn = self.users.iter().filter(|user| self.release.draws(user, open));
        drawn.cloned().collect()
    }

    /// So many requests that each connection has two of them.
    pub(super) fn twice(&self) -> usize {
        self.clients.len().saturating_mul(2)
    }

    /// A request over the next connection, which the ledger does not know of yet.
    pub(super) fn send(&mut self, ask: &Ask) -> Option<Answer> {
        let client = self.clients.get(self.turn)?;
        self.turn = self.turn.saturating_add(1);
        if self.turn >= self.clients.len() {
            self.turn = 0;
        }
        client.send(ask).ok()
    }
}

/// A request of a user to the shop.
pub(super) fn shop(user: &str) -> Ask {
    Ask::new(SHOP).header("x-user-id", user)
}

impl Script<'_> {
    /// A request whose version is chosen for this reason.
    pub(super) fn visit(&mut self, crowd: &mut Crowd<'_>, why: Why, ask: &Ask) -> Option<Answer> {
        let answer = crowd.send(ask);
        self.ledger.chosen(why, answer.as_ref());
        answer
    }

    /// The same request several times; what the versions call themselves that have answered.
    pub(super) fn visits(
        &mut self,
        crowd: &mut Crowd<'_>,
        why: Why,
        ask: &Ask,
        times: usize,
    ) -> Vec<Option<String>> {
        let visit = |_| self.visit(crowd, why, ask)?.version;
        (0..times).map(visit).collect()
    }

    /// One request of each of these users; who got v2.
    pub(super) fn round<'u>(
        &mut self,
        crowd: &mut Crowd<'_>,
        users: impl IntoIterator<Item = &'u String>,
    ) -> BTreeSet<String> {
        let mut in_v2 = BTreeSet::new();
        for user in users {
            let answer = self.visit(crowd, Why::Drawn, &shop(user));
            if answer.is_some_and(|answer| answer.is_from("v2")) {
                in_v2.insert(user.clone());
            }
        }
        in_v2
    }
}
