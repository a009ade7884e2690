//! Where requests go before anything else is looked at.

use super::{Group, Script};
use crate::up::client::Ask;
use anyhow::Context as _;

/// A path of its own, which leads to v2 whoever asks.
const BY_PATH: &str = "/v2/";
const V1: &[&str] = &["v1"];
const V2: &[&str] = &["v2"];
const EITHER: &[&str] = &["v1", "v2"];

/// A request, and the versions that may answer it.
type Case = (Ask, &'static [&'static str]);

impl Script<'_> {
    /// The route table does as it says. A policy that is not the demo's may refuse instead.
    pub(super) fn routes(&mut self) -> anyhow::Result<()> {
        let (what, cases) = self.cases()?;
        let client = self.mesh.client();
        let mut expected = Vec::new();
        let mut seen = Vec::new();
        let mut ok = true;
        for (ask, versions) in cases {
            let answer = client.send(&ask).ok();
            let refused = !self.policy.is_demo
                && answer
                    .as_ref()
                    .is_some_and(|answer| self.policy.refusals.contains(&answer.status));
            let version = answer.as_ref().and_then(|answer| answer.version.clone());
            ok &= refused
                || version
                    .as_deref()
                    .is_some_and(|version| versions.contains(&version));
            expected.push(versions.join("/"));
            seen.push(version.unwrap_or_else(|| match &answer {
                Some(answer) => answer.status.to_string(),
                None => "no answer".to_owned(),
            }));
            // The path decides past the canary filter, which has the user for one of the stable version.
            match ask.path == BY_PATH {
                true => self.ledger.stable(answer.as_ref()),
                false => self.ledger.add(Group::Free, answer),
            }
        }
        let mut expected = expected.join(" ");
        if !self.policy.is_demo {
            expected.push_str(", or refused");
        }
        self.check(what, ok, expected, seen.join(" "));
        Ok(())
    }

    fn cases(&self) -> anyhow::Result<(&'static str, [Case; 3])> {
        let by_path = Ask::new(BY_PATH);
        let Some(release) = self.policy.releases.first() else {
            let by_header = Ask::new("/").header("x-version", "v2");
            let cases = [(Ask::new("/"), V1), (by_header, V2), (by_path, V2)];
            return Ok(("x-version: v2 and /v2/ go to v2, the rest to v1", cases));
        };
        if !self.policy.is_demo {
            let cases = [(Ask::new("/"), EITHER), (Ask::new("/"), EITHER), (by_path, V2)];
            return Ok(("/v2/ goes to v2, the rest as the canary filter says", cases));
        }
        let (drawn, other) = release.users_like("user-").context("no user is drawn")?;
        let of = |ask: Ask, user: &str| ask.header("x-user-id", user);
        let cases = [
            (of(Ask::new("/"), &other), V1),
            (of(Ask::new("/"), &drawn), V2),
            (of(by_path, &other), V2),
        ];
        Ok(("x-canary: v2 and /v2/ go to v2, the rest to v1", cases))
    }
}
