//! Modules rewritten so that their host calls are refused, some or all of one kind, or metrics cannot be read back, or a reply or a
//! warning ends the VM: what fails hardly ever, on order.
//!
//! Before each import that answers with a status a new function is put, to which all calls of the module go. It counts
//! calls, and asks a generator (xorshift32, Marsaglia 2003) whether to hand a call on or to answer with a status from 1 to
//! 15, more than the ABI has. `proxy_log` is left alone: the SDK's logger ends the VM where that is refused, and Envoy
//! refuses it for a wrong level only.

use std::convert::Infallible;

use fairlead_emulator::CompiledModule;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Function, FunctionSection, GlobalSection, GlobalType, MemArg,
    MemArgTarget, Module, ValType,
};
use wasmparser::{CodeSectionReader, FunctionSectionReader, GlobalSectionReader, Parser, Payload, TypeRef};

use crate::modules;

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

/// The import that reads a metric back.
const GET_METRIC: &str = "proxy_get_metric";
/// The import that answers a request; its first parameter is the status.
const REPLY: &str = "proxy_send_local_response";

/// The import that logs; its first parameter is the level.
const LOG: &str = "proxy_log";
const WARNING: i32 = 3;

/// The status of a reply that ends the VM of a [`mortal`] module.
pub const FATAL: u16 = 599;

/// What is put before imports.
#[derive(Clone, Copy, Debug)]
enum Twist<'i> {
    Refuse(Refusal),
    /// This import always answers with this status.
    Deny(&'i str, i32),
    Forget,
    EndOnReply,
    EndOnWarning,
}

/// `dist/<filter>.wasm` with a quarter of its host calls refused; `None` if that is not built.
///
/// # Panics
/// If the file is no module.
#[must_use]
pub fn refusing(filter: &str, refusal: Refusal) -> Option<CompiledModule> {
    rewritten(filter, Twist::Refuse(refusal))
}

/// `dist/<filter>.wasm` in a host whose metrics read 0 whatever is written, as Envoy's do which its configuration excludes;
/// `None` if that is not built.
///
/// # Panics
/// If the file is no module.
#[must_use]
pub fn forgetting_metrics(filter: &str) -> Option<CompiledModule> {
    rewritten(filter, Twist::Forget)
}

/// The bytes of `dist/<filter>.wasm`, whose VM ends when it gives a reply with status [`FATAL`]; `None` if that is not built.
///
/// # Panics
/// If the file is no module.
#[must_use]
pub fn mortal(filter: &str) -> Option<Vec<u8>> {
    Some(rewrite(&modules::bytes(filter)?, Twist::EndOnReply))
}

/// The bytes of `dist/<filter>.wasm`, whose VM ends when it logs a warning; `None` if that is not built.
///
/// # Panics
/// If the file is no module.
#[must_use]
pub fn ends_when_it_warns(filter: &str) -> Option<Vec<u8>> {
    Some(rewrite(&modules::bytes(filter)?, Twist::EndOnWarning))
}

/// `dist/<filter>.wasm` in a host that answers each call of `import` with `status`; `None` if that is not built.
///
/// # Panics
/// If it has no such import, as nothing would be tested then, or the file is no module.
#[must_use]
pub fn denied(filter: &str, import: &str, status: i32) -> Option<CompiledModule> {
    rewritten(filter, Twist::Deny(import, status))
}

fn rewritten(filter: &str, twist: Twist<'_>) -> Option<CompiledModule> {
    let bytes = rewrite(&modules::bytes(filter)?, twist);
    Some(CompiledModule::compile(&bytes).expect("a rewritten module is a module"))
}

fn rewrite(module: &[u8], twist: Twist<'_>) -> Vec<u8> {
    let concerns = |name: &str| match twist {
        Twist::Refuse(_) => !SPARED.contains(&name),
        Twist::Forget => name == GET_METRIC,
        Twist::Deny(import, _) => name == import,
        Twist::EndOnReply => name == REPLY,
        Twist::EndOnWarning => name == LOG,
    };
    let mut rewriting = Rewriting {
        outline: Outline::of(module, concerns),
        twist,
    };
    assert!(
        rewriting.outline.replaced().next().is_some(),
        "{twist:?}: no such import"
    );
    let mut rewritten = Module::new();
    rewriting
        .parse_core_module(&mut rewritten, Parser::new(0), module)
        .expect("a module can be written as it was read");
    rewritten.finish()
}

