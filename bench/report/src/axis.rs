//! From values to places on a line: ranges, ticks, and how numbers are written.

use crate::Axis;

#[cfg(test)]
mod tests;

/// An axis with a range, laid over a stretch of the drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ruler {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Where `low` is drawn.
    from: f64,
    /// Where `high` is drawn.
    to: f64,
    /// Values with a line of the grid.
    pub(crate) ticks: Vec<f64>,
}

impl Ruler {
    /// A ruler that holds all finite `values` that the axis can show. A linear one holds 0 as well.
    pub(crate) fn new(axis: &Axis, values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let logarithmic = axis.logarithmic;
        let shown = |value: &f64| value.is_finite() && (!logarithmic || *value > 0.0);
        let (low, high) = values
            .into_iter()
            .filter(shown)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high, ticks) = match (low <= high, logarithmic) {
            (true, true) => log_ticks(low, high),
            (true, false) => linear_ticks(low.min(0.0), high.max(0.0)),
            (false, true) => log_ticks(1.0, 10.0),
            (false, false) => linear_ticks(0.0, 1.0),
        };
        Self {
            low,
            high,
            logarithmic,
            from,
            to,
            ticks,
        }
    }

    /// Where a value is drawn; `None` if the axis cannot show it.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let share = if self.logarithmic {
            (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share
            .is_finite()
            .then_some(self.from + (self.to - self.from) * share)
    }
}

/// About five steps of 1, 2 or 5 times a power of ten, and the range widened to whole steps.
fn linear_ticks(low: f64, high: f64) -> (f64, f64, Vec<f64>) {
    let high = if high > low { high } else { low + 1.0 };
    let span = high - low;
    let power = 10_f64.powf((span / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| span / step <= 6.0)
        .unwrap_or(power * 10.0);
    let (first, last) = ((low / step).floor(), (high / step).ceil());
    let count = (last - first).round() as usize;
    let ticks: Vec<f64> = (0..=count).map(|index| (first + index as f64) * step).collect();
    (first * step, (first + count as f64) * step, ticks)
}

/// Powers of ten; within two of them also 2 and 5 times each. The range is widened to ticks.
fn log_ticks(low: f64, high: f64) -> (f64, f64, Vec<f64>) {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let factors: &[f64] = if last - first <= 2 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let all: Vec<f64> = (first..=last.max(first + 1))
        .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
        .collect();
    // From the last tick at or below the values to the first at or above them.
    let start = all
        .iter()
        .rposition(|tick| *tick <= low * (1.0 + 1e-9))
        .unwrap_or(0);
    let end = all
        .iter()
        .position(|tick| *tick >= high * (1.0 - 1e-9))
        .unwrap_or(all.len() - 1);
    let end = end.max(start + 1).min(all.len() - 1);
    let ticks = all.get(start..=end).unwrap_or(&all).to_vec();
    let low = ticks.first().copied().unwrap_or(low);
    let high = ticks.last().copied().unwrap_or(high);
    (low, high, ticks)
}

/// A number with three significant digits and all before the point, thousands apart: `36,612`, `12.3`, `0.00123`. What
/// is no number is `-`.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { "-".into() };
    }
    let power = value.abs().log10().floor() as i32;
    let unit = 10_f64.powi(power - 2);
    let rounded = if power >= 3 {
        value.round()
    } else {
        (value / unit).round() * unit
    };
    let decimals = usize::try_from(2 - power).unwrap_or(0);
    let text = format!("{:.decimals$}", rounded.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    match fraction {
        "" => format!("{sign}{grouped}"),
        _ => format!("{sign}{grouped}.{fraction}"),
    }
}
