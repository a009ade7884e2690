//! The module with one of its imports answered by a status of ours, always: a host that lacks just this.

use std::convert::Infallible;

use fairlead_emulator::CompiledModule;
use fairlead_tests::modules;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Function, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionSectionReader, Parser, Payload, TypeRef};

use crate::rig::FILTER;

/// The import that is replaced.
struct Denying {
    index: u32,
    kind: u32,
    /// The number of the function in its place, behind all others.
    place: u32,
    status: i32,
}

/// The module under test in a host that answers `import` with `status`; `None` if it is not built.
///
/// # Panics
/// If it has no such import: then nothing would be tested.
pub(crate) fn denied(import: &str, status: i32) -> Option<CompiledModule> {
    let module = modules::bytes(FILTER)?;
    let (mut found, mut imports, mut functions) = (None, 0, 0);
    for payload in Parser::new(0).parse_all(&module) {
        match payload.expect("a module") {
            Payload::ImportSection(section) => {
                for one in section.into_imports() {
                    let one = one.expect("an import");
                    if let TypeRef::Func(kind) = one.ty {
                        if one.name == import {
                            found = Some((imports, kind));
                        }
                        imports += 1;
                    }
                }
            }
            Payload::FunctionSection(section) => functions = section.count(),
            _ => {}
        }
    }
    let (index, kind) = found.unwrap_or_else(|| panic!("{FILTER}.wasm does not import {import}"));
    let mut denying = Denying {
        index,
        kind,
        place: imports + functions,
        status,
    };
    let mut rewritten = Module::new();
    denying
        .parse_core_module(&mut rewritten, Parser::new(0), &module)
        .expect("a module can be written as it was read");
    Some(CompiledModule::compile(&rewritten.finish()).expect("a rewritten module is a module"))
}

impl Reencode for Denying {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(if function == self.index {
            self.place
        } else {
            function
        })
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.kind);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        let mut function = Function::new([]);
        function.instructions().i32_const(self.status).end();
        code.function(&function);
        Ok(())
    }
}
