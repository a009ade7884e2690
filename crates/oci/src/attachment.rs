//! What is attached to an image: documents about it that are found by its digest and do not change it.
//!
//! Each is a manifest of its own whose `subject` is the image (OCI 1.1 referrers). Image and documents have digests of
//! their own, so an image is the same with and without them.

use crate::manifest::{Blob, Descriptor, EMPTY, MANIFEST, Manifest};
use std::collections::BTreeMap;

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What a module is made of, as CycloneDX.
    Sbom,
    /// How a module was made, as an in-toto statement.
    Provenance,
}

impl Kind {
    /// Its media type, which is also the type of the artifact: what tools ask for.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Sbom => "application/vnd.cyclonedx+json",
            Self::Provenance => "application/vnd.in-toto+json",
        }
    }

    /// The name of the document of an image, as a file.
    pub(crate) fn file(self, stem: &str) -> String {
        match self {
            Self::Sbom => format!("{stem}.cdx.json"),
            Self::Provenance => format!("{stem}.intoto.json"),
        }
    }
}

/// A document and the manifest that attaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) kind: Kind,
    pub(crate) manifest: Blob,
    pub(crate) config: Blob,
    pub(crate) document: Blob,
}

impl Attachment {
    /// Attaches a document to an image.
    pub(crate) fn new(
        kind: Kind,
        stem: &str,
        document: Vec<u8>,
        subject: Descriptor,
    ) -> Result<Self, serde_json::Error> {
        let config = Blob::new(EMPTY, b"{}".to_vec());
        let document = Blob::new(kind.media_type(), document);
        let mut layer = document.descriptor();
        layer.annotations = title(kind, stem);
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(kind.media_type().to_owned()),
            config: config.descriptor(),
            layers: vec![layer],
            subject: Some(subject),
            annotations: title(kind, stem),
        };
        Ok(Self {
            kind,
            manifest: Blob::json(MANIFEST, &manifest)?,
            config,
            document,
        })
    }

    /// How an index lists it.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor {
            artifact_type: Some(self.kind.media_type().to_owned()),
            ..self.manifest.descriptor()
        }
    }
}

fn title(kind: Kind, stem: &str) -> BTreeMap<String, String> {
    let key = "org.opencontainers.image.title";
    BTreeMap::from([(key.to_owned(), kind.file(stem))])
}
