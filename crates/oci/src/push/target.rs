//! Where images go: a registry and the folder in it.

use oci_client::Reference;
use thiserror::Error;

/// A registry, and the first part of the repositories in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host, with the port if there is one.
    pub(super) registry: String,
    path: String,
    /// Without TLS.
    pub(super) plain: bool,
    /// On this machine.
    pub(super) loopback: bool,
}

/// Why a place is none.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TargetError {
    /// It has no registry.
    #[error("`{0}` names no registry: write its host first, as in ghcr.io/acme/fairlead")]
    NoRegistry(String),
    /// It holds something that a reference cannot.
    #[error("`{text}` cannot be pushed to: {why}")]
    Malformed {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Target {
    /// Reads `registry.example.com/fairlead`, to which images go as `registry.example.com/fairlead/rate-limit:<tag>`.
    ///
    /// TLS is left out for registries on this machine, and where `plain_http` says so.
    ///
    /// # Errors
    /// It names no registry, or something in it, or the tag, cannot be part of a reference.
    pub fn parse(text: &str, tag: &str, plain_http: bool) -> Result<Self, TargetError> {
        let malformed = |why: &str| TargetError::Malformed {
            text: text.to_owned(),
            why: why.to_owned(),
        };
        let bare = text.strip_prefix("oci://").unwrap_or(text).trim_end_matches('/');
        if bare.contains("://") {
            return Err(malformed(
                "write the registry without a scheme (`--plain-http` leaves TLS out)",
            ));
        }
        if bare.contains('@') {
            return Err(malformed(
                "credentials come from Docker's configuration: `docker login`",
            ));
        }
        let (registry, path) = bare.split_once('/').unwrap_or((bare, ""));
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        if !is_host {
            return Err(TargetError::NoRegistry(text.to_owned()));
        }
        let loopback = is_loopback(registry);
        let target = Self {
            registry: registry.to_owned(),
            path: path.to_owned(),
            plain: plain_http || loopback,
            loopback,
        };
        let repository = target.repository("module");
        let is_one = |text: &str| Reference::try_from(text).is_ok_and(|read| read.digest().is_none());
        if !is_one(&format!("{repository}:tag")) {
            return Err(malformed(
                "a repository is written in lower-case letters, digits, dots, dashes and slashes",
            ));
        }
        let tagged = Reference::try_from(format!("{repository}:{tag}"));
        if tagged
            .ok()
            .and_then(|read| read.tag().map(str::to_owned))
            .as_deref()
            != Some(tag)
        {
            return Err(malformed(&format!(
                "`{tag}` is no tag: letters, digits, dots, dashes, 128 at most"
            )));
        }
        Ok(target)
    }

    /// Whether it is talked to without TLS.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.plain
    }

    /// The repository of an image.
    pub(super) fn repository(&self, stem: &str) -> String {
        format!("{}/{}", self.registry, self.within(stem))
    }

    /// An image by its tag.
    pub(super) fn reference(&self, stem: &str, tag: String) -> Reference {
        Reference::with_tag(self.registry.clone(), self.within(stem), tag)
    }

    /// A manifest by its digest. The digest stands where a tag would: it is asked for in the same way, and `oci-client`
    /// wants a tag where a registry does not say where a manifest has gone.
    pub(super) fn by_digest(&self, stem: &str, digest: &crate::Digest) -> Reference {
        self.reference(stem, digest.to_string())
    }

    fn within(&self, stem: &str) -> String {
        match self.path.as_str() {
            "" => stem.to_owned(),
            path => format!("{path}/{stem}"),
        }
    }
}

/// Whether nothing that is sent there leaves the machine.
fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_go_to_a_folder_of_a_registry() {
        for (text, repository) in [
            ("ghcr.io/acme/fairlead", "ghcr.io/acme/fairlead/suite-lean"),
            ("oci://ghcr.io/acme/", "ghcr.io/acme/suite-lean"),
            ("registry.example.com", "registry.example.com/suite-lean"),
            ("localhost/a/b", "localhost/a/b/suite-lean"),
            ("127.0.0.1:5000/a", "127.0.0.1:5000/a/suite-lean"),
        ] {
            let target = Target::parse(text, "0.1.0", false).unwrap();
            assert_eq!(target.repository("suite-lean"), repository);
            assert_eq!(target.reference("x", "1".into()).tag(), Some("1"));
        }
    }

    #[test]
    fn tls_is_left_out_on_this_machine_alone_and_where_asked() {
        let plain = |text: &str, asked| Target::parse(text, "1", asked).unwrap().plain;
        for here in ["localhost/a", "localhost:5000/a", "127.0.0.1/a", "127.9.9.9:80/a"] {
            assert!(plain(here, false), "{here}");
        }
        for there in [
            "ghcr.io/a",
            "127.0.0.1.example.com/a",
            "localhost.example.com/a",
            "10.0.0.1:5000/a",
        ] {
            assert!(!plain(there, false), "{there}");
            assert!(plain(there, true), "{there}");
        }
        assert!(is_loopback("[::1]:5000") && !is_loopback("[::2]:5000"));
    }

    #[test]
    fn what_is_no_place_says_how_it_is_written() {
        let refused = |text: &str| Target::parse(text, "1", false).unwrap_err().to_string();
        assert!(refused("acme/fairlead").contains("as in ghcr.io/acme/fairlead"));
        assert!(refused("fairlead").contains("names no registry"));
        assert!(refused("https://ghcr.io/acme").contains("without a scheme"));
        assert!(refused("me:secret@ghcr.io/acme").contains("docker login"));
        assert!(refused("ghcr.io/Acme").contains("lower-case"));
        assert!(refused("ghcr.io/a//b").contains("lower-case"));
        for tag in ["", "no tag", "a/b", "a:b", "a@b", ".a"] {
            let refused = Target::parse("ghcr.io/acme", tag, false).unwrap_err().to_string();
            assert!(refused.contains("is no tag"), "{refused}");
        }
    }
}
