//! Modules as OCI images, as the agents of Istio and Envoy Gateway fetch them.
//!
//! [`package`] makes an image of each module, with what it is made of (CycloneDX) and how it was made (SLSA provenance)
//! beside it, as an OCI image layout on disk; [`push`](mod@push) brings the layout to a registry. What was made, and where it went, is
//! kept in a [`Record`]. The same modules give the same bytes on every machine and at any time, so the digest of an image
//! can be told before it is pushed, and checked by whoever builds the modules again.
//!
//! What this does not do: build modules, run them, or hold a secret. Credentials come from Docker's configuration, and
//! signing is left to cosign.

mod attachment;
mod digest;
mod image;
mod layer;
mod layout;
mod manifest;
mod module;
mod package;
mod provenance;
pub mod push;
mod record;
mod sbom;
mod source;

pub use digest::Digest;
pub use layout::Layout;
pub use module::{Build, Module, ModuleError};
pub use package::{Error, Packaged, Request, SbomFrom, package};
pub use record::{Image, Record, RecordError};
pub use sbom::SbomError;
pub use source::{Source, SourceError};
