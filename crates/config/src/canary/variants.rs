//! The variants, and what their names and values have to do with each other.

use super::{DefaultVariant, MAX_VARIANTS, Variant};
use crate::json::{Json, quoted};
use crate::leaf::{Name, Percent, share_text};
use crate::problem::{Problems, or_list};
use crate::read::{Each, Leaf, Malformed, Read};
use crate::routing::RoutingValue;
use fairlead_rollout::{Choice, Share};

/// `default.name` where the config does not say.
const STABLE: &str = "stable";

object! {
    /// A variant that users are drawn for.
    struct VariantFields, "a variant" {
        /// Unique in this config. It names the variant in metrics, cookies and baggage.
        "name" Required name: VariantName;
        /// What the routing header says. Without it: the name.
        "value" Optional value: RoutingValue;
        /// The share of users. With a ramp: the proportion among the variants.
        "weight" Optional weight: Percent = "0%";
    }
}

object! {
    /// What everyone gets who is not drawn.
    struct DefaultFields, "a default variant" {
        /// Its name in metrics and in rules.
        "name" Optional name: VariantName = "stable";
        /// What the routing header says. Without it, or with null: there is no routing header.
        "value" Nullable value: RoutingValue;
    }
}

/// The name of a variant.
pub(super) struct VariantName;

impl Leaf for VariantName {
    type Out = String;
    const EXPECTED: &'static str = <Name as Leaf>::EXPECTED;
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = <Name as Leaf>::PATTERN;

    fn parse(text: &str) -> Result<String, Malformed> {
        if matches!(text, "always" | "never") {
            return Err(Malformed::fix(
                "always and never mean something to whoever forces a variant, so write another one",
            ));
        }
        Name::parse(text)
    }
}

/// A variant, as far as it can be read.
#[derive(Default)]
pub(super) struct Written {
    name: Option<String>,
    /// Also if it is said by the name.
    value: Option<String>,
    weight: Option<Share>,
}

impl Read for Written {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let VariantFields {
            name,
            value: said,
            weight,
        } = VariantFields::read(value, at)?;
        let unsaid = name.clone().filter(|_| !value.has("value"));
        Some(Self {
            value: said.or(unsaid),
            name,
            weight,
        })
    }
}

/// `variants: [...]`.
pub(super) struct Variants;

impl Read for Variants {
    type Out = Vec<Option<Written>>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        match value {
            Json::List(items) if items.is_empty() => {
                at.say(&["is empty: write at least one variant"]);
                return None;
            }
            Json::List(items) if items.len() > MAX_VARIANTS => {
                at.say(&["has ", &items.len().to_string(), " variants, and 8 are the most"]);
                return None;
            }
            _ => {}
        }
        at.unique(value, "name");
        Each::<Written>::read(value, at)
    }
}

/// `default:`, as far as it can be read. The name is `None` if it cannot.
pub(super) struct Stable {
    name: Option<String>,
    value: Option<String>,
}

impl Default for Stable {
    fn default() -> Self {
        Self {
            name: Some(STABLE.to_owned()),
            value: None,
        }
    }
}

impl Read for Stable {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = DefaultFields::read(value, at)?;
        let unsaid = Self::default().name.filter(|_| !value.has("name"));
        Some(Self {
            name: fields.name.or(unsaid),
            value: fields.value,
        })
    }
}

/// The variants as far as they are known. A name or a value that is not is empty.
pub(super) struct Known {
    pub(super) variants: Vec<Variant>,
    pub(super) default: DefaultVariant,
    /// Whether there may be names that are not known.
    incomplete: bool,
}

impl Known {
    /// Checks the variants with each other. The walk is at the config.
    #[inline(never)]
    pub(super) fn check(
        variants: Option<Vec<Option<Written>>>,
        default: Option<Stable>,
        at: &mut Problems,
    ) -> Self {
        let Stable { name, value } = default.unwrap_or(Stable {
            name: None,
            value: None,
        });
        let mut known = Self {
            variants: Vec::new(),
            incomplete: variants.is_none() || name.is_none(),
            default: DefaultVariant {
                name: name.unwrap_or_default(),
                value,
            },
        };
        let list = at.enter("variants");
        let mut sum: u32 = 0;
        for (index, fields) in variants.into_iter().flatten().enumerate() {
            let Written { name, value, weight } = fields.unwrap_or_default();
            let weight = weight.unwrap_or(Share::NONE);
            sum = sum.saturating_add(weight.ppm());
            let Some(name) = name else {
                known.incomplete = true;
                continue;
            };
            if name == known.default.name {
                let item = at.enter_item(index);
                at.say_at(
                    "name",
                    &[
                        &quoted(&name),
                        " is the name of the default variant: write another one, or another default.name",
                    ],
                );
                at.leave(item);
            }
            known.variants.push(Variant {
                name,
                value: value.unwrap_or_default(),
                weight,
            });
        }
        if sum > Share::WHOLE_PPM {
            at.say(&[
                "have weights of ",
                &share_text(sum),
                " together: write at most 100%",
            ]);
        }
        at.leave(list);
        known.check_default(at);
        known
    }

    /// Routes see nothing but the value.
    fn check_default(&self, at: &mut Problems) {
        let Some(value) = &self.default.value else { return };
        let Some(same) = self.variants.iter().find(|variant| variant.value == *value) else {
            return;
        };
        let mark = at.enter("default");
        at.say_at(
            "value",
            &[
                &quoted(value),
                " is the value of ",
                &same.name,
                " too, so that no route can tell them apart: write another one, or leave it out",
            ],
        );
        at.leave(mark);
    }

    /// The variant of this name. The walk is at the name.
    #[inline(never)]
    pub(super) fn find(&self, name: &str, at: &mut Problems) -> Option<Choice> {
        if name == self.default.name {
            return Some(Choice::Default);
        }
        let index = self.variants.iter().position(|variant| variant.name == name);
        if index.is_none() && !self.incomplete {
            let mut names: Vec<&str> = self
                .variants
                .iter()
                .map(|variant| variant.name.as_str())
                .collect();
            names.push(&self.default.name);
            at.say(&[&quoted(name), " is not a variant: write ", &or_list(&names)]);
        }
        index.map(Choice::Variant)
    }
}

described_as! {
    Stable => DefaultFields;
    Written => VariantFields;
    Variants => Each<Written>, { "minItems": 1, "maxItems": 8 };
}
