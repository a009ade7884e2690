//! One claim of a bearer token, without building a tree of its JSON.

use crate::client::write_digits;
use serde::de::{DeserializeSeed, Deserializer as _, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The longest token that is looked into. A longer one costs more to decode than a request should.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The decoded payload of `Bearer header.payload.signature` (RFC 6750, RFC 7515).
#[inline(never)]
pub(super) fn payload(authorization: &[u8]) -> Option<Vec<u8>> {
    let (scheme, token) = authorization.split_at_checked(b"bearer".len())?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || token.first() != Some(&b' ') {
        return None;
    }
    let token = token.trim_ascii();
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let mut parts = token.split(|b| *b == b'.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    base64url(payload)
}

/// RFC 4648, 5, without padding, as RFC 7515 has it. Surplus bits of the last character are ignored.
fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for position in 0..4 {
            bits = bits.wrapping_shl(6) | chunk.get(position).map_or(Some(0), |b| sextet(*b))?;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(bytes.get(..chunk.len().saturating_sub(1))?);
    }
    Some(out)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte.wrapping_sub(b'A'),
        b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// A top-level claim as text. `None` if the payload is no JSON object or has no such claim of a plain type.
#[inline(never)]
pub(super) fn find(payload: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    // `deserialize_any` and a visitor that takes every type: asking for a map would link serde's messages about wrong
    // types, and with them the formatting of doubles, 25 KiB of a .wasm.
    let found = (&mut json).deserialize_any(Claim(name)).ok()?;
    json.end().ok()?;
    found
}

/// Walks the object and keeps the value of one name.
struct Claim<'n>(&'n str);

impl<'de> Visitor<'de> for Claim<'_> {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsName(self.0))? {
            if is_it {
                found = map.next_value_seed(Text)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _value: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    #[inline(never)]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Whether a member has the name.
struct IsName<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// A string, integer or boolean as text; `None` for anything else.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Vec<u8>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.as_bytes().to_vec()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        let text: &[u8] = if value { b"true" } else { b"false" };
        Ok(Some(text.to_vec()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let mut text = Vec::new();
        write_digits::<10>(value, &mut text);
        Ok(Some(text))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        let mut text = Vec::new();
        if value < 0 {
            text.push(b'-');
        }
        write_digits::<10>(value.unsigned_abs(), &mut text);
        Ok(Some(text))
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    #[inline(never)]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
