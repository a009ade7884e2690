//! Finding one member of W3C Baggage (<https://www.w3.org/TR/baggage/>, 3.3), tolerant of members that are none.

use super::query::hexadecimal;

/// The decoded value of the first member of a name, without its properties.
#[inline(never)]
pub(super) fn find(header: &[u8], name: &str) -> Option<Vec<u8>> {
    for member in header.split(|b| *b == b',') {
        let end = member.iter().position(|b| *b == b';').unwrap_or(member.len());
        let member = member.get(..end).unwrap_or_default();
        let Some(equals) = member.iter().position(|b| *b == b'=') else {
            continue;
        };
        let (key, value) = member.split_at(equals);
        if key.trim_ascii() == name.as_bytes() {
            let value = value.strip_prefix(b"=").unwrap_or_default();
            return Some(decoded(value.trim_ascii()));
        }
    }
    None
}

/// Percent-decoded; a `%` without two hexadecimal digits stands for itself.
fn decoded(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if let Some(byte) = hexadecimal(*high, *low) => {
                out.push(byte);
                rest = after;
            }
            _ => out.push(*first),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::find;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_member_is_found_by_its_name() {
        let header = b"userId=alice, serverNode=DF%2028 ; p=1 ,isProduction=false,userId=bob,empty=";
        assert_eq!(find(header, "userId"), Some(b"alice".to_vec()));
        assert_eq!(find(header, "serverNode"), Some(b"DF 28".to_vec()));
        assert_eq!(find(header, "isProduction"), Some(b"false".to_vec()));
        assert_eq!(find(header, "empty"), Some(Vec::new()));
        assert_eq!(find(header, "user"), None);
        assert_eq!(find(header, "p"), None);
    }

    #[test]
    fn malformed_members_are_passed_over() {
        for header in [
            &b",,;=;,a=1"[..],
            b"\xff\xfe,=x, a = 1;",
            b"novalue,a=1",
            b"a=%31",
        ] {
            assert_eq!(find(header, "a"), Some(b"1".to_vec()), "{header:?}");
        }
        assert_eq!(find(b"a=%4", "a"), Some(b"%4".to_vec()));
        assert_eq!(find(b"a=%zz%", "a"), Some(b"%zz%".to_vec()));
        assert_eq!(find(b"", "a"), None);
    }
}
