//! An image of one module: a manifest, a config, one layer.
//!
//! One manifest, not an index of several platforms: an agent that was told the digest of an index refuses it, because what
//! it compares is the digest of the manifest that it chose from there. The platform in the config is one that Docker and
//! registries know; agents do not look at it, and a module has none.

use crate::manifest::{Blob, CONFIG, Config, LAYER, Labels, MANIFEST, Manifest, RootFs, Step};
use crate::module::{Build, Module};
use crate::{Digest, layer};
use std::collections::BTreeMap;

/// What is the same for all images of a run.
#[derive(Clone, Debug)]
pub(crate) struct About<'a> {
    /// Version of the modules.
    pub(crate) version: &'a str,
    /// The commit that they were built from.
    pub(crate) revision: Option<&'a str>,
    /// Where their source is.
    pub(crate) url: &'a str,
    /// When, as RFC 3339 has it.
    pub(crate) created: &'a str,
    /// Further annotations. One without a value takes away what would be there.
    pub(crate) annotations: &'a BTreeMap<String, String>,
}

/// The parts of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) manifest: Blob,
    pub(crate) config: Blob,
    pub(crate) layer: Blob,
}

impl Image {
    /// Makes the image of a module.
    pub(crate) fn of(module: &Module, about: &About<'_>) -> std::io::Result<Self> {
        let archive = layer::archive(&module.bytes)?;
        let annotations = annotations(module, about);
        let layer = Blob::new(LAYER, layer::gzip(&archive));
        let config = Blob::json(
            CONFIG,
            &Config {
                architecture: "amd64",
                config: Labels {
                    labels: annotations.clone(),
                },
                created: about.created.to_owned(),
                history: vec![Step {
                    created: about.created.to_owned(),
                    created_by: "fairlead package",
                }],
                os: "linux",
                rootfs: RootFs {
                    diff_ids: vec![Digest::of(&archive)],
                    kind: "layers",
                },
            },
        )?;
        let manifest = Blob::json(
            MANIFEST,
            &Manifest {
                schema_version: 2,
                media_type: MANIFEST.to_owned(),
                artifact_type: None,
                config: config.descriptor(),
                layers: vec![layer.descriptor()],
                subject: None,
                annotations,
            },
        )?;
        Ok(Self {
            manifest,
            config,
            layer,
        })
    }
}

/// What the image says about itself: the keys of the image format, and four of ours.
fn annotations(module: &Module, about: &About<'_>) -> BTreeMap<String, String> {
    let name = &module.name;
    let (title, description) = match module.build {
        Build::Full => (
            format!("Fairlead {name}"),
            format!("{name}.wasm of Fairlead, a proxy-wasm module for Envoy and Istio"),
        ),
        Build::Lean => (
            format!("Fairlead {name}, lean build"),
            format!(
                "{name}.wasm of Fairlead, a proxy-wasm module for Envoy and Istio, without {}",
                module.left_out.join(", ")
            ),
        ),
    };
    let left_out = match module.build {
        Build::Full => String::new(),
        Build::Lean => module.left_out.join(","),
    };
    let all = [
        ("io.github.fairlead.build", module.build.name().to_owned()),
        ("io.github.fairlead.left-out", left_out),
        ("io.github.fairlead.module", name.clone()),
        (
            "io.github.fairlead.wasm-sha256",
            Digest::of(&module.bytes).hex().to_owned(),
        ),
        ("org.opencontainers.image.created", about.created.to_owned()),
        ("org.opencontainers.image.description", description),
        (
            "org.opencontainers.image.documentation",
            format!("{}/blob/main/docs/images.md", about.url),
        ),
        (
            "org.opencontainers.image.licenses",
            env!("CARGO_PKG_LICENSE").to_owned(),
        ),
        (
            "org.opencontainers.image.revision",
            about.revision.unwrap_or_default().to_owned(),
        ),
        ("org.opencontainers.image.source", about.url.to_owned()),
        ("org.opencontainers.image.title", title),
        (
            "org.opencontainers.image.vendor",
            env!("CARGO_PKG_AUTHORS").to_owned(),
        ),
        ("org.opencontainers.image.version", about.version.to_owned()),
    ];
    let all = all.into_iter().map(|(key, value)| (key.to_owned(), value));
    let mut annotations: BTreeMap<String, String> = all.chain(about.annotations.clone()).collect();
    annotations.retain(|_, value| !value.is_empty());
    annotations
}

#[cfg(test)]
mod tests;
