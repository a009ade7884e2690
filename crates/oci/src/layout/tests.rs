use super::*;
use crate::manifest::{CONFIG, LAYER};
use std::collections::BTreeSet;

fn blob(bytes: &[u8]) -> Blob {
    Blob::new(LAYER, bytes.to_vec())
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(found.insert(path.strip_prefix(folder).unwrap().display().to_string())),
            }
        }
    }
    found
}

#[test]
fn a_layout_is_written_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/oci");
    let (one, two) = (blob(b"one"), Blob::new(CONFIG, b"two".to_vec()));
    Layout::write(&out, &[&one, &two], vec![one.descriptor()]).unwrap();
    let blobs = [&one, &two].map(|it| format!("blobs/sha256/{}", it.digest.hex()));
    let expected: BTreeSet<String> = (blobs.into_iter())
        .chain(["index.json".to_owned(), "oci-layout".to_owned()])
        .collect();
    assert_eq!(files(&out), expected);
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    let mark = std::fs::read_to_string(out.join("oci-layout")).unwrap();
    assert_eq!(mark, r#"{"imageLayoutVersion":"1.0.0"}"#);
    let layout = Layout::open(&out).unwrap();
    assert_eq!(layout.manifests(), [one.descriptor()]);
    assert_eq!(layout.blob(&two.digest).unwrap(), b"two");
}

#[test]
fn a_layout_replaces_the_earlier_one_whole() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("oci");
    let (one, two) = (blob(b"one"), blob(b"two"));
    Layout::write(&out, &[&one], vec![one.descriptor()]).unwrap();
    Layout::write(&out, &[&two], vec![two.descriptor()]).unwrap();
    let layout = Layout::open(&out).unwrap();
    assert!(layout.blob(&one.digest).is_err());
    assert_eq!(layout.blob(&two.digest).unwrap(), b"two");
}

#[test]
fn what_is_no_layout_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years").unwrap();
    let refused = Layout::write(folder.path(), &[], Vec::new())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("is no OCI image layout"), "{refused}");
    assert_eq!(files(folder.path()), BTreeSet::from(["thesis.txt".to_owned()]));
    let file = folder.path().join("thesis.txt");
    assert!(Layout::write(&file, &[], Vec::new()).is_err());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "years");
}

#[test]
fn bytes_that_were_changed_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("oci");
    let one = blob(b"one");
    let layout = Layout::write(&out, &[&one], Vec::new()).unwrap();
    std::fs::write(out.join("blobs/sha256").join(one.digest.hex()), "two").unwrap();
    let refused = layout.blob(&one.digest).unwrap_err().to_string();
    assert!(refused.contains("another digest"), "{refused}");
}
