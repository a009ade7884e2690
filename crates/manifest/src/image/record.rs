//! The record of packaged images, `dist/images.json`.

use fairlead_config::Module;
use serde::Deserialize;

/// The images that were packaged together.
#[derive(Clone, Debug)]
pub struct Record {
    pub(super) images: Vec<Image>,
}

/// An image of a build of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    module: Module,
    build: String,
    /// Of its manifest, in hex.
    pub(super) digest: String,
    pub(super) left_out: Vec<String>,
    /// Where it went, without a tag.
    pub(super) reference: Option<String>,
}

#[derive(Deserialize)]
struct RawRecord {
    format: u32,
    images: Vec<RawImage>,
}

#[derive(Deserialize)]
struct RawImage {
    module: String,
    build: String,
    digest: String,
    #[serde(default)]
    left_out: Vec<String>,
    #[serde(default)]
    reference: Option<String>,
}

impl Record {
    /// Reads the text of a record.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let raw: RawRecord =
            serde_json::from_str(text).map_err(|error| format!("is no record of images: {error}"))?;
        if raw.format != 1 {
            return Err(format!(
                "has format {}, and this version reads 1: package again",
                raw.format
            ));
        }
        let images = raw.images.into_iter().filter_map(|raw| {
            // A newer version may have more modules.
            let module = Module::named(&raw.module)?;
            Some(image(module, raw))
        });
        Ok(Self {
            images: images.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn image(&self, module: Module, build: &str) -> Option<&Image> {
        let is = |image: &&Image| image.module == module && image.build == build;
        self.images.iter().find(is)
    }
}

fn image(module: Module, raw: RawImage) -> Result<Image, String> {
    let hex = raw.digest.strip_prefix("sha256:").unwrap_or_default();
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hex.len() != 64 || !hex.bytes().all(lower) {
        return Err(format!(
            "names {:?} as the digest of {}: that is not sha256: and 64 digits in hex",
            raw.digest, raw.module
        ));
    }
    Ok(Image {
        module,
        build: raw.build,
        digest: hex.to_owned(),
        left_out: raw.left_out,
        reference: raw.reference,
    })
}
