//! Rules: variants for particular requests.

use super::variants::Known;
use super::{MAX_RULES, Rule};
use crate::filter::Mode;
use crate::json::Json;
use crate::leaf::Name;
use crate::problem::Problems;
use crate::read::{Each, List1, Read};
use crate::request::Match;

object! {
    /// The variant of particular requests.
    struct RuleFields, "a rule" {
        /// Which requests: those that meet at least one entry.
        "match" Required matches: List1<Match>;
        /// The name of their variant, perhaps of the default one.
        "variant" Required variant: Name;
        /// What this rule may do. The weaker of this and the filter's mode wins.
        "mode" Optional mode: Mode = "enforce";
    }
}

/// `rules: [...]`, as far as each can be read.
pub(super) struct Rules;

impl Read for Rules {
    type Out = Vec<Option<RuleFields>>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        if let Json::List(items) = value
            && items.len() > MAX_RULES
        {
            at.say(&["has ", &items.len().to_string(), " rules, and 1024 are the most"]);
            return None;
        }
        Each::<RuleFields>::read(value, at)
    }
}

/// Finds the variants that the rules name. The walk is at the config.
#[inline(never)]
pub(super) fn resolve(written: Vec<Option<RuleFields>>, known: &Known, at: &mut Problems) -> Vec<Rule> {
    let list = at.enter("rules");
    let mut rules = Vec::new();
    for (index, fields) in written.into_iter().enumerate() {
        let Some(fields) = fields else { continue };
        let Some(name) = fields.variant else { continue };
        let item = at.enter_item(index);
        let field = at.enter("variant");
        if let Some(variant) = known.find(&name, at) {
            rules.push(Rule {
                mode: fields.mode.unwrap_or_default(),
                matches: fields.matches.unwrap_or_default(),
                variant,
            });
        }
        at.leave(field);
        at.leave(item);
    }
    at.leave(list);
    rules
}

described_as! {
    Rules => Each<RuleFields>, { "maxItems": 1024 };
}
