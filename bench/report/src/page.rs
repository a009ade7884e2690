//! One HTML file with everything in it: no scripts, no fonts, nothing from the network.
//!
//! It is well-formed XML too, which is how its tests read it. It follows the reader's light or dark setting.

use std::fmt::Write as _;

use crate::svg::{draw, escape};
use crate::{Chart, Table};

#[cfg(test)]
mod tests;

/// A page in the making; parts stand in the order in which they are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    title: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Heading(String),
    Text(String),
    Chart(Chart),
    Table(Table),
}

impl Page {
    /// A page with nothing but a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            parts: Vec::new(),
        }
    }

    /// Appends a heading.
    #[must_use]
    pub fn heading(self, text: impl Into<String>) -> Self {
        self.with(Part::Heading(text.into()))
    }

    /// Appends a paragraph of plain text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Part::Text(text.into()))
    }

    /// Appends a chart with its title and note.
    #[must_use]
    pub fn chart(self, chart: impl Into<Chart>) -> Self {
        self.with(Part::Chart(chart.into()))
    }

    /// Appends a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.with(Part::Table(table))
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The whole file.
    pub fn render(&self) -> String {
        let title = escape(&self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
        );
        for part in &self.parts {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Heading(text) => writeln!(html, "<h2>{}</h2>", escape(text)),
                Part::Text(text) => writeln!(html, "<p>{}</p>", escape(text)),
                Part::Chart(chart) => write!(html, "{}", figure(chart)),
                Part::Table(table) => write!(html, "{}", rows(table)),
            };
        }
        html.push_str("</main>\n</body>\n</html>\n");
        html
    }
}

fn figure(chart: &Chart) -> String {
    let (title, note) = match chart {
        Chart::Bars(chart) => (&chart.title, &chart.note),
        Chart::Lines(chart) => (&chart.title, &chart.note),
    };
    let note = match note.as_str() {
        "" => String::new(),
        note => format!("<p class=\"note\">{}</p>\n", escape(note)),
    };
    format!(
        "<figure>\n<figcaption>{}</figcaption>\n{}{note}</figure>\n",
        escape(title),
        draw(chart)
    )
}

fn rows(table: &Table) -> String {
    let mut html = String::from("<div class=\"wide\">\n<table>\n<thead><tr>");
    let cell = |tag: &str, right: bool, text: &str| {
        let class = if right { " class=\"number\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escape(text))
    };
    html.extend(
        table
            .titles()
            .zip(table.sides())
            .map(|(title, right)| cell("th", right, title)),
    );
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in table.cells() {
        html.push_str("<tr>");
        html.extend(row.into_iter().map(|(text, right)| cell("td", right, text)));
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    html
}

/// Eight colours that stay apart for the colour-blind (after Okabe and Ito), darker on light and lighter on dark.
const STYLE: &str = r":root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --grid: #d8dee4;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b05a92;
  --s4: #b8860b; --s5: #3a9ccf; --s6: #6b4fbb; --s7: #6e7781;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e6e9ed; --soft: #9aa4af; --grid: #323a43;
    --s0: #4ba6e0; --s1: #f28a3c; --s2: #33c294; --s3: #d98cbe;
    --s4: #dcb040; --s5: #7cc8ee; --s6: #a48df0; --s7: #a0a8b1;
  }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; } h2 { font-size: 20px; margin-top: 40px; }
figure { margin: 28px 0; } figcaption { font-weight: 600; margin-bottom: 8px; }
.note { color: var(--soft); font-size: 14px; margin: 4px 0 0; }
svg { width: 100%; height: auto; display: block; font: 12px system-ui, sans-serif; }
.s0 { fill: var(--s0); stroke: var(--s0); } .s1 { fill: var(--s1); stroke: var(--s1); }
.s2 { fill: var(--s2); stroke: var(--s2); } .s3 { fill: var(--s3); stroke: var(--s3); }
.s4 { fill: var(--s4); stroke: var(--s4); } .s5 { fill: var(--s5); stroke: var(--s5); }
.s6 { fill: var(--s6); stroke: var(--s6); } .s7 { fill: var(--s7); stroke: var(--s7); }
rect { stroke: none; }
.line { fill: none; stroke-width: 2; }
.axis { stroke: var(--soft); } .grid { stroke: var(--grid); } .error { stroke: var(--ink); }
.label { fill: var(--ink); } .tick { fill: var(--soft); } .value { fill: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--grid); text-align: left; white-space: nowrap; }
.number { text-align: right; }
";
