//! An OCI image layout: a folder with everything that would be in a registry.
//!
//! Source: <https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md>. Each image is listed under the name of
//! its module, which is how other tools ask for it: `skopeo copy oci:dist/oci:rate-limit ..`.

use crate::Digest;
use crate::manifest::{Blob, Descriptor, INDEX, Index, Manifest};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

/// Says that a folder is a layout.
const MARK: &str = "oci-layout";
/// What it says.
const VERSION: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The key of the name under which a manifest is listed.
pub(crate) const NAME: &str = "org.opencontainers.image.ref.name";

/// A layout on disk.
#[derive(Clone, Debug)]
pub struct Layout {
    folder: PathBuf,
    index: Index,
}

impl Layout {
    /// Writes a layout in place of the one that may be there, all at once.
    ///
    /// # Errors
    /// It cannot be written, or something else than a layout is there.
    pub(crate) fn write(folder: &Path, blobs: &[&Blob], manifests: Vec<Descriptor>) -> Result<Self> {
        let occupied = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        if folder.is_file() || (occupied && !folder.join(MARK).is_file()) {
            let what = "what is there is no OCI image layout: name another folder";
            return Err(Error::new(ErrorKind::AlreadyExists, what));
        }
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent)?;
        let new = tempfile::Builder::new().prefix(".oci-").tempdir_in(parent)?;
        let contents = new.path().join("layout");
        let store = contents.join("blobs").join("sha256");
        std::fs::create_dir_all(&store)?;
        for blob in blobs {
            std::fs::write(store.join(blob.digest.hex()), &blob.bytes)?;
        }
        let index = Index {
            schema_version: 2,
            media_type: INDEX.to_owned(),
            manifests,
        };
        std::fs::write(contents.join("index.json"), serde_json::to_vec(&index)?)?;
        std::fs::write(contents.join(MARK), VERSION)?;
        if folder.exists() {
            std::fs::rename(folder, new.path().join("earlier"))?;
        }
        std::fs::rename(&contents, folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            index,
        })
    }

    /// Opens a layout.
    ///
    /// # Errors
    /// There is none.
    pub fn open(folder: &Path) -> Result<Self> {
        let index = std::fs::read(folder.join("index.json"))?;
        Ok(Self {
            folder: folder.to_owned(),
            index: serde_json::from_slice(&index)?,
        })
    }

    /// The bytes of that digest.
    ///
    /// # Errors
    /// They are not there, or have another digest.
    pub fn blob(&self, digest: &Digest) -> Result<Vec<u8>> {
        let path = self.folder.join("blobs").join("sha256").join(digest.hex());
        let named = |error: Error| Error::new(error.kind(), format!("{}: {error}", path.display()));
        let bytes = std::fs::read(&path).map_err(named)?;
        if Digest::of(&bytes) == *digest {
            return Ok(bytes);
        }
        Err(named(Error::new(
            ErrorKind::InvalidData,
            "its bytes have another digest",
        )))
    }

    /// A manifest that the layout holds.
    pub(crate) fn manifest(&self, digest: &Digest) -> Result<(Vec<u8>, Manifest)> {
        let bytes = self.blob(digest)?;
        let manifest = serde_json::from_slice(&bytes)?;
        Ok((bytes, manifest))
    }

    /// What is listed in it.
    pub(crate) fn manifests(&self) -> &[Descriptor] {
        &self.index.manifests
    }
}

/// Writes a file, with the folders above it, so that nobody ever reads half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other file, less what the process's mask takes away.
        file.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = file.prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
