//! Credentials, from where Docker keeps them: `DOCKER_CONFIG` or `~/.docker/config.json`, and the helpers it names.
//!
//! They are in no argument, no message and no debug output.

use super::PushError;
use docker_credential::{CredentialRetrievalError as Why, DockerCredential};
use oci_client::secrets::RegistryAuth;

/// The name that Docker keeps the credentials of its own registry under.
const HUB: &str = "https://index.docker.io/v1/";

/// What one registry is told.
#[derive(Debug)]
pub(super) struct Credentials(RegistryAuth);

impl Credentials {
    /// The credentials for a registry; none if there are none for it.
    ///
    /// # Errors
    /// There are some that cannot be read or used.
    pub(super) fn of(registry: &str) -> Result<Self, PushError> {
        let server = match registry {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => HUB,
            other => other,
        };
        let failed = |why: String| PushError::Credentials {
            registry: registry.to_owned(),
            why,
        };
        match docker_credential::get_credential(server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Self(RegistryAuth::Basic(user, password))),
            Ok(DockerCredential::IdentityToken(_)) => Err(failed(
                "it holds an identity token, which is not understood here: log in with an access token as the password"
                    .to_owned(),
            )),
            // No file is as good as one without this registry.
            Err(Why::NoCredentialConfigured | Why::ConfigNotFound | Why::ConfigReadError) => {
                Ok(Self(RegistryAuth::Anonymous))
            }
            Err(Why::HelperFailure { stdout, .. }) if says_none(&stdout) => Ok(Self(RegistryAuth::Anonymous)),
            // What it printed may hold a secret.
            Err(Why::HelperFailure { helper, .. }) => Err(failed(format!(
                "docker-credential-{helper} failed: try `docker-credential-{helper} get`, or log in again"
            ))),
            Err(other) => Err(failed(other.to_string())),
        }
    }

    #[cfg(test)]
    pub(super) fn parts(user: &str, password: &str) -> Self {
        Self(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
    }

    /// Whether there are any.
    pub(super) const fn are_known(&self) -> bool {
        !matches!(self.0, RegistryAuth::Anonymous)
    }

    /// What the client is given.
    pub(super) fn auth(&self) -> RegistryAuth {
        self.0.clone()
    }
}

/// How helpers say that they know nothing of a registry.
fn says_none(stdout: &str) -> bool {
    stdout.trim() == "credentials not found in native keychain"
}
