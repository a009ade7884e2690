//! Prometheus' text format (version 0.0.4), as far as Envoy writes it.

use std::collections::BTreeMap;

/// What a scrape has in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    /// The kinds of metrics, by name.
    pub kinds: BTreeMap<String, String>,
    /// The series.
    pub samples: Vec<Sample>,
}

/// A series and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name; of a histogram, with `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Exposition {
    /// Reads a scrape.
    ///
    /// # Panics
    /// At a line that is not in the format.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                None => all
                    .samples
                    .push(sample(line).unwrap_or_else(|| panic!("no sample: {line}"))),
                Some(comment) => {
                    let mut words = comment.split_whitespace();
                    if let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next())
                    {
                        all.kinds.insert(name.to_owned(), kind.to_owned());
                    }
                }
            }
        }
        all
    }

    /// The name and kind of the metric that a sample belongs to.
    #[must_use]
    pub fn metric_of<'a>(&'a self, sample: &'a Sample) -> Option<(&'a str, &'a str)> {
        let whole = Some(sample.name.as_str());
        let parts = ["_bucket", "_sum", "_count"].map(|part| sample.name.strip_suffix(part));
        let mut names = std::iter::once(whole).chain(parts).flatten();
        names.find_map(|name| Some((name, self.kinds.get(name)?.as_str())))
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label.to_owned(), value);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: rest.split_whitespace().next()?.parse().ok()?,
    })
}

/// A value up to its closing quote, without escapes, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, other) => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_their_labels_and_metrics_their_kind() {
        let text = "# TYPE a_total counter\na_total{x=\"1,2}\",y=\"\\\"\\\\\"} 3\n# TYPE h histogram\n\
                    h_bucket{le=\"+Inf\"} 2\nh_count{} 2\n\n# TYPE g gauge\ng 4.5\n";
        let all = Exposition::parse(text);
        let labels = |pairs: &[(&str, &str)]| {
            let owned = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            owned.collect::<BTreeMap<String, String>>()
        };
        let found: Vec<_> = (all.samples.iter())
            .map(|sample| {
                (
                    all.metric_of(sample).unwrap(),
                    sample.labels.clone(),
                    sample.value,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    ("a_total", "counter"),
                    labels(&[("x", "1,2}"), ("y", "\"\\")]),
                    3.0
                ),
                (("h", "histogram"), labels(&[("le", "+Inf")]), 2.0),
                (("h", "histogram"), labels(&[]), 2.0),
                (("g", "gauge"), labels(&[]), 4.5),
            ]
        );
    }
}
