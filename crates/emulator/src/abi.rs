//! Numbers and encodings of the proxy-wasm ABI 0.2.1.

/// Status codes of host calls, as Envoy returns them. The Rust SDK (0.2.5) has no name for 6 and 12; returning them to it
/// is undefined behaviour in the guest, which is why a 6 is also reported as a [`Fault`](crate::Fault).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// No such thing.
    NotFound = 1,
    /// An argument is wrong, or the map is not available in this phase.
    BadArgument = 2,
    /// A value could not be encoded.
    SerializationFailure = 3,
    /// An argument could not be decoded.
    ParseFailure = 4,
    /// A pointer leads outside of the guest's memory.
    InvalidMemoryAccess = 6,
    /// The queue is empty.
    Empty = 7,
    /// The entry changed since it was read.
    CasMismatch = 8,
    /// Anything else.
    InternalFailure = 10,
    /// The host does not do this.
    Unimplemented = 12,
}

/// Header maps by their ABI number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapType {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    /// Metadata of gRPC callouts and responses of HTTP callouts, which the emulator never has.
    Callout,
}

impl MapType {
    pub(crate) fn from_abi(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::RequestHeaders),
            1 => Some(Self::RequestTrailers),
            2 => Some(Self::ResponseHeaders),
            3 => Some(Self::ResponseTrailers),
            4..=7 => Some(Self::Callout),
            _ => None,
        }
    }
}

/// Buffers by their ABI number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferType {
    RequestBody,
    ResponseBody,
    /// Data of TCP streams and received gRPC messages: present, but always empty here.
    Empty,
    /// Whatever the context asked for last (Envoy keeps one buffer object a context).
    CallData,
    /// The body of an HTTP callout's response: never present here.
    CalloutBody,
    VmConfiguration,
    PluginConfiguration,
}

impl BufferType {
    pub(crate) fn from_abi(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::RequestBody),
            1 => Some(Self::ResponseBody),
            2 | 3 | 5 => Some(Self::Empty),
            8 => Some(Self::CallData),
            4 => Some(Self::CalloutBody),
            6 => Some(Self::VmConfiguration),
            7 => Some(Self::PluginConfiguration),
            _ => None,
        }
    }
}

/// Metric types by their ABI number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

impl MetricType {
    pub(crate) fn from_abi(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Counter),
            1 => Some(Self::Gauge),
            2 => Some(Self::Histogram),
            _ => None,
        }
    }
}

/// Envoy refuses to decode more than this many pairs.
const MAX_PAIRS: u32 = 1024;
/// Envoy refuses to decode more than this many bytes of pairs.
const MAX_PAIRS_BYTES: usize = 1 << 20;

/// Encodes pairs: count, then a length of name and value each, then names and values, each ended by a zero byte.
pub(crate) fn encode_pairs<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut lengths = Vec::new();
    let mut text = Vec::new();
    let mut count = 0_u32;
    for (name, value) in pairs {
        count = count.saturating_add(1);
        for part in [name, value] {
            lengths.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            text.extend_from_slice(part);
            text.push(0);
        }
    }
    let mut encoded = count.to_le_bytes().to_vec();
    encoded.append(&mut lengths);
    encoded.append(&mut text);
    encoded
}

/// Decodes pairs; anything malformed or too large is an empty list, as in Envoy.
pub(crate) fn decode_pairs(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    if bytes.len() > MAX_PAIRS_BYTES {
        Vec::new()
    } else {
        try_decode_pairs(bytes).unwrap_or_default()
    }
}

fn try_decode_pairs(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let (count, rest) = take_u32(bytes)?;
    if count > MAX_PAIRS {
        return None;
    }
    let mut lengths = rest;
    let mut text = rest.get((count as usize).checked_mul(8)?..)?;
    let mut pairs = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let (name_length, rest) = take_u32(lengths)?;
        let (value_length, rest) = take_u32(rest)?;
        lengths = rest;
        let (name, rest) = take_text(text, name_length)?;
        let (value, rest) = take_text(rest, value_length)?;
        text = rest;
        pairs.push((name.to_vec(), value.to_vec()));
    }
    Some(pairs)
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}

fn take_text(bytes: &[u8], length: u32) -> Option<(&[u8], &[u8])> {
    let length = length as usize;
    let text = bytes.get(..length)?;
    let (end, rest) = bytes.get(length..)?.split_first()?;
    (*end == 0).then_some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_a_round_trip() {
        let pairs = [(&b"a"[..], &b""[..]), (b"name", b"value")];
        let encoded = encode_pairs(pairs.into_iter());
        let expected = b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x04\0\0\0\x05\0\0\0a\0\0name\0value\0";
        assert_eq!(encoded, expected);
        let decoded = decode_pairs(&encoded);
        assert_eq!(
            decoded,
            [
                (b"a".to_vec(), b"".to_vec()),
                (b"name".to_vec(), b"value".to_vec())
            ]
        );
    }

    #[test]
    fn malformed_pairs_decode_to_nothing() {
        assert_eq!(decode_pairs(b""), []);
        assert_eq!(decode_pairs(&[1, 0, 0, 0]), []);
        assert_eq!(decode_pairs(&[255, 255, 255, 255, 0, 0]), []);
        let mut cut = encode_pairs([(&b"a"[..], &b"b"[..])].into_iter());
        cut.pop();
        assert_eq!(decode_pairs(&cut), []);
    }
}
