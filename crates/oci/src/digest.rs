//! Digests of content: `sha256:` and 64 hexadecimal digits.

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fmt;

const PREFIX: &str = "sha256:";

/// The name of some bytes, by their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hex: String = (sha2::Sha256::digest(bytes).iter())
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self(PREFIX.to_owned() + &hex)
    }

    /// Its hexadecimal digits alone: what a WasmPlugin's `sha256` wants.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or(&self.0)
    }

    /// All of it, `sha256:..`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let hex = text.strip_prefix(PREFIX).unwrap_or_default();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() == 64 && hex.bytes().all(is_hex) {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is no digest: sha256: and 64 hexadecimal digits"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard() {
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").as_str(), abc);
        assert_eq!(Digest::of(b"abc").hex().len(), 64);
        assert_eq!(Digest::try_from(abc.to_owned()).unwrap(), Digest::of(b"abc"));
    }

    #[test]
    fn what_could_lead_elsewhere_as_a_file_name_is_no_digest() {
        for text in ["", "sha256:", "sha256:../../x", "sha512:00", "ba7816bf"] {
            assert!(Digest::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Digest::try_from(Digest::of(b"abc").as_str().to_uppercase()).is_err());
    }
}
