//! What a run has seen, row by row: printed, and compared with the page that tells users.

use std::fmt::Write as _;
use std::time::Duration;

use crate::modules;

/// Rows of one question. A test adds a row once it has seen what the row says.
#[derive(Debug)]
pub struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<(Vec<String>, Duration)>,
}

impl Table {
    /// A table that the page calls `name`, with the heads of its columns.
    #[must_use]
    pub fn new(name: &str, columns: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            columns: columns.iter().map(|&head| head.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds what was seen, and prints it with the time it took.
    ///
    /// # Panics
    /// If it has another number of cells than the table has columns.
    pub fn row(&mut self, cells: &[&str], took: Duration) {
        assert_eq!(cells.len(), self.columns.len(), "{cells:?}");
        eprintln!("  {:>6.2} s  {}", took.as_secs_f64(), cells.join("  |  "));
        let cells = cells.iter().map(|&cell| cell.to_owned()).collect();
        self.rows.push((cells, took));
    }

    /// Compares the rows with those of the page, between `<!-- table: NAME -->` and `<!-- end -->`; with `UPDATE_DOCS=1` writes
    /// them there. Times are not compared: no two runs have the same.
    ///
    /// # Panics
    /// If the page says something else.
    pub fn document(&self, page: &str) {
        let path = modules::workspace().join(page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        let begin = format!("<!-- table: {} -->\n", self.name);
        let parts = text.split_once(&begin).and_then(|(before, rest)| {
            let (table, after) = rest.split_once("<!-- end -->")?;
            Some((before, table, after))
        });
        let (before, told, after) = parts.unwrap_or_else(|| panic!("{page} has no {begin}"));
        let seen = self.markdown();
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            let text = format!("{before}{begin}{seen}<!-- end -->{after}");
            std::fs::write(path, text).expect("the page can be written");
        } else {
            assert_eq!(told, seen, "{page}: run this test with UPDATE_DOCS=1");
        }
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.columns);
        let _ = writeln!(text, "|{}", "---|".repeat(self.columns.len()));
        text.extend(self.rows.iter().map(|(cells, _)| line(cells)));
        text
    }
}
