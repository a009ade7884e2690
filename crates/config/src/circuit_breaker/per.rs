//! What has a breaker of its own, as it is written.

use super::Per;
use crate::json::Json;
use crate::problem::Problems;
use crate::read::{List1, Read};
use crate::request::KeyPart;

object! {
    /// A breaker for each key.
    struct PerKeyFields, "what has a breaker of its own" {
        /// The parts of a composite key, in order. A request that lacks one passes without this breaker.
        "key" Required key: List1<KeyPart>;
    }
}

impl Read for Per {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let word = match value {
            Json::Object(_) => return PerKeyFields::read(value, at)?.key.map(Self::Key),
            Json::Text(text) => text.as_str(),
            _ => "",
        };
        match word {
            "rule" => Some(Self::Rule),
            "cluster" => Some(Self::Cluster),
            "route" => Some(Self::Route),
            "host" => Some(Self::Host),
            _ => {
                at.wrong(
                    value,
                    "what has a breaker of its own: write rule, cluster, route, host or {key: [...]}",
                );
                None
            }
        }
    }
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Per {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let mut word = crate::schema::words(&[
            ("rule", &["The rule: all requests that match share one."]),
            ("cluster", &["Each upstream cluster."]),
            ("route", &["Each route."]),
            ("host", &["Each host that requests ask for."]),
        ]);
        let meanings = word.as_object_mut().and_then(|word| word.remove("description"));
        serde_json::json!({ "anyOf": [word, PerKeyFields::describe(definitions)], "description": meanings })
    }
}
