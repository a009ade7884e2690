//! Where each variant lies among the places.
//!
//! Variants lie one after the other from place 0 on, each as wide as its planned share, and the rest is the default
//! variant's. So a share that grows takes in users from the default variant's side and sends nobody back to it. What is
//! open of a range may be less than its width, while a guard holds the variant back: its users go to the default
//! variant, and those of the other variants stay where they are.

use crate::Share;
use crate::draw::Place;

/// The range of a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// How wide it is.
    pub planned: Share,
    /// How much of it is open, from its start.
    pub open: Share,
}

/// The position of the variant that has this place; `None` for the default one.
#[inline]
pub fn pick(place: Place, ranges: &[Range]) -> Option<usize> {
    let mut start = 0_u32;
    for (index, range) in ranges.iter().enumerate() {
        let offset = place.ppm().saturating_sub(start);
        if offset < range.planned.ppm() {
            return (offset < range.open.ppm()).then_some(index);
        }
        start = start.saturating_add(range.planned.ppm());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn range(planned: u32, open: u32) -> Range {
        Range {
            planned: Share::from_ppm(planned).unwrap(),
            open: Share::from_ppm(open).unwrap(),
        }
    }

    fn picked(ranges: &[Range]) -> Vec<Option<usize>> {
        [0, 9, 10, 29, 30, 999_999]
            .map(|ppm| pick(Place::from_ppm(ppm).unwrap(), ranges))
            .to_vec()
    }

    #[test]
    fn variants_lie_one_after_the_other_from_the_start() {
        assert_eq!(
            picked(&[range(10, 10), range(20, 20)]),
            [Some(0), Some(0), Some(1), Some(1), None, None]
        );
        assert_eq!(picked(&[]), [None; 6]);
        assert_eq!(picked(&[range(0, 0), range(1_000_000, 1_000_000)]), [Some(1); 6]);
    }

    #[test]
    fn a_variant_that_is_held_back_moves_nobody_else() {
        assert_eq!(
            picked(&[range(10, 5), range(20, 20)]),
            [Some(0), None, Some(1), Some(1), None, None]
        );
        assert_eq!(
            picked(&[range(10, 0), range(20, 20)]),
            [None, None, Some(1), Some(1), None, None]
        );
    }
}
