//! The manifests of this repository, as users apply them but for the registry.

use std::collections::BTreeMap;

use super::images::Image;
use crate::modules;

/// What the shipped manifests name in place of a registry.
const PLACEHOLDER: &str = "registry.example.com/fairlead/";

/// A file of this repository, with each image exchanged for that of the same name.
///
/// # Panics
/// If it cannot be read, or names an image that is not among `images`; with none, images stay as they are.
#[must_use]
pub fn shipped(path: &str, images: &BTreeMap<String, Image>) -> String {
    let file = modules::workspace().join(path);
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
    if images.is_empty() {
        return text;
    }
    exchanged(&text, images)
}

/// A text with each image exchanged for that of the same name.
///
/// # Panics
/// If it names an image that is not among `images`.
#[must_use]
pub fn exchanged(text: &str, images: &BTreeMap<String, Image>) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(PLACEHOLDER) {
        let end = after
            .find(|it: char| !(it.is_ascii_alphanumeric() || "-.:@".contains(it)))
            .unwrap_or(after.len());
        let (name, behind) = after.split_at(end);
        let name = name.split([':', '@']).next().unwrap_or_default();
        let image = images
            .get(name)
            .unwrap_or_else(|| panic!("there is no image {name}"));
        done.push_str(before);
        done.push_str(&image.reference());
        rest = behind;
    }
    done + rest
}
