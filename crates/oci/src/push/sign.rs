//! Signatures, which are cosign's: it is run for each image, with the digest that was pushed.
//!
//! A key is named and never passed: a file, or the URI of a key that a service holds. Its password is in cosign's own
//! variable, `COSIGN_PASSWORD`. Without a key cosign signs by identity, as it does by itself.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use thiserror::Error;

/// The program.
const COSIGN: &str = "cosign";
/// Where cosign finds keys that are in no file.
const SCHEMES: [&str; 8] = [
    "awskms://",
    "azurekms://",
    "env://",
    "gcpkms://",
    "gitlab://",
    "hashivault://",
    "k8s://",
    "pkcs11:",
];

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

/// Why an image is not signed.
#[derive(Debug, Error)]
pub enum SignError {
    /// It is no place of a key. What was given is not repeated: it may be the key.
    #[error(
        "--key is neither a file nor the URI of a key (awskms://, gcpkms://, env://COSIGN_PRIVATE_KEY, ..)"
    )]
    Key,
    /// The program is not there.
    #[error("cosign is not in PATH: install it (https://docs.sigstore.dev/cosign), or push without --sign")]
    Missing,
    /// It failed.
    #[error("{image} is pushed and not signed: cosign {how}")]
    Failed {
        /// What was to be signed.
        image: String,
        /// How it ended.
        how: String,
    },
}

impl Key {
    /// A key in a file, or one that a service holds.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, SignError> {
        let held = SCHEMES.iter().any(|scheme| text.starts_with(scheme));
        match held || Path::new(text).is_file() {
            true => Ok(Self(text.to_owned())),
            false => Err(SignError::Key),
        }
    }
}

/// Signs images.
#[derive(Clone, Debug)]
pub struct Signer {
    arguments: Vec<OsString>,
}

impl Signer {
    /// Looks for cosign. `more` are further options for it.
    ///
    /// # Errors
    /// It is not there.
    pub fn new(key: Option<&Key>, plain_http: bool, more: &[OsString]) -> Result<Self, SignError> {
        let found = Command::new(COSIGN).arg("version").output();
        if found.is_err() {
            return Err(SignError::Missing);
        }
        let mut arguments: Vec<OsString> = vec!["sign".into(), "--yes".into()];
        if let Some(Key(key)) = key {
            arguments.extend(["--key".into(), key.into()]);
        }
        if plain_http {
            arguments.push("--allow-http-registry".into());
        }
        arguments.extend(more.iter().cloned());
        Ok(Self { arguments })
    }

    /// Signs `registry.example.com/fairlead/rate-limit@sha256:..`. What cosign asks and says goes to the terminal, but not
    /// to standard output.
    ///
    /// # Errors
    /// cosign fails.
    pub fn sign(&self, image: &str) -> Result<(), SignError> {
        let failed = |how: String| SignError::Failed {
            image: image.to_owned(),
            how,
        };
        let mut command = Command::new(COSIGN);
        command.args(&self.arguments).arg(image).stdout(std::io::stderr());
        let status = command.status().map_err(|error| failed(error.to_string()))?;
        match status.success() {
            true => Ok(()),
            false => Err(failed(format!("ended with {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_and_never_given() {
        for held in [
            "awskms:///alias/a",
            "k8s://ns/secret",
            "pkcs11:token=a",
            "env://COSIGN_PRIVATE_KEY",
        ] {
            assert!(Key::parse(held).is_ok(), "{held}");
        }
        let secret = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----";
        let refused = Key::parse(secret).unwrap_err().to_string();
        assert!(!refused.contains("BEGIN"), "{refused}");
        assert!(Key::parse("not-there.key").is_err());
        assert!(Key::parse(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).is_ok());
    }
}
