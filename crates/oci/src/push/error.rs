//! Why an image is not in the registry, and what to do about it.

use crate::Digest;
use oci_client::Reference;
use oci_client::errors::{OciDistributionError as Error, OciErrorCode};
use std::fmt::Write as _;

/// Why something was not pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The layout lacks something, or holds something else.
    #[error("the layout is incomplete: {cause} (write it again: `fairlead package`)")]
    Layout {
        /// What is wrong with it.
        cause: std::io::Error,
    },
    /// The credentials that there are cannot be used.
    #[error("Docker's configuration has no usable credentials for {registry}: {why}")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why.
        why: String,
    },
    /// There is no client.
    #[error("no client can be made: {why}")]
    Client {
        /// Why.
        why: String,
    },
    /// The registry cannot be talked to.
    #[error("{registry} does not answer: {why} ({hint})")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why.
        why: String,
        /// What to look at.
        hint: &'static str,
    },
    /// The registry does not let us.
    #[error("{registry} does not let this push to {reference}: {}", who(*known, registry))]
    Refused {
        /// The registry.
        registry: String,
        /// Where to.
        reference: String,
        /// Whether it was told who asks.
        known: bool,
    },
    /// The registry answers something else than what it was sent.
    #[error(
        "{reference} was pushed as {pushed}, and the registry answers {}: do not deploy it, and see whether somebody else \
         pushes this tag, or something between here and the registry rewrites images",
        answered.as_deref().unwrap_or("nothing")
    )]
    Mismatch {
        /// The tag.
        reference: String,
        /// What was sent.
        pushed: Digest,
        /// What came back.
        answered: Option<String>,
    },
    /// What is attached cannot be found afterwards.
    #[error(
        "{reference} is there, and what is attached to it is not listed: push again, and see whether the registry keeps the tag {tag}"
    )]
    NotListed {
        /// The image.
        reference: String,
        /// Where lists are kept for want of an API.
        tag: String,
    },
    /// The registry refuses for another reason.
    #[error("{reference} was not taken: {why}")]
    Other {
        /// Where to.
        reference: String,
        /// The registry's words.
        why: String,
    },
}

fn who(known: bool, registry: &str) -> String {
    match known {
        true => {
            "the credentials in Docker's configuration are not accepted, or may not write there".to_owned()
        }
        false => format!("Docker's configuration has no credentials for it: `docker login {registry}`"),
    }
}

impl PushError {
    pub(super) fn layout(cause: std::io::Error) -> Self {
        Self::Layout { cause }
    }
}

/// What is said to one registry.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) registry: String,
    /// Whether there are credentials for it.
    pub(super) known: bool,
}

impl Call {
    /// What a failure means.
    pub(super) fn failed(&self, to: &Reference, error: Error) -> PushError {
        let other = |why: String| PushError::Other {
            reference: to.whole(),
            why,
        };
        match error {
            // What an authority answers may repeat what it was sent.
            Error::AuthenticationFailure(_) | Error::UnauthorizedError { .. } => self.refused(to),
            Error::ServerError { code: 401 | 403, .. } => self.refused(to),
            Error::RegistryError { envelope, .. } => {
                let denied =
                    |code: &OciErrorCode| matches!(code, OciErrorCode::Unauthorized | OciErrorCode::Denied);
                if envelope.errors.iter().any(|error| denied(&error.code)) {
                    return self.refused(to);
                }
                other(envelope.to_string())
            }
            Error::ServerError { code, message, .. } => {
                let message: String = message.chars().take(300).collect();
                other(format!("status {code}: {}", message.trim()))
            }
            Error::RequestError(error) => match error.status().map(|status| status.as_u16()) {
                Some(401 | 403) => self.refused(to),
                Some(code) => other(format!("status {code}")),
                None => self.unreachable(&chain(&error.without_url())),
            },
            Error::IoError(error) => self.unreachable(&error.to_string()),
            error => other(error.to_string()),
        }
    }

    fn refused(&self, to: &Reference) -> PushError {
        PushError::Refused {
            registry: self.registry.clone(),
            reference: to.whole(),
            known: self.known,
        }
    }

    fn unreachable(&self, why: &str) -> PushError {
        let not_tls = ["InvalidContentType", "corrupt message", "handshake eof"];
        let hint = if not_tls.iter().any(|sign| why.contains(sign)) {
            "it seems not to speak TLS: `--plain-http` goes without"
        } else if why.contains("certificate") {
            "trust its authority on this machine, or name the authority's file in SSL_CERT_FILE"
        } else {
            "check the name and the port, and whether a proxy is needed: HTTPS_PROXY"
        };
        PushError::Unreachable {
            registry: self.registry.clone(),
            why: why.to_owned(),
            hint,
        }
    }
}

/// An error and what it comes from, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}
