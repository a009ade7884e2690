use super::*;
use crate::Build;
use crate::manifest::{Blob, LAYER};
use std::io::{Read, Write};
use std::net::TcpListener;

fn image(digest: Digest) -> Image {
    Image {
        module: "a".into(),
        build: Build::Full,
        file: "a.wasm".into(),
        wasm_sha256: String::new(),
        bytes: 0,
        digest,
        left_out: Vec::new(),
        reference: None,
    }
}

/// What pushing says to a registry that is meant to speak TLS, and answers the first bytes with these.
fn over_tls(answer: Option<&'static [u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let blob = Blob::new(LAYER, b"{}".to_vec());
    let layout = Layout::write(&folder.path().join("oci"), &[&blob], Vec::new()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = [0; 4096];
        let read = stream.read(&mut hello).unwrap();
        if let Some(answer) = answer {
            stream.write_all(answer).unwrap();
        }
        hello[..read.min(3)].to_vec()
    });
    let mut target = Target::parse(&format!("{address}/x"), "1", false).unwrap();
    target.plain = false;
    let pusher = Pusher::new(layout, target, "1".into()).unwrap();
    let failed = pusher.push(&image(blob.digest), &|_| {}).unwrap_err();
    // A handshake, in a version that every server reads.
    assert_eq!(server.join().unwrap(), [0x16, 3, 1]);
    failed.to_string()
}

#[test]
fn a_registry_that_speaks_no_tls_is_one_to_go_without_it() {
    for answer in [Some(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]), None] {
        let said = over_tls(answer);
        assert!(
            said.contains("does not answer") && said.contains("--plain-http"),
            "{said}"
        );
    }
}

#[test]
fn nothing_shows_credentials() {
    let secret = Credentials::parts("me", "hunter2");
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert!(secret.are_known());
}
