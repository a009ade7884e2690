//! `pluginConfig` of the canary filter.
//!
//! [`parse`] turns the bytes that the proxy hands over into a [`Canary`] in which everything holds that the filter relies
//! on, or into the list of every mistake. It runs once a configuration; nothing of it is on the request path.

mod cookie;
mod fields;
mod force;
mod guard;
mod propagate;
mod ramp;
mod rules;
mod sticky;
#[cfg(test)]
mod tests;
mod variants;
#[cfg(feature = "native")]
mod warnings;

#[cfg(feature = "native")]
pub use warnings::warnings;

use crate::problem::Errors;
use crate::read::Read;
use crate::{Mode, OnInvalidConfig};
use fairlead_matching::{ClientSpec, KeyPartSpec, MatchSpec};
use fairlead_rollout::{Choice, Ramp, Share, draw::Hash, guard::Guard};
use std::num::NonZeroU32;
use std::time::Duration;

/// The most variants besides the default one: each has metrics and windows of its own.
pub const MAX_VARIANTS: usize = 8;
/// The most rules.
pub const MAX_RULES: usize = 1024;
/// The most keys that are tried one after the other.
pub const MAX_STICKY_KEYS: usize = 8;
/// `propagate.trace.max_entries` where the config does not say.
pub const DEFAULT_TRACE_ENTRIES: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// The most that `propagate.trace.max_entries` can be.
pub const MAX_TRACE_ENTRIES: NonZeroU32 = NonZeroU32::new(1 << 20).unwrap();

/// A checked config of the filter.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What the filter may do.
    pub mode: Mode,
    /// Names the release: salt of the draw, and part of the release cookie's signature. 1 to 64 of `A-Z a-z 0-9 _ . -`.
    pub release: String,
    /// The request header that routes match, in lower case.
    pub header: String,
    /// Which requests the filter is about. Empty: every request.
    pub matches: Vec<MatchSpec>,
    /// The variants in the order of their ranges: 1 to [`MAX_VARIANTS`], names unique. Their weights add up to at most the
    /// whole.
    pub variants: Vec<Variant>,
    /// What everyone else gets.
    pub default: DefaultVariant,
    /// Who may choose a variant for a request, and how. `None`: nobody.
    pub force: Option<Force>,
    /// In order; the first that matches decides. At most [`MAX_RULES`].
    pub rules: Vec<Rule>,
    /// How users are drawn.
    pub sticky: Sticky,
    /// Weights that follow the clock: the total of all variants, which share it in proportion to their own weights.
    pub ramp: Option<Ramp>,
    /// What takes a bad variant out.
    pub guard: Option<GuardConfig>,
    /// How the decision travels on.
    pub propagate: Propagate,
    /// What the filter does when its first config cannot be used; see [`crate::pass_at_first_load`].
    pub on_invalid_config: OnInvalidConfig,
}

impl Canary {
    /// What `rule` may do: the weaker of its own mode and the filter's.
    #[must_use]
    pub fn effective(&self, rule: &Rule) -> Mode {
        self.mode.min(rule.mode)
    }
}

/// A variant that users are drawn for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Unique, 1 to 64 of `A-Z a-z 0-9 _ . -`; neither `always` nor `never`.
    pub name: String,
    /// What the routing header says; not empty. The name where the config does not say.
    pub value: String,
    /// The share of users. Where there is a ramp: its proportion among the variants.
    pub weight: Share,
}

/// The variant of everyone who is not drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultVariant {
    /// Like [`Variant::name`].
    pub name: String,
    /// What the routing header says; `None`: it is absent.
    pub value: Option<String>,
}

/// Who may choose a variant for a request, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Force {
    /// This header says `always`, `never` or the name of a variant. Lower case, not the routing header.
    pub header: Option<String>,
    /// This cookie does.
    pub cookie: Option<String>,
    /// Clients that may; `None`: all.
    pub allow_from: Option<Vec<ClientSpec>>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's own mode; the weaker of it and the filter's wins.
    pub mode: Mode,
    /// Alternatives, at least one.
    pub matches: Vec<MatchSpec>,
    /// The variant of those who match: a position in [`Canary::variants`], or the default one.
    pub variant: Choice,
}

/// How users are drawn.
#[derive(Clone, Debug)]
pub struct Sticky {
    /// The keys in the order in which they are tried; the first that is there and not empty counts. At least one, at most
    /// [`MAX_STICKY_KEYS`]. Where the config says nothing: [`StickyKey::Random`].
    pub by: Vec<StickyKey>,
    /// How a key becomes a place.
    pub hash: Hash,
    /// Stands before the key. The release where the config does not say, and nothing for [`Hash::Sha256Percent`].
    pub salt: String,
    /// The cookie that keeps users where they were drawn.
    pub cookie: Option<ReleaseCookie>,
}

/// A key of the draw.
#[derive(Clone, Debug, PartialEq)]
pub enum StickyKey {
    /// Parts of the request, at least one, joined by `|`.
    Parts(Vec<KeyPartSpec>),
    /// None: each request is drawn anew, unless the release cookie says otherwise.
    Random,
}

/// The cookie that keeps users where they were drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseCookie {
    /// Its name.
    pub name: String,
    /// How long browsers keep it; `None`: for their session.
    pub max_age: Option<Duration>,
    /// `Path`.
    pub path: String,
    /// `Domain`; `None`: the host that set it.
    pub domain: Option<String>,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`; `None`: not said.
    pub same_site: Option<SameSite>,
    /// What proxies that share it sign cookies with; `None`: each proxy believes its own only. At least 16 bytes.
    pub secret: Option<String>,
}

/// `SameSite` of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Not with requests from other sites.
    Strict,
    /// With links from other sites.
    Lax,
    /// Always; needs `Secure`.
    None,
}

/// A guard, and which attempt at the release it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardConfig {
    /// What it watches for.
    pub guard: Guard,
    /// A new number forgets earlier trips of the same release.
    pub attempt: u32,
}

/// How the decision travels on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Propagate {
    /// Whether the variant is appended to W3C baggage, as `fairlead.<release>=<variant>`.
    pub baggage: bool,
    /// Whether requests of the same trace get the same variant on the way out of this proxy.
    pub trace: Option<TraceTable>,
}

/// Bounds of the table of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceTable {
    /// How many traces are remembered at a time.
    pub max_entries: NonZeroU32,
    /// For how long: 1 s to 1 h.
    pub ttl: Duration,
}

/// A number for the release and its variants, in their order: state that is kept by a variant's position is of no use under
/// another one.
#[must_use]
pub fn fingerprint(config: &Canary) -> u32 {
    let names = config.variants.iter().map(|variant| variant.name.as_str());
    [config.release.as_str()]
        .into_iter()
        .chain(names)
        .flat_map(|name| name.bytes().chain([0]))
        .fold(0x811c_9dc5, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
}

/// Reads and checks a config. Empty bytes are `{}`, which is refused: a release has a name and variants.
///
/// # Errors
/// Every mistake, each with its path.
#[inline(never)]
pub fn parse(bytes: &[u8]) -> Result<Canary, Errors> {
    crate::read::document(bytes, Canary::read)
}
