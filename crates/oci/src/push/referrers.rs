//! Making what is attached to an image findable from its digest.

use super::busy::{PAUSE, patiently};
use super::{PushError, Pusher};
use crate::Image;
use crate::manifest::{Descriptor, INDEX};
use oci_client::Reference;
use oci_client::errors::{OciDistributionError as Error, OciErrorCode};
use serde_json::{Value, json};

/// Has the registry list what is attached. One that implements the API does so by itself; for the others the list under
/// the tag is extended.
pub(super) async fn list(pusher: &Pusher, image: &Image, attached: &[Descriptor]) -> Result<(), PushError> {
    if attached.is_empty() || are_listed(pusher, image, attached).await {
        return Ok(());
    }
    let tag = image.digest.as_str().replace(':', "-");
    let tagged = pusher.target.reference(image.stem(), tag.clone());
    let mut index = present(pusher, &tagged).await?;
    if let Some(Value::Array(manifests)) = index.get_mut("manifests") {
        let new = |it: &&Descriptor| {
            !(manifests.iter()).any(|there| there.get("digest") == Some(&json!(it.digest)))
        };
        let new: Vec<Value> = attached.iter().filter(new).map(|it| json!(it)).collect();
        manifests.extend(new);
    }
    let index = index.to_string().into_bytes();
    pusher.send_manifest(&tagged, index, INDEX).await?;
    match are_listed(pusher, image, attached).await {
        true => Ok(()),
        false => Err(PushError::NotListed {
            reference: pusher.target.repository(image.stem()),
            tag,
        }),
    }
}

/// Whether somebody who asks for them finds them all.
async fn are_listed(pusher: &Pusher, image: &Image, attached: &[Descriptor]) -> bool {
    let by_tag = pusher.target.reference(image.stem(), String::new());
    let subject = Reference::with_digest(
        by_tag.registry().to_owned(),
        by_tag.repository().to_owned(),
        image.digest.to_string(),
    );
    let listed = patiently(PAUSE, || pusher.client.0.pull_referrers(&subject, None)).await;
    listed.is_ok_and(|index| {
        let has = |digest: &str| index.manifests.iter().any(|it| it.digest == digest);
        attached.iter().all(|it| has(it.digest.as_str()))
    })
}

/// The list under the tag, with whatever others have attached; an empty one if there is none.
async fn present(pusher: &Pusher, tagged: &Reference) -> Result<Value, PushError> {
    let empty = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    match pusher.manifest_now(tagged, &[INDEX]).await {
        Ok(bytes) => {
            let index: Option<Value> = serde_json::from_slice(&bytes).ok();
            let index = index.filter(|index| index.get("manifests").is_some_and(Value::is_array));
            index.ok_or_else(|| PushError::Other {
                reference: tagged.whole(),
                why: "what is there is no list of manifests".to_owned(),
            })
        }
        Err(error) if is_absent(&error) => Ok(empty),
        Err(error) => Err(pusher.call.failed(tagged, error)),
    }
}

fn is_absent(error: &Error) -> bool {
    let unknown = |code: &OciErrorCode| {
        matches!(
            code,
            OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound
        )
    };
    match error {
        Error::ImageManifestNotFoundError(_) | Error::ServerError { code: 404, .. } => true,
        Error::RegistryError { envelope, .. } => envelope.errors.iter().any(|error| unknown(&error.code)),
        _ => false,
    }
}
