//! x
#![allow(clippy::print_stdout, reason = "x")]
#![allow(clippy::unwrap_used, reason = "x")]
use fairlead_overhead::{instructions::{measure, Windows}, variants};
fn main() -> anyhow::Result<()> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let t = tempfile::tempdir()?;
    let mut all = variants::none();
    all.extend(variants::bare(t.path(), Some(std::path::Path::new("/tmp/t-h1-empty/wasm32-wasip1/release/fairlead_empty.wasm")))?);
    all.extend(variants::ours(std::path::Path::new("dist"))?);
    all.extend(variants::native());
    all.extend(variants::lua());
    let all = variants::select(all, &only)?;
    let begin = std::time::Instant::now();
    let bar = indicatif::ProgressBar::hidden();
    let found = measure(std::path::Path::new("/tmp/envoy/envoy/_bin/envoy"), &all, fairlead_overhead::Answers::Direct, Windows { warm_up: 100, requests: std::env::var("N").map_or(100, |n| n.parse().unwrap()), windows: std::env::var("W").map_or(5, |n| n.parse().unwrap()) }, &bar)?;
    for v in &all { let i = found.get(&v.name).unwrap(); println!("{:32} {:9.0} {:9.0}", v.name, i.total, i.added); }
    println!("{:?}", begin.elapsed());
    Ok(())
}
