//! How users are drawn: by which key, with which hash.

use super::{MAX_STICKY_KEYS, ReleaseCookie, Sticky, StickyKey};
use crate::json::Json;
use crate::leaf::HeaderValue;
use crate::problem::Problems;
use crate::read::{Leaf, List1, Malformed, Read, True};
use crate::request::KeyPart;
use fairlead_rollout::draw::Hash;

object! {
    /// How users are drawn, so that each gets the same variant again.
    struct StickyFields, "a way to draw users" {
        /// The keys of a user, tried in order: the first that is there and not empty counts. A list of parts is one key, joined by |.
        "by" Optional by: StickyKeys = [{ "random": true }];
        /// How a key becomes a place between 0% and 100%.
        "hash" Optional hash: Hash = "murmur3";
        /// Stands before the key. Without it: the release with murmur3, nothing with sha256_percent.
        "salt" Optional salt: Salt;
        /// A signed cookie that keeps users where they were drawn, whatever becomes of the weights and of their keys.
        "cookie" Optional cookie: ReleaseCookie;
    }
}

object! {
    /// No key: each request is drawn anew, unless the release cookie says otherwise.
    struct RandomFields, "a draw at random" {
        /// Each request is drawn anew.
        "random" Required _random: True;
    }
}

words! {
    Hash, "a hash" {
        /// MurmurHash3, as OpenFeature's flagd draws: to a millionth.
        "murmur3" => Hash::Murmur3;
        /// SHA-256 modulo 100, as Higress' traffic-tag draws: to a percent.
        "sha256_percent" => Hash::Sha256Percent;
    }
}

const RANDOM: &str = "random";

/// What stands before a key.
pub(super) struct Salt;

impl Leaf for Salt {
    type Out = String;
    const EXPECTED: &'static str = "a salt: write at most 4096 bytes on one line";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = <HeaderValue as Leaf>::PATTERN;

    fn parse(text: &str) -> Result<String, Malformed> {
        HeaderValue::parse(text)
    }
}

/// `sticky:`, before the release is known.
#[derive(Default)]
pub(super) struct Drawing {
    by: Option<Vec<StickyKey>>,
    hash: Hash,
    salt: Option<String>,
    pub(super) cookie: Option<ReleaseCookie>,
}

impl Drawing {
    /// How users of this release are drawn.
    pub(super) fn of(self, release: &str) -> Sticky {
        let salt = match self.hash {
            Hash::Murmur3 => release,
            Hash::Sha256Percent => "",
        };
        Sticky {
            by: self.by.unwrap_or_else(|| vec![StickyKey::Random]),
            hash: self.hash,
            salt: self.salt.unwrap_or_else(|| salt.to_owned()),
            cookie: self.cookie,
        }
    }
}

impl Read for Drawing {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = StickyFields::read(value, at)?;
        Some(Self {
            by: fields.by,
            hash: fields.hash.unwrap_or_default(),
            salt: fields.salt,
            cookie: fields.cookie,
        })
    }
}

/// `by: [...]`.
pub(super) struct StickyKeys;

impl Read for StickyKeys {
    type Out = Vec<StickyKey>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<StickyKey>> {
        if let Json::List(items) = value {
            if items.len() > MAX_STICKY_KEYS {
                at.say(&["has ", &items.len().to_string(), " keys, and 8 are the most"]);
                return None;
            }
            let followed = items.len().saturating_sub(1);
            for (index, _) in items
                .iter()
                .take(followed)
                .enumerate()
                .filter(|(_, item)| item.has(RANDOM))
            {
                let mark = at.enter_item(index);
                at.say(&["draws every request, so that no later key is tried: write it last"]);
                at.leave(mark);
            }
        }
        List1::<StickyKey>::read(value, at)
    }
}

impl Read for StickyKey {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        if value.has(RANDOM) {
            return RandomFields::read(value, at).map(|_| Self::Random);
        }
        let Json::List(parts) = value else {
            return KeyPart::read(value, at).map(|part| Self::Parts(vec![part]));
        };
        if let Some(index) = parts.iter().position(|part| part.has(RANDOM)) {
            let mark = at.enter_item(index);
            at.say(&["is no part of a key: write it as the last entry of by"]);
            at.leave(mark);
            return None;
        }
        List1::<KeyPart>::read(value, at).map(Self::Parts)
    }
}

described_as! {
    Drawing => StickyFields;
    StickyKeys => List1<StickyKey>, { "maxItems": 8 };
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for StickyKey {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let part = KeyPart::describe(definitions);
        let parts = List1::<KeyPart>::describe(definitions);
        let random = RandomFields::describe(definitions);
        serde_json::json!({ "oneOf": [part, parts, random] })
    }
}
