//! The variant label, as it is written.

use super::{DEFAULT_VARIANTS, MAX_VARIANTS, VariantLabel};
use crate::json::{Json, quoted};
use crate::leaf::{HeaderName, Name};
use crate::problem::Problems;
use crate::read::{Int, Leaf, List1, Malformed, Read};
use fairlead_stage::HeaderMap;

/// `default` where the config does not say.
const NONE: &str = "none";
/// What the label says of a value that is none of its own.
const OTHER: &str = "_other";

object! {
    /// The variant of a release, as a header says it.
    struct VariantLabelFields, "a variant label" {
        /// A header of the request: the one that a canary sets.
        "header" Either header: HeaderName;
        /// A header of the response.
        "response_header" Either response_header: HeaderName;
        /// The values of the header that are values of the label; any other is _other. Without it: the first that are seen.
        "values" Optional values: Values;
        /// The value of the label where the header is absent.
        "default" Optional default: Value = "none";
        /// How many values there are: the first that are seen. Not with values.
        "max" Optional max: Int<1, 1000> = 10;
    }
}

/// A value of the label.
pub(super) struct Value;

impl Leaf for Value {
    type Out = String;
    const EXPECTED: &'static str = <Name as Leaf>::EXPECTED;
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = <Name as Leaf>::PATTERN;

    fn parse(text: &str) -> Result<String, Malformed> {
        if text == OTHER {
            return Err(Malformed::fix(
                "it stands for all other values, write another one",
            ));
        }
        Name::parse(text)
    }
}

impl Read for VariantLabel {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = VariantLabelFields::read(value, at)?;
        if value.has("max") && value.has("values") {
            at.say_at(
                "max",
                &["means nothing with values, whose number is known: leave one of them out"],
            );
        }
        let default = match fields.default {
            // Of a broken default nothing is known.
            None if value.has("default") => String::new(),
            default => default.unwrap_or_else(|| NONE.to_owned()),
        };
        let values = fields.values.unwrap_or_default();
        if values.contains(&default) {
            at.say_at(
                "values",
                &[
                    "have ",
                    &quoted(&default),
                    ", which is the default: leave it out here, or write another default",
                ],
            );
        }
        let (from, header) = match (fields.header, fields.response_header) {
            (Some(header), _) => (HeaderMap::Request, header),
            (None, header) => (HeaderMap::Response, header?),
        };
        Some(Self {
            from,
            header,
            values,
            default,
            max: fields.max.unwrap_or(DEFAULT_VARIANTS),
        })
    }
}

/// `values: [...]`.
pub(super) struct Values;

impl Read for Values {
    type Out = Vec<String>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<String>> {
        if let Json::List(items) = value
            && items.len() > MAX_VARIANTS
        {
            at.say(&["has ", &items.len().to_string(), " values, and 32 are the most"]);
            return None;
        }
        super::fields::repeated(value, PartialEq::eq, at);
        List1::<Value>::read(value, at)
    }
}

described_as! {
    VariantLabel => VariantLabelFields;
    Values => List1<Value>, { "maxItems": 32 };
}
