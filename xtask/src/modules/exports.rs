//! Dropping the exports that a filter does not use, and every custom section.
//!
//! The SDK exports all callbacks; Envoy calls each callback that a module exports. Only the export section is rewritten:
//! the functions that nothing reaches any more are removed by wasm-opt in the next step.

use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{ExternalKind, Parser, Payload};

/// Envoy needs these whatever the filter does.
const ALWAYS: [&str; 7] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
];

const PREFIX: &str = "proxy_on_";

/// Our own callback in place of the SDK's of the same name (`crates/guest`, `module!`).
const OURS: &str = "fairlead_on_";

/// Keeps the exports that Envoy always needs and those of `callbacks` (`request_headers`, `tick`).
///
/// # Errors
/// One of them is not exported, or the bytes are not a module.
pub(crate) fn strip(module: &[u8], callbacks: &BTreeSet<String>) -> anyhow::Result<Vec<u8>> {
    let mut missing: BTreeSet<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
    missing.extend(callbacks.iter().map(|callback| format!("{PREFIX}{callback}")));
    let mut output = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload.context("not a Wasm module")? {
            Payload::ExportSection(exports) => {
                let exports = exports.into_iter().collect::<Result<Vec<_>, _>>()?;
                let mut kept = ExportSection::new();
                for export in &exports {
                    if missing.remove(export.name) {
                        let ours = export.name.strip_prefix(PREFIX).and_then(|callback| {
                            let ours = exports.iter();
                            let mut ours = ours.filter(|it| it.name.strip_prefix(OURS) == Some(callback));
                            ours.next()
                        });
                        let index = ours.map_or(export.index, |ours| ours.index);
                        kept.export(export.name, kind(export.kind)?, index);
                    }
                }
                output.section(&kept);
            }
            Payload::CustomSection(_) => {}
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    let data = module
                        .get(range)
                        .context("a section ends outside of the module")?;
                    output.section(&RawSection { id, data });
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(output.finish());
    }
    let missing: Vec<String> = missing.into_iter().collect();
    bail!(
        "the module does not export {}: name only callbacks of the proxy-wasm SDK in [package.metadata.fairlead]",
        missing.join(", ")
    )
}

/// How many of the exports are callbacks that Envoy makes.
///
/// # Errors
/// The bytes are not a module.
pub(crate) fn callbacks(module: &[u8]) -> anyhow::Result<usize> {
    let mut count: usize = 0;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(exports) = payload? {
            for export in exports {
                let name = export?.name;
                count += usize::from(name.starts_with(PREFIX) && name != "proxy_on_memory_allocate");
            }
        }
    }
    Ok(count)
}

fn kind(kind: ExternalKind) -> anyhow::Result<ExportKind> {
    match kind {
        ExternalKind::Func => Ok(ExportKind::Func),
        ExternalKind::Memory => Ok(ExportKind::Memory),
        other => bail!("an export that Envoy needs is a {other:?}, not a function or memory"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        CodeSection, CustomSection, Function, FunctionSection, MemorySection, MemoryType, TypeSection,
    };

    /// A module with one empty function, exported under every name of `names`.
    fn module(names: &[&str]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut exports = ExportSection::new();
        for name in names {
            let kind = if *name == "memory" {
                ExportKind::Memory
            } else {
                ExportKind::Func
            };
            exports.export(name, kind, 0);
        }
        let mut code = CodeSection::new();
        let mut body = Function::new([]);
        body.instructions().end();
        code.function(&body);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&memories)
            .section(&exports)
            .section(&code);
        module.section(&CustomSection {
            name: "name".into(),
            data: b"secret".as_slice().into(),
        });
        module.finish()
    }

    fn exported(module: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            if let Payload::ExportSection(exports) = payload.unwrap() {
                names.extend(exports.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
        }
        names
    }

    fn wanted(callbacks: &[&str]) -> BTreeSet<String> {
        callbacks.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn only_the_named_callbacks_and_what_envoy_needs_stay() {
        let mut names = ALWAYS.to_vec();
        names.extend([
            "proxy_on_request_headers",
            "proxy_on_request_body",
            "proxy_on_tick",
            "main",
        ]);
        let stripped = strip(&module(&names), &wanted(&["request_headers"])).unwrap();
        let mut expected = ALWAYS.to_vec();
        expected.push("proxy_on_request_headers");
        assert_eq!(exported(&stripped), expected);
        assert_eq!(callbacks(&stripped).unwrap(), 4);
    }

    #[test]
    fn custom_sections_go_and_code_stays() {
        let stripped = strip(&module(&ALWAYS), &wanted(&[])).unwrap();
        assert!(!stripped.windows(6).any(|window| window == b"secret"));
        let code = Parser::new(0)
            .parse_all(&stripped)
            .filter(|it| matches!(it, Ok(Payload::CodeSectionEntry(_))));
        assert_eq!(code.count(), 1);
    }

    #[test]
    fn a_callback_that_is_not_exported_is_an_error_with_its_name() {
        let error = strip(&module(&ALWAYS), &wanted(&["request_header"])).unwrap_err();
        assert!(error.to_string().contains("proxy_on_request_header:"), "{error}");
    }

    #[test]
    fn a_module_without_the_abi_version_is_an_error() {
        let names: Vec<&str> = ALWAYS
            .into_iter()
            .filter(|name| !name.starts_with("proxy_abi"))
            .collect();
        assert!(strip(&module(&names), &wanted(&[])).is_err());
    }

    #[test]
    fn bytes_that_are_no_module_are_an_error() {
        assert!(strip(b"no module", &wanted(&[])).is_err());
    }
}
