//! What `cargo tree` prints, read.

use super::{About, Contents, Name};
use std::collections::BTreeMap;

/// What it prints of each crate after its depth: name and version, licence, repository.
pub(super) const FORMAT: &str = "{p}\t{l}\t{r}";
/// Behind a crate whose own dependencies were printed before.
const AGAIN: &str = " (*)";

/// Reads a tree: the first line is the root, and each crate is used by the last one before it that is a step less deep.
pub(super) fn read(text: &str) -> Option<Contents> {
    let mut crates: BTreeMap<Name, About> = BTreeMap::new();
    let mut above: Vec<Name> = Vec::new();
    for line in text.lines() {
        let digits = line.len()
            - line
                .trim_start_matches(|digit: char| digit.is_ascii_digit())
                .len();
        let (depth, rest) = line.split_at_checked(digits)?;
        let depth: usize = depth.parse().ok()?;
        let mut parts = rest.strip_suffix(AGAIN).unwrap_or(rest).split('\t');
        let mut package = parts.next()?.split(' ');
        let name = Name {
            name: package.next()?.to_owned(),
            version: package.next()?.strip_prefix('v')?.to_owned(),
        };
        let mut known = || parts.next().map(str::trim).filter(|text| !text.is_empty());
        // Crates from before SPDX expressions wrote a slash for "or".
        let license = known().map(|license| license.replace('/', " OR "));
        let repository = known().map(str::to_owned);
        above.truncate(depth);
        if depth != above.len() {
            return None;
        }
        if let Some(user) = above.last() {
            crates.get_mut(user)?.uses.insert(name.clone());
        }
        let about = crates.entry(name.clone()).or_default();
        (about.license, about.repository) = (license, repository);
        above.push(name);
    }
    Some(Contents {
        root: above.first()?.clone(),
        crates,
        std: None,
    })
}
