//! Several stages as one: what a stage sees that runs behind others in the same callback.

use crate::{AttributeId, EditKind, Effects, HeaderMap, Timestamp, View, line_separator};
use std::borrow::Cow;

/// The view of a stage that is a part of another: the same headers and clocks, read once for all of them, attributes by
/// the part's own numbers, and headers as the stages before it have asked for them to be.
///
/// A proxy that runs the stages one after the other applies each one's edits before the next; here they are applied
/// together at the end, and shown before that.
#[derive(Debug)]
pub struct Within<'v, V> {
    view: &'v V,
    attributes: u16,
    edits: Option<&'v Effects>,
}

impl<'v, V: View> Within<'v, V> {
    /// A part's view. `attributes` is what [`crate::Needs::take_in`] has answered; `edits` are those of the stages before it.
    pub fn new(view: &'v V, attributes: u16, edits: Option<&'v Effects>) -> Self {
        Self {
            view,
            attributes,
            edits: edits.filter(|edits| !edits.is_empty()),
        }
    }

    /// A header that earlier stages have changed: what they have made of it.
    #[inline(never)]
    fn edited<'s>(&'s self, edits: &Effects, map: HeaderMap, name: &str) -> Option<Cow<'s, [u8]>> {
        let mut value = self.view.header(map, name);
        for edit in edits.edits() {
            if edit.map != map || edit.name != name.as_bytes() {
                continue;
            }
            value = match (edit.kind, value) {
                (EditKind::Remove, _) => None,
                (EditKind::Set, _) | (EditKind::Add, None) => Some(Cow::Owned(edit.value.to_vec())),
                (EditKind::Add, Some(first)) => Some(match line_separator(name) {
                    Some(separator) => Cow::Owned([&*first, separator, edit.value].concat()),
                    None => first,
                }),
            };
        }
        value
    }
}

impl<V: View> View for Within<'_, V> {
    fn now(&self) -> Timestamp {
        self.view.now()
    }

    fn steady(&self) -> Timestamp {
        self.view.steady()
    }

    fn header(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>> {
        match self.edits {
            None => self.view.header(map, name),
            Some(edits) => self.edited(edits, map, name),
        }
    }

    fn status(&self) -> Option<u16> {
        self.view.status()
    }

    #[inline(never)]
    fn each_header(&self, map: HeaderMap, show: &mut dyn FnMut(&[u8], &[u8])) {
        let Some(edits) = self.edits else {
            return self.view.each_header(map, show);
        };
        let mut lines: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        self.view.each_header(map, &mut |name, value| {
            lines.push((name.to_vec(), value.to_vec()));
        });
        for edit in edits.edits().filter(|edit| edit.map == map) {
            let first = lines.iter().position(|(name, _)| name == edit.name);
            match (edit.kind, first) {
                (EditKind::Add, _) | (EditKind::Set, None) => {
                    lines.push((edit.name.to_vec(), edit.value.to_vec()));
                }
                (EditKind::Set, Some(first)) => {
                    let mut at = 0_usize;
                    lines.retain_mut(|(name, value)| {
                        let here = at;
                        at = at.saturating_add(1);
                        if here == first {
                            *value = edit.value.to_vec();
                        }
                        here == first || name != edit.name
                    });
                }
                (EditKind::Remove, _) => lines.retain(|(name, _)| name != edit.name),
            }
        }
        for (name, value) in &lines {
            show(name, value);
        }
    }

    fn ends(&self) -> bool {
        self.view.ends()
    }

    fn attribute(&self, id: AttributeId) -> Option<Cow<'_, [u8]>> {
        self.view.attribute(id.within(self.attributes))
    }

    fn apply(&self, edits: &mut Effects) {
        self.view.apply(edits);
    }
}
