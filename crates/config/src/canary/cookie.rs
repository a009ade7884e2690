//! The release cookie and its attributes (RFC 6265, 5.2).

use super::{ReleaseCookie, SameSite};
use crate::json::Json;
use crate::leaf::{CookieName, DAY, SECOND, Span};
use crate::problem::Problems;
use crate::read::{Leaf, Malformed, Read};

/// The fewest bytes of a secret.
const SECRET_BYTES: usize = 16;

object! {
    /// The cookie that keeps users where they were drawn.
    struct CookieFields, "a release cookie" {
        /// Its name.
        "name" Optional name: CookieName = "fairlead-release";
        /// How long browsers keep it. Without it: as long as their session.
        "max_age" Optional max_age: Span<{ SECOND }, { 400 * DAY }>;
        /// Paths that it is for.
        "path" Optional path: CookiePath = "/";
        /// Domain that it is for, with all hosts below. Without it: the host that set it.
        "domain" Optional domain: CookieDomain;
        /// Whether browsers send it over HTTPS only.
        "secure" Optional secure: bool = true;
        /// Whether it is hidden from scripts.
        "http_only" Optional http_only: bool = true;
        /// With which requests from other sites browsers send it. Without it: as they see fit, which today is lax.
        "same_site" Optional same_site: SameSite;
        /// What proxies sign it with, at least 16 bytes, the same for all that share users. Without it: each proxy believes its own cookies only.
        "secret" Optional secret: Secret;
    }
}

words! {
    SameSite, "an answer to other sites" {
        /// With none.
        "strict" => SameSite::Strict;
        /// When the user follows a link.
        "lax" => SameSite::Lax;
        /// With all. Needs secure.
        "none" => SameSite::None;
    }
}

impl Read for ReleaseCookie {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = CookieFields::read(value, at)?;
        let secure = fields.secure.unwrap_or(true);
        if fields.same_site == Some(SameSite::None) && !secure {
            at.say_at(
                "same_site",
                &["none needs secure: browsers drop the cookie otherwise; write lax, or leave secure out"],
            );
        }
        let cookie = Self {
            name: fields.name.unwrap_or_else(|| "fairlead-release".to_owned()),
            max_age: fields.max_age,
            path: fields.path.unwrap_or_else(|| "/".to_owned()),
            domain: fields.domain,
            secure,
            http_only: fields.http_only.unwrap_or(true),
            same_site: fields.same_site,
            secret: fields.secret,
        };
        cookie.check_prefix(at);
        Some(cookie)
    }
}

impl ReleaseCookie {
    /// Names that promise attributes (RFC 6265bis, 4.1.3). The walk is at the cookie.
    #[inline(never)]
    fn check_prefix(&self, at: &mut Problems) {
        let starts = |prefix: &str| {
            let start = self.name.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if starts("__Host-") && (!self.secure || self.path != "/" || self.domain.is_some()) {
            at.say_at(
                "name",
                &["__Host- needs secure, the path / and no domain: browsers drop the cookie otherwise"],
            );
        } else if starts("__Secure-") && !self.secure {
            at.say_at(
                "name",
                &["__Secure- needs secure: browsers drop the cookie otherwise"],
            );
        }
    }
}

/// `Path`.
pub(super) struct CookiePath;

impl Leaf for CookiePath {
    type Out = String;
    const EXPECTED: &'static str = "a path of cookies: start it with /, without spaces and ;";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^/[!-:<-~]{0,1023}$";

    fn parse(text: &str) -> Result<String, Malformed> {
        let known = text.bytes().all(|b| b.is_ascii_graphic() && b != b';');
        if text.starts_with('/') && known && text.len() <= 1024 {
            return Ok(text.to_owned());
        }
        Err(Malformed::Expected)
    }
}

/// `Domain`.
pub(super) struct CookieDomain;

impl Leaf for CookieDomain {
    type Out = String;
    const EXPECTED: &'static str = "a domain: write a DNS name, as in example.com";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$";

    fn parse(text: &str) -> Result<String, Malformed> {
        if text.starts_with('.') {
            return Err(Malformed::fix(
                "leave the leading dot out, hosts below are included without it",
            ));
        }
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let label = |label: &str| !label.is_empty() && label.bytes().all(known);
        if text.len() <= 253 && text.split('.').all(label) {
            return Ok(text.to_ascii_lowercase());
        }
        Err(Malformed::Expected)
    }
}

/// What cookies are signed with. It is never shown, not even when it is wrong.
pub(super) struct Secret;

impl Read for Secret {
    type Out = String;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<String> {
        match value {
            Json::Text(text) if text.len() >= SECRET_BYTES => return Some(text.clone()),
            Json::Text(_) => at.say(&["is too short: write at least 16 bytes that nobody can guess"]),
            _ => at.say(&["is not text: write at least 16 bytes in quotes"]),
        }
        None
    }
}

described_as! {
    ReleaseCookie => CookieFields;
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Secret {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        // The bound is in bytes; a text of 16 bytes has at least four characters.
        serde_json::json!({ "type": "string", "minLength": 4 })
    }
}
