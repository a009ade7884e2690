//! Images from a layout to a registry, with what is attached to them.
//!
//! The registry's protocol is `oci-client`'s, credentials are what Docker's configuration holds ([`credentials`]). What was
//! pushed is read back: an image counts as pushed when the registry answers its tag with the bytes that were sent.
//!
//! What is attached is found by the referrers API of OCI 1.1. Registries that lack it keep the list under a tag made of the
//! image's digest, `sha256-..`; that list is read, added to and written back, so two pushes at once to such a registry may
//! lose an entry of each other's.
//!
//! A registry that is too busy is asked again for some seconds ([`busy`]).
//!
//! What this does not do: put several platforms behind one name, delete, or keep secrets.

mod busy;
mod credentials;
mod error;
mod referrers;
mod sign;
mod target;

pub use error::PushError;
pub use sign::{Key, SignError, Signer};
pub use target::{Target, TargetError};

use crate::manifest::{Descriptor, MANIFEST};
use crate::{Digest, Image, Layout};
use busy::{PAUSE, patiently};
use credentials::Credentials;
use error::Call;
use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::{Client, Reference, RegistryOperation};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The longest that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a registry may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Pushes images of one layout to one place.
#[derive(Debug)]
pub struct Pusher {
    layout: Layout,
    target: Target,
    tag: String,
    call: Call,
    credentials: Credentials,
    client: NoDebug,
    runtime: Runtime,
}

/// The client, which would show credentials.
struct NoDebug(Client);

impl std::fmt::Debug for NoDebug {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Client")
    }
}

/// An image that is in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its repository: `registry.example.com/fairlead/rate-limit`.
    pub reference: String,
    /// The digest that the registry answers.
    pub digest: Digest,
    /// What the tag was of before, if that was another image.
    pub moved_from: Option<String>,
    /// Bytes that the registry did not have.
    pub sent: u64,
    /// Media types of what is attached.
    pub attached: Vec<String>,
}

