//! The last so many calls.

use super::{Marks, SHAPE};
use crate::Counts;

/// Shape, calls in the ring, position.
const HEAD: usize = SHAPE + 4;
const PER_BYTE: u32 = 4;
const FAILED: u8 = 0b0101_0101;
const SLOW: u8 = 0b1010_1010;

pub(super) const fn bytes(calls: u32) -> u32 {
    (HEAD as u32).saturating_add(calls.div_ceil(PER_BYTE))
}

/// Calls in the ring, and where the next one goes once it is full.
fn head(ring: &[u8]) -> Option<(u32, u32)> {
    let ([filled @ .., _, _], _) = ring.get(SHAPE..)?.split_first_chunk::<4>()?;
    let ([_, _, position @ ..], _) = ring.get(SHAPE..)?.split_first_chunk::<4>()?;
    Some((
        u32::from(u16::from_le_bytes(*filled)),
        u32::from(u16::from_le_bytes(*position)),
    ))
}

fn set_head(ring: &mut [u8], filled: u32, position: u32) {
    let [f0, f1, ..] = filled.to_le_bytes();
    let [p0, p1, ..] = position.to_le_bytes();
    if let Some(head) = ring.get_mut(SHAPE..HEAD) {
        head.copy_from_slice(&[f0, f1, p0, p1]);
    }
}

/// Empties a ring that cannot be read; says whether it did.
#[inline(never)]
pub(super) fn check(ring: &mut Vec<u8>, shape: [u8; SHAPE], calls: u32) -> bool {
    let sound = head(ring).is_some_and(|(filled, position)| {
        ring.starts_with(&shape)
            && filled <= calls
            && position < calls
            && ring.len() == bytes(filled) as usize
    });
    if !sound {
        ring.clear();
        ring.extend_from_slice(&shape);
        ring.extend_from_slice(&[0; 4]);
    }
    !sound
}

#[inline(never)]
pub(super) fn add(ring: &mut Vec<u8>, calls: u32, marks: Marks) {
    let Some((filled, position)) = head(ring) else {
        return;
    };
    let at = if filled < calls {
        let filled = filled.saturating_add(1);
        ring.resize(bytes(filled) as usize, 0);
        set_head(ring, filled, 0);
        filled.saturating_sub(1)
    } else {
        let next = position.saturating_add(1);
        set_head(ring, filled, if next < calls { next } else { 0 });
        position
    };
    let shift = (at % PER_BYTE).saturating_mul(2);
    let bits = u8::from(marks.failed) | (u8::from(marks.slow) << 1);
    if let Some(byte) = ring.get_mut(HEAD.saturating_add((at / PER_BYTE) as usize)) {
        let kept = *byte & !(0b11_u8.wrapping_shl(shift));
        *byte = kept | bits.wrapping_shl(shift);
    }
}

#[inline(never)]
pub(super) fn sum(ring: &[u8]) -> Counts {
    let filled = head(ring).map_or(0, |(filled, _)| u64::from(filled));
    let (mut failures, mut slow) = (0_u64, 0_u64);
    for byte in ring.get(HEAD..).unwrap_or_default() {
        failures = failures.saturating_add(u64::from((byte & FAILED).count_ones()));
        slow = slow.saturating_add(u64::from((byte & SLOW).count_ones()));
    }
    // No more than the calls, whatever the bytes are.
    let failures = failures.min(filled);
    Counts {
        successes: filled.saturating_sub(failures),
        failures,
        slow: slow.min(filled),
    }
}
