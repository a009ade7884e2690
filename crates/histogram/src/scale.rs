//! Which bucket a value belongs to.
//!
//! Bucket bounds are powers of a base b = 2^(2^-scale), so that 2^scale buckets make an octave (OpenTelemetry's
//! exponential histogram, Prometheus' native one). Bucket `i` covers (b^i, b^(i+1)], as OpenTelemetry numbers them; with
//! Prometheus it is `i + 1`. Each bucket of a scale is the union of two neighbours of the next finer one, `2i` and `2i + 1`,
//! so that a histogram is made coarser without any error.
//!
//! # Exactness
//! A value is a power of two times a mantissa in [1, 2), and the bounds in an octave are 2^(j/2^scale), irrational but for
//! the first. So an integer mantissa is above a bound if and only if it is above the bound rounded down, and a table of
//! rounded bounds decides exactly, for each of the 2^64 values. A logarithm in floating point does not: it misplaces values
//! next to a bound.
//!
//! # Cost
//! Up to scale 5 a search in 32 numbers, 256 bytes; finer scales search in 256, 2 KiB that are linked only where
//! [`Scale::index`] or [`Scale::index_f64`] are called.
//!
//! What this does not do: zero. It lies in no bucket, and is counted apart.

mod fine;

/// How fine the buckets are: bucket bounds are powers of 2^(2^-scale).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale(i8);

/// Fractional bits of a mantissa.
const FRACTION: u32 = 63;
/// The finest scale whose bounds are in [`COARSE`].
const COARSE_LOG2: u32 = 5;
const FINE_LOG2: u32 = 8;
const SCALES: usize = 13;
/// 2^63 times the unit of subnormal floats, as a power of two.
const SUBNORMAL: i32 = 63 - 1074;

/// 2^(j/32) in units of 2^-63, rounded down.
#[rustfmt::skip]
static COARSE: [u64; 1 << COARSE_LOG2] = [
    0x8000_0000_0000_0000, 0x82cd_8698_ac2b_a1d7, 0x85aa_c367_cc48_7b14, 0x8898_0e80_92da_8527,
    0x8b95_c1e3_ea8b_d6e6, 0x8ea4_398b_45cd_53c0, 0x91c3_d373_ab11_c336, 0x94f4_efa8_fef7_0961,
    0x9837_f051_8db8_a96f, 0x9b8d_39b9_d54e_5538, 0x9ef5_3260_91a1_11ad, 0xa270_4303_0c49_6818,
    0xa5fe_d6a9_b151_38ea, 0xa9a1_5ab4_ea7c_0ef8, 0xad58_3eea_42a1_4ac6, 0xb123_f581_d2ac_258f,
    0xb504_f333_f9de_6484, 0xb8fb_af47_62fb_9ee9, 0xbd08_a39f_580c_36be, 0xc12c_4cca_6670_9456,
    0xc567_2a11_5506_dadd, 0xc9b9_bd86_6e2f_27a2, 0xce24_8c15_1f84_80e3, 0xd2a8_1d91_f12a_e45a,
    0xd744_fcca_d69d_6af4, 0xdbfb_b797_daf2_3755, 0xe0cc_deec_2a94_e111, 0xe5b9_06e7_7c83_48a8,
    0xeac0_c6e7_dd24_392e, 0xefe4_b99b_dcda_f5cb, 0xf525_7d15_2486_cc2c, 0xfa83_b2db_722a_033a,
];

/// 2^(j/256) in units of 2^-63: from a coarse bound to the fine ones above it.
#[rustfmt::skip]
static STEPS: [u64; 8] = [
    0x8000_0000_0000_0000, 0x8058_d7d2_d5e5_f6b0, 0x80b1_ed4f_d999_ab6c, 0x810b_40a1_d814_06d4,
    0x8164_d1f3_bc03_0773, 0x81be_a170_8dde_6055, 0x8218_af43_73fc_25eb, 0x8272_fb97_b2a5_894c,
];

/// By scale from the coarsest on: 2b / (b + 1) in units of 2^-63, from where a bucket begins to its middle.
#[rustfmt::skip]
static MIDDLES: [u64; SCALES] = [
    0xffff_0000_ffff_0001, 0xff00_ff00_ff00_ff01, 0xf0f0_f0f0_f0f0_f0f1, 0xcccc_cccc_cccc_cccd,
    0xaaaa_aaaa_aaaa_aaab, 0x95f6_1998_0c43_36f7, 0x8b10_0c2f_2b10_a042, 0x858a_ad93_2058_aa15,
    0x82c5_abf6_33e7_3a4c, 0x8162_e0a2_9974_dc57, 0x80b1_71a6_4c05_d523, 0x8058_b8fd_c667_374a,
    0x802c_5c84_3743_fc47,
];

