//! Modules rewritten so that their host calls are refused: a host that fails, without a host that was made for it.
//!
//! Before each import that answers with a status a new function is put, to which all calls of the module go. It counts
//! calls, and asks a generator (xorshift32, Marsaglia 2003) whether to hand a call on or to answer with a status from 1 to
//! 15, more than the ABI has. `proxy_log` is left alone: the SDK's logger ends the VM where that is refused, and Envoy
//! refuses it for a wrong level only.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Function, FunctionSection, GlobalSection, GlobalType, Module, ValType,
};
use wasmparser::{CodeSectionReader, FunctionSectionReader, GlobalSectionReader, Parser, Payload, TypeRef};

/// When calls are refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// So many calls of each VM are handed on first.
    pub after_calls: i32,
    /// Whether it is the same functions that are refused for 64 calls, and then others, or each call for itself.
    pub in_blocks: bool,
}

/// For how many calls the same functions are refused.
const BLOCK: i32 = 64;
/// Where the generator begins.
const SEED: i32 = 0x2545_f491;
/// Imports that are never refused.
const SPARED: [&str; 2] = ["proxy_log", "proc_exit"];

/// Makes a module out of `module` that is refused a quarter of its host calls.
///
/// # Panics
/// If these bytes are no module.
#[must_use]
pub fn refusing(module: &[u8], refusal: Refusal) -> Vec<u8> {
    let mut rewriting = Rewriting {
        outline: Outline::of(module),
        refusal,
    };
    let mut rewritten = Module::new();
    rewriting
        .parse_core_module(&mut rewritten, Parser::new(0), module)
        .expect("a module can be written as it was read");
    rewritten.finish()
}

/// What has to be known of a module before it is rewritten.
#[derive(Default)]
struct Outline {
    /// Type and whether it may be refused, of each imported function.
    imports: Vec<(u32, bool)>,
    /// How many parameters the functions of each type have, if they answer with one `i32`.
    parameters: Vec<Option<u32>>,
    /// How many functions and globals there are.
    functions: u32,
    globals: u32,
}

impl Outline {
    fn of(module: &[u8]) -> Self {
        let mut outline = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload.expect("a module") {
                Payload::TypeSection(types) => {
                    for types in types {
                        outline.parameters.extend(
                            types
                                .expect("types")
                                .types()
                                .map(|one| status_of(one.unwrap_func())),
                        );
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.expect("an import");
                        if let TypeRef::Func(kind) = import.ty {
                            outline.imports.push((kind, !SPARED.contains(&import.name)));
                        }
                    }
                }
                Payload::FunctionSection(functions) => outline.functions = functions.count(),
                Payload::GlobalSection(globals) => outline.globals = globals.count(),
                _ => {}
            }
        }
        outline.functions += u32::try_from(outline.imports.len()).expect("a few imports");
        outline
    }

    /// The imports that are refused: index, type, number of parameters.
    fn refused(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        (0..).zip(&self.imports).filter_map(|(index, (kind, refused))| {
            let parameters = self.parameters.get(*kind as usize).copied().flatten();
            parameters.filter(|_| *refused).map(|count| (index, *kind, count))
        })
    }
}

fn status_of(kind: &wasmparser::FuncType) -> Option<u32> {
    let status = kind.results() == [wasmparser::ValType::I32];
    status.then(|| u32::try_from(kind.params().len()).expect("a few parameters"))
}

struct Rewriting {
    outline: Outline,
    refusal: Refusal,
}

impl Rewriting {
    /// The function before import `index`.
    fn before(&self, index: u32, parameters: u32) -> Function {
        let [calls, state, mask] = [0, 1, 2].map(|n| self.outline.globals + n);
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.global_get(calls).i32_const(1).i32_add().global_set(calls);
        code.global_get(calls)
            .i32_const(self.refusal.after_calls)
            .i32_gt_s();
        code.if_(BlockType::Empty);
        for (shift, left) in [(13, true), (17, false), (5, true)] {
            code.global_get(state).global_get(state).i32_const(shift);
            if left {
                code.i32_shl();
            } else {
                code.i32_shr_u();
            }
            code.i32_xor().global_set(state);
        }
        let period = if self.refusal.in_blocks { BLOCK } else { 1 };
        code.global_get(calls).i32_const(period).i32_rem_s().i32_eqz();
        code.if_(BlockType::Empty)
            .global_get(state)
            .global_set(mask)
            .end();
        // Two bits of the mask: a quarter of all.
        for bit in [index, index + 11] {
            code.global_get(mask)
                .i32_const(i32::try_from(bit % 32).expect("below 32"))
                .i32_shr_u();
        }
        code.i32_and().i32_const(1).i32_and();
        code.if_(BlockType::Empty);
        code.global_get(state)
            .i32_const(15)
            .i32_rem_u()
            .i32_const(1)
            .i32_add()
            .return_();
        code.end().end();
        for parameter in 0..parameters {
            code.local_get(parameter);
        }
        code.call(index).end();
        function
    }
}

impl Reencode for Rewriting {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        let position = self.outline.refused().position(|(index, ..)| index == function);
        Ok(position.map_or(function, |position| {
            self.outline.functions + u32::try_from(position).expect("a few imports")
        }))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        for (_, kind, _) in self.outline.refused() {
            functions.function(kind);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_global_section(self, globals, section)?;
        for start in [0, SEED, 0] {
            let kind = GlobalType {
                val_type: ValType::I32,
                mutable: true,
                shared: false,
            };
            globals.global(kind, &ConstExpr::i32_const(start));
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        for (index, _, parameters) in self.outline.refused() {
            code.function(&self.before(index, parameters));
        }
        Ok(())
    }
}
