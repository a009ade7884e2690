//! What a scrape of Envoy says of the filter.

use std::collections::BTreeMap;

use fairlead_envoy::Envoy;
use fairlead_tests::exposition::{Exposition, Sample};

/// All series of the filter, at a moment; names are without its prefix.
#[derive(Debug)]
pub(crate) struct Scraped(Vec<Sample>);

/// What every name of the filter's begins with.
pub(crate) const PREFIX: &str = "fairlead_latency_histogram_";

impl Scraped {
    /// Scrapes Envoy's admin interface.
    pub(crate) fn of(envoy: &Envoy) -> Self {
        let all = Exposition::parse(&envoy.prometheus().expect("Envoy answers")).samples;
        let own = all.into_iter().filter_map(|sample| {
            let name = sample.name.strip_prefix(PREFIX)?.to_owned();
            Some(Sample { name, ..sample })
        });
        Self(own.collect())
    }

    /// Every series.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// The series of a name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    /// The values of a name by one of its labels, which all its series have in different values.
    pub(crate) fn by(&self, label: &str, name: &str) -> BTreeMap<String, u64> {
        let mut values = BTreeMap::new();
        for sample in self.named(name) {
            let value = label_of(sample, label).to_owned();
            assert_eq!(values.insert(value, whole(sample)), None, "{name}: {sample:?}");
        }
        values
    }

    /// The sum of all series of a name.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        self.named(name).map(whole).sum()
    }

    /// The one series of a name whose label has this value; 0 if there is none.
    pub(crate) fn value(&self, name: &str, label: &str, value: &str) -> u64 {
        self.by(label, name).get(value).copied().unwrap_or(0)
    }
}

/// A label; empty if it is not there, as Prometheus has it.
pub(crate) fn label_of<'s>(sample: &'s Sample, name: &str) -> &'s str {
    sample.labels.get(name).map_or("", String::as_str)
}

/// The value of what counts.
fn whole(sample: &Sample) -> u64 {
    assert!(sample.value >= 0.0 && sample.value.fract() == 0.0, "{sample:?}");
    sample.value as u64
}
