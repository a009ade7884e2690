//! Which variants share an Envoy: valgrind leaves room for few VMs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::variants::{self, Routes, Variant};

/// V8 reserves 8.75 GiB of addresses for each memory, and a module has one in the main thread, one in each worker and
/// one that is cloned for them. valgrind has room for about 12.
const MODULES: usize = 4;

/// Splits the variants so that no group has more than [`MODULES`] different modules. Each group begins with the
/// baselines that it needs.
pub(super) fn split(variants: &[Variant]) -> Vec<Vec<Variant>> {
    let mut groups: Vec<(BTreeSet<&Path>, Vec<&Variant>)> = Vec::new();
    let measured = || variants.iter().filter(|variant| !variant.is_baseline());
    // Those with most modules first: what needs few fits in beside them.
    let mut order: Vec<&Variant> = measured().collect();
    order.sort_by_key(|variant| std::cmp::Reverse(distinct(variant).len()));
    for variant in order {
        let modules = distinct(variant);
        let fits = |group: &(BTreeSet<&Path>, Vec<&Variant>)| group.0.union(&modules).count() <= MODULES;
        // The modules of one that is there already cost nothing; others go where there is least to do.
        let place = |group: &(BTreeSet<&Path>, Vec<&Variant>)| (!modules.is_subset(&group.0), group.1.len());
        let best = match modules.is_empty() {
            true => groups.iter_mut().min_by_key(|group| group.1.len()),
            false => groups
                .iter_mut()
                .filter(|group| fits(group))
                .min_by_key(|group| place(group)),
        };
        match best {
            Some((all, members)) => {
                all.extend(modules);
                members.push(variant);
            }
            None => groups.push((modules, vec![variant])),
        }
    }
    if groups.is_empty() {
        groups.push(Default::default());
    }
    let baselines: BTreeMap<String, Variant> = variants::none()
        .into_iter()
        .map(|variant| (variant.name.clone(), variant))
        .collect();
    let complete = |(_, members): (BTreeSet<&Path>, Vec<&Variant>)| {
        let asked = variants.iter().filter(|variant| variant.is_baseline());
        let mut needed: BTreeSet<&str> = members
            .iter()
            .map(|variant| variant.over.baseline())
            .chain(asked.map(|variant| variant.name.as_str()))
            .collect();
        needed.insert(Routes::One.baseline());
        let baselines = needed.into_iter().filter_map(|name| baselines.get(name).cloned());
        baselines.chain(members.into_iter().cloned()).collect()
    };
    groups.into_iter().map(complete).collect()
}

fn distinct(variant: &Variant) -> BTreeSet<&Path> {
    variant.modules.iter().map(|path| path.as_path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::Group;

    fn variant(name: &str, modules: &str) -> Variant {
        let new = Variant::new(name, name, Group::Filter);
        modules
            .split_whitespace()
            .fold(new, |variant, module| variant.wasm(module, Path::new(module), ""))
    }

    fn names(groups: &[Vec<Variant>]) -> Vec<Vec<&str>> {
        groups
            .iter()
            .map(|group| group.iter().map(|variant| variant.name.as_str()).collect())
            .collect()
    }

    #[test]
    fn variants_of_few_modules_share_one_envoy() {
        let all = [
            variant("a", "1"),
            variant("b", "1 2"),
            variant("c", "3 4"),
            variant("d", ""),
        ];
        let groups = split(&all);
        assert_eq!(groups.len(), 1);
        let mut members = names(&groups).remove(0);
        assert_eq!(members.remove(0), "none");
        members.sort_unstable();
        assert_eq!(members, ["a", "b", "c", "d"]);
    }

    #[test]
    fn no_envoy_has_more_vms_than_valgrind_has_room_for() {
        let all: Vec<Variant> = (0..11)
            .map(|i| variant(&format!("v{i}"), &format!("m{i}")))
            .chain([variant("four", "m0 m1 m2 m3"), variant("native", "")])
            .collect();
        let groups = split(&all);
        for group in &groups {
            let modules: BTreeSet<_> = group.iter().flat_map(|variant| &variant.modules).collect();
            assert!(modules.len() <= MODULES, "{modules:?}");
        }
        let measured: usize = groups
            .iter()
            .flatten()
            .filter(|variant| !variant.is_baseline())
            .count();
        assert_eq!(measured, all.len());
        assert_eq!(groups.len(), 3);
    }

    #[test]
    fn each_envoy_has_the_baselines_of_its_variants() {
        let all = [variant("a", "1"), variant("b", "2").routed()];
        assert_eq!(names(&split(&all)), [["none", "none-canary-route", "a", "b"]]);
        assert_eq!(names(&split(&all[..1])), [["none", "a"]]);
        assert_eq!(names(&split(&variants::none())), [["none", "none-canary-route"]]);
    }
}
