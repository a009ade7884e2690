//! Shedding in proportion: refuse so many requests that what is left succeeds often enough.
//!
//! The formula is that of client-side throttling in Google's SRE book (chapter 21), as Envoy's admission control has it
//! (`admission_control.cc`): with `n` requests sent in the window of which `s` succeeded,
//! `((n - s / success_rate) / (n + 1)) ^ (1 / aggression)`, at least nothing and at most a cap. Refused requests are not in
//! `n`: they say nothing about what is called.
//!
//! What this does not do: draw. Cost: five float operations, and two hundred more if the aggression is not 1.

use crate::Counts;
use crate::policy::Throttle;
use fairlead_stage::Share;

/// Which share of new requests to refuse, after these counts of the window.
#[must_use]
#[inline(never)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    reason = "counts fit a float well enough, float operations do not trap, and casts to integers saturate"
)]
pub fn rejection(throttle: &Throttle, counts: &Counts) -> Share {
    let whole = f64::from(Share::WHOLE_PPM);
    let n = counts.calls() as f64;
    let wanted = counts.successes as f64 * whole / f64::from(throttle.success_rate.ppm());
    // The larger of nothing and not-a-number is nothing.
    let mut share = ((n - wanted) / (n + 1.0)).max(0.0);
    if throttle.aggression_permille != 1_000 && share > 0.0 {
        let exponent = 1_000.0 / f64::from(throttle.aggression_permille.max(1));
        share = power_of_two(log_of_two(share) * exponent);
    }
    let ppm = (share * whole) as u32;
    Share::from_ppm(ppm.min(throttle.max_rejection.ppm())).unwrap_or(Share::NONE)
}

/// How many binary digits of a logarithm are found: more than a share in parts per million has.
const DIGITS: u32 = 40;

/// The binary logarithm of a number above 0 and at most 1, digit by digit. The standard library's power is 2 KB of a module.
#[allow(clippy::arithmetic_side_effects, reason = "float operations do not trap")]
fn log_of_two(mut number: f64) -> f64 {
    let mut log = 0.0;
    while number < 1.0 && log > -1_100.0 {
        number *= 2.0;
        log -= 1.0;
    }
    let mut digit = 0.5;
    for _ in 0..DIGITS {
        number *= number;
        if number >= 2.0 {
            number /= 2.0;
            log += digit;
        }
        digit /= 2.0;
    }
    log
}

/// Two to the power of a number that is not above 0.
#[allow(clippy::arithmetic_side_effects, reason = "float operations do not trap")]
fn power_of_two(mut exponent: f64) -> f64 {
    let mut power = 1.0;
    while exponent < 0.0 && power > 0.0 {
        exponent += 1.0;
        power /= 2.0;
    }
    let (mut digit, mut factor) = (1.0, 2.0_f64);
    for _ in 0..DIGITS {
        if exponent >= digit {
            exponent -= digit;
            power *= factor;
        }
        digit /= 2.0;
        factor = factor.sqrt();
    }
    power
}

#[cfg(test)]
mod tests;
