//! Path templates.

use super::{SpecError, path_literal};

/// A path with variables, `/users/{id}/orders/{order}`: each variable stands for exactly one segment that is not
/// empty.
///
/// The path is compared as it was sent, without percent-decoding, and with its trailing slash: `/users/{id}` matches
/// neither `/users/7/` nor `/users/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
}

/// A piece of a template: a literal contains the slashes around it, so that literals and variables alternate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Variable(String),
}

impl Template {
    /// Reads a template. One without variables is an exact path.
    ///
    /// # Errors
    /// [`SpecError::TemplateVariable`], [`SpecError::PathNotAbsolute`], [`SpecError::PathQuery`].
    #[inline(never)]
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        path_literal(text)?;
        let mut segments = Vec::new();
        let mut literal = String::new();
        for (position, segment) in text.split('/').enumerate() {
            if position > 0 {
                literal.push('/');
            }
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            if let Some(name) = name {
                segments.push(Segment::Literal(std::mem::take(&mut literal)));
                segments.push(Segment::Variable(name.to_owned()));
            } else {
                literal.push_str(segment);
            }
            let repeated = |name: &str| {
                let is_it = |s: &&Segment| matches!(s, Segment::Variable(known) if known == name);
                segments.iter().filter(is_it).count() > 1
            };
            let wrong = name.map_or(segment.contains(['{', '}']), |n| {
                n.is_empty() || n.contains(['{', '}']) || repeated(n)
            });
            if wrong {
                return Err(SpecError::TemplateVariable {
                    template: text.to_owned(),
                    segment: segment.to_owned(),
                });
            }
        }
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// The template as it was written: a label of bounded cardinality for all paths that it matches.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// The literal that every matching path starts with: at least `/`.
    pub(crate) fn head(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Literal(head)) => head,
            _ => "",
        }
    }

    /// Whether a path matches; `value` is called with the value of each variable in order, also when a later segment
    /// then does not match.
    pub fn visit<'p>(&self, path: &'p [u8], mut value: impl FnMut(&'p [u8])) -> bool {
        let mut rest = path;
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => match rest.strip_prefix(literal.as_bytes()) {
                    Some(after) => rest = after,
                    None => return false,
                },
                Segment::Variable(_) => {
                    let end = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
                    let (segment, after) = rest.split_at(end);
                    if segment.is_empty() {
                        return false;
                    }
                    value(segment);
                    rest = after;
                }
            }
        }
        rest.is_empty()
    }
}
