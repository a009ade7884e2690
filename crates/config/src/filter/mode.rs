//! How much a filter, or a rule of it, may do.

use crate::json::Json;
use crate::problem::Problems;
use crate::read::Read;

/// How much a filter or a rule may do. Ordered: the weaker is the smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing.
    Off,
    /// Decides and counts, but changes no request and no response.
    Shadow,
    /// Decides and acts.
    #[default]
    Enforce,
}

impl Read for Mode {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        // YAML 1.1, which kubectl and Helm still read, takes an unquoted `off` for the boolean.
        if matches!(value, Json::Bool(false)) {
            return Some(Self::Off);
        }
        let index = at.word(value, "a mode", &["enforce", "shadow", "off"], &[])?;
        [Self::Enforce, Self::Shadow, Self::Off].into_iter().nth(index)
    }
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Mode {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        let mut schema = crate::schema::words(&[
            ("enforce", &["Decides and acts."]),
            (
                "shadow",
                &["Decides and counts, but changes no request and no response."],
            ),
            (
                "off",
                &["Does nothing. false is the same, as YAML 1.1 reads an unquoted off as false."],
            ),
        ]);
        crate::schema::merge(
            &mut schema,
            serde_json::json!({ "enum": ["enforce", "shadow", "off", false] }),
        );
        schema
    }
}
