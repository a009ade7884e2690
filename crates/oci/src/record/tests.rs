use super::*;

/// As others write and read it: this text is the contract.
const TEXT: &str = r#"{
  "format": 1,
  "version": "0.1.0",
  "revision": null,
  "images": [
    {
      "module": "suite",
      "build": "lean",
      "file": "suite-lean.wasm",
      "wasm_sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "bytes": 3,
      "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "left_out": [
        "response_body"
      ],
      "reference": null
    }
  ]
}
"#;

fn record() -> Record {
    Record::new(
        "0.1.0".into(),
        None,
        vec![Image {
            module: "suite".into(),
            build: Build::Lean,
            file: "suite-lean.wasm".into(),
            wasm_sha256: Digest::of(b"abc").hex().into(),
            bytes: 3,
            digest: Digest::of(b""),
            left_out: vec!["response_body".into()],
            reference: None,
        }],
    )
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").join("images.json");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_record_is_written_as_its_readers_expect_it() {
    let (_folder, path) = written("something earlier");
    record().write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_record_that_was_written_is_read_again() {
    let (_folder, path) = written(TEXT);
    let read = Record::read(&path).unwrap();
    assert_eq!(read, record());
    assert_eq!(read.find("suite", Build::Lean).unwrap().stem(), "suite-lean");
    assert!(read.find("suite", Build::Full).is_none());
}

#[test]
fn a_record_of_another_format_is_refused_by_its_number() {
    let (_folder, path) = written(r#"{"format": 2, "pictures": []}"#);
    let refused = Record::read(&path).unwrap_err().to_string();
    assert!(
        refused.contains("format 2") && refused.contains("fairlead package"),
        "{refused}"
    );
    for text in [
        "",
        "{}",
        r#"{"format": 1}"#,
        r#"{"format": 1, "version": "", "images": [{}]}"#,
    ] {
        let (_folder, path) = written(text);
        assert!(
            matches!(Record::read(&path), Err(RecordError::Malformed { .. })),
            "{text}"
        );
    }
    assert!(matches!(
        Record::read(Path::new("not/there")),
        Err(RecordError::Io { .. })
    ));
}

#[test]
fn an_image_is_pinned_once_it_was_pushed() {
    let mut image = record().images.remove(0);
    assert_eq!(image.pinned(), None);
    image.reference = Some("registry.example.com/fairlead/suite-lean".into());
    let pinned = format!("registry.example.com/fairlead/suite-lean@{}", Digest::of(b""));
    assert_eq!(image.pinned(), Some(pinned));
}

#[test]
fn where_an_image_went_is_kept_while_it_is_the_same() {
    let mut earlier = record();
    earlier.images[0].reference = Some("a/b".into());
    let mut same = record();
    same.keep_references(&earlier);
    assert_eq!(same.images[0].reference.as_deref(), Some("a/b"));
    let mut changed = record();
    changed.images[0].digest = Digest::of(b"other");
    changed.keep_references(&earlier);
    assert_eq!(changed.images[0].reference, None);
}
