//! Who may choose a variant for a request, and how.

use super::Force;
use crate::json::{Json, quoted};
use crate::leaf::CookieName;
use crate::problem::Problems;
use crate::read::{List1, Read};
use crate::request::Client;
use crate::routing::RoutingHeader;

object! {
    /// Who may choose a variant for a request, and how: by the word always (the first variant), never (the default variant) or the name of a variant. Other words are ignored.
    struct ForceFields, "a way to force a variant" {
        /// The header that holds the word. It is removed from the request.
        "header" AnyOf header: RoutingHeader;
        /// The cookie that holds the word.
        "cookie" AnyOf cookie: CookieName;
        /// Clients that may. They may also send the routing header itself. Without it: everyone may, by header and cookie.
        "allow_from" AnyOf allow_from: List1<Client>;
    }
}

impl Read for Force {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = ForceFields::read(value, at)?;
        Some(Self {
            header: fields.header,
            cookie: fields.cookie,
            allow_from: fields.allow_from,
        })
    }
}

impl Force {
    /// Checks that no name has two meanings. The walk is at the config.
    #[inline(never)]
    pub(super) fn check(&self, routing: Option<&str>, release: Option<&str>, at: &mut Problems) {
        let mark = at.enter("force");
        if let Some(header) = self.header.as_deref().filter(|header| Some(*header) == routing) {
            at.say_at(
                "header",
                &[
                    &quoted(header),
                    " is the routing header: write another one, as in x-canary-force",
                ],
            );
        }
        if let Some(cookie) = self.cookie.as_deref().filter(|cookie| Some(*cookie) == release) {
            at.say_at(
                "cookie",
                &[
                    &quoted(cookie),
                    " is the release cookie, sticky.cookie.name: write another one",
                ],
            );
        }
        at.leave(mark);
    }
}

described_as! {
    Force => ForceFields;
}
