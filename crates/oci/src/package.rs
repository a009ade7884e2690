//! From modules to a layout and a record.

use crate::attachment::{Attachment, Kind};
use crate::image::{About, Image};
use crate::layout::{Layout, NAME};
use crate::manifest::{Blob, Descriptor};
use crate::module::{Module, ModuleError};
use crate::record::{Image as Recorded, Record};
use crate::sbom::{Contents, SbomError, document};
use crate::source::Source;
use crate::{Digest, provenance};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// Where the list of what is in a module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SbomFrom {
    /// The source's folder: cargo is asked.
    Source,
    /// A folder with a CycloneDX document for each module: `rate-limit.cdx.json`.
    Folder(PathBuf),
    /// There is none.
    Nowhere,
}

/// What to package, and what to say about it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The files of the modules.
    pub modules: &'a [PathBuf],
    /// The folder of the layout, whose present contents are replaced.
    pub out: &'a Path,
    /// What they were built from.
    pub source: &'a Source,
    /// Where the source is for everybody: `https://github.com/fairlead/fairlead`.
    pub url: &'a str,
    /// The version of the modules.
    pub version: &'a str,
    /// When the images were made, as they say it, in seconds since 1970. What differs here differs in its digest.
    pub created: u64,
    /// Further annotations; one that is empty takes away what would be there.
    pub annotations: &'a BTreeMap<String, String>,
    /// Where the list of what is in a module comes from.
    pub sbom: &'a SbomFrom,
    /// Also write the attached documents into this folder.
    pub documents: Option<&'a Path>,
    /// The record of an earlier run: images that are still the same keep where they were pushed to.
    pub earlier: Option<&'a Record>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Packaged {
    /// To be kept for `push` and `render`.
    pub record: Record,
    /// Bytes that are fetched with each image of the record: manifest, config and layer.
    pub fetched: Vec<u64>,
    /// Documents that are attached to the images.
    pub attached: usize,
}

