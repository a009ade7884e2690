//! The route label, as it is written.

use super::{DEFAULT_MAX, MAX_TEMPLATES, RouteLabel};
use crate::json::Json;
use crate::problem::Problems;
use crate::read::{Int, List1, Read, True};
use fairlead_matching::Template;

object! {
    /// The route: templates of paths, or the names that the proxy's routes have.
    struct RouteFields, "a route label" {
        /// The first of these that the path meets is the value; another path is _other.
        "templates" Either templates: Templates;
        /// The name of the proxy's route.
        "name" Either name: True;
        /// How many names have a value of their own: the first that are seen. Only with name.
        "max" Optional max: Int<1, 1000> = 100;
    }
}

impl Read for RouteLabel {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = RouteFields::read(value, at)?;
        if value.has("max") && value.has("templates") && !value.has("name") {
            at.say_at(
                "max",
                &["means nothing with templates, whose number is known: leave it out"],
            );
        }
        match fields.templates {
            Some(templates) => Some(Self::Templates(templates)),
            None => fields.name.map(|()| Self::Name {
                max: fields.max.unwrap_or(DEFAULT_MAX),
            }),
        }
    }
}

/// `templates: [...]`.
pub(super) struct Templates;

impl Read for Templates {
    type Out = Vec<Template>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<Template>> {
        if let Json::List(items) = value
            && items.len() > MAX_TEMPLATES
        {
            at.say(&[
                "has ",
                &items.len().to_string(),
                " templates, and 500 are the most",
            ]);
            return None;
        }
        super::fields::repeated(value, PartialEq::eq, at);
        List1::<Template>::read(value, at)
    }
}

described_as! {
    RouteLabel => RouteFields;
    Templates => List1<Template>, { "maxItems": 500 };
}
