//! Credentials: from Docker's configuration, to the registry, and nowhere else.

use super::{Manner, Packaged, Registry, succeeded, words};
use serde_json::{Value, json};

const PASSWORD: &str = "hunter2-very-secret";
/// `me:hunter2-very-secret`.
const RIGHT: &str = "bWU6aHVudGVyMi12ZXJ5LXNlY3JldA==";
/// `me:hunter3-very-secret`.
const WRONG: &str = "bWU6aHVudGVyMy12ZXJ5LXNlY3JldA==";

fn guarded(by_token: bool) -> Registry {
    Registry::start(Manner {
        only: Some(RIGHT),
        by_token,
        ..Manner::default()
    })
}

fn configured(registry: &Registry, auth: &str) -> Packaged {
    let packaged = Packaged::new();
    packaged.docker_config(&json!({"auths": {registry.address.to_string(): {"auth": auth}}}));
    packaged
}

fn is_discreet(said: &str) {
    for secret in [PASSWORD, "hunter3-very-secret", RIGHT, WRONG, "a-token"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn those_of_docker_open_a_registry_with_a_password_or_a_token() {
    for by_token in [false, true] {
        let registry = guarded(by_token);
        let packaged = configured(&registry, RIGHT);
        let output = packaged.push(&format!("{}/a", registry.address), &[]);
        succeeded(&output);
        is_discreet(&words(&output));
        assert!(registry.manifest("a/first", "0.1.0").is_some());
        is_discreet(&packaged.record().to_string());
    }
}

#[test]
fn those_of_a_helper_do_too() {
    let registry = guarded(false);
    let packaged = Packaged::new();
    packaged.docker_config(&json!({"credHelpers": {registry.address.to_string(): "vault"}}));
    let answer = json!({"Username": "me", "Secret": PASSWORD});
    let folder = packaged.program(
        "docker-credential-vault",
        &format!("cat > /dev/null; echo '{answer}'"),
    );
    let path = std::env::var("PATH").unwrap();
    let mut command = packaged.fairlead();
    command.args(["push", &format!("{}/a", registry.address)]);
    command.env("PATH", format!("{}:{path}", folder.display()));
    let output = command.output().unwrap();
    succeeded(&output);
    is_discreet(&words(&output));
}

#[test]
fn what_a_helper_prints_when_it_fails_stays_secret() {
    let registry = guarded(false);
    let packaged = Packaged::new();
    packaged.docker_config(&json!({"credsStore": "vault"}));
    let folder = packaged.program(
        "docker-credential-vault",
        &format!("cat > /dev/null; echo {PASSWORD}; exit 1"),
    );
    let path = std::env::var("PATH").unwrap();
    let mut command = packaged.fairlead();
    command.args(["push", &format!("{}/a", registry.address)]);
    command.env("PATH", format!("{}:{path}", folder.display()));
    let output = command.output().unwrap();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("docker-credential-vault failed"), "{said}");
    is_discreet(&said);
}

#[test]
fn wrong_ones_are_refused_and_not_shown() {
    for by_token in [false, true] {
        let registry = guarded(by_token);
        let packaged = configured(&registry, WRONG);
        let output = packaged.push(&format!("{}/a", registry.address), &[]);
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("credentials in Docker's configuration are not accepted"),
            "{said}"
        );
        is_discreet(&said);
        assert_eq!(registry.manifests(), 0);
        assert_eq!(packaged.image("first.wasm")["reference"], Value::Null);
    }
}

#[test]
fn without_any_it_is_said_how_to_get_some() {
    for by_token in [false, true] {
        let registry = guarded(by_token);
        let packaged = Packaged::new();
        let output = packaged.push(&format!("{}/a", registry.address), &[]);
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("`docker login {}`", registry.address)),
            "{said}"
        );
    }
}

#[test]
fn those_of_another_registry_are_not_sent() {
    let registry = guarded(false);
    let packaged = Packaged::new();
    packaged.docker_config(&json!({"auths": {"ghcr.io": {"auth": RIGHT}}}));
    let output = packaged.push(&format!("{}/a", registry.address), &[]);
    assert!(
        words(&output).contains("has no credentials for it"),
        "{}",
        words(&output)
    );
}

#[test]
fn an_identity_token_is_refused_with_what_to_use_instead() {
    let registry = guarded(false);
    let packaged = Packaged::new();
    let entry = json!({"auth": RIGHT, "identitytoken": PASSWORD});
    packaged.docker_config(&json!({"auths": {registry.address.to_string(): entry}}));
    let output = packaged.push(&format!("{}/a", registry.address), &[]);
    let said = words(&output);
    assert!(said.contains("access token as the password"), "{said}");
    is_discreet(&said);
}
