//! Which build of a module a config can have, and the image that it is in.
//!
//! A lean build lacks callbacks and refuses a config that needs one of those (docs/adr/0015). What a config needs is asked of
//! the stage itself, as the module asks it.

mod needs;
mod record;

pub use record::Record;

use crate::names;
use crate::options::{Build, Options, Target};
use crate::problem::Report;
use fairlead_config::Module;
use record::Image;

/// Where a registry is to be named.
const NO_REGISTRY: &str = "registry.example.com";

/// Where a module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Name of its file, without the ending.
    pub(crate) stem: String,
    /// Registry and name of its image.
    pub(crate) repository: String,
    pub(crate) version: Version,
    /// What a lean build lacks, if this is one.
    pub(crate) left_out: Option<Vec<String>>,
}

/// Which of the images of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The digest of its manifest, in hex, without `sha256:`.
    Digest(String),
    /// A tag, which may be another image tomorrow.
    Tag(String),
}

impl Source {
    /// `registry/image@sha256:..` or `registry/image:tag`.
    pub(crate) fn reference(&self) -> String {
        match &self.version {
            Version::Digest(hex) => format!("{}@sha256:{hex}", self.repository),
            Version::Tag(tag) => format!("{}:{tag}", self.repository),
        }
    }

    /// The manifest's digest, in hex.
    pub(crate) fn sha256(&self) -> Option<&str> {
        match &self.version {
            Version::Digest(hex) => Some(hex),
            Version::Tag(_) => None,
        }
    }
}

/// What is wrong with the options about images, whatever the modules are.
pub(crate) fn check(options: &Options, images: Option<&Record>, report: &mut Report) {
    let mut checked = |at: &str, value: &Option<String>, check: fn(&str) -> Result<(), String>| {
        if let Some(Err(why)) = value.as_deref().map(check) {
            report.refuse(at, why);
        }
    };
    checked("--registry", &options.registry, names::registry);
    checked("--tag", &options.tag, names::tag);
    checked("--pull-secret", &options.pull_secret, names::subdomain);
    if options.target == Target::Envoy {
        return;
    }
    let known = images.is_some_and(|record| record.images.iter().all(|image| image.reference.is_some()));
    if options.registry.is_none() && !known {
        report.warn(
            "--registry",
            format!("is not given, and no push is on record: {NO_REGISTRY} stands where yours belongs"),
        );
    }
    match (&options.tag, images) {
        (Some(tag), _) => report.warn(
            "--tag",
            format!("{tag} may be another image tomorrow: leave it out, with a record of images, to pin each by its digest"),
        ),
        (None, None) => report.warn(
            "--images",
            "there is no record of images, so that the url ends in a tag and is not pinned: run fairlead package, or name its \
             images.json",
        ),
        (None, Some(_)) => {}
    }
}

/// The source of a module that is to serve a config.
pub(crate) fn choose(
    module: Module,
    config: &[u8],
    options: &Options,
    images: Option<&Record>,
    report: &mut Report,
) -> Option<Source> {
    let needed = needs::callbacks(module, config);
    let lean = images.and_then(|record| record.image(module, "lean"));
    let missing = |image: &Image| -> Vec<String> {
        let known = |callback: &&String| !needs::ALL.contains(&callback.as_str());
        let gone = image.left_out.iter();
        gone.filter(|callback| known(callback) || needed.contains(&callback.as_str()))
            .cloned()
            .collect()
    };
    let name = module.file_name();
    let is_lean = match (options.build, lean, images) {
        (Build::Full, _, _) => false,
        (Build::Auto, lean, _) => lean.is_some_and(|image| missing(image).is_empty()),
        (Build::Lean, Some(image), _) => {
            let missing = missing(image);
            if !missing.is_empty() {
                let why = needs::reason(module);
                report.refuse(
                    "--build",
                    format!(
                        "lean, and {name}-lean lacks {}, which {why} needs: write full or auto",
                        missing.join(", ")
                    ),
                );
            }
            true
        }
        (Build::Lean, None, Some(_)) => {
            report.refuse(
                "--build",
                format!("lean, and there is no lean build of {name} on record: write full or auto"),
            );
            true
        }
        (Build::Lean, None, None) => {
            report.warn(
                "--build",
                format!("lean: whether {name}-lean has what the config needs is not known without a record; if not, it refuses it"),
            );
            true
        }
    };
    let stem = if is_lean {
        format!("{name}-lean")
    } else {
        name.to_owned()
    };
    let image = images.and_then(|record| record.image(module, if is_lean { "lean" } else { "full" }));
    if let (None, Some(_), false) = (image, images, is_lean) {
        report.refuse(
            "--images",
            format!("has no image of {name}: package it, or name another record"),
        );
        return None;
    }
    let recorded = image.and_then(|image| image.reference.clone());
    let repository = match (&options.registry, recorded) {
        (None, Some(recorded)) => recorded,
        (registry, _) => format!("{}/fairlead/{stem}", registry.as_deref().unwrap_or(NO_REGISTRY)),
    };
    let version = match (&options.tag, image) {
        (None, Some(image)) => Version::Digest(image.digest.clone()),
        (Some(tag), _) => Version::Tag(tag.clone()),
        (None, None) => Version::Tag(env!("CARGO_PKG_VERSION").to_owned()),
    };
    Some(Source {
        left_out: is_lean.then(|| image.map(|image| image.left_out.clone()).unwrap_or_default()),
        stem,
        repository,
        version,
    })
}
