//! From a checked config to what the request path uses: compiled rules and keys, ranges, the text of cookies, metrics.

use crate::Canary;
use crate::guard::Watch;
use crate::metrics::Metrics;
use crate::plain::Plain;
use crate::trace::Traces;
use fairlead_config::{Mode, OnInvalidConfig, canary as config};
use fairlead_matching::{Key, MatchSpec, RuleSet};
use fairlead_rollout::draw::Salted;
use fairlead_rollout::ranges::Range;
use fairlead_rollout::token::Signer;
use fairlead_rollout::{Choice, Finish, Ramp, Share, Standing, forced};
use fairlead_stage::{Cells, Done, GroupId, HeaderMap, Needs, Refusal, Scope, Timestamp, View};
use std::time::Duration;

/// How often gauges are set where nothing else needs a tick.
const GAUGE_PERIOD: Duration = Duration::from_secs(5);
/// How often a weight that follows the clock is shown anew.
const RAMP_PERIOD: Duration = Duration::from_secs(1);

/// The variants, and how many users each is for.
pub(crate) struct Variants {
    pub(crate) list: Vec<config::Variant>,
    pub(crate) default: config::DefaultVariant,
    /// Of the weights.
    sum: Share,
    ramp: Option<Ramp>,
}

impl Variants {
    /// What the routing header says for a variant; `None`: it is absent.
    pub(crate) fn value(&self, choice: Choice) -> Option<&str> {
        match choice {
            Choice::Default => self.default.value.as_deref(),
            Choice::Variant(index) => self.list.get(index).map(|variant| variant.value.as_str()),
        }
    }

    /// The name of a variant.
    pub(crate) fn name(&self, choice: Choice) -> &str {
        match choice {
            Choice::Default => &self.default.name,
            Choice::Variant(index) => self.list.get(index).map_or("", |variant| &variant.name),
        }
    }

    /// The variant of a name.
    pub(crate) fn named(&self, name: &[u8]) -> Option<Choice> {
        match forced(
            name,
            &self.default.name,
            self.list.iter().map(|variant| variant.name.as_str()),
        ) {
            // Words of the force header are no names, and no variant has them as its name.
            Some(_) if matches!(name, b"always" | b"never") => None,
            choice => choice,
        }
    }

    /// What a force header or cookie asks for.
    pub(crate) fn forced(&self, value: &[u8]) -> Option<Choice> {
        forced(
            value,
            &self.default.name,
            self.list.iter().map(|variant| variant.name.as_str()),
        )
    }

    /// The variant whose routing value or name this is.
    pub(crate) fn routed(&self, value: &[u8]) -> Option<Choice> {
        let by_value = self
            .list
            .iter()
            .position(|variant| variant.value.as_bytes() == value);
        let is_default = |known: &String| known.as_bytes() == value;
        by_value
            .map(Choice::Variant)
            .or_else(|| {
                self.default
                    .value
                    .as_ref()
                    .filter(|known| is_default(known))
                    .map(|_| Choice::Default)
            })
            .or_else(|| self.named(value))
    }

    /// Whether weights follow the clock.
    pub(crate) const fn follow_the_clock(&self) -> bool {
        self.ramp.is_some()
    }

    /// Whether the release is over.
    pub(crate) fn have_ended(&self, now: Timestamp) -> bool {
        self.ramp
            .as_ref()
            .is_some_and(|ramp| ramp.standing(now) == Standing::Finished(Finish::Ended))
    }

    /// The range of a variant, held back by `setbacks` steps, whatever a guard says at the moment.
    pub(crate) fn range(&self, index: usize, now: Timestamp, setbacks: u32) -> Range {
        let Some(variant) = self.list.get(index) else {
            return Range::default();
        };
        match &self.ramp {
            None => Range {
                planned: variant.weight,
                open: variant.weight.halved(setbacks),
            },
            Some(ramp) => {
                let total = ramp.weight(now, setbacks);
                Range::of_ramp(total, variant.weight, self.sum, self.list.len())
            }
        }
    }

    /// The ranges of variants that nothing can hold back; `None` if they follow the clock.
    fn fixed(&self) -> Option<[Range; config::MAX_VARIANTS]> {
        let mut index = 0..;
        let range = |_| self.range(index.next().unwrap_or(usize::MAX), Timestamp::default(), 0);
        (!self.follow_the_clock()).then(|| [(); config::MAX_VARIANTS].map(range))
    }
}

/// Who may choose a variant for a request.
pub(crate) struct Force {
    pub(crate) header: Option<String>,
    pub(crate) cookie: Option<String>,
    /// Clients that may; `None`: see `admits_all`.
    from: Option<RuleSet>,
    admits_all: bool,
}

