//! The documents of the OCI image format that an image is made of: descriptors, manifests, the index, the config.
//!
//! Own types rather than those of a crate, because their bytes are what a digest is of: fields are written in the order
//! of these declarations and annotations in that of their keys, on every machine. The crates that there are keep
//! annotations in a hash map, whose order is another one each time.
//!
//! Source: <https://github.com/opencontainers/image-spec> v1.1.

use crate::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Media type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of the config of an image.
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of the one layer that Istio's agent unpacks (its other forms are refused by some version of it).
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of the config of what is no image.
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Bytes and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) media_type: &'static str,
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self {
            media_type,
            digest,
            bytes,
        }
    }

    /// A document as it is stored: on one line.
    pub(crate) fn json(
        media_type: &'static str,
        document: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self::new(media_type, serde_json::to_vec(document)?))
    }

    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.to_owned(),
            digest: self.digest.clone(),
            size: self.bytes.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// What one document says of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A manifest: of an image, or of what is attached to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    pub(crate) media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What a layout holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u32,
    pub(crate) media_type: String,
    pub(crate) manifests: Vec<Descriptor>,
}

/// The config of an image, as Docker and containerd want one too.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Config {
    pub(crate) architecture: &'static str,
    pub(crate) config: Labels,
    pub(crate) created: String,
    pub(crate) history: Vec<Step>,
    pub(crate) os: &'static str,
    pub(crate) rootfs: RootFs,
}

/// What `docker inspect` shows of an image: the same as its annotations.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Labels {
    #[serde(rename = "Labels")]
    pub(crate) labels: BTreeMap<String, String>,
}

/// How a layer came to be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) created: String,
    pub(crate) created_by: &'static str,
}

/// The layers of an image before they were compressed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RootFs {
    pub(crate) diff_ids: Vec<Digest>,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
}
