//! Regular expressions that say no more than a literal does.

/// The condition that does the same as this expression, if it is a literal path or a literal start.
pub(super) fn plainer(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let (text, kind) = match inner.strip_suffix(".*") {
        Some(start) => (start, "prefix"),
        None => (inner, "exact"),
    };
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => literal.push(escaped),
                _ => return None,
            },
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            c => literal.push(c),
        }
    }
    literal.starts_with('/').then(|| format!("{kind}: {literal}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_literal_is_replaced() {
        for (pattern, expected) in [
            ("/v1/.*", Some("prefix: /v1/")),
            ("^/v1/users$", Some("exact: /v1/users")),
            (r"/a\.b", Some("exact: /a.b")),
            ("/a.b", None),
            ("/a|/b", None),
            (r"/\d", None),
            (".*", None),
            ("/v[12]/.*", None),
            (r"/a\", None),
        ] {
            assert_eq!(plainer(pattern).as_deref(), expected, "{pattern}");
        }
    }
}
