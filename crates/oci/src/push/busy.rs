//! Trying again what a registry was too busy for.

use oci_client::errors::{OciDistributionError as Error, OciErrorCode};
use std::time::Duration;

/// How often something is asked for at most.
const TRIES: u32 = 5;
/// The pause after the first try; each further one is twice as long, 7.5 seconds in all. A registry's own wish
/// (`Retry-After`) is not known: the client keeps it to itself.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// What `call` yields, which is tried again while the registry is busy. Everything that is sent to a registry has a digest
/// or a tag for a name, so that saying it twice changes nothing.
///
/// # Errors
/// The last try failed, or one failed for a reason that does not pass.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    pause: Duration,
    mut call: impl FnMut() -> F,
) -> Result<T, Error> {
    let mut pause = pause;
    for _ in 1..TRIES {
        match call().await {
            Err(error) if passes(&error) => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    call().await
}

/// Whether a failure is one of the moment.
fn passes(error: &Error) -> bool {
    match error {
        Error::ServerError { code, .. } => is_busy(*code),
        Error::RequestError(error) => error.status().is_some_and(|status| is_busy(status.as_u16())),
        Error::RegistryError { envelope, .. } => {
            (envelope.errors.iter()).any(|error| error.code == OciErrorCode::Toomanyrequests)
        }
        _ => false,
    }
}

/// Statuses of too many requests, and of servers and gateways in trouble (RFC 9110, 15.6; RFC 6585, 4).
const fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 500 | 502..=504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_client::errors::{OciEnvelope, OciError};
    use std::cell::Cell;

    fn status(code: u16) -> Error {
        Error::ServerError {
            code,
            url: String::new(),
            message: String::new(),
        }
    }

    fn envelope(code: OciErrorCode) -> Error {
        let error = OciError {
            code,
            message: String::new(),
            detail: serde_json::Value::Null,
        };
        Error::RegistryError {
            envelope: OciEnvelope { errors: vec![error] },
            url: String::new(),
        }
    }

    /// How often something is tried that fails so the first `failures` times, and whether it came about.
    fn tries(failures: u32, error: impl Fn() -> Error) -> (u32, bool) {
        let tried = Cell::new(0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let done = runtime.unwrap().block_on(patiently(Duration::ZERO, || {
            tried.set(tried.get() + 1);
            let fails = tried.get() <= failures;
            std::future::ready(if fails { Err(error()) } else { Ok(()) })
        }));
        (tried.get(), done.is_ok())
    }

    #[test]
    fn what_is_busy_is_asked_again_and_not_for_ever() {
        let busy = || status(503);
        assert_eq!(tries(0, busy), (1, true));
        assert_eq!(tries(1, busy), (2, true));
        assert_eq!(tries(TRIES - 1, busy), (TRIES, true));
        assert_eq!(tries(TRIES, busy), (TRIES, false));
        assert_eq!(
            tries(u32::MAX, || envelope(OciErrorCode::Toomanyrequests)),
            (TRIES, false)
        );
    }

    #[test]
    fn an_answer_that_stays_is_taken_the_first_time() {
        for code in [400, 401, 403, 404, 413, 501, 505] {
            assert_eq!(tries(1, || status(code)), (1, false), "{code}");
        }
        for code in [429, 500, 502, 503, 504] {
            assert_eq!(tries(1, || status(code)), (2, true), "{code}");
        }
        assert_eq!(tries(1, || envelope(OciErrorCode::Denied)), (1, false));
        assert_eq!(tries(1, || Error::RegistryNoLocationError), (1, false));
    }
}
