//! A response's body, collected chunk by chunk.

/// A body that is collected up to a bound. Memory is given back as soon as it turns out too long.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Vec<u8>,
    max: usize,
    whole: bool,
}

impl Body {
    /// A body of at most `max` bytes, of which `expected` are announced.
    pub(crate) fn new(max: usize, expected: Option<u32>) -> Self {
        let expected = expected.map_or(0, |bytes| bytes as usize);
        Self {
            bytes: Vec::with_capacity(expected.min(max)),
            max,
            whole: true,
        }
    }

    /// Adds a chunk; false once the body is too long, and from then on.
    pub fn push(&mut self, chunk: &[u8]) -> bool {
        let room = self.max.saturating_sub(self.bytes.len());
        if self.whole && chunk.len() <= room {
            self.bytes.extend_from_slice(chunk);
        } else {
            self.whole = false;
            self.bytes = Vec::new();
        }
        self.whole
    }

    /// What was collected; `None` if it was too long.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        self.whole.then_some(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn chunks_are_put_together_up_to_the_bound() {
        let mut body = Body::new(5, None);
        assert!(body.push(b"ab") && body.push(b"") && body.push(b"cde") && body.push(b""));
        assert_eq!(body.bytes(), Some(&b"abcde"[..]));
    }

    #[test]
    fn a_body_that_is_too_long_is_dropped_for_good() {
        let mut body = Body::new(5, Some(5));
        assert!(body.push(b"abc"));
        assert!(!body.push(b"def"));
        assert_eq!((body.bytes(), body.bytes.capacity()), (None, 0));
        assert!(!body.push(b"x"), "what is missing in the middle stays missing");
        assert_eq!((body.bytes(), body.bytes.capacity()), (None, 0));
    }

    #[test]
    fn an_announced_length_reserves_no_more_than_the_bound() {
        assert_eq!(Body::new(10, Some(u32::MAX)).bytes.capacity(), 10);
        assert_eq!(Body::new(10, Some(4)).bytes.capacity(), 4);
    }

    #[test]
    fn an_empty_body_is_whole() {
        assert_eq!(Body::new(1, None).bytes(), Some(&b""[..]));
    }
}
