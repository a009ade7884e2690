//! What `cargo xtask build` says at the end.

use super::Built;
use anyhow::Context as _;
use serde_json::json;

/// Prints the built modules as a table, or as JSON.
///
/// # Errors
/// JSON could not be written.
pub(crate) fn print(built: &[Built], json: bool) -> anyhow::Result<()> {
    if json {
        let modules: Vec<_> = built
            .iter()
            .map(|it| {
                json!({
                    "filter": it.name,
                    "path": it.path,
                    "bytes": {"linked": it.linked, "stripped": it.stripped, "optimised": it.optimised},
                    "callbacks": it.callbacks,
                    "imports": it.imports,
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({"modules": modules})).context("cannot write JSON")?
        );
        return Ok(());
    }
    println!("{}", table(built));
    Ok(())
}

fn table(built: &[Built]) -> String {
    let heads = ["bytes linked", "stripped", "optimised", "callbacks", "imports"];
    let mut lines = vec![line("module", heads.map(str::to_owned))];
    for it in built {
        let numbers = [it.linked, it.stripped, it.optimised, it.callbacks, it.imports];
        lines.push(line(
            &format!("dist/{}.wasm", it.name),
            numbers.map(|number| number.to_string()),
        ));
    }
    lines.join("\n")
}

fn line(name: &str, [linked, stripped, optimised, callbacks, imports]: [String; 5]) -> String {
    format!("{name:<32} {linked:>12} {stripped:>10} {optimised:>10} {callbacks:>10} {imports:>8}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_module_with_every_step() {
        let built = Built {
            name: "rate-limit".into(),
            path: "dist/rate-limit.wasm".into(),
            linked: 200_000,
            stripped: 150_000,
            optimised: 90_000,
            callbacks: 6,
            imports: 17,
        };
        let table = table(&[built]);
        let cells: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            cells,
            ["dist/rate-limit.wasm", "200000", "150000", "90000", "6", "17"]
        );
    }
}
