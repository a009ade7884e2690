//! A VM that ends in the middle of a request. No request ends one of ours, so the module here is made to do so.

use std::time::{Duration, Instant};

use fairlead_tests::client::Request;
use fairlead_tests::control_plane::{Callee, FAIL_STRATEGIES, Mesh, Plugin, REVIEWS, Role, Table, wait};
use serde_json::json;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use crate::PAGE;

/// The request that ends a VM, counted in each.
const LAST: i32 = 5;

/// A module that lets requests pass until it traps.
fn mortal() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32, ValType::I32], []);
    types
        .ty()
        .function([ValType::I32, ValType::I32, ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    for kind in [0, 1, 3, 2, 2, 4] {
        functions.function(kind);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 4,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let count = GlobalType {
        val_type: ValType::I32,
        mutable: true,
        shared: false,
    };
    globals.global(count, &ConstExpr::i32_const(0));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (index, name) in [
        "proxy_abi_version_0_2_1",
        "proxy_on_memory_allocate",
        "proxy_on_context_create",
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_request_headers",
    ]
    .iter()
    .enumerate()
    {
        exports.export(name, ExportKind::Func, u32::try_from(index).expect("a few"));
    }
    let mut code = CodeSection::new();
    let mut body = |write: &dyn Fn(&mut wasm_encoder::InstructionSink<'_>)| {
        let mut function = Function::new([]);
        write(&mut function.instructions());
        function.instructions().end();
        code.function(&function);
    };
    body(&|_| ());
    // Configs are not looked at: all lie at the same place.
    body(&|it| {
        it.i32_const(65_536);
    });
    body(&|_| ());
    body(&|it| {
        it.i32_const(1);
    });
    body(&|it| {
        it.i32_const(1);
    });
    body(&|it| {
        it.global_get(0).i32_const(1).i32_add().global_set(0);
        it.global_get(0).i32_const(LAST).i32_eq();
        it.if_(BlockType::Empty).unreachable().end();
        it.i32_const(0);
    });
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories);
    module.section(&globals).section(&exports).section(&code);
    module.finish()
}

#[test]
fn what_a_lost_vm_leaves_is_the_strategys_to_say() {
    let Some(mesh) = Mesh::start() else { return };
    let mut table = Table::new(
        "traps",
        &[
            "failStrategy",
            "the request that ends the VM",
            "those after it on that worker",
        ],
    );
    let image = mesh.registry.push("mortal", "1", &mortal());
    for (strategy, after, what) in [
        ("FAIL_CLOSE", 503, "503 until the filter's config is edited"),
        (
            "FAIL_OPEN",
            200,
            "pass without the filter until its config is edited",
        ),
        ("FAIL_RELOAD", 503, "503 for about a second, then a fresh VM"),
    ] {
        assert!(FAIL_STRATEGIES.contains(&strategy));
        let plugin =
            Plugin::new("mortal", Role::Client, &image, &json!({"for": strategy})).fail_strategy(strategy);
        mesh.cluster.apply(&plugin.wasm_plugin());
        wait("the filter is there", || {
            let filters = mesh.sidecar(Role::Client).filters();
            filters
                .iter()
                .any(|(_, config)| config.to_string().contains(strategy))
        });
        let request = Request::to(REVIEWS, "/");
        // One connection stays with one worker, whose VM counts its requests only.
        let mut connection = mesh.connect(Callee::Client);
        let begin = Instant::now();
        let before = (0..LAST)
            .map(|_| connection.ask(&request).status)
            .collect::<Vec<_>>();
        let (last, passed) = before.split_last().expect("some");
        assert_eq!((passed, *last), (&[200; 4][..], 503), "{strategy}");
        assert_eq!(connection.ask(&request).status, after, "{strategy}");
        if strategy == "FAIL_RELOAD" {
            wait("a fresh VM", || connection.ask(&request).status == 200);
        } else {
            // For good, which a test cannot wait for: for much longer than a reload takes.
            let long = Instant::now();
            wait("longer than a reload", || {
                assert_eq!(connection.ask(&request).status, after, "{strategy}");
                long.elapsed() > Duration::from_secs(3)
            });
        }
        table.row(&[strategy, "503", what], begin.elapsed());
        let edited = plugin.config(&json!({"for": strategy, "edited": true}));
        mesh.cluster.apply(&edited.wasm_plugin());
        wait("an edit brings back the VM", || {
            let mut connection = mesh.connect(Callee::Client);
            // Each fresh VM counts from the beginning.
            (1..LAST).all(|_| connection.ask(&request).status == 200)
                && connection.ask(&request).status == 503
        });
        mesh.cluster.delete("wasmplugin", "demo", "mortal");
        wait("it is removed", || {
            mesh.sidecar(Role::Client).filters().is_empty()
        });
    }
    table.document(PAGE);
}
