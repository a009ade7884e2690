//! Names as Kubernetes and registries allow them: what is wrong with one, if anything.

/// Of an object, a secret: labels with dots between them, 253 bytes.
pub(crate) fn subdomain(name: &str) -> Result<(), String> {
    sized(name, 253)?;
    if name.split('.').all(is_label) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no name for Kubernetes: write lower-case letters, digits, - and ., with a letter or a digit at both ends"
    ))
}

/// Of a namespace: one label, 63 bytes.
pub(crate) fn label(name: &str) -> Result<(), String> {
    sized(name, 63)?;
    if is_label(name) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no namespace: write lower-case letters, digits and -, with a letter or a digit at both ends"
    ))
}

/// `key=value` of a pod.
pub(crate) fn pod_label(text: &str) -> Result<(String, String), String> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(format!("{text:?} is no label: write key=value"));
    };
    if text.contains('*') {
        return Err(format!(
            "{text:?} has a wildcard, which Istio refuses: write the whole value"
        ));
    }
    let (prefix, name) = key
        .rsplit_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.map_or(Ok(()), subdomain)?;
    if name.is_empty() || !is_label_text(name) {
        return Err(format!(
            "{key:?} is no key of a label: write at most 63 letters, digits, -, _ and ."
        ));
    }
    if !is_label_text(value) {
        return Err(format!(
            "{value:?} is no value of a label: write at most 63 letters, digits, -, _ and ."
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// `host[:port][/path]`, before an image's own name.
pub(crate) fn registry(text: &str) -> Result<(), String> {
    let wrong = |why: &str| {
        Err(format!(
            "{text:?} {why}: write host[:port][/path], as in registry.example.com"
        ))
    };
    if text.contains("://") {
        return wrong("has a scheme, which an image has not");
    }
    let mut parts = text.split('/');
    let host = parts.next().unwrap_or_default();
    let (host, port) = host
        .split_once(':')
        .map_or((host, None), |(host, port)| (host, Some(port)));
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if !host.to_ascii_lowercase().split('.').all(is_label) || port.is_some_and(|port| !is_port(port)) {
        return wrong("is no host of a registry");
    }
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let is_part = |part: &str| {
        part.chars().all(inside)
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    if !parts.all(is_part) {
        return wrong("has a path that no registry takes");
    }
    Ok(())
}

/// A tag of an image.
pub(crate) fn tag(text: &str) -> Result<(), String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if begins && text.len() <= 128 && text.chars().all(inside) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no tag: write at most 128 letters, digits, _, . and -"
    ))
}

/// A port.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is no port: write a number from 1 to 65535")),
    }
}

fn sized(name: &str, most: usize) -> Result<(), String> {
    match name.len() {
        0 => Err("is empty: write a name".to_owned()),
        length if length > most => Err(format!(
            "has {length} characters, and Kubernetes takes {most}: write a shorter one"
        )),
        _ => Ok(()),
    }
}

fn is_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 63
        && text.starts_with(ends)
        && text.ends_with(ends)
        && text.chars().all(|c| ends(c) || c == '-')
}

/// A part of a pod's label; empty ones are.
fn is_label_text(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let inside = |c: char| ends(c) || "-_.".contains(c);
    text.is_empty()
        || text.len() <= 63 && text.starts_with(ends) && text.ends_with(ends) && text.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_kubernetes_takes_them() {
        for good in ["a", "rate-limit", "a.b-1", "0"] {
            assert_eq!(subdomain(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "A",
            "-a",
            "a-",
            "a..b",
            "a_b",
            "ä",
            &"a".repeat(254),
            &"a".repeat(64),
        ] {
            assert!(subdomain(bad).is_err(), "{bad}");
        }
        assert_eq!(label("demo"), Ok(()));
        for bad in ["", "a.b", "Demo", &"a".repeat(64)] {
            assert!(label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn labels_of_pods_have_a_key_and_a_value() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(pod_label("app=reviews"), pair("app", "reviews"));
        assert_eq!(
            pod_label("app.kubernetes.io/name=A_1"),
            pair("app.kubernetes.io/name", "A_1")
        );
        assert_eq!(pod_label("app="), pair("app", ""));
        for bad in ["app", "=x", "app=*", "a b=c", "A.B_/x=y", "app=-x", "app=x=y"] {
            assert!(pod_label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn registries_and_tags_are_parts_of_a_reference() {
        for good in [
            "registry.example.com",
            "images.example.com/acme",
            "127.0.0.1:5000/a/b-c",
            "localhost:5000",
        ] {
            assert_eq!(registry(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "https://images.example.com",
            "images.example.com/",
            "images.example.com/A",
            "images.example.com:0",
            "a:b",
            "images.example.com/x@sha256:0",
            "-a",
        ] {
            assert!(registry(bad).is_err(), "{bad}");
        }
        assert_eq!(tag("0.1.0"), Ok(()));
        for bad in ["", "-a", "a b", "a:b", &"a".repeat(129)] {
            assert!(tag(bad).is_err(), "{bad}");
        }
        assert_eq!(port("8000"), Ok(8000));
        for bad in ["0", "65536", "-1", "http", ""] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }
}
