//! Values as characters: UTF-8 for what is UTF-8, and bytes for the rest.

/// What [`decode`] gives for a byte that is not part of a character: equal to no character.
pub(crate) const INVALID: u32 = 0x11_0000;

/// The character at `at` and how many bytes it takes; a byte that starts no character is [`INVALID`] and takes 1; at the
/// end 0 bytes are left.
pub(crate) fn decode(bytes: &[u8], at: usize) -> (u32, usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((&lead, tail)) = rest.split_first() else {
        return (INVALID, 0);
    };
    if lead.is_ascii() {
        return (u32::from(lead), 1);
    }
    let len = lead.leading_ones();
    let mut code = u32::from(lead) & 0x7f_u32.wrapping_shr(len);
    let mut taken = 1_u32;
    for &byte in tail {
        if taken >= len || byte & 0xc0 != 0x80 {
            break;
        }
        code = code.wrapping_shl(6) | u32::from(byte & 0x3f);
        taken = taken.wrapping_add(1);
    }
    // `char` refuses surrogates and what is above U+10FFFF; a longer form than needed has another length,
    // but for a lone continuation byte.
    match char::from_u32(code) {
        Some(char) if len > 1 && taken == len && char.len_utf8() == len as usize => (code, len as usize),
        _ => (INVALID, 1),
    }
}
