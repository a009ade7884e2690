//! Lines of Prometheus' text format.

use std::collections::BTreeMap;

/// One line that holds a whole number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    pub(super) labels: BTreeMap<&'a str, String>,
    pub(super) value: u64,
}

impl<'a> Sample<'a> {
    /// `None` for comments, histograms' and other lines that are not `name{label="value",...} number`.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (name, mut rest) = line.split_once('{')?;
        let mut labels = BTreeMap::new();
        loop {
            rest = rest.trim_start_matches(',');
            if let Some(after) = rest.strip_prefix('}') {
                return Some(Self {
                    name,
                    labels,
                    value: after.trim().parse().ok()?,
                });
            }
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label, value);
            rest = after;
        }
    }
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at.saturating_add(1)..)?)),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_may_hold_quotes_commas_and_braces() {
        let sample = Sample::parse(r#"a{x="1,\"}\\",y="\n"} 5"#).unwrap();
        assert_eq!(sample.labels["x"], "1,\"}\\");
        assert_eq!(sample.labels["y"], "\n");
        assert_eq!((sample.name, sample.value), ("a", 5));
    }

    #[test]
    fn what_is_no_whole_number_is_left_out() {
        for line in ["a{x=\"1\"} 0.5", "a 1", "", "# HELP a{}", "a{x=\"1\"", "a{x} 1"] {
            assert_eq!(Sample::parse(line), None, "{line}");
        }
    }
}
