//! Names of headers, methods and paths as a config may write them.

use super::SpecError;

/// Whether these bytes are a token (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Checks a header name: a lower-case token, or one of the pseudo-headers `:method`, `:path`, `:authority`,
/// `:scheme`.
///
/// # Errors
/// [`SpecError::HeaderName`], [`SpecError::HeaderNameCase`].
pub fn header_name(name: &str) -> Result<String, SpecError> {
    let pseudo = matches!(name, ":method" | ":path" | ":authority" | ":scheme");
    if !pseudo && !is_token(name) {
        return Err(SpecError::HeaderName(name.to_owned()));
    }
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(SpecError::HeaderNameCase(name.to_owned()));
    }
    Ok(name.to_owned())
}

/// Checks a method: an upper-case token. Methods have case (RFC 9110, 9.1), and no client sends `get`.
///
/// # Errors
/// [`SpecError::Method`], [`SpecError::MethodCase`].
pub fn method(name: &str) -> Result<String, SpecError> {
    if !is_token(name) {
        return Err(SpecError::Method(name.to_owned()));
    }
    if name.bytes().any(|b| b.is_ascii_lowercase()) {
        return Err(SpecError::MethodCase(name.to_owned()));
    }
    Ok(name.to_owned())
}

/// Checks the text of [`super::PathSpec::Exact`] and [`super::PathSpec::Prefix`]: it starts with `/` and has no `?`
/// and no `#`. The `*` of `OPTIONS *` is a path too.
///
/// # Errors
/// [`SpecError::PathNotAbsolute`], [`SpecError::PathQuery`].
pub fn path_literal(path: &str) -> Result<String, SpecError> {
    if path != "*" && !path.starts_with('/') {
        return Err(SpecError::PathNotAbsolute(path.to_owned()));
    }
    if path.contains(['?', '#']) {
        return Err(SpecError::PathQuery(path.to_owned()));
    }
    Ok(path.to_owned())
}
