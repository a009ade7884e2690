//! Rows and columns, for a terminal and as Markdown. The layout is comfy-table's.

use std::fmt;

use comfy_table::{CellAlignment, ContentArrangement, presets};

/// A column: its title, and to which side its cells go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    title: String,
    right: bool,
}

impl Column {
    /// A column of words.
    pub fn left(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            right: false,
        }
    }

    /// A column of numbers.
    pub fn right(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            right: true,
        }
    }
}

/// A table. Its `Display` is aligned text without lines, for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no row.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row. Missing cells are empty, surplus ones are dropped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
        self
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As a table of GitHub's Markdown.
    pub fn markdown(&self) -> String {
        let mut lines = Vec::with_capacity(self.rows.len() + 2);
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let escape = |cell: &String| cell.replace('|', r"\|").replace('\n', " ");
        lines.push(line(self.titles().map(escape).collect()));
        let sides = self
            .columns
            .iter()
            .map(|column| if column.right { "---:" } else { "---" });
        lines.push(line(sides.map(String::from).collect()));
        for row in &self.rows {
            lines.push(line(row.iter().map(escape).collect()));
        }
        lines.join("\n") + "\n"
    }

    pub(crate) fn titles(&self) -> impl Iterator<Item = &String> {
        self.columns.iter().map(|column| &column.title)
    }

    /// Each row as its cells, with whether the cell is a number.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Vec<(&str, bool)>> {
        let aligned = |row| {
            let sides = self.columns.iter().map(|column| column.right);
            Iterator::zip(<[String]>::iter(row).map(String::as_str), sides).collect()
        };
        self.rows.iter().map(move |row| aligned(row))
    }

    /// To which side each title goes.
    pub(crate) fn sides(&self) -> impl Iterator<Item = bool> {
        self.columns.iter().map(|column| column.right)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut layout = comfy_table::Table::new();
        layout
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(self.titles());
        layout.add_rows(&self.rows);
        for (column, right) in layout.column_iter_mut().zip(self.sides()) {
            column.set_padding((0, 2));
            column.set_cell_alignment(if right {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            });
        }
        for line in layout.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new([Column::left("filter"), Column::right("us")]);
        table
            .row(["rate-limit", "2.5"])
            .row(["größer", "112.0"])
            .row(["none"]);
        table
    }

    #[test]
    fn words_go_left_and_numbers_right() {
        let expected = "filter         us\nrate-limit    2.5\ngrößer      112.0\nnone\n";
        assert_eq!(sample().to_string(), expected);
    }

    #[test]
    fn markdown_says_the_sides_and_escapes_bars() {
        let mut table = sample();
        table.row(["a|b", "1"]);
        let expected = "| filter | us |\n| --- | ---: |\n| rate-limit | 2.5 |\n| größer | 112.0 |\n| none |  |\n\
                        | a\\|b | 1 |\n";
        assert_eq!(table.markdown(), expected);
    }
}
