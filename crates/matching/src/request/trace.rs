//! The trace that a request belongs to (W3C Trace Context, 3.2).

/// The trace id in `version-traceid-parentid-flags`. A later version may have more after the flags.
pub(super) fn id(traceparent: &[u8]) -> Option<&[u8]> {
    let mut fields = traceparent.trim_ascii().split(|b| *b == b'-');
    let (version, id, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let well_formed = hex(version, 2) && hex(id, 32) && hex(parent, 16) && hex(flags, 2);
    let known = version != b"ff" && (version != b"00" || fields.next().is_none());
    (well_formed && known && id.iter().any(|b| *b != b'0')).then_some(id)
}

fn hex(text: &[u8], length: usize) -> bool {
    text.len() == length && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::id;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_second_field_is_the_trace_id() {
        let trace: &[u8] = b"4bf92f3577b34da6a3ce929d0e0e4736";
        for text in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00 ",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-will-come",
        ] {
            assert_eq!(id(text.as_bytes()), Some(trace), "{text}");
        }
    }

    #[test]
    fn what_is_no_traceparent_has_no_trace_id() {
        for text in [
            "",
            "-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(id(text.as_bytes()), None, "{text}");
        }
        assert_eq!(id(b"\xff\xfe-\x80"), None);
    }
}
