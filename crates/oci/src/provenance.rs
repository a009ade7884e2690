//! How a module was made, as an in-toto statement with SLSA's provenance v1: <https://slsa.dev/spec/v1.0/provenance>.
//!
//! It says what the folder of the source says and no more; the same module has the same statement. Nobody vouches for it:
//! whoever packages writes it, so it is worth what the signature beside it is worth (`builder.id` leads to a page that
//! says so). A build service that signs statements of its own adds its own.

use crate::Digest;
use crate::module::Module;
use crate::source::Source;
use serde::Serialize;
use std::collections::BTreeMap;

/// The page that explains [`Definition::build_type`] and [`Builder::id`].
const PAGE: &str = "/blob/main/docs/images.md";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<Resource>,
    predicate_type: &'static str,
    predicate: Predicate,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    build_definition: Definition,
    run_details: Run,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    build_type: String,
    external_parameters: BTreeMap<&'static str, String>,
    internal_parameters: BTreeMap<&'static str, String>,
    resolved_dependencies: Vec<Resource>,
}

#[derive(Debug, Serialize)]
struct Run {
    builder: Builder,
}

#[derive(Debug, Serialize)]
struct Builder {
    id: String,
    version: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Serialize)]
struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: BTreeMap<&'static str, String>,
}

/// The statement about a module and its image.
pub(crate) fn document(
    module: &Module,
    image: &Digest,
    source: &Source,
    url: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    let page = format!("{}{PAGE}", env!("CARGO_PKG_REPOSITORY"));
    let sha256 = |digest: &Digest| BTreeMap::from([("sha256", digest.hex().to_owned())]);
    let named = |name: String, digest: &Digest| Resource {
        name: Some(name),
        uri: None,
        digest: sha256(digest),
    };
    let mut internal = BTreeMap::from([
        ("profile", "wasm".to_owned()),
        ("target", "wasm32-wasip1".to_owned()),
    ]);
    internal.extend(source.toolchain.clone().map(|version| ("rust", version)));
    internal.extend(source.wasm_opt.clone().map(|version| ("wasm-opt", version)));
    let commit = source.revision.as_ref().map(|revision| Resource {
        name: None,
        uri: Some(format!("git+{url}")),
        digest: BTreeMap::from([("gitCommit", revision.clone())]),
    });
    let statement = Statement {
        kind: "https://in-toto.io/Statement/v1",
        subject: vec![
            named(module.stem(), image),
            named(format!("{}.wasm", module.stem()), &Digest::of(&module.bytes)),
        ],
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: Predicate {
            build_definition: Definition {
                build_type: format!("{page}#build-type"),
                external_parameters: BTreeMap::from([
                    ("build", module.build.name().to_owned()),
                    ("module", module.name.clone()),
                    ("source", format!("git+{url}")),
                ]),
                internal_parameters: internal,
                resolved_dependencies: commit.into_iter().collect(),
            },
            run_details: Run {
                builder: Builder {
                    id: format!("{page}#builder"),
                    version: BTreeMap::from([("fairlead", env!("CARGO_PKG_VERSION"))]),
                },
            },
        },
    };
    let mut text = serde_json::to_vec_pretty(&statement)?;
    text.push(b'\n');
    Ok(text)
}
