//! Lists in header values, and the numbers in them.

/// The most seconds that an age or a lifetime means: what RFC 9111, 1.2.2 has a cache take for anything beyond.
pub(crate) const MAX_SECONDS: u32 = 1 << 31;

/// The elements of a comma-separated list (RFC 9110, 5.6.1) without the blanks around them. Empty ones are left out, and a
/// comma in a quoted string separates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'v>(pub(crate) &'v [u8]);

impl<'v> Iterator for Elements<'v> {
    type Item = &'v [u8];

    fn next(&mut self) -> Option<&'v [u8]> {
        while !self.0.is_empty() {
            let (element, rest) = self.0.split_at_checked(element_end(self.0))?;
            self.0 = rest.get(1..).unwrap_or_default();
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Where the first element ends. A quote that is never closed quotes nothing, so that it cannot hide what follows it.
#[inline(never)]
fn element_end(list: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let end = list.iter().position(|&byte| {
        let literal = std::mem::take(&mut escaped);
        match byte {
            _ if literal => {}
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    });
    end.or_else(|| list.iter().position(|&byte| quoted && byte == b','))
        .unwrap_or(list.len())
}

/// A directive's name and its argument, which may stand in quotes (RFC 9111, 5.2).
#[inline(never)]
pub(crate) fn directive(element: &[u8]) -> (&[u8], &[u8]) {
    let end = element
        .iter()
        .position(|&byte| byte == b'=')
        .unwrap_or(element.len());
    let (name, argument) = element.split_at_checked(end).unwrap_or_default();
    let argument = argument.get(1..).unwrap_or_default().trim_ascii();
    let quoted = argument
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    (name.trim_ascii(), quoted.unwrap_or(argument))
}

/// A number of seconds or bytes, at most [`MAX_SECONDS`]; `None` unless it is all digits.
#[inline(never)]
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    let digits = digits.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, &byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        Some(
            number
                .saturating_mul(10)
                .saturating_add(digit.into())
                .min(MAX_SECONDS),
        )
    })
}

/// Is this name one of these? Names are compared without regard to case.
#[inline(never)]
pub(crate) fn is_one_of(name: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_list_is_cut_at_its_commas_and_not_at_quoted_ones() {
        let check = |list: &str, expected: &[&str]| {
            let elements: Vec<_> = Elements(list.as_bytes()).collect();
            let expected: Vec<_> = expected.iter().map(|element| element.as_bytes()).collect();
            assert_eq!(elements, expected, "{list}");
        };
        check("", &[]);
        check(" , ,,", &[]);
        check("a", &["a"]);
        check("a, b ,\tc", &["a", "b", "c"]);
        check(r#"private="x, no-store", b"#, &[r#"private="x, no-store""#, "b"]);
        check(r#"a="\", b", c"#, &[r#"a="\", b""#, "c"]);
        check(r#"a\, b"#, &[r"a\", "b"]);
        check(r#"a="x, no-store"#, &[r#"a="x"#, "no-store"]);
    }

    #[test]
    fn a_directive_has_an_argument_with_or_without_quotes() {
        assert_eq!(directive(b"max-age=10"), (&b"max-age"[..], &b"10"[..]));
        assert_eq!(directive(b"max-age = \"10\""), (&b"max-age"[..], &b"10"[..]));
        assert_eq!(directive(b"no-store"), (&b"no-store"[..], &b""[..]));
        assert_eq!(directive(b"a=b=c"), (&b"a"[..], &b"b=c"[..]));
        assert_eq!(directive(b"a=\""), (&b"a"[..], &b"\""[..]));
    }

    #[test]
    fn a_number_is_all_digits_and_ends_at_its_bound() {
        let check =
            |digits: &str, expected: Option<u32>| assert_eq!(number(digits.as_bytes()), expected, "{digits}");
        check("0", Some(0));
        check(" 42 ", Some(42));
        check("2147483648", Some(MAX_SECONDS));
        check("99999999999999999999999", Some(MAX_SECONDS));
        for bad in ["", " ", "-1", "+1", "1.5", "1s", "0x1", "1 2"] {
            check(bad, None);
        }
    }
}