impl Pusher {
    /// Prepares to push images of `layout` under `tag`.
    ///
    /// # Errors
    /// The credentials cannot be read, or no client can be made.
    pub fn new(layout: Layout, target: Target, tag: String) -> Result<Self, PushError> {
        let credentials = Credentials::of(&target.registry)?;
        // Another one may have been chosen for the process, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |why: String| PushError::Client { why };
        let config = ClientConfig {
            protocol: match target.plain {
                true => ClientProtocol::Http,
                false => ClientProtocol::Https,
            },
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("fairlead/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| failed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            call: Call {
                registry: target.registry.clone(),
                known: credentials.are_known(),
            },
            layout,
            target,
            tag,
            credentials,
            client: NoDebug(client),
            runtime,
        })
    }

    /// Whether credentials will go to the registry without encryption.
    #[must_use]
    pub const fn shows_credentials(&self) -> bool {
        self.target.plain && !self.target.loopback && self.credentials.are_known()
    }

    /// Pushes an image and what is attached to it. `on_bytes` is told what has arrived, and what was there already.
    ///
    /// # Errors
    /// The layout lacks it, or the registry does not take it, or answers something else afterwards.
    pub fn push(&self, image: &Image, on_bytes: &dyn Fn(u64)) -> Result<Pushed, PushError> {
        self.runtime.block_on(self.push_all(image, on_bytes))
    }

    /// Bytes of an image and of what is attached to it.
    ///
    /// # Errors
    /// The layout lacks something.
    pub fn bytes(&self, image: &Image) -> Result<u64, PushError> {
        let mut bytes = self.content(&image.digest)?.1;
        for attachment in self.attached_to(&image.digest)? {
            bytes += self.content(&attachment.digest)?.1;
        }
        Ok(bytes)
    }

    async fn push_all(&self, image: &Image, on_bytes: &dyn Fn(u64)) -> Result<Pushed, PushError> {
        let tagged = self.target.reference(image.stem(), self.tag.clone());
        let auth = self.credentials.auth();
        let client = &self.client.0;
        let answered = patiently(PAUSE, || client.auth(&tagged, &auth, RegistryOperation::Push)).await;
        answered.map_err(|error| self.call.failed(&tagged, error))?;
        let before = self.tag_now(&tagged).await;
        let mut sent = self.send(&tagged, &image.digest, on_bytes).await?;
        let answered = self.tag_now(&tagged).await;
        if answered.as_deref() != Some(image.digest.as_str()) {
            return Err(PushError::Mismatch {
                reference: tagged.whole(),
                pushed: image.digest.clone(),
                answered,
            });
        }
        let attached = self.attached_to(&image.digest)?;
        for attachment in &attached {
            let by_digest = self.target.by_digest(image.stem(), &attachment.digest);
            sent += self.send(&by_digest, &attachment.digest, on_bytes).await?;
        }
        referrers::list(self, image, &attached).await?;
        Ok(Pushed {
            reference: self.target.repository(image.stem()),
            digest: image.digest.clone(),
            moved_from: before.filter(|before| before != image.digest.as_str()),
            sent,
            attached: attached.into_iter().filter_map(|it| it.artifact_type).collect(),
        })
    }

    /// Sends a manifest and what it names, the latter first.
    async fn send(
        &self,
        to: &Reference,
        manifest: &Digest,
        on_bytes: &dyn Fn(u64),
    ) -> Result<u64, PushError> {
        let failed = |error| self.call.failed(to, error);
        let mut sent = 0;
        let (bytes, parts) = self.layout.manifest(manifest).map_err(PushError::layout)?;
        for part in parts.layers.iter().chain([&parts.config]) {
            let there = patiently(PAUSE, || self.client.0.blob_exists(to, part.digest.as_str())).await;
            // Some registries refuse to say so in a repository that is not there yet.
            if !there.unwrap_or(false) {
                let blob = self.layout.blob(&part.digest).map_err(PushError::layout)?;
                self.send_blob(to, blob, &part.digest).await.map_err(failed)?;
                sent += part.size;
            }
            on_bytes(part.size);
        }
        let size = bytes.len() as u64;
        self.send_manifest(to, bytes, MANIFEST).await?;
        on_bytes(size);
        Ok(sent + size)
    }

    /// Sends a blob. Some registries do not say where they have put it (go-containerregistry's); whether it is there can be
    /// asked.
    async fn send_blob(
        &self,
        to: &Reference,
        blob: Vec<u8>,
        digest: &Digest,
    ) -> Result<(), OciDistributionError> {
        let client = &self.client.0;
        match patiently(PAUSE, || client.push_blob(to, blob.clone(), digest.as_str())).await {
            Err(OciDistributionError::RegistryNoLocationError)
                if patiently(PAUSE, || client.blob_exists(to, digest.as_str())).await? =>
            {
                Ok(())
            }
            pushed => pushed.map(drop),
        }
    }

    async fn send_manifest(&self, to: &Reference, bytes: Vec<u8>, media_type: &str) -> Result<(), PushError> {
        let header = HeaderValue::from_str(media_type).map_err(|_| PushError::Client {
            why: format!("{media_type} is no header"),
        })?;
        let client = &self.client.0;
        let pushed = patiently(PAUSE, || {
            client.push_manifest_raw(to, bytes.clone(), header.clone())
        })
        .await;
        pushed.map(drop).map_err(|error| self.call.failed(to, error))
    }

    /// What the registry answers for a tag, if it is of one of these media types.
    async fn manifest_now(
        &self,
        tagged: &Reference,
        accepted: &[&str],
    ) -> Result<Vec<u8>, OciDistributionError> {
        let (auth, client) = (self.credentials.auth(), &self.client.0);
        let answered = patiently(PAUSE, || client.pull_manifest_raw(tagged, &auth, accepted)).await;
        answered.map(|(bytes, _)| bytes.into())
    }

    /// The digest of what the registry answers for a tag, of its bytes rather than as it says.
    async fn tag_now(&self, tagged: &Reference) -> Option<String> {
        let answered = self.manifest_now(tagged, &[MANIFEST]).await;
        answered.ok().map(|bytes| Digest::of(&bytes).into())
    }

    /// What the layout lists that is about an image.
    fn attached_to(&self, image: &Digest) -> Result<Vec<Descriptor>, PushError> {
        let mut attached = Vec::new();
        for listed in self.layout.manifests() {
            let (_, manifest) = self.layout.manifest(&listed.digest).map_err(PushError::layout)?;
            if manifest.subject.is_some_and(|subject| subject.digest == *image) {
                attached.push(listed.clone());
            }
        }
        Ok(attached)
    }

    /// A manifest with what it names: which digest, how many bytes.
    fn content(&self, manifest: &Digest) -> Result<(Digest, u64), PushError> {
        let (bytes, parts) = self.layout.manifest(manifest).map_err(PushError::layout)?;
        let parts: u64 = parts
            .layers
            .iter()
            .chain([&parts.config])
            .map(|part| part.size)
            .sum();
        Ok((manifest.clone(), bytes.len() as u64 + parts))
    }
}

#[cfg(test)]
mod tests;
