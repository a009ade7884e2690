//! Refusing a module that imports what Envoy 1.40 does not offer: Envoy would refuse it when it is loaded.

use anyhow::bail;
use wasmparser::{Imports, Parser, Payload, TypeRef};

/// proxy-wasm ABI 0.2.1 as Envoy 1.40 offers it (proxy-wasm-cpp-host, include/proxy-wasm/exports.h), without `proxy_`.
const PROXY: [&str; 39] = [
    "add_header_map_value",
    "call_foreign_function",
    "close_stream",
    "continue_stream",
    "define_metric",
    "dequeue_shared_queue",
    "done",
    "enqueue_shared_queue",
    "get_buffer_bytes",
    "get_buffer_status",
    "get_current_time_nanoseconds",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "get_log_level",
    "get_metric",
    "get_property",
    "get_shared_data",
    "get_status",
    "grpc_call",
    "grpc_cancel",
    "grpc_close",
    "grpc_send",
    "grpc_stream",
    "http_call",
    "increment_metric",
    "log",
    "record_metric",
    "register_shared_queue",
    "remove_header_map_value",
    "replace_header_map_value",
    "resolve_shared_queue",
    "send_local_response",
    "set_buffer_bytes",
    "set_effective_context",
    "set_header_map_pairs",
    "set_property",
    "set_shared_data",
    "set_tick_period_milliseconds",
];

/// WASI functions that do something in Envoy. It has stubs for files and sockets; a filter that imports one is mistaken.
const WASI: [&str; 8] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
];

/// Counts the imports of a module.
///
/// # Errors
/// Envoy does not offer one of them, or the bytes are not a module.
pub(crate) fn check(module: &[u8]) -> anyhow::Result<usize> {
    let mut count: usize = 0;
    let mut refused = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(imports) = payload? else {
            continue;
        };
        for group in imports {
            let Imports::Single(_, import) = group? else {
                bail!("the import section uses compact groups")
            };
            count += 1;
            if !matches!(import.ty, TypeRef::Func(_)) || !offered(import.module, import.name) {
                refused.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    if refused.is_empty() {
        return Ok(count);
    }
    bail!(
        "Envoy does not offer {}: remove the code that needs it",
        refused.join(", ")
    )
}

fn offered(module: &str, name: &str) -> bool {
    match module {
        "env" => name
            .strip_prefix("proxy_")
            .is_some_and(|name| PROXY.contains(&name)),
        "wasi_snapshot_preview1" => WASI.contains(&name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{EntityType, ImportSection, Module, TypeSection};

    fn module(imports: &[(&str, &str)]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut section = ImportSection::new();
        for (module, name) in imports {
            section.import(module, name, EntityType::Function(0));
        }
        let mut module = Module::new();
        module.section(&types).section(&section);
        module.finish()
    }

    #[test]
    fn what_envoy_offers_is_counted() {
        let module = module(&[("env", "proxy_log"), ("wasi_snapshot_preview1", "fd_write")]);
        assert_eq!(check(&module).unwrap(), 2);
    }

    #[test]
    fn every_import_that_envoy_does_not_offer_is_named() {
        let imports = [
            ("env", "proxy_log"),
            ("env", "log"),
            ("env", "proxy_clear_route_cache"),
            ("wasi_snapshot_preview1", "path_open"),
            ("__wbindgen_placeholder__", "__wbindgen_throw"),
        ];
        let error = check(&module(&imports)).unwrap_err().to_string();
        for (module, name) in imports.iter().skip(1) {
            assert!(error.contains(&format!("{module}.{name}")), "{error}");
        }
        assert!(!error.contains("proxy_log"), "{error}");
    }
}
