//! A bill of materials in the form of CycloneDX 1.6: <https://cyclonedx.org/docs/1.6/json/>.
//!
//! No time and no random number: the serial number comes from the content, so the same module has the same document.

use super::{About, Contents, Name};
use crate::Digest;
use crate::module::Module;
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Uses>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    bom_ref: Option<String>,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
struct License {
    expression: String,
}

#[derive(Debug, Serialize)]
struct Link {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Uses {
    #[serde(rename = "ref")]
    of: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

/// The document of a module, on lines of its own as people read it.
pub(crate) fn document(
    contents: &Contents,
    module: &Module,
    version: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    let file = format!("{}.wasm", module.stem());
    let whole = format!("{file}@{version}");
    let root = contents.crates.get(&contents.root);
    let mut components: Vec<Component> = (contents.crates.iter())
        .map(|(name, about)| component(name, about))
        .collect();
    let mut dependencies: Vec<Uses> = (contents.crates.iter())
        .map(|(name, about)| Uses {
            of: bom_ref(name),
            depends_on: about.uses.iter().map(bom_ref).collect(),
        })
        .collect();
    let mut in_it = vec![bom_ref(&contents.root)];
    if let Some(std) = &contents.std {
        let std = standard_library(std);
        in_it.extend(std.bom_ref.clone());
        dependencies.extend(std.bom_ref.clone().map(|of| Uses {
            of,
            depends_on: Vec::new(),
        }));
        components.push(std);
    }
    dependencies.push(Uses {
        of: whole.clone(),
        depends_on: in_it,
    });
    let mut bom = Bom {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata: Metadata {
            tools: Tools {
                components: vec![Component {
                    kind: "application",
                    name: "fairlead".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..Component::default()
                }],
            },
            component: Component {
                kind: "application",
                bom_ref: Some(whole),
                name: file,
                version: version.to_owned(),
                hashes: vec![sha256(Digest::of(&module.bytes).hex().to_owned())],
                licenses: root.map(licenses).unwrap_or_default(),
                ..Component::default()
            },
        },
        components,
        dependencies,
    };
    bom.serial_number = Some(serial(&serde_json::to_vec(&bom)?));
    let mut text = serde_json::to_vec_pretty(&bom)?;
    text.push(b'\n');
    Ok(text)
}

fn component(name: &Name, about: &About) -> Component {
    // A crate of the workspace is in no registry: where its source is says which one is meant.
    let own = about
        .checksum
        .is_none()
        .then_some(about.repository.as_ref())
        .flatten();
    let qualifier = own.map(|url| format!("?vcs_url=git%2B{url}")).unwrap_or_default();
    Component {
        kind: "library",
        bom_ref: Some(bom_ref(name)),
        name: name.name.clone(),
        version: name.version.clone(),
        scope: Some("required"),
        hashes: about.checksum.clone().map(sha256).into_iter().collect(),
        licenses: licenses(about),
        purl: Some(format!(
            "pkg:cargo/{}@{}{qualifier}",
            name.name,
            purl_version(&name.version)
        )),
        external_references: (about.repository.iter())
            .map(|url| Link {
                kind: "vcs",
                url: url.clone(),
            })
            .collect(),
        ..Component::default()
    }
}

fn standard_library(version: &str) -> Component {
    Component {
        kind: "library",
        bom_ref: Some(format!("rust-std@{version}")),
        name: "rust-std".to_owned(),
        version: version.to_owned(),
        description: Some(
            "The standard library, compiled with the module; its own dependencies are those that this release locks."
                .to_owned(),
        ),
        scope: Some("required"),
        licenses: vec![License {
            expression: "MIT OR Apache-2.0".to_owned(),
        }],
        purl: Some(format!("pkg:github/rust-lang/rust@{version}")),
        external_references: vec![Link {
            kind: "vcs",
            url: "https://github.com/rust-lang/rust".to_owned(),
        }],
        ..Component::default()
    }
}

fn bom_ref(name: &Name) -> String {
    format!("{}@{}", name.name, name.version)
}

/// A version as a package URL writes it: `+` means something else there.
fn purl_version(version: &str) -> String {
    version.replace('+', "%2B")
}

fn sha256(content: String) -> Hash {
    Hash {
        alg: "SHA-256",
        content,
    }
}

fn licenses(about: &About) -> Vec<License> {
    (about.license.iter())
        .map(|expression| License {
            expression: expression.clone(),
        })
        .collect()
}

/// A serial number that follows from the content: a UUID of version 8 (RFC 9562, section 5.8).
fn serial(content: &[u8]) -> String {
    let digest = Digest::of(content);
    let part = |from: usize, to: usize| digest.hex().get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}
