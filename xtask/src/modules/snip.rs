//! Emptying functions that a Fairlead module must never run, so that what only they need is dropped after them.
//!
//! Two kinds. The SDK's own host calls: all of Fairlead's go through `crates/guest`, but the SDK's traits keep theirs
//! alive as methods that could be called; emptied, their imports go too, and a module can do less to its host. And the
//! reporting of panics: a panic traps with or without a message, and the formatting of messages is an eighth of a module.
//! A trap still shows in Envoy's log, with the stack of Wasm functions.
//!
//! Functions are found by their mangled names, so this runs while the module still has its name section.

use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use wasm_encoder::{CodeSection, Function, Module, RawSection};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Parts of mangled names; every function of these diverges, or is a host call that nothing of ours makes.
const EMPTIED: [&str; 18] = [
    "10proxy_wasm9hostcalls",
    "4core9panicking",
    "4core4cell22panic_already_borrowed",
    "4core4cell30panic_already_mutably_borrowed",
    "4core5slice5index16slice_index_fail",
    "4core3str16slice_error_fail",
    "4core6option13expect_failed",
    "4core6option13unwrap_failed",
    "4core6result13unwrap_failed",
    "5alloc5alloc18handle_alloc_error",
    "5alloc7raw_vec12handle_error",
    "5alloc7raw_vec17capacity_overflow",
    "10proxy_wasm6logger13set_log_level28_$u7b$$u7b$closure",
    "3std3sys9backtrace",
    "3std5alloc24default_alloc_error_hook",
    "3std9panicking11begin_panic",
    "3std9panicking12default_hook",
    "3std9panicking15panic_with_hook",
];

/// The SDK writes its log lines through this one.
const KEPT: &str = "10proxy_wasm9hostcalls3log";

/// Without this one the names are not what this module expects.
const LANDMARK: &str = "4core9panicking9panic_fmt";

/// Replaces the bodies of these functions by a trap.
///
/// # Errors
/// The bytes are not a module, or have no names.
pub(crate) fn snip(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let names = names(module)?;
    if !names.values().any(|name| name.contains(LANDMARK)) {
        bail!("the module has no function named like {LANDMARK}: keep the names in [profile.wasm]");
    }
    let emptied = |name: &str| EMPTIED.iter().any(|part| name.contains(part)) && !name.contains(KEPT);
    let mut output = Module::new();
    let mut code = CodeSection::new();
    let mut next = imported_functions(module)?;
    for payload in Parser::new(0).parse_all(module) {
        match payload.context("not a Wasm module")? {
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                if names.get(&next).is_some_and(|name| emptied(name)) {
                    let mut trap = Function::new([]);
                    trap.instructions().unreachable().end();
                    code.function(&trap);
                } else {
                    code.raw(
                        module
                            .get(body.range())
                            .context("a function ends outside of the module")?,
                    );
                }
                next += 1;
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    // The data section follows the code.
                    if id == DATA && !code.is_empty() {
                        output.section(&std::mem::take(&mut code));
                    }
                    let data = module
                        .get(range)
                        .context("a section ends outside of the module")?;
                    output.section(&RawSection { id, data });
                }
            }
        }
    }
    if !code.is_empty() {
        output.section(&code);
    }
    Ok(output.finish())
}

const DATA: u8 = 11;

fn imported_functions(module: &[u8]) -> anyhow::Result<u32> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                count += u32::from(matches!(import?.ty, TypeRef::Func(_)));
            }
        }
    }
    Ok(count)
}

/// Function names by index.
fn names(module: &[u8]) -> anyhow::Result<BTreeMap<u32, String>> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CustomSection(section) = payload? else {
            continue;
        };
        let KnownCustom::Name(subsections) = section.as_known() else {
            continue;
        };
        for subsection in subsections {
            if let Name::Function(functions) = subsection? {
                for naming in functions {
                    let naming = naming?;
                    names.insert(naming.index, naming.name.to_owned());
                }
            }
        }
    }
    Ok(names)
}
