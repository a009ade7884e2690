//! x
#![allow(clippy::print_stdout, reason = "x")]
#![allow(clippy::unwrap_used, reason = "x")]
use fairlead_overhead::{Plan, run, variants};
fn main() -> anyhow::Result<()> {
    let mut plan = Plan::quick();
    let what = std::env::var("WHAT").unwrap_or_default();
    if !what.is_empty() {
        if !what.contains('i') { plan.instructions = None; }
        if !what.contains('c') { plan.cpu = None; }
        if !what.contains('l') { plan.latency = None; }
        if !what.contains('f') { plan.footprint = None; }
    }
    let only: Vec<String> = std::env::args().skip(1).collect();
    let t = tempfile::tempdir()?;
    let mut all = variants::none();
    all.extend(variants::bare(t.path(), Some(std::path::Path::new("/tmp/t-h1-empty/wasm32-wasip1/release/fairlead_empty.wasm")))?);
    all.extend(variants::ours(std::path::Path::new("dist"))?);
    all.extend(variants::native());
    all.extend(variants::lua());
    let all = variants::select(all, &only)?;
    let begin = std::time::Instant::now();
    let bar = indicatif::ProgressBar::new(0).with_style(indicatif::ProgressStyle::with_template("{prefix} {pos}/{len} {msg}")?);
    let found = run(std::path::Path::new("/tmp/envoy/envoy/_bin/envoy"), &all, &plan, &bar)?;
    println!("{}\n{}\n{:?}", found.notes().join("\n"), found.table(), begin.elapsed());
    std::fs::write("/tmp/h1x/page.html", found.page().render())?;
    std::fs::write("/tmp/h1x/r.json", serde_json::to_string_pretty(&found)?)?;
    Ok(())
}
