//! Advice on how users are drawn.

use super::super::{Canary, ReleaseCookie, StickyKey};
use crate::warning::Warnings;
use fairlead_matching::{KeyPartSpec, KeySource};
use fairlead_rollout::draw::Hash;

impl Warnings {
    pub(super) fn sticky(&mut self, config: &Canary) {
        let sticky = &config.sticky;
        let random = sticky.by.contains(&StickyKey::Random);
        if random && sticky.cookie.is_none() {
            if sticky.by.len() == 1 {
                self.warn(
                    "sticky",
                    "each request is drawn anew, as weights of a VirtualService are; write sticky.by, or sticky.cookie",
                );
            } else {
                self.info(
                    "sticky.by",
                    "requests without any of these keys are drawn anew each time; a sticky.cookie keeps them",
                );
            }
        }
        for (index, key) in sticky.by.iter().enumerate() {
            let StickyKey::Parts(parts) = key else { continue };
            let path = format!("sticky.by[{index}]");
            self.drawn_by(&path, parts, config);
            if sticky.by.iter().take(index).any(|earlier| earlier == key) {
                self.warn(&path, "an earlier key is the same; remove one");
            }
            let last = index.saturating_add(1) == sticky.by.len();
            if !last && parts.iter().all(is_always_there) {
                self.warn(
                    path,
                    "is there for every request, so that no later key is tried; write it last",
                );
            }
        }
        if sticky.hash == Hash::Murmur3 && sticky.salt != config.release
            || sticky.hash == Hash::Sha256Percent && sticky.salt.is_empty()
        {
            self.info(
                "sticky.salt",
                "every release with this salt draws the same users first; the release itself as the salt draws others",
            );
        }
        if let Some(cookie) = &sticky.cookie {
            self.release_cookie(cookie, random);
        }
    }

    fn drawn_by(&mut self, path: &str, parts: &[KeyPartSpec], config: &Canary) {
        for (index, part) in parts.iter().enumerate() {
            let path = if parts.len() == 1 {
                path.to_owned()
            } else {
                format!("{path}[{index}]")
            };
            self.part(&path, part, parts.get(..index).unwrap_or_default(), "draws");
            match &part.source {
                KeySource::Path => self.warn(
                    format!("{path}.path"),
                    "each path is drawn by itself, so that a user gets several variants",
                ),
                KeySource::TraceId => self.info(
                    format!("{path}.trace_id"),
                    "each trace is drawn by itself, so that a user gets several variants, and all requests of one trace the same",
                ),
                KeySource::Header(name) if *name == config.header => self.warn(
                    format!("{path}.header"),
                    "is the routing header, which clients that are not trusted cannot send",
                ),
                KeySource::Cookie(name) if config.sticky.cookie.as_ref().is_some_and(|cookie| cookie.name == *name) => {
                    self.warn(
                        format!("{path}.cookie"),
                        "is the release cookie, which says what was drawn and not who the user is",
                    );
                }
                _ => {}
            }
        }
        if parts.iter().all(is_same_for_many) {
            self.warn(
                path,
                "is the same for many users, who all get the same variant; name what tells users apart",
            );
        }
    }

    fn release_cookie(&mut self, cookie: &ReleaseCookie, random: bool) {
        let path = "sticky.cookie";
        match &cookie.secret {
            Some(_) => self.info(
                format!("{path}.secret"),
                "whoever can read this config can sign cookies, and with them choose a variant",
            ),
            None if random => self.warn(
                path,
                "a proxy believes only cookies that it has signed itself, so that users who come to another replica are drawn anew; write a secret for all",
            ),
            None => self.info(
                path,
                "a proxy believes only cookies that it has signed itself; where there are several replicas, write a secret for all",
            ),
        }
        if cookie.secure {
            self.info(
                format!("{path}.secure"),
                "browsers keep it over HTTPS only; where users come over plain HTTP, write false",
            );
        }
    }
}

/// Whether requests without a value for this part hardly exist.
fn is_always_there(part: &KeyPartSpec) -> bool {
    let default = part.default.as_ref().is_some_and(|default| !default.is_empty());
    default
        || matches!(
            part.source,
            KeySource::Path
                | KeySource::Host
                | KeySource::Method
                | KeySource::Constant(_)
                | KeySource::ClientIp { .. }
        )
}

/// Whether a part says nothing about the user.
fn is_same_for_many(part: &KeyPartSpec) -> bool {
    matches!(
        part.source,
        KeySource::Host | KeySource::Method | KeySource::Constant(_)
    )
}
