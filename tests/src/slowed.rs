//! Shipped modules made slower on purpose: what a gate must stop.
//!
//! `proxy_on_request_headers` is replaced by a function that first counts a loop down and then calls the replaced one. It is
//! appended behind all others and the export points to it, so that no other function gets another index.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, ValType,
};
use wasmparser::{CodeSectionReader, Export, ExternalKind, FunctionSectionReader, Parser, Payload, TypeRef};

/// The callback that is slowed.
const CALLBACK: &str = "proxy_on_request_headers";
/// Its parameters: the stream, how many headers there are, whether the request ends with them.
const PARAMETERS: u32 = 3;
/// How often the loop runs. V8 makes two and a half instructions of a round: in all about 5 % of what the dearest filter
/// costs.
const ROUNDS: i32 = 1000;

/// The module, which does the same and takes longer for each request.
///
/// # Panics
/// If the bytes are no module, or one that does not look at request headers.
#[must_use]
pub fn slowed(module: &[u8]) -> Vec<u8> {
    let mut slowing = Slowing {
        outline: Outline::of(module),
    };
    let mut slow = Module::new();
    slowing
        .parse_core_module(&mut slow, Parser::new(0), module)
        .expect("a module can be written as it was read");
    slow.finish()
}

/// What has to be known of a module before it is rewritten.
struct Outline {
    /// The index of the function that is replaced.
    replaced: u32,
    /// The index of its type.
    kind: u32,
    /// The index of the function that is appended.
    appended: u32,
}

impl Outline {
    fn of(module: &[u8]) -> Self {
        // The type of each function, those that are imported first.
        let mut kinds = Vec::new();
        let mut replaced = None;
        for payload in Parser::new(0).parse_all(module) {
            match payload.expect("a module") {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        if let TypeRef::Func(kind) = import.expect("an import").ty {
                            kinds.push(kind);
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    kinds.extend(functions.into_iter().map(|kind| kind.expect("a type")));
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.expect("an export");
                        if export.kind == ExternalKind::Func && export.name == CALLBACK {
                            replaced = Some(export.index);
                        }
                    }
                }
                _ => {}
            }
        }
        let replaced = replaced.unwrap_or_else(|| panic!("the module does not export {CALLBACK}"));
        Self {
            replaced,
            kind: kinds[replaced as usize],
            appended: u32::try_from(kinds.len()).expect("some thousand functions"),
        }
    }
}

struct Slowing {
    outline: Outline,
}

/// Counts down and then calls the function `replaced`.
fn slow(replaced: u32) -> Function {
    let rounds = PARAMETERS;
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    code.i32_const(ROUNDS).local_set(rounds);
    code.loop_(BlockType::Empty);
    code.local_get(rounds)
        .i32_const(1)
        .i32_sub()
        .local_tee(rounds)
        .br_if(0);
    code.end();
    for parameter in 0..PARAMETERS {
        code.local_get(parameter);
    }
    code.call(replaced).end();
    function
}

impl Reencode for Slowing {
    type Error = Infallible;

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.outline.kind);
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), Error<Infallible>> {
        if export.kind == ExternalKind::Func && export.name == CALLBACK {
            exports.export(CALLBACK, ExportKind::Func, self.outline.appended);
            return Ok(());
        }
        utils::parse_export(self, exports, export)
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        code.function(&slow(self.outline.replaced));
        Ok(())
    }
}
