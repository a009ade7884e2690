//! What can be wrong with a text of a spec, as data.

use std::fmt;

/// What is wrong with a text of a spec. The `Display` text says what is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// A host is empty.
    HostEmpty,
    /// A host carries a port, which requests' hosts are stripped of before they are compared.
    HostPort(String),
    /// A `*` in a host that is neither the whole host nor its whole first label.
    HostWildcard(String),
    /// A host with an empty label or a character that no DNS name has.
    HostLabel(String),
    /// A host longer than 253 bytes, the longest DNS name.
    HostTooLong(usize),
    /// A path literal without a leading `/`.
    PathNotAbsolute(String),
    /// A path literal with `?` or `#`, which the compared path never contains.
    PathQuery(String),
    /// A template with an empty, repeated or half-written variable, or one that is not a whole segment.
    TemplateVariable {
        /// The template.
        template: String,
        /// The segment at fault.
        segment: String,
    },
    /// A regular expression that does not compile.
    Regex {
        /// The expression.
        pattern: String,
        /// What the compiler says.
        reason: String,
    },
    /// Neither an address nor a network.
    Cidr(String),
    /// A prefix length beyond the address's.
    CidrPrefix {
        /// The network.
        cidr: String,
        /// The longest prefix of its family: 32 or 128.
        max: u8,
    },
    /// A header name that is no token.
    HeaderName(String),
    /// A header name with upper-case letters.
    HeaderNameCase(String),
    /// A method that is no token.
    Method(String),
    /// A method with lower-case letters. Methods are compared with case.
    MethodCase(String),
}

impl std::error::Error for SpecError {}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostEmpty => write!(f, "the host is empty; write a DNS name, or \"*\" for any host"),
            Self::HostPort(host) => {
                write!(
                    f,
                    "{host:?} has a port, and hosts are compared without; remove it"
                )
            }
            Self::HostWildcard(host) => write!(
                f,
                "{host:?} has a \"*\" in the wrong place; it may only be the whole host or the first label, \
                 as in \"*.example.com\""
            ),
            Self::HostLabel(host) => write!(
                f,
                "{host:?} is not a host; write a DNS name of letters, digits, \"-\", \"_\" and single dots \
                 (international names in their xn-- form), \
                 or an IP address, IPv6 in brackets"
            ),
            Self::HostTooLong(bytes) => write!(f, "a host of {bytes} bytes is too long; the most is 253"),
            Self::PathNotAbsolute(path) => {
                write!(f, "{path:?} can match no path; start it with \"/\"")
            }
            Self::PathQuery(path) => write!(
                f,
                "{path:?} contains \"?\" or \"#\", and paths are compared without query \
                 and fragment; use a query condition"
            ),
            Self::TemplateVariable { template, segment } => write!(
                f,
                "{segment:?} in {template:?} is not a variable; write a whole segment \"{{name}}\" with a name \
                 used once, or use a regex"
            ),
            Self::Regex { pattern, reason } => {
                write!(
                    f,
                    "the regex {pattern:?} cannot be used: {reason}; it must match the whole value and be small"
                )
            }
            Self::Cidr(cidr) => write!(
                f,
                "{cidr:?} is not a network; write \"10.0.0.0/8\", \"2001:db8::/32\" or one address"
            ),
            Self::CidrPrefix { cidr, max } => {
                write!(
                    f,
                    "the prefix of {cidr:?} is out of range; write a number from 0 to {max}"
                )
            }
            Self::HeaderName(name) => {
                write!(
                    f,
                    "{name:?} is not a header name; use letters, digits and any of !#$%&'*+-.^_`|~"
                )
            }
            Self::HeaderNameCase(name) => {
                write!(
                    f,
                    "the header name {name:?} is not lower case; write {:?}",
                    name.to_ascii_lowercase()
                )
            }
            Self::Method(name) => write!(f, "{name:?} is not a method; write a name such as \"GET\""),
            Self::MethodCase(name) => write!(
                f,
                "the method {name:?} is not upper case, and methods are compared with case; write {:?}",
                name.to_ascii_uppercase()
            ),
        }
    }
}