/// Why nothing was made.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no module.
    #[error("there is no module to package")]
    Nothing,
    /// A module cannot be packaged.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// Two files want the same name.
    #[error("two modules are called {0}: package them into two layouts")]
    Twice(String),
    /// What is in a module is not known.
    #[error(transparent)]
    Sbom(#[from] SbomError),
    /// The list of what is in a module is missing or something else.
    #[error("{path} is no CycloneDX document: {why} (`--sbom none` packages without)")]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A time lies further in the future than can be written.
    #[error("{0} seconds after 1970 is no time that can be written")]
    Time(u64),
    /// Something cannot be written.
    #[error("{path} cannot be written: {cause}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// Makes an image of each module, writes them as an OCI image layout, and returns the record of them.
///
/// # Errors
/// A module cannot be packaged, what is in it is not known, or the layout cannot be written; then the layout that was there
/// before still is.
pub fn package(request: &Request<'_>) -> Result<Packaged, Error> {
    let created = humantime_of(request.created)?;
    let modules = modules(request.modules)?;
    let about = About {
        version: request.version,
        revision: request.source.revision.as_deref(),
        url: request.url,
        created: &created,
        annotations: request.annotations,
    };
    let mut contents: BTreeMap<String, Contents> = BTreeMap::new();
    let mut blobs: Vec<Blob> = Vec::new();
    let mut listed = (Vec::new(), Vec::new());
    let (mut recorded, mut fetched) = (Vec::new(), Vec::new());
    for (stem, module) in &modules {
        let image = Image::of(module, &about).map_err(|cause| io(request.out, cause))?;
        let documents = [
            (Kind::Sbom, sbom(request, stem, module, &mut contents)?),
            (
                Kind::Provenance,
                Some(statement(request, module, &image.manifest.digest)?),
            ),
        ];
        for (kind, document) in documents {
            let Some(document) = document else { continue };
            if let Some(folder) = request.documents {
                let path = folder.join(kind.file(stem));
                crate::layout::replace(&path, &document).map_err(|cause| io(&path, cause))?;
            }
            let subject = image.manifest.descriptor();
            let attachment = Attachment::new(kind, stem, document, subject)
                .map_err(|error| io(request.out, error.into()))?;
            listed.1.push(attachment.descriptor());
            blobs.extend([attachment.manifest, attachment.config, attachment.document]);
        }
        listed.0.push(Descriptor {
            annotations: BTreeMap::from([(NAME.to_owned(), stem.clone())]),
            ..image.manifest.descriptor()
        });
        recorded.push(record(stem, module, &image));
        let parts = [image.manifest, image.config, image.layer];
        fetched.push(parts.iter().map(|blob| blob.bytes.len() as u64).sum());
        blobs.extend(parts);
    }
    let attached = listed.1.len();
    let all: Vec<&Blob> = blobs.iter().collect();
    let manifests = listed.0.into_iter().chain(listed.1).collect();
    Layout::write(request.out, &all, manifests).map_err(|cause| io(request.out, cause))?;
    let revision = request.source.revision.clone();
    let mut record = Record::new(request.version.to_owned(), revision, recorded);
    if let Some(earlier) = request.earlier {
        record.keep_references(earlier);
    }
    Ok(Packaged {
        record,
        fetched,
        attached,
    })
}

/// Reads modules, in the order of their names, whatever order they are given in.
fn modules(paths: &[PathBuf]) -> Result<BTreeMap<String, Module>, Error> {
    let mut modules = BTreeMap::new();
    for path in paths {
        let module = Module::read(path)?;
        let stem = module.stem();
        if modules.insert(stem.clone(), module).is_some() {
            return Err(Error::Twice(stem));
        }
    }
    if modules.is_empty() {
        return Err(Error::Nothing);
    }
    Ok(modules)
}

/// The list of what is in a module. Both builds of a module are of the same crates, so cargo is asked once.
fn sbom(
    request: &Request<'_>,
    stem: &str,
    module: &Module,
    known: &mut BTreeMap<String, Contents>,
) -> Result<Option<Vec<u8>>, Error> {
    match request.sbom {
        SbomFrom::Nowhere => Ok(None),
        SbomFrom::Folder(folder) => given(&folder.join(Kind::Sbom.file(stem))).map(Some),
        SbomFrom::Source => {
            let contents = match known.get(&module.name) {
                Some(contents) => contents.clone(),
                None => Contents::of(&module.name, request.source)?,
            };
            let text = document(&contents, module, request.version)
                .map_err(|error| io(request.out, error.into()))?;
            known.insert(module.name.clone(), contents);
            Ok(Some(text))
        }
    }
}

/// A document from elsewhere, as it is.
fn given(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |why: String| Error::Document {
        path: path.to_owned(),
        why,
    };
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let read: serde_json::Value = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
    match read.get("bomFormat").and_then(serde_json::Value::as_str) {
        Some("CycloneDX") => Ok(text),
        _ => Err(failed("its bomFormat is not CycloneDX".to_owned())),
    }
}

fn statement(request: &Request<'_>, module: &Module, image: &Digest) -> Result<Vec<u8>, Error> {
    provenance::document(module, image, request.source, request.url)
        .map_err(|error| io(request.out, error.into()))
}

fn record(stem: &str, module: &Module, image: &Image) -> Recorded {
    Recorded {
        module: module.name.clone(),
        build: module.build,
        file: format!("{stem}.wasm"),
        wasm_sha256: Digest::of(&module.bytes).hex().to_owned(),
        bytes: module.bytes.len() as u64,
        digest: image.manifest.digest.clone(),
        left_out: module.left_out.clone(),
        reference: None,
    }
}

/// A time as RFC 3339 has it.
fn humantime_of(seconds: u64) -> Result<String, Error> {
    // What is later than the year 9999 cannot be written.
    const LAST: u64 = 253_402_300_799;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let time = time.filter(|_| seconds <= LAST).ok_or(Error::Time(seconds))?;
    Ok(humantime::format_rfc3339_seconds(time).to_string())
}

fn io(path: &Path, cause: std::io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests;