/// What has to be known of a module before it is rewritten.
#[derive(Default)]
struct Outline {
    /// Type of each imported function, and whether it is replaced.
    imports: Vec<(u32, bool)>,
    /// How many parameters the functions of each type have, if they answer with one `i32`.
    parameters: Vec<Option<u32>>,
    /// How many functions and globals there are.
    functions: u32,
    globals: u32,
}

impl Outline {
    fn of(module: &[u8], concerns: impl Fn(&str) -> bool) -> Self {
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
                            outline.imports.push((kind, concerns(import.name)));
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

    /// The imports that are replaced: index, type, number of parameters.
    fn replaced(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        (0..).zip(&self.imports).filter_map(|(index, (kind, replaced))| {
            let parameters = self.parameters.get(*kind as usize).copied().flatten();
            parameters
                .filter(|_| *replaced)
                .map(|count| (index, *kind, count))
        })
    }
}

fn status_of(kind: &wasmparser::FuncType) -> Option<u32> {
    let status = kind.results() == [wasmparser::ValType::I32];
    status.then(|| u32::try_from(kind.params().len()).expect("a few parameters"))
}

struct Rewriting<'i> {
    outline: Outline,
    twist: Twist<'i>,
}

/// `proxy_get_metric(id, &value)` of a host that keeps nothing.
fn reads_zero() -> Function {
    let mut function = Function::new([]);
    let value = MemArg {
        offset: 0,
        align: 0,
        target: MemArgTarget::Memory(0),
        ordering: None,
    };
    let mut code = function.instructions();
    code.local_get(1).i64_const(0).i64_store(value).i32_const(0).end();
    function
}

impl Rewriting<'_> {
    /// The function before import `index`.
    fn before(&self, index: u32, parameters: u32) -> Function {
        let refusal = match self.twist {
            Twist::Refuse(refusal) => refusal,
            Twist::Forget => return reads_zero(),
            Twist::Deny(_, status) => return answers(status),
            Twist::EndOnReply => return ends_where_first_is(i32::from(FATAL), index, parameters),
            Twist::EndOnWarning => return ends_where_first_is(WARNING, index, parameters),
        };
        let [calls, state, mask] = [0, 1, 2].map(|n| self.outline.globals + n);
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.global_get(calls).i32_const(1).i32_add().global_set(calls);
        code.global_get(calls).i32_const(refusal.after_calls).i32_gt_s();
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
        let period = if refusal.in_blocks { BLOCK } else { 1 };
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
        hand_on(&mut function, index, parameters);
        function
    }
}

/// A function that always answers with this status.
fn answers(status: i32) -> Function {
    let mut function = Function::new([]);
    function.instructions().i32_const(status).end();
    function
}

/// A function of which one value of the first parameter ends the VM: `proxy_send_local_response(status, ..)`,
/// `proxy_log(level, ..)`.
fn ends_where_first_is(value: i32, index: u32, parameters: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).i32_const(value).i32_eq();
    code.if_(BlockType::Empty).unreachable().end();
    hand_on(&mut function, index, parameters);
    function
}

/// Calls the import itself.
fn hand_on(function: &mut Function, index: u32, parameters: u32) {
    let mut code = function.instructions();
    for parameter in 0..parameters {
        code.local_get(parameter);
    }
    code.call(index).end();
}

impl Reencode for Rewriting<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        let position = self.outline.replaced().position(|(index, ..)| index == function);
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
        for (_, kind, _) in self.outline.replaced() {
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
        for (index, _, parameters) in self.outline.replaced() {
            code.function(&self.before(index, parameters));
        }
        Ok(())
    }
}
