//! What one decision costs: on a stored number, and in a table with the key's hash.

use criterion::{Criterion, criterion_group, criterion_main};
use fairlead_quota::{OnOverflow, Quota, Rate, Table, decide};
use fairlead_stage::{Step, Timestamp};
use std::hint::black_box;
use std::num::NonZeroU32;

const ONE: NonZeroU32 = NonZeroU32::MIN;
const SEED: [u64; 2] = [1, 2];

fn quota(rate: &str) -> Option<Quota> {
    Quota::new(rate.parse::<Rate>().ok()?, None).ok()
}

fn benches(c: &mut Criterion) {
    let (Some(wide), Some(narrow), Some(keys)) = (quota("1000000/s"), quota("1/h"), NonZeroU32::new(4096))
    else {
        return;
    };
    let now = Timestamp::from_unix_nanos(1_790_000_000_000_000_000);
    c.bench_function("decide/admit", |b| {
        b.iter(|| decide(black_box(&wide), now, None, ONE))
    });
    for (name, quota) in [("table/admit", wide), ("table/refuse", narrow)] {
        let table = Table::new(keys, OnOverflow::Shared, &[quota]);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        c.bench_function(name, |b| {
            b.iter(|| {
                let place = table.locate(SEED, black_box(b"client-0123456789"));
                new.clear();
                let step = table.spend(place, &quota, now, ONE, Some(&old), &mut new);
                if matches!(step, Step::Write(_)) {
                    std::mem::swap(&mut old, &mut new);
                }
            });
        });
    }
}

criterion_group!(quota_benches, benches);
criterion_main!(quota_benches);
