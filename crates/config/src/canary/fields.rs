//! The fields of the canary filter's config as they are written, and how they become a [`Canary`].

use super::rules::{Rules, resolve};
use super::sticky::Drawing;
use super::variants::{Known, Stable, Variants};
use super::{Canary, Force, GuardConfig, Propagate};
use crate::filter::{ApiVersion, Mode, OnInvalidConfig};
use crate::json::Json;
use crate::leaf::Name;
use crate::problem::Problems;
use crate::read::{List1, Read};
use crate::request::Match;
use crate::routing::RoutingHeader;
use fairlead_rollout::Ramp;

/// `header` where the config does not say.
const HEADER: &str = "x-canary";

object! {
    /// A canary release: who gets which variant, for how long, and when a variant is taken out.
    struct CanaryFields, "a canary config" {
        /// Version of this format.
        "apiVersion" Optional _api_version: ApiVersion = "fairlead.dev/v1";
        /// What the filter may do. The weaker of this and a rule's own mode wins.
        "mode" Optional mode: Mode = "enforce";
        /// Names the release. A new name draws all users anew, and its cookies replace those of the old one.
        "release" Required release: Name;
        /// The request header that routes match. What a client sends in it is removed, unless force.allow_from admits the client.
        "header" Optional header: RoutingHeader = "x-canary";
        /// Which requests the filter is about: those that meet at least one entry. Without it: every request.
        "match" Optional matches: List1<Match>;
        /// The variants that users are drawn for, in the order of their ranges.
        "variants" Required variants: Variants;
        /// What everyone else gets.
        "default" Optional default: Stable = { "name": "stable" };
        /// Who may choose a variant for a request, and how. Without it: nobody.
        "force" Optional force: Force;
        /// Variants for particular requests. The first rule that matches decides.
        "rules" Optional rules: Rules = [];
        /// How users are drawn. Without it: each request anew.
        "sticky" Optional sticky: Drawing;
        /// Weights that follow the clock. Variants share the ramp's weight in proportion to their own weights.
        "ramp" Optional ramp: Ramp;
        /// Takes a variant out that does worse than its bounds.
        "guard" Optional guard: GuardConfig;
        /// How the decision travels on with requests.
        "propagate" Optional propagate: Propagate;
        /// What to do if the first config of a proxy cannot be used.
        "on_invalid_config" Optional on_invalid_config: OnInvalidConfig = "refuse";
    }
}

impl Read for Canary {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = CanaryFields::read(value, at)?;
        let routing = match &fields.header {
            None if value.has("header") => None,
            header => Some(header.as_deref().unwrap_or(HEADER)),
        };
        let unsaid = (!value.has("default")).then(Stable::default);
        let known = Known::check(fields.variants, fields.default.or(unsaid), at);
        if let Some(force) = &fields.force {
            let cookie = fields.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref());
            force.check(routing, cookie.map(|cookie| cookie.name.as_str()), at);
        }
        let header = routing.unwrap_or_default().to_owned();
        let rules = resolve(fields.rules.unwrap_or_default(), &known, at);
        let release = fields.release?;
        Some(Self {
            mode: fields.mode.unwrap_or_default(),
            header,
            matches: fields.matches.unwrap_or_default(),
            variants: known.variants,
            default: known.default,
            force: fields.force,
            rules,
            sticky: fields.sticky.unwrap_or_default().of(&release),
            ramp: fields.ramp,
            guard: fields.guard,
            propagate: fields.propagate.unwrap_or_default(),
            on_invalid_config: fields.on_invalid_config.unwrap_or_default(),
            release,
        })
    }
}

described_as! {
    Canary => CanaryFields;
}
