//! Lines with a mark and an error bar at each value.

use std::fmt::Write as _;

use super::{Drawing, colour, hint, legend};
use crate::Lines;
use crate::axis::{Ruler, number};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 815.0;
/// Height of the plot itself.
const HEIGHT: f64 = 300.0;

pub(super) fn draw(chart: &Lines) -> String {
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    let mut body = Drawing(String::new());
    let top = legend(&mut body, &names, (LEFT, RIGHT), 0.0) + 8.0;
    let bottom = top + HEIGHT;

    let points = || chart.series.iter().flat_map(|series| &series.points);
    let x = Ruler::new(&chart.x, points().map(|point| point.at), LEFT, RIGHT);
    let y_values = points().flat_map(|point| [point.value.median, point.value.low, point.value.high]);
    let y = Ruler::new(&chart.y, y_values, bottom, top);
    for tick in &x.ticks {
        if let Some(x) = x.place(*tick) {
            body.line("grid", (x, top), (x, bottom));
            body.text("tick", "middle", (x, bottom + 18.0), &number(*tick));
        }
    }
    for tick in &y.ticks {
        if let Some(y) = y.place(*tick) {
            body.line("grid", (LEFT, y), (RIGHT, y));
            body.text("tick", "end", (LEFT - 8.0, y + 4.0), &number(*tick));
        }
    }
    body.line("axis", (LEFT, bottom), (RIGHT, bottom));
    body.line("axis", (LEFT, top), (LEFT, bottom));
    body.text(
        "label",
        "middle",
        (f64::midpoint(LEFT, RIGHT), bottom + 40.0),
        &chart.x.caption(),
    );
    let (side, middle, caption) = (
        18.0,
        f64::midpoint(top, bottom),
        super::escape(&chart.y.caption()),
    );
    body.push(format_args!(
        "<text class=\"label\" text-anchor=\"middle\" transform=\"translate({side} {middle:.1}) rotate(-90)\">{caption}</text>"
    ));

    for (index, series) in chart.series.iter().enumerate() {
        let class = colour(index);
        let mut path = String::new();
        for point in &series.points {
            if let (Some(x), Some(y)) = (x.place(point.at), y.place(point.value.median)) {
                let separator = if path.is_empty() { "" } else { " " };
                // Writing to a string cannot fail.
                let _ = write!(path, "{separator}{x:.1},{y:.1}");
            }
        }
        body.push(format_args!(
            "<polyline class=\"line {class}\" points=\"{path}\"/>"
        ));
        for point in &series.points {
            let (Some(x), Some(middle)) = (x.place(point.at), y.place(point.value.median)) else {
                continue;
            };
            if let (Some(low), Some(high)) = (y.place(point.value.low), y.place(point.value.high))
                && point.value.low < point.value.high
            {
                body.line("error", (x, low), (x, high));
                body.line("error", (x - 4.0, low), (x + 4.0, low));
                body.line("error", (x - 4.0, high), (x + 4.0, high));
            }
            let hint = hint(&series.name, &number(point.at), &point.value, &chart.y.unit);
            body.push(format_args!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"4\"><title>{hint}</title></circle>"
            ));
        }
    }
    let mut drawing = Drawing::new(&chart.title, WIDTH, bottom + 48.0);
    drawing.0.push_str(&body.0);
    drawing.finish()
}
