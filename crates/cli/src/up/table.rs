//! Tables of plain text: columns as wide as their widest cell, numbers to the right.

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The lines of a table. A row that is shorter than `sides` is filled with empty cells, a longer one is cut.
pub(super) fn lines(sides: &[Side], rows: &[Vec<String>]) -> Vec<String> {
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let width = |column| {
        rows.iter()
            .map(|row| cell(row, column).chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = sides
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (side, width))| {
                let text = cell(row, column);
                match side {
                    Side::Left => format!("{text:<width$}"),
                    Side::Right => format!("{text:>width$}"),
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["rule".into(), "n".into()],
            vec!["a".into(), "12".into()],
            vec!["per-key".into()],
        ];
        assert_eq!(
            lines(&[Side::Left, Side::Right], &rows),
            ["rule      n", "a        12", "per-key"]
        );
        assert!(lines(&[Side::Left], &[]).is_empty());
    }
}
