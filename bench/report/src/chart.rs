//! Charts as data: what is drawn, not how. They can be serialised, so that a page can be made again from stored results.

use serde::{Deserialize, Serialize};

use crate::Interval;

/// An axis of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What it counts.
    pub label: String,
    /// In which unit; may be empty.
    pub unit: String,
    /// Whether equal distances are equal factors. Values that are not above 0 cannot be shown then.
    pub logarithmic: bool,
}

impl Axis {
    /// An axis from 0 (or below, if values are) to the largest value.
    pub fn linear(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            unit: unit.into(),
            logarithmic: false,
        }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            logarithmic: true,
            ..Self::linear(label, unit)
        }
    }

    pub(crate) fn caption(&self) -> String {
        match (self.label.as_str(), self.unit.as_str()) {
            (label, "") => label.to_owned(),
            ("", unit) => unit.to_owned(),
            (label, unit) => format!("{label} ({unit})"),
        }
    }
}

/// Values that belong together and have one colour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series<T> {
    /// Its name in the legend.
    pub name: String,
    /// Where it is (the label of a bar, or a number) and how much, in the order of drawing.
    pub points: Vec<Point<T>>,
}

/// A value with its uncertainty at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point<T> {
    /// The place.
    pub at: T,
    /// The value; its interval becomes an error bar.
    pub value: Interval,
}

/// Horizontal bars: one row a label, in it one bar for each series that has the label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// What to know when reading it; may be empty.
    pub note: String,
    /// The axis of the values; bars grow from 0, so a logarithmic axis is drawn as a linear one.
    pub axis: Axis,
    /// The bars.
    pub series: Vec<Series<String>>,
}

impl Bars {
    /// A chart without bars.
    pub fn new(title: impl Into<String>, axis: Axis) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            axis,
            series: Vec::new(),
        }
    }

    /// What to know when reading it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds a bar to a series, which is made if it is new. Rows and series keep the order in which they first appear.
    pub fn bar(&mut self, series: &str, label: impl Into<String>, value: Interval) -> &mut Self {
        push(&mut self.series, series, label.into(), value);
        self
    }
}

/// Lines over numbers, such as a cost over the size of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// What it shows.
    pub title: String,
    /// What to know when reading it; may be empty.
    pub note: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series<f64>>,
}

impl Lines {
    /// A chart without lines.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            x,
            y,
            series: Vec::new(),
        }
    }

    /// What to know when reading it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds a point to a line, which is made if it is new. Points are joined in the order in which they are added.
    pub fn point(&mut self, series: &str, x: f64, value: Interval) -> &mut Self {
        push(&mut self.series, series, x, value);
        self
    }
}

fn push<T>(all: &mut Vec<Series<T>>, name: &str, at: T, value: Interval) {
    let point = Point { at, value };
    match all.iter_mut().find(|series| series.name == name) {
        Some(series) => series.points.push(point),
        None => all.push(Series {
            name: name.to_owned(),
            points: vec![point],
        }),
    }
}

/// Any chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Chart {
    /// Horizontal bars.
    Bars(Bars),
    /// Lines over numbers.
    Lines(Lines),
}

impl From<Bars> for Chart {
    fn from(bars: Bars) -> Self {
        Self::Bars(bars)
    }
}

impl From<Lines> for Chart {
    fn from(lines: Lines) -> Self {
        Self::Lines(lines)
    }
}
