//! Horizontal bars with error bars, each with its number.

use super::{Drawing, colour, hint, legend};
use crate::axis::{Ruler, number};
use crate::{Axis, Bars};

const WIDTH: f64 = 860.0;
/// Where the bars end: numbers stand behind.
const RIGHT: f64 = 780.0;
/// Where they begin, at the least and at the most: labels stand before.
const LEFT: (f64, f64) = (120.0, 420.0);
/// About the width of a letter.
const LETTER: f64 = 6.6;
/// One bar with its distance to the next of the same row, and the distance between rows.
const BAR: f64 = 17.0;
const GAP: f64 = 9.0;

pub(super) fn draw(chart: &Bars) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for point in chart.series.iter().flat_map(|series| &series.points) {
        if !labels.contains(&point.at.as_str()) {
            labels.push(&point.at);
        }
    }
    let longest = labels.iter().map(|label| label.chars().count()).max();
    let left = (longest.unwrap_or(0) as f64 * LETTER + 12.0).clamp(LEFT.0, LEFT.1);
    let rows: Vec<Vec<(usize, &str, &crate::Interval)>> = labels
        .iter()
        .map(|label| {
            let all = chart.series.iter().enumerate();
            all.flat_map(|(index, series)| {
                series
                    .points
                    .iter()
                    .map(move |point| (index, series.name.as_str(), point))
            })
            .filter(|(_, _, point)| point.at == *label)
            .map(|(index, name, point)| (index, name, &point.value))
            .collect()
        })
        .collect();
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    let bars: f64 = rows.iter().map(|row| row.len() as f64 * BAR + GAP).sum();
    // The legend's height is known when it is drawn; the drawing's size stands before it.
    let mut body = Drawing(String::new());
    let top = legend(&mut body, &names, (left, WIDTH), 0.0) + 4.0;
    let bottom = top + bars;

    let values = chart.series.iter().flat_map(|series| &series.points);
    let values = values.flat_map(|point| [point.value.median, point.value.low, point.value.high]);
    let axis = Axis {
        logarithmic: false,
        ..chart.axis.clone()
    };
    let ruler = Ruler::new(&axis, values, left, RIGHT);
    for tick in &ruler.ticks {
        if let Some(x) = ruler.place(*tick) {
            body.line(if *tick == 0.0 { "axis" } else { "grid" }, (x, top), (x, bottom));
            body.text("tick", "middle", (x, bottom + 16.0), &number(*tick));
        }
    }
    let caption = f64::midpoint(left, RIGHT);
    body.text("label", "middle", (caption, bottom + 36.0), &chart.axis.caption());

    let mut y = top + GAP / 2.0;
    for (label, row) in labels.iter().zip(&rows) {
        let height = row.len() as f64 * BAR;
        body.text("label", "end", (left - 8.0, y + height / 2.0 + 4.0), label);
        for (index, series, value) in row {
            let places = [0.0, value.median, value.low, value.high].map(|value| ruler.place(value));
            if let [Some(zero), Some(median), Some(low), Some(high)] = places {
                let (x, width) = (zero.min(median), (median - zero).abs());
                let hint = hint(series, label, value, &chart.axis.unit);
                let (class, bar) = (colour(*index), BAR - 3.0);
                body.push(format_args!(
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{bar}\"><title>{hint}</title></rect>"
                ));
                let middle = y + bar / 2.0;
                if value.low < value.high {
                    body.line("error", (low, middle), (high, middle));
                    body.line("error", (low, middle - 3.0), (low, middle + 3.0));
                    body.line("error", (high, middle - 3.0), (high, middle + 3.0));
                }
                let end = high.max(median).max(zero) + 6.0;
                body.text("value", "start", (end, middle + 4.0), &number(value.median));
            }
            y += BAR;
        }
        y += GAP;
    }
    let mut drawing = Drawing::new(&chart.title, WIDTH, bottom + 44.0);
    drawing.0.push_str(&body.0);
    drawing.finish()
}
