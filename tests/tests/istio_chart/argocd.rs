//! The Application of Argo CD, as far as it can be looked at without an API server, which `istio_manifests.rs` has: its
//! fields are compared with those of the CRD (argoproj/argo-cd, manifests/crds/application-crd.yaml) that it uses.

use serde_json::Value;

use crate::{Tools, istio};

/// The fields of the CRD that an Application from a folder of a Git repository may have, and their types.
const FIELDS: &[(&str, &str)] = &[
    ("spec.project", "string"),
    ("spec.source.repoURL", "string"),
    ("spec.source.targetRevision", "string"),
    ("spec.source.path", "string"),
    ("spec.destination.server", "string"),
    ("spec.destination.name", "string"),
    ("spec.destination.namespace", "string"),
    ("spec.syncPolicy.automated.prune", "boolean"),
    ("spec.syncPolicy.automated.selfHeal", "boolean"),
    ("spec.syncPolicy.automated.allowEmpty", "boolean"),
    ("spec.syncPolicy.syncOptions", "strings"),
    ("spec.syncPolicy.retry.limit", "integer"),
    ("spec.syncPolicy.retry.backoff.duration", "string"),
    ("spec.syncPolicy.retry.backoff.factor", "integer"),
    ("spec.syncPolicy.retry.backoff.maxDuration", "string"),
];

/// Each value of an object with its path and its type.
fn leaves(at: &str, value: &Value, found: &mut Vec<(String, &'static str)>) {
    let kind = match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(&format!("{at}.{key}"), value, found);
            }
            return;
        }
        Value::Array(items) if items.iter().all(Value::is_string) => "strings",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        _ => "something else",
    };
    found.push((at.to_owned(), kind));
}

#[test]
fn the_application_has_fields_of_the_crd_and_a_path_of_this_repository() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let application = tools.object(&istio().join("argocd/application.yaml"));
    assert_eq!(application["apiVersion"], "argoproj.io/v1alpha1");
    assert_eq!(application["kind"], "Application");
    let mut found = Vec::new();
    leaves("spec", &application["spec"], &mut found);
    for (path, kind) in &found {
        assert!(FIELDS.contains(&(path.as_str(), *kind)), "{path}: {kind}");
    }
    for required in ["spec.project", "spec.source.repoURL", "spec.destination.server"] {
        assert!(found.iter().any(|(path, _)| path == required), "{required}");
    }
    let path = application["spec"]["source"]["path"].as_str().expect("a path");
    let folder = istio().join("..").join(path);
    assert!(folder.join("kustomization.yaml").is_file(), "{path}");
    // A branch would let whoever may push to it configure the proxies.
    let revision = application["spec"]["source"]["targetRevision"].as_str();
    assert_eq!(revision, Some(concat!("v", env!("CARGO_PKG_VERSION"))));
    // Deleting and creating anew is what must not happen by itself.
    assert_eq!(application["spec"]["syncPolicy"]["automated"]["prune"], false);
}
