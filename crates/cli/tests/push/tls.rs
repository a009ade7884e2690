//! A registry that speaks TLS, with a certificate of an authority that only this test knows.

use super::{Manner, Packaged, Registry, succeeded, words};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::process::Output;
use std::sync::Arc;

/// A registry on this machine behind TLS, and its certificate as a file has it.
fn start() -> (Registry, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let registry = Registry::behind(Manner::default(), move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        StreamOwned::new(connection, stream)
    });
    (registry, made.cert.pem())
}

/// Pushes to an address that is not taken for one on this machine, so that TLS is spoken.
fn push(packaged: &Packaged, registry: &Registry, authority: &str) -> Output {
    let file = packaged.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let mut command = packaged.fairlead();
    command.args(["push", &format!("127.1:{}/a", registry.address.port())]);
    command
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap()
}

#[test]
fn a_registry_whose_authority_is_trusted_gets_what_was_packaged() {
    let packaged = Packaged::new();
    let (registry, authority) = start();
    succeeded(&push(&packaged, &registry, &authority));
    let digest = packaged.image("first.wasm")["digest"].clone();
    assert_eq!(
        registry.manifest("a/first", "0.1.0").unwrap(),
        packaged.blob(&digest)
    );
}

#[test]
fn a_registry_whose_authority_nobody_knows_gets_nothing() {
    let packaged = Packaged::new();
    let (registry, _) = start();
    let (_, another) = start();
    let output = push(&packaged, &registry, &another);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("certificate") && said.contains("SSL_CERT_FILE"),
        "{said}"
    );
    assert_eq!(registry.manifests(), 0);
}

#[test]
fn a_registry_without_tls_is_not_spoken_to_by_itself() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let target = format!("127.1:{}/a", registry.address.port());
    let output = packaged.push(&target, &[]);
    assert!(
        words(&output).contains("`--plain-http` goes without"),
        "{}",
        words(&output)
    );
    assert_eq!(registry.manifests(), 0);
    succeeded(&packaged.push(&target, &["--plain-http"]));
}
