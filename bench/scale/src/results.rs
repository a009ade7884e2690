//! Results: a flat list that serialises, and the tables and the page that are made of it.

use fairlead_report::{Axis, Bars, Column, Interval, Lines, Page, Table, number};
use serde::{Deserialize, Serialize};

use crate::{Goal, Metric, Sweep};

#[cfg(test)]
mod tests;

/// One point of one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What grew.
    pub sweep: Sweep,
    /// What was measured, as a name for programs.
    pub id: String,
    /// The same in words.
    pub series: String,
    /// Which quantity.
    pub metric: Metric,
    /// How many rules, keys, workers or headers.
    pub x: f64,
    /// How much.
    pub value: Interval,
}

/// What a run has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Whether it was the quick run.
    pub quick: bool,
    /// Every point.
    pub measurements: Vec<Measurement>,
    /// What must hold, as far as it was measured.
    pub goals: Vec<Goal>,
}

impl Results {
    /// Whether every goal that was measured is met.
    pub fn goals_met(&self) -> bool {
        self.goals.iter().all(Goal::is_met)
    }

    /// A table for each sweep and metric, and one of the goals, under headings.
    pub fn tables(&self) -> Vec<(String, Table)> {
        let mut tables = Vec::new();
        for (sweep, metric, points) in self.parts() {
            let heading = format!("{} against {sweep}", metric.title());
            tables.push(match sweep {
                Sweep::Throughput => (metric.title().into(), list(metric, &points)),
                _ => (heading, grid(sweep, metric, &points)),
            });
        }
        if !self.goals.is_empty() {
            tables.push(("Goals".into(), self.goal_table()));
        }
        tables
    }

    /// The tables as text for a terminal.
    pub fn text(&self) -> String {
        let part = |(heading, table): (String, Table)| format!("{heading}\n\n{table}");
        self.tables().into_iter().map(part).collect::<Vec<_>>().join("\n")
    }

    /// One HTML file with plots and tables.
    pub fn page(&self) -> Page {
        let mut page = Page::new("How the cost of filters grows").text(
            "All values are from one run on one machine: compare within the page. A value that is over no filter is what \
             the filters add.",
        );
        let mut last = None;
        for (sweep, metric, points) in self.parts() {
            if last.replace(sweep) != Some(sweep) {
                page = page.heading(match sweep {
                    Sweep::Rules => "More rules",
                    Sweep::Keys => "More keys",
                    Sweep::Workers => "More workers",
                    Sweep::Headers => "More headers",
                    Sweep::Throughput => "As much as it takes: two workers, proxied",
                });
            }
            page = match sweep {
                Sweep::Throughput => page.chart(bars(metric, &points)),
                _ => page.chart(lines(sweep, metric, &points)),
            };
        }
        page = page.heading("Numbers");
        for (heading, table) in self.tables() {
            page = page.text(heading).table(table);
        }
        page
    }

    /// The measurements by sweep and metric.
    fn parts(&self) -> Vec<(Sweep, Metric, Vec<&Measurement>)> {
        let pairs = Sweep::ALL
            .into_iter()
            .flat_map(|sweep| Metric::ALL.map(|metric| (sweep, metric)));
        let part = |(sweep, metric)| {
            let of = |point: &&Measurement| point.sweep == sweep && point.metric == metric;
            let points: Vec<_> = self.measurements.iter().filter(of).collect();
            (!points.is_empty()).then_some((sweep, metric, points))
        };
        pairs.filter_map(part).collect()
    }

    fn goal_table(&self) -> Table {
        let titles = [
            Column::left("goal"),
            Column::right("bound"),
            Column::right("found"),
            Column::left(""),
        ];
        let mut table = Table::new(titles);
        for goal in &self.goals {
            let sign = if goal.at_most { "<=" } else { ">=" };
            let verdict = if goal.is_met() { "met" } else { "NOT MET" };
            let bound = format!("{sign} {}", goal.limit);
            let digits = if goal.limit >= 100.0 { 0 } else { 2 };
            table.row([
                goal.what.as_str(),
                &bound,
                &format!("{:.digits$}", goal.value),
                verdict,
            ]);
        }
        table
    }
}

/// The distinct ones, in the order in which they first appear.
fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

/// A row a line, a column a place.
fn grid(sweep: Sweep, metric: Metric, points: &[&Measurement]) -> Table {
    let mut places = distinct(points.iter().map(|point| point.x));
    places.sort_by(f64::total_cmp);
    let columns = places.iter().map(|x| Column::right(number(*x)));
    let mut table = Table::new(std::iter::once(Column::left(sweep.name())).chain(columns));
    for series in distinct(points.iter().map(|point| &point.series)) {
        let cell = |x: &f64| {
            let at = |point: &&&Measurement| point.series == *series && point.x == *x;
            points
                .iter()
                .find(at)
                .map_or_else(String::new, |point| written(metric, &point.value))
        };
        table.row(std::iter::once(series.clone()).chain(places.iter().map(cell)));
    }
    table
}

fn list(metric: Metric, points: &[&Measurement]) -> Table {
    let mut table = Table::new([Column::left("filters"), Column::right(metric.title())]);
    for point in points {
        table.row([point.series.clone(), written(metric, &point.value)]);
    }
    table
}

/// A value, with its interval where there is one.
fn written(metric: Metric, value: &Interval) -> String {
    let digits = metric.digits();
    if value.low < value.high {
        format!("{value:.digits$}")
    } else {
        format!("{:.digits$}", value.median)
    }
}

fn lines(sweep: Sweep, metric: Metric, points: &[&Measurement]) -> Lines {
    let x = match sweep {
        Sweep::Workers => Axis::linear(sweep.name(), ""),
        _ => Axis::log(sweep.name(), ""),
    };
    let title = format!("{} against {sweep}", metric.title());
    let note = [metric.note(), sweep.note()].join(" ");
    let mut chart = Lines::new(title, x, metric.axis()).note(note.trim_end());
    for point in points {
        chart.point(&point.series, point.x, point.value);
    }
    chart
}

fn bars(metric: Metric, points: &[&Measurement]) -> Bars {
    let mut chart = Bars::new(metric.title(), metric.axis()).note(metric.note());
    for point in points {
        chart.bar(metric.title(), &point.series, point.value);
    }
    chart
}