impl Force {
    #[inline(never)]
    fn compile(force: Option<&config::Force>, needs: &mut Needs) -> Self {
        let header = force.and_then(|force| force.header.clone());
        let cookie = force.and_then(|force| force.cookie.clone());
        if let Some(header) = &header {
            needs.rare_header(HeaderMap::Request, header);
        }
        if cookie.is_some() {
            needs.header(HeaderMap::Request, "cookie");
        }
        let clients = force.and_then(|force| force.allow_from.as_deref());
        let entry = |client: &fairlead_matching::ClientSpec| MatchSpec {
            client: Some(client.clone()),
            ..MatchSpec::default()
        };
        Self {
            header,
            cookie,
            from: clients.map(|clients| RuleSet::compile(&[clients.iter().map(entry).collect()], needs)),
            admits_all: force.is_some() && clients.is_none(),
        }
    }

    /// Whether the client may choose.
    pub(crate) fn admits<'v, V: View>(&'v self, request: &fairlead_matching::Request<'v, V>) -> bool {
        self.admits_all || self.trusts(request)
    }

    /// Whether the client is one that is named as trusted.
    pub(crate) fn trusts<'v, V: View>(&'v self, request: &fairlead_matching::Request<'v, V>) -> bool {
        self.from.as_ref().is_some_and(|from| from.any(request))
    }

    /// Whether there is any way to choose.
    pub(crate) const fn is_there(&self) -> bool {
        self.header.is_some() || self.cookie.is_some() || self.trusts_any()
    }

    /// Whether some client is trusted.
    pub(crate) const fn trusts_any(&self) -> bool {
        self.from.is_some()
    }
}

/// The rules that are not off.
pub(crate) struct Rules {
    pub(crate) set: RuleSet,
    /// By position in the set.
    pub(crate) outcomes: Vec<Rule>,
    pub(crate) any_in_shadow: bool,
}

/// What a rule leads to.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) choice: Choice,
    pub(crate) enforced: bool,
}

impl Rules {
    #[inline(never)]
    fn compile(config: &config::Canary, needs: &mut Needs) -> Self {
        let active: Vec<&config::Rule> = config
            .rules
            .iter()
            .filter(|rule| rule.mode != Mode::Off)
            .collect();
        let matches: Vec<Vec<MatchSpec>> = active.iter().map(|rule| rule.matches.clone()).collect();
        // In shadow as a whole nothing is carried out anyway, and a rule counts like any other.
        let enforced = |rule: &config::Rule| rule.mode == Mode::Enforce || config.mode == Mode::Shadow;
        let outcomes: Vec<Rule> = active
            .iter()
            .map(|rule| Rule {
                choice: rule.variant,
                enforced: enforced(rule),
            })
            .collect();
        Self {
            set: RuleSet::compile(&matches, needs),
            any_in_shadow: outcomes.iter().any(|rule| !rule.enforced),
            outcomes,
        }
    }
}

/// How users are drawn.
pub(crate) struct Sticky {
    pub(crate) keys: Vec<Key>,
    pub(crate) draw: Salted,
    /// What counts random draws; `None`: a request without a key is not drawn.
    pub(crate) random: Option<GroupId>,
}

impl Sticky {
    #[inline(never)]
    fn compile(sticky: &config::Sticky, needs: &mut Needs) -> Self {
        let mut keys = Vec::new();
        let mut random = None;
        for key in &sticky.by {
            match key {
                config::StickyKey::Parts(parts) => keys.push(Key::compile(parts, needs)),
                config::StickyKey::Random => {
                    needs.seed = true;
                    random = Some(needs.cells("draws", Scope::Worker, 1, 8));
                }
            }
        }
        Self {
            keys,
            draw: Salted::new(sticky.hash, sticky.salt.as_bytes()),
            random,
        }
    }
}

/// The release cookie.
pub(crate) struct Cookie {
    pub(crate) name: String,
    /// What follows the value of one that is issued, and of one that is cleared.
    pub(crate) issued: String,
    pub(crate) cleared: String,
    release: String,
    /// `None`: each proxy signs with its own seed.
    signer: Option<Signer>,
}

