//! What a benchmark says: intervals, tables, and a page with plots. Nothing here measures.
//!
//! - [`Interval`], [`median`], [`quantile`]: what samples say, and how sure that is;
//! - [`Table`]: rows for a terminal or as Markdown;
//! - [`Chart`]: bars or lines as data that can be serialised;
//! - [`Page`]: one HTML file with those in it, without scripts and without the network.
//!
//! ```
//! use fairlead_report::{Column, Interval, Table};
//!
//! let deltas = [1.9, 2.1, 2.0, 2.4, 1.8];
//! let cost = Interval::bootstrap(&deltas, 7).ok_or("no samples")?;
//! let mut table = Table::new([Column::left("filter"), Column::right("us a request")]);
//! table.row(["rate-limit", &format!("{cost:.2}")]);
//! assert!(table.to_string().contains("2.00 [1.80, 2.40]"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod axis;
mod chart;
mod page;
mod statistics;
mod svg;
mod table;

pub use axis::number;
pub use chart::{Axis, Bars, Chart, Lines, Point, Series};
pub use page::Page;
pub use statistics::{Interval, median, quantile};
pub use table::{Column, Table};
