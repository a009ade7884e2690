//! Emptying the SDK's own host calls, so that what only they need is dropped after them, and telling a lean build what it
//! leaves out.
//!
//! All of Fairlead's host calls go through `crates/guest`, but the SDK's traits keep theirs alive as methods that could be
//! called; emptied, their imports go too, and a module can do less to its host.
//!
//! Functions are found by their mangled names, so this runs while the module still has its name section.

use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use wasm_encoder::{CodeSection, Function, Module, RawSection};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// A part of the mangled names of the SDK's host calls, none of which anything of ours makes.
const HOSTCALLS: &str = "10proxy_wasm9hostcalls";

/// Parts of the mangled names of what the SDK's dispatcher makes of a stream: streams do not come to it (`crates/guest`,
/// `module!`).
const STREAMS: [&str; 2] = [
    "Dispatcher19create_http_context",
    "Dispatcher21create_stream_context",
];

/// The SDK writes its log lines through this one.
const KEPT: &str = "10proxy_wasm9hostcalls3log";

/// Parts of the mangled names of the traits whose methods ask the host for something; what the dispatcher calls of them is in
/// [`CALLED`].
const TRAITS: [&str; 2] = ["6traits7Context", "6traits11RootContext"];

/// How the methods of these traits begin that are the module's to answer.
const CALLED: [&str; 3] = ["on_", "get_type", "create_"];

/// A part of the names of everything in the SDK. Without it the names are not what this module expects.
const SDK: &str = "10proxy_wasm";

/// Says which callbacks are left out, as the linker names it (`crates/guest`, `module!`).
const LEFT_OUT: &str = "fairlead_left_out";

/// Replaces the bodies of these functions by a trap, and has the module know which callbacks are left out.
///
/// # Errors
/// The bytes are not a module, or have no names.
pub(crate) fn snip(module: &[u8], left_out: i32) -> anyhow::Result<Vec<u8>> {
    let names = names(module)?;
    if !names.values().any(|name| name == LEFT_OUT) {
        bail!("the module has no function {LEFT_OUT}: it comes with fairlead_guest::module!");
    }
    if !names.values().any(|name| name.contains(SDK)) {
        bail!("the module has no function named like {SDK}: keep the names in [profile.wasm]");
    }
    let emptied = |name: &str| {
        let is_of_a_stream = name.contains(SDK) && STREAMS.iter().any(|part| name.contains(part));
        is_of_a_stream || asks_the_host(name) || name.contains(HOSTCALLS) && !name.contains(KEPT)
    };
    let mut output = Module::new();
    let mut code = CodeSection::new();
    let mut next = imported_functions(module)?;
    for payload in Parser::new(0).parse_all(module) {
        match payload.context("not a Wasm module")? {
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                let name = names.get(&next).map_or("", String::as_str);
                if name == LEFT_OUT {
                    let mut number = Function::new([]);
                    number.instructions().i32_const(left_out).end();
                    code.function(&number);
                } else if emptied(name) {
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

/// Whether a function is a method of the SDK's traits that only asks the host for something.
fn asks_the_host(name: &str) -> bool {
    let asks = |of: &str| {
        let method = name.split_once(of).map_or("", |(_, method)| method);
        let begins = method.trim_start_matches(|digit: char| digit.is_ascii_digit());
        begins.len() < method.len() && !CALLED.iter().any(|called| begins.starts_with(called))
    };
    name.contains(SDK) && TRAITS.iter().any(|of| asks(of))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_ask_the_host_are_told_from_those_that_it_calls() {
        for (name, asks) in [
            (
                "_RNvYRootNtNtCs1_10proxy_wasm6traits7Context18dispatch_http_callB_",
                true,
            ),
            (
                "_RNvYRootNtNtCs1_10proxy_wasm6traits11RootContext15set_tick_periodB_",
                true,
            ),
            (
                "_RNvXRootNtNtCs1_10proxy_wasm6traits11RootContext12on_configureB_",
                false,
            ),
            (
                "_RNvXRootNtNtCs1_10proxy_wasm6traits11RootContext8get_typeB_",
                false,
            ),
            (
                "_RNvYRootNtNtCs1_10proxy_wasm6traits11RootContext19create_http_contextB_",
                false,
            ),
            (
                "_RNvYNtNtCs1_10proxy_wasm10dispatcher8NoopRootNtNtB6_6traits7Context4doneB6_",
                true,
            ),
            (
                "_RINvMapDNtNtCs1_10proxy_wasm6traits11RootContextEL_EE3getm",
                false,
            ),
            ("_RNvCs1_3own6traits7Context4done", false),
        ] {
            assert_eq!(asks_the_host(name), asks, "{name}");
        }
    }
}
