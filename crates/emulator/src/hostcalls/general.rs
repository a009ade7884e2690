//! Logging, time, contexts, properties, replies and foreign functions.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Linker;

use super::{Fail, Guest, Reach, answer, give, read, write, write_u32};
use crate::abi::{Status, decode_pairs};
use crate::property::{self, Asker};
use crate::report::LogLevel;
use crate::vm::{Action, GuestReply, VmState};

pub(super) fn define(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    define_log_and_time(linker)?;
    define_contexts(linker)?;
    define_streams(linker)?;
    define_properties(linker)
}

fn define_log_and_time(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |mut guest: Guest<'_>, level: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_log", Reach::Worker, |guest| {
                let level = LogLevel::from_abi(level).ok_or(Status::BadArgument)?;
                let message = read(guest, p, n)?;
                log(guest, level, &message);
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_get_log_level", |mut guest: Guest<'_>, to: u32| {
        answer(&mut guest, "proxy_get_log_level", Reach::Worker, |guest| {
            let level = guest.data().host.settings.log_level as u32;
            write_u32(guest, to, level)
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |mut guest: Guest<'_>, to: u32| {
            answer(
                &mut guest,
                "proxy_get_current_time_nanoseconds",
                Reach::Process,
                |guest| {
                    let now = guest.data().host.wall();
                    write(guest, to, &now.to_le_bytes())
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |mut guest: Guest<'_>, period: u32| {
            answer(
                &mut guest,
                "proxy_set_tick_period_milliseconds",
                Reach::Worker,
                |guest| {
                    let root = guest.data().context().map_or(0, |context| context.root);
                    guest
                        .data_mut()
                        .set_timer(root, Duration::from_millis(u64::from(period)));
                    Ok(())
                },
            )
        },
    )?;
    Ok(())
}

pub(super) fn log(guest: &Guest<'_>, level: LogLevel, message: &[u8]) {
    let state = guest.data();
    state.host.log(state.thread, level, &state.plugin_name(), message);
}

fn define_contexts(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |mut guest: Guest<'_>, id: u32| {
            answer(
                &mut guest,
                "proxy_set_effective_context",
                Reach::Worker,
                |guest| {
                    if !guest.data().contexts.contains_key(&id) {
                        return Err(Status::BadArgument.into());
                    }
                    guest.data_mut().effective = id;
                    Ok(())
                },
            )
        },
    )?;
    linker.func_wrap("env", "proxy_done", |mut guest: Guest<'_>| {
        answer(&mut guest, "proxy_done", Reach::Worker, |guest| {
            let root = guest.data().context_id();
            if !guest.data_mut().pending_done.remove(&root) {
                return Err(Status::NotFound.into());
            }
            guest.data_mut().actions.push_back(Action::DeleteRoot { root });
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_get_status",
        |mut guest: Guest<'_>, code_to: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_get_status", Reach::Worker, |guest| {
                write_u32(guest, code_to, 0)?;
                give(guest, b"", p, n)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |mut guest: Guest<'_>, np: u32, nn: u32, ap: u32, an: u32, p: u32, n: u32| {
            answer(
                &mut guest,
                "proxy_call_foreign_function",
                Reach::Worker,
                |guest| {
                    let name = read(guest, np, nn)?;
                    let arguments = read(guest, ap, an)?;
                    let result = foreign(guest, &name, &arguments)?;
                    // Either place may be null: the caller does not want to know.
                    if p != 0 {
                        write_u32(guest, p, 0)?;
                    }
                    if n != 0 {
                        write_u32(guest, n, 0)?;
                    }
                    if result == Status::Ok {
                        Ok(())
                    } else {
                        Err(result.into())
                    }
                },
            )
        },
    )?;
    Ok(())
}

/// Envoy's foreign functions that act on the stream. The others (signatures, compression, CEL) are not there: not found.
fn foreign(guest: &mut Guest<'_>, name: &[u8], arguments: &[u8]) -> Result<Status, Fail> {
    match name {
        b"clear_route_cache" => {
            if let Some((stream, _, _)) = guest.data().stream() {
                let mut stream = stream.lock();
                stream.route_refreshes = stream.route_refreshes.saturating_add(1);
            }
            Ok(Status::Ok)
        }
        b"declare_property" => {
            let Some(path) = protobuf_bytes(arguments, 1) else {
                return Ok(Status::BadArgument);
            };
            let new = guest.data_mut().declared.insert(path);
            Ok(if new { Status::Ok } else { Status::BadArgument })
        }
        b"set_envoy_filter_state" => {
            let path = protobuf_bytes(arguments, 1).unwrap_or_default();
            let value = protobuf_bytes(arguments, 2).unwrap_or_default();
            // Only keys with a registered object factory are taken; this is the generic one.
            if path != b"envoy.string" {
                return Ok(Status::NotFound);
            }
            let Some((stream, _, _)) = guest.data().stream() else {
                return Ok(Status::NotFound);
            };
            stream.lock().info.filter_state.insert(path, value);
            Ok(Status::Ok)
        }
        _ => Err(Status::NotFound.into()),
    }
}

/// The last length-delimited field with this number at the top level of a protobuf message; `None` if there is none or
/// the message is malformed.
fn protobuf_bytes(mut message: &[u8], wanted: u64) -> Option<Vec<u8>> {
    let mut found = None;
    while !message.is_empty() {
        let key = varint(&mut message)?;
        match key & 7 {
            0 => drop(varint(&mut message)?),
            1 => message = message.get(8..)?,
            5 => message = message.get(4..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let value = message.get(..length)?;
                message = message.get(length..)?;
                if key >> 3 == wanted {
                    found = Some(value.to_vec());
                }
            }
            _ => return None,
        }
    }
    found
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn define_streams(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |mut guest: Guest<'_>, kind: u32| {
            answer(&mut guest, "proxy_continue_stream", Reach::Worker, |guest| {
                let response = match kind {
                    0 => false,
                    1 => true,
                    2 => return Ok(()),
                    3 => return Err(Status::Unimplemented.into()),
                    _ => return Err(Status::BadArgument.into()),
                };
                if let Some((stream, request, filter)) = guest.data().stream() {
                    stream.lock().close_request(filter);
                    guest.data_mut().actions.push_back(Action::Continue {
                        request,
                        filter,
                        response,
                    });
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_close_stream", |mut guest: Guest<'_>, kind: u32| {
        answer(&mut guest, "proxy_close_stream", Reach::Worker, |guest| {
            if kind > 3 {
                return Err(Status::BadArgument.into());
            }
            if let (0 | 1, Some((stream, request, _))) = (kind, guest.data().stream()) {
                stream
                    .lock()
                    .info
                    .details
                    .get_or_insert_with(|| "wasm_close_stream".to_owned());
                guest.data_mut().actions.push_back(Action::Close { request });
            }
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |mut guest: Guest<'_>,
         status: u32,
         dp: u32,
         dn: u32,
         bp: u32,
         bn: u32,
         hp: u32,
         hn: u32,
         grpc_status: i32| {
            answer(&mut guest, "proxy_send_local_response", Reach::Worker, |guest| {
                let details = read(guest, dp, dn)?;
                let body = read(guest, bp, bn)?;
                let headers = decode_pairs(&read(guest, hp, hn)?);
                let reply = GuestReply {
                    status,
                    details,
                    body,
                    headers,
                    grpc_status,
                };
                if let Some((_, request, filter)) = guest.data().stream() {
                    guest.data_mut().actions.push_back(Action::Reply {
                        request,
                        filter,
                        reply,
                    });
                }
                guest.data_mut().stop_iteration = true;
                Ok(())
            })
        },
    )?;
    Ok(())
}

fn define_properties(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut guest: Guest<'_>, kp: u32, kn: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_get_property", Reach::Worker, |guest| {
                let path = read(guest, kp, kn)?;
                let value = {
                    let state = guest.data();
                    let stream = state.stream();
                    let stream = stream
                        .as_ref()
                        .map(|(stream, _, filter)| (stream.lock(), *filter));
                    let version = state.context().and_then(|context| context.version.as_ref());
                    property::get(
                        &Asker {
                            stream: stream.as_ref().map(|(stream, filter)| (&**stream, *filter)),
                            version: version.map(Arc::as_ref),
                            node_id: &state.host.settings.node_id,
                        },
                        &path,
                    )?
                };
                give(guest, &value, p, n)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut guest: Guest<'_>, kp: u32, kn: u32, vp: u32, vn: u32| {
            answer(&mut guest, "proxy_set_property", Reach::Worker, |guest| {
                let path = read(guest, kp, kn)?;
                let value = read(guest, vp, vn)?;
                let (stream, _, _) = guest.data().stream().ok_or(Status::NotFound)?;
                stream
                    .lock()
                    .info
                    .filter_state
                    .insert([b"wasm.", path.as_slice()].concat(), value);
                Ok(())
            })
        },
    )?;
    Ok(())
}
