//! What the response says: the release cookie.

use crate::Canary;
use crate::configure::Cookie;
use crate::stream::{CookieWish, Flight};
use fairlead_rollout::Choice;
use fairlead_rollout::token::Token;
use fairlead_stage::{Cells, Effects, HeaderMap};

impl Canary {
    /// Sets or clears the release cookie, as was decided with the request. Other cookies of the response stay.
    #[inline(never)]
    pub(crate) fn set_cookie(&self, flight: &Flight, cells: &impl Cells, effects: &mut Effects) {
        let Some(cookie) = &self.cookie else { return };
        match flight.cookie {
            CookieWish::Keep => {}
            CookieWish::Issue => {
                let token = Token {
                    variant: self
                        .variants
                        .name(flight.choice.get().unwrap_or(Choice::Default))
                        .as_bytes(),
                    place: flight.place,
                };
                let mut value = Vec::new();
                cookie.with_signer(cells, |signer| signer.write(&token, &mut value));
                add(cookie, &value, &cookie.issued, effects);
            }
            CookieWish::Clear => add(cookie, b"", &cookie.cleared, effects),
        }
    }
}

fn add(cookie: &Cookie, value: &[u8], attributes: &str, effects: &mut Effects) {
    effects.add(HeaderMap::Response, "set-cookie", |out| {
        for part in [cookie.name.as_bytes(), b"=", value, attributes.as_bytes()] {
            out.extend_from_slice(part);
        }
    });
}
