//! Charts as SVG. Colours, fonts and line widths are CSS classes, which the page defines for light and dark screens.
//!
//! A plotting library draws fixed colours; here one drawing serves both. Each value carries its number as a `<title>`,
//! which browsers show on pointing at it.

mod bars;
mod lines;

use std::fmt::Write as _;

use crate::axis::number;
use crate::{Chart, Interval};

/// Colours that a page defines; further series begin anew.
pub(crate) const COLOURS: usize = 8;

/// The drawing of a chart.
pub(crate) fn draw(chart: &Chart) -> String {
    match chart {
        Chart::Bars(chart) => bars::draw(chart),
        Chart::Lines(chart) => lines::draw(chart),
    }
}

/// SVG as text, one element a line.
struct Drawing(String);

impl Drawing {
    fn new(title: &str, width: f64, height: f64) -> Self {
        let title = escape(title);
        Self(format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
        ))
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// Text whose `anchor` (start, middle, end) is at x.
    fn text(&mut self, class: &str, anchor: &str, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{element}");
    }

    fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

/// The class of a series' colour.
fn colour(index: usize) -> String {
    format!("s{}", index % COLOURS)
}

/// What pointing at a value shows.
fn hint(series: &str, place: &str, value: &Interval, unit: &str) -> String {
    let Interval { median, low, high } = value;
    let mut text = format!("{series}, {place}: {}", number(*median));
    if !unit.is_empty() {
        let _ = write!(text, " {unit}");
    }
    if low < high {
        let _ = write!(text, " [{}, {}]", number(*low), number(*high));
    }
    escape(&text)
}

/// The names of the series with their colours, in rows from `y` down; where it ends.
fn legend(drawing: &mut Drawing, names: &[&str], (left, right): (f64, f64), y: f64) -> f64 {
    let (mut x, mut y) = (left, y);
    if names.len() < 2 {
        return y;
    }
    for (index, name) in names.iter().enumerate() {
        let width = 26.0 + 7.0 * name.chars().count() as f64;
        if x > left && x + width > right {
            x = left;
            y += ROW;
        }
        let class = colour(index);
        let top = y + 3.0;
        drawing.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"12\" height=\"12\" rx=\"2\"/>"
        ));
        drawing.text("label", "start", (x + 17.0, y + 13.0), name);
        x += width;
    }
    y + ROW + 4.0
}

/// Height of a row of the legend.
const ROW: f64 = 20.0;

/// Text as it stands in HTML and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // What XML cannot hold at all.
            char if char.is_control() && !matches!(char, '\n' | '\t') => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
    out
}
