//! Where each variant lies among the places.
//!
//! Variants lie one after the other from place 0 on, and the rest is the default variant's. So a share that grows takes in
//! users from the default variant's side and sends nobody back to it. Under a ramp each variant's range is as wide as it
//! will ever be, and what is open of it, from its start, grows: nobody moves from one variant to another either. What is
//! open also shrinks while a guard holds a variant back: its users go to the default variant, and those of the other
//! variants stay where they are.

use crate::Share;
use crate::draw::{self, Place};

/// The range of a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// How wide it is.
    pub planned: Share,
    /// How much of it is open, from its start.
    pub open: Share,
}

impl Range {
    /// A range that is open as a whole.
    #[must_use]
    pub const fn whole(share: Share) -> Self {
        Self {
            planned: share,
            open: share,
        }
    }

    /// The range of a variant of this weight, of `count` variants with weights of `sum`, under a ramp that lets in `total`.
    #[must_use]
    pub fn of_ramp(total: Share, weight: Share, sum: Share, count: usize) -> Self {
        let portion = |total| draw::portion(total, weight, sum, count);
        Self {
            planned: portion(Share::ALL),
            open: portion(total),
        }
    }
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
    fn a_ramp_moves_nobody_but_from_the_default_variant() {
        let share = |percent: u32| Share::from_ppm(percent * 10_000).unwrap();
        let ranges =
            |total: u32| [30, 10].map(|weight| Range::of_ramp(share(total), share(weight), share(40), 2));
        let places = || {
            (0..1_000_000)
                .step_by(997)
                .map(|ppm| Place::from_ppm(ppm).unwrap())
        };
        let mut before: Vec<Option<usize>> = places().map(|_| None).collect();
        for total in [0, 1, 10, 33, 50, 99, 100] {
            for (place, before) in places().zip(&mut before) {
                let now = pick(place, &ranges(total));
                assert!(before.is_none() || *before == now, "{place:?} at {total} %");
                *before = now;
            }
            let share_of = |variant| {
                before.iter().filter(|now| **now == Some(variant)).count() as f64 / before.len() as f64
            };
            assert!(
                (share_of(0) - f64::from(total) * 0.0075).abs() < 0.002,
                "at {total} %"
            );
            assert!(
                (share_of(1) - f64::from(total) * 0.0025).abs() < 0.002,
                "at {total} %"
            );
        }
        assert!(before.iter().all(Option::is_some));
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