impl Cookie {
    #[inline(never)]
    fn compile(cookie: &config::ReleaseCookie, release: &str, needs: &mut Needs) -> Self {
        needs.header(HeaderMap::Request, "cookie");
        needs.seed |= cookie.secret.is_none();
        let mut place = ["; Path=", &cookie.path].concat();
        if let Some(domain) = &cookie.domain {
            place.push_str("; Domain=");
            place.push_str(domain);
        }
        let mut issued = place.clone();
        if let Some(age) = cookie.max_age {
            issued.push_str("; Max-Age=");
            issued.push_str(&age.as_secs().to_string());
        }
        let mut flags = String::new();
        if cookie.secure {
            flags.push_str("; Secure");
        }
        if cookie.http_only {
            flags.push_str("; HttpOnly");
        }
        flags.push_str(match cookie.same_site {
            None => "",
            Some(config::SameSite::Strict) => "; SameSite=Strict",
            Some(config::SameSite::Lax) => "; SameSite=Lax",
            Some(config::SameSite::None) => "; SameSite=None",
        });
        issued.push_str(&flags);
        Self {
            name: cookie.name.clone(),
            issued,
            cleared: [&place, "; Max-Age=0", &flags].concat(),
            release: release.to_owned(),
            signer: cookie
                .secret
                .as_ref()
                .map(|secret| Signer::from_secret(secret, release)),
        }
    }

    /// What signs and verifies.
    #[inline(never)]
    pub(crate) fn with_signer<T>(&self, cells: &impl Cells, run: impl FnOnce(&Signer) -> T) -> T {
        match &self.signer {
            Some(signer) => run(signer),
            None => run(&Signer::from_seed(cells.seed(), &self.release)),
        }
    }
}

#[inline(never)]
pub(crate) fn plan(bytes: &[u8]) -> Result<(Canary, Needs), Refusal> {
    let config = config::parse(bytes).map_err(|errors| Refusal {
        message: errors.to_string(),
        pass_at_first_load: fairlead_config::pass_at_first_load(bytes),
    })?;
    Ok(planned(config))
}

/// A checked config, compiled.
#[inline(never)]
pub(crate) fn planned(config: config::Canary) -> (Canary, Needs) {
    let mut needs = Needs::default();
    needs.passes = config.on_invalid_config == OnInvalidConfig::Pass;
    let canary = compile(config, &mut needs);
    (canary, needs)
}

#[inline(never)]
fn compile(config: config::Canary, needs: &mut Needs) -> Canary {
    if config.mode == Mode::Off {
        // Compiled like any other, so that it is checked, and then asked nothing.
        return build(config, &mut Needs::default());
    }
    needs.request = true;
    build(config, needs)
}

#[inline(never)]
fn build(config: config::Canary, needs: &mut Needs) -> Canary {
    let enforced = config.mode == Mode::Enforce;
    needs.rare_header(HeaderMap::Request, &config.header);
    let matches =
        (!config.matches.is_empty()).then(|| RuleSet::compile(std::slice::from_ref(&config.matches), needs));
    let guard = config.guard.as_ref().filter(|_| enforced);
    let guard = guard.map(|guard| Watch::new(guard, &config, needs));
    let cookie = config.sticky.cookie.as_ref();
    let cookie = cookie.map(|cookie| Cookie::compile(cookie, &config.release, needs));
    if config.propagate.baggage && enforced {
        needs.rare_header(HeaderMap::Request, "baggage");
    }
    let traces = config.propagate.trace.as_ref().filter(|_| enforced);
    let traces = traces.map(|trace| Traces::new(trace, &config, needs));
    let metrics = Metrics::declare(&config, enforced, needs);
    needs.response = needs.request && enforced && (cookie.is_some() || guard.is_some());
    needs.trailers = needs.request && guard.is_some();
    // A guard is told of the outcome, and a cookie is counted when it is sent.
    needs.done = match (needs.request, needs.response) {
        (false, _) => Done::Never,
        (true, false) => Done::Decided,
        (true, true) => Done::Ended,
    };
    needs.tick = needs.request.then(|| match &guard {
        Some(guard) => guard.period(),
        None if config.ramp.is_some() => RAMP_PERIOD,
        None => GAUGE_PERIOD,
    });
    let variants = Variants {
        sum: config
            .variants
            .iter()
            .try_fold(0_u32, |sum, variant| sum.checked_add(variant.weight.ppm()))
            .and_then(Share::from_ppm)
            .unwrap_or(Share::ALL),
        list: config.variants.clone(),
        default: config.default.clone(),
        ramp: config.ramp.clone(),
    };
    let mut canary = Canary {
        enforced,
        plain: None,
        fixed: variants.fixed().filter(|_| guard.is_none()),
        header_lines: needs.attribute(&["request", "headers", &config.header]),
        matches,
        force: Force::compile(config.force.as_ref(), needs),
        rules: Rules::compile(&config, needs),
        sticky: Sticky::compile(&config.sticky, needs),
        cookie,
        guard,
        baggage: (config.propagate.baggage && enforced).then(|| ["fairlead.", &config.release].concat()),
        traces,
        metrics,
        variants,
        header: config.header.clone(),
    };
    canary.plain = Plain::of(&config, &canary);
    canary
}