/// By scale from the coarsest on: (b - 1) / (b + 1) in parts per million, rounded up.
static ERRORS_PPM: [u32; SCALES] = [
    999_970, 992_218, 882_353, 600_000, 333_334, 171_573, 86_428, 43_295, 21_658, 10_831, 5_416, 2_708, 1_354,
];

/// A bound: the mantissa, in units of 2^-63, times a power of two.
struct Bound {
    exponent: i64,
    mantissa: u64,
}

impl Scale {
    /// Buckets are 9.05 % wide, and a quantile is off by at most 4.33 %.
    pub const DEFAULT: Self = Self(3);
    /// A bucket is 16 octaves wide.
    pub const MIN: Self = Self(-4);
    /// A bucket is 0.27 % wide.
    pub const MAX: Self = Self(8);
    /// The finest scale that takes the small table only.
    pub const FINEST_SMALL: Self = Self(COARSE_LOG2 as i8);

    /// A scale from -4 to 8.
    #[must_use]
    pub const fn new(scale: i8) -> Option<Self> {
        if scale >= Self::MIN.0 && scale <= Self::MAX.0 {
            Some(Self(scale))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i8 {
        self.0
    }

    /// This scale made coarser by so many steps, at most to [`Scale::MIN`].
    #[must_use]
    pub fn coarser(self, by: u32) -> Self {
        let by = i8::try_from(by).unwrap_or(i8::MAX);
        Self(self.0.saturating_sub(by).max(Self::MIN.0))
    }

    /// By how many steps this scale is finer than `other`; 0 if it is not.
    #[must_use]
    pub const fn finer_by(self, other: Self) -> u32 {
        if self.0 > other.0 {
            self.0.abs_diff(other.0) as u32
        } else {
            0
        }
    }

    /// How far a bucket's middle can be from what is in the bucket, in parts per million of the latter, rounded up:
    /// (b - 1) / (b + 1).
    #[must_use]
    pub fn relative_error_ppm(self) -> u32 {
        ERRORS_PPM.get(self.row()).copied().unwrap_or(u32::MAX)
    }

    /// The bucket of a value above 0, exactly. 0 is taken for 1.
    #[must_use]
    pub fn index(self, value: u64) -> i32 {
        let (exponent, mantissa) = split(value);
        self.place(exponent, mantissa)
    }

    /// As [`Scale::index`], but at scale 5 if this one is finer. This is what a module asks: it does not link the large
    /// table.
    #[must_use]
    #[inline(never)]
    pub fn index_small(self, value: u64) -> i32 {
        let (exponent, mantissa) = split(value);
        coarse(exponent, mantissa) >> Self::FINEST_SMALL.finer_by(self)
    }

    /// The bucket of a number above 0, from the bits of it; `None` if it is not above 0 or not finite. For tools.
    #[must_use]
    pub fn index_f64(self, value: f64) -> Option<i32> {
        if !(value.is_finite() && value > 0.0) {
            return None;
        }
        let bits = value.to_bits();
        let (biased, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
        let (exponent, mantissa) = match biased {
            // A subnormal number: the fraction times 2^-1074.
            0 => {
                let zeros = fraction.leading_zeros();
                (
                    SUBNORMAL.saturating_sub_unsigned(zeros),
                    fraction.wrapping_shl(zeros),
                )
            }
            _ => (biased.wrapping_sub(1023), 1 << 63 | fraction << 11),
        };
        Some(self.place(exponent, mantissa))
    }

    /// Where a bucket begins: its values are above this. Infinite beyond the range of a float, or 0. For tools.
    #[must_use]
    pub fn lower(self, index: i32) -> f64 {
        self.bound(i64::from(index)).as_f64()
    }

    /// Where a bucket ends: its values are not above this. For tools.
    #[must_use]
    pub fn upper(self, index: i32) -> f64 {
        self.bound(i64::from(index).saturating_add(1)).as_f64()
    }

    /// b^index, rounded to the nearest whole number: 0 up to `u64::MAX`.
    #[must_use]
    pub fn rounded_bound(self, index: i32) -> u64 {
        self.bound(i64::from(index)).rounded()
    }

    /// The whole number in a bucket whose relative error is least, whatever of the bucket is meant: 2ab / (a + b) with the
    /// bounds a and b. Off by at most [`Scale::relative_error_ppm`] and half of one.
    #[must_use]
    #[inline(never)]
    pub fn middle(self, index: i32) -> u64 {
        let lower = self.bound(i64::from(index));
        let upper = self.bound(i64::from(index).saturating_add(1));
        // In units of 2^-62.
        let middle = high(
            lower.mantissa,
            MIDDLES.get(self.row()).copied().unwrap_or(u64::MAX),
        );
        let middle = rounded(middle, lower.exponent.saturating_add(1));
        let (least, most) = (lower.whole().saturating_add(1), upper.whole());
        if least <= most {
            middle.clamp(least, most)
        } else {
            middle
        }
    }

    fn row(self) -> usize {
        self.finer_by(Self::MIN) as usize
    }

    fn place(self, exponent: i32, mantissa: u64) -> i32 {
        if self > Self::FINEST_SMALL {
            fine(exponent, mantissa) >> Self::MAX.finer_by(self)
        } else {
            coarse(exponent, mantissa) >> Self::FINEST_SMALL.finer_by(self)
        }
    }

    /// b^index. Beyond the coarse bounds off by one unit of the mantissa, which does not matter to who rounds.
    fn bound(self, index: i64) -> Bound {
        let finest = index << Self::MAX.finer_by(self);
        let part = (finest & 0xff) as usize;
        let coarse = COARSE.get(part >> 3).copied().unwrap_or(u64::MAX);
        let mantissa = match STEPS.get(part & 7) {
            Some(step) if part & 7 != 0 => high(coarse, *step) << 1,
            _ => coarse,
        };
        Bound {
            exponent: finest >> FINE_LOG2,
            mantissa,
        }
    }
}

impl Bound {
    fn as_f64(&self) -> f64 {
        // In two halves, as a power of two may be beyond what a normal float holds when the product is not.
        let exponent = self.exponent.clamp(-2000, 1024);
        let half = exponent >> 1;
        let power = |exponent: i64| f64::from_bits((exponent.saturating_add(1023) as u64) << 52);
        self.mantissa as f64 / (1_u64 << 63) as f64 * power(half) * power(exponent.saturating_sub(half))
    }

    /// Rounded down, at most `u64::MAX`.
    fn whole(&self) -> u64 {
        match u32::try_from(self.exponent) {
            Ok(exponent) if exponent > FRACTION => u64::MAX,
            Ok(exponent) => self.mantissa >> FRACTION.saturating_sub(exponent),
            Err(_) => 0,
        }
    }

    fn rounded(&self) -> u64 {
        rounded(self.mantissa, self.exponent)
    }
}

/// `mantissa`, in units of 2^-63, times a power of two, rounded to the nearest, at most `u64::MAX`.
fn rounded(mantissa: u64, exponent: i64) -> u64 {
    let shift = exponent.saturating_sub(i64::from(FRACTION));
    let distance = u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX);
    if shift >= 0 {
        return match mantissa.leading_zeros() >= distance {
            true => mantissa.wrapping_shl(distance),
            false => u64::MAX,
        };
    }
    // One bit more than needed, to round by.
    let doubled = mantissa.checked_shr(distance.saturating_sub(1));
    doubled.unwrap_or(0).div_ceil(2)
}

/// The upper half of a product.
fn high(a: u64, b: u64) -> u64 {
    (u128::from(a).wrapping_mul(u128::from(b)) >> 64) as u64
}

/// A value as a power of two times a mantissa in units of 2^-63. 0 is taken for 1.
const fn split(value: u64) -> (i32, u64) {
    let value = if value == 0 { 1 } else { value };
    let zeros = value.leading_zeros();
    (FRACTION.wrapping_sub(zeros) as i32, value << zeros)
}

/// The bucket at scale 5.
fn coarse(exponent: i32, mantissa: u64) -> i32 {
    let below = COARSE.partition_point(|bound| *bound < mantissa);
    (exponent << COARSE_LOG2)
        .wrapping_add(below as i32)
        .wrapping_sub(1)
}

/// The bucket at scale 8.
#[inline(never)]
fn fine(exponent: i32, mantissa: u64) -> i32 {
    let below = fine::BOUNDS.partition_point(|bound| *bound < mantissa);
    (exponent << FINE_LOG2).wrapping_add(below as i32).wrapping_sub(1)
}

#[cfg(test)]
mod tests;
