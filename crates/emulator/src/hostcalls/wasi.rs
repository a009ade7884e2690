//! WASI preview 1 as far as Envoy offers it: stdout and stderr go to the log, two clocks, random numbers, an environment;
//! no files, no sockets. `proc_exit` returns, so that a module that calls it runs into its own `unreachable`.

use wasmtime::{Linker, format_err};

use super::{Guest, general, read, write, write_u32};
use crate::report::LogLevel;
use crate::vm::VmState;

const OK: u32 = 0;
const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOENT: u32 = 44;
const NOSYS: u32 = 52;
const NOTDIR: u32 = 20;
const NOTSUP: u32 = 58;

/// Envoy's limit on one request for random numbers.
const MAX_RANDOM: u32 = 64 * 1024;
/// More than this in one write is refused, so that a hostile guest cannot fill the host's memory by repeating a buffer.
const MAX_WRITE: usize = 64 << 20;

pub(super) fn define(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
    define_output(linker, module)?;
    define_clocks(linker, module)?;
    define_environment(linker, module)?;
    define_files(linker, module)?;
    define_paths(linker, module)
}

fn define_output(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "fd_write",
        |mut guest: Guest<'_>, fd: u32, iovs: u32, count: u32, to: u32| {
            write_out(&mut guest, fd, iovs, count, to)
        },
    )?;
    linker.func_wrap(
        module,
        "fd_pwrite",
        |mut guest: Guest<'_>, fd: u32, iovs: u32, count: u32, _offset: u64, to: u32| {
            write_out(&mut guest, fd, iovs, count, to)
        },
    )?;
    linker.func_wrap(module, "proc_exit", |guest: Guest<'_>, _code: u32| {
        if guest.data().restricted {
            return Err(format_err!(
                "restricted callback: proc_exit may not be called during initialization"
            ));
        }
        Ok(())
    })?;
    Ok(())
}

fn write_out(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, to: u32) -> u32 {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return BADF,
    };
    let mut text = Vec::new();
    for index in 0..count {
        let Some(entry) = index.checked_mul(8).and_then(|offset| iovs.checked_add(offset)) else {
            return FAULT;
        };
        let (Some(pointer), Some(length)) =
            (read_u32(guest, entry), read_u32(guest, entry.saturating_add(4)))
        else {
            return FAULT;
        };
        if length == 0 {
            continue;
        }
        let Ok(mut part) = read(guest, pointer, length) else {
            return FAULT;
        };
        if text.len().saturating_add(part.len()) > MAX_WRITE {
            return FAULT;
        }
        text.append(&mut part);
    }
    let written = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if written > 0 {
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        general::log(guest, level, &text);
    }
    done(write_u32(guest, to, written).is_ok())
}

fn define_clocks(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "clock_time_get",
        |mut guest: Guest<'_>, id: u32, _precision: u64, to: u32| {
            let state = guest.data();
            state.host.yield_point(state.thread);
            let now = match id {
                0 => state.host.wall(),
                1 => state.host.monotonic(),
                _ => return NOTSUP,
            };
            done(write(&mut guest, to, &now.to_le_bytes()).is_ok())
        },
    )?;
    linker.func_wrap(
        module,
        "clock_res_get",
        |mut guest: Guest<'_>, id: u32, to: u32| match id {
            0 | 1 => done(write(&mut guest, to, &1_u64.to_le_bytes()).is_ok()),
            _ => NOTSUP,
        },
    )?;
    linker.func_wrap(module, "random_get", |mut guest: Guest<'_>, p: u32, n: u32| {
        if n > MAX_RANDOM {
            return INVAL;
        }
        let mut bytes = vec![0; n as usize];
        guest.data_mut().rng.fill(&mut bytes);
        if bytes.is_empty() {
            OK
        } else {
            done(write(&mut guest, p, &bytes).is_ok())
        }
    })?;
    linker.func_wrap(module, "sched_yield", |_: Guest<'_>| OK)?;
    linker.func_wrap(
        module,
        "poll_oneoff",
        |mut guest: Guest<'_>, _in: u32, _out: u32, _count: u32, to: u32| {
            done(write_u32(&mut guest, to, 0).is_ok())
        },
    )?;
    Ok(())
}

fn define_environment(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "environ_sizes_get",
        |mut guest: Guest<'_>, count_to: u32, size_to: u32| {
            let variables = variables(&guest);
            let size: usize = variables.iter().map(Vec::len).sum();
            let count = write_u32(&mut guest, count_to, small(variables.len()));
            done(count.is_ok() && write_u32(&mut guest, size_to, small(size)).is_ok())
        },
    )?;
    linker.func_wrap(
        module,
        "environ_get",
        |mut guest: Guest<'_>, array: u32, buffer: u32| {
            let (mut array, mut buffer) = (array, buffer);
            for variable in variables(&guest) {
                if write_u32(&mut guest, array, buffer).is_err()
                    || write(&mut guest, buffer, &variable).is_err()
                {
                    return FAULT;
                }
                array = array.saturating_add(4);
                buffer = buffer.saturating_add(small(variable.len()));
            }
            OK
        },
    )?;
    linker.func_wrap(
        module,
        "args_sizes_get",
        |mut guest: Guest<'_>, count_to: u32, size_to: u32| {
            let count = write_u32(&mut guest, count_to, 0);
            done(count.is_ok() && write_u32(&mut guest, size_to, 0).is_ok())
        },
    )?;
    linker.func_wrap(module, "args_get", |_: Guest<'_>, _array: u32, _buffer: u32| OK)?;
    Ok(())
}

fn define_files(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "fd_read",
        |_: Guest<'_>, _: u32, _: u32, _: u32, _: u32| NOSYS,
    )?;
    linker.func_wrap(
        module,
        "fd_pread",
        |_: Guest<'_>, _: u32, _: u32, _: u32, _: u64, _: u32| NOSYS,
    )?;
    linker.func_wrap(
        module,
        "fd_seek",
        |_: Guest<'_>, _: u32, _: u64, _: u32, _: u32| OK,
    )?;
    linker.func_wrap(module, "fd_close", |_: Guest<'_>, _: u32| OK)?;
    linker.func_wrap(
        module,
        "fd_fdstat_get",
        |mut guest: Guest<'_>, fd: u32, to: u32| {
            if fd != 1 && fd != 2 {
                return BADF;
            }
            // File type and flags unknown; the one right is to write.
            let mut stat = [0_u8; 24];
            if let Some(rights) = stat.get_mut(8) {
                *rights = 64;
            }
            let _unchecked_as_in_envoy = write(&mut guest, to, &stat);
            OK
        },
    )?;
    linker.func_wrap(module, "fd_fdstat_set_flags", |_: Guest<'_>, _: u32, _: u32| {
        NOSYS
    })?;
    linker.func_wrap(
        module,
        "fd_fdstat_set_rights",
        |_: Guest<'_>, fd: u32, _: u64, _: u64| output(fd),
    )?;
    linker.func_wrap(module, "fd_filestat_get", |_: Guest<'_>, _: u32, _: u32| BADF)?;
    linker.func_wrap(module, "fd_filestat_set_size", |_: Guest<'_>, fd: u32, _: u64| {
        output(fd)
    })?;
    linker.func_wrap(
        module,
        "fd_filestat_set_times",
        |_: Guest<'_>, fd: u32, _: u64, _: u64, _: u32| output(fd),
    )?;
    linker.func_wrap(module, "fd_prestat_get", |_: Guest<'_>, _: u32, _: u32| BADF)?;
    linker.func_wrap(
        module,
        "fd_prestat_dir_name",
        |_: Guest<'_>, _: u32, _: u32, _: u32| NOSYS,
    )?;
    linker.func_wrap(
        module,
        "fd_advise",
        |_: Guest<'_>, _: u32, _: u64, _: u64, _: u32| OK,
    )?;
    linker.func_wrap(module, "fd_allocate", |_: Guest<'_>, fd: u32, _: u64, _: u64| {
        output(fd)
    })?;
    linker.func_wrap(module, "fd_datasync", |_: Guest<'_>, fd: u32| output(fd))?;
    linker.func_wrap(module, "fd_sync", |_: Guest<'_>, fd: u32| output(fd))?;
    linker.func_wrap(
        module,
        "fd_readdir",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, _: u64, to: u32| {
            if write_u32(&mut guest, to, 0).is_ok() {
                NOTDIR
            } else {
                FAULT
            }
        },
    )?;
    linker.func_wrap(module, "fd_renumber", |_: Guest<'_>, from: u32, to: u32| {
        if output(from) == OK && output(to) == OK {
            NOTSUP
        } else {
            BADF
        }
    })?;
    linker.func_wrap(module, "fd_tell", |mut guest: Guest<'_>, fd: u32, to: u32| {
        if output(fd) == OK {
            done(write(&mut guest, to, &0_u64.to_le_bytes()).is_ok())
        } else {
            BADF
        }
    })?;
    Ok(())
}

type I = u32;

fn define_paths(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "path_open",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I, _: u64, _: u64, _: I, _: I| NOENT,
    )?;
    linker.func_wrap(
        module,
        "path_filestat_get",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_filestat_set_times",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: u64, _: u64, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_create_directory",
        |_: Guest<'_>, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_remove_directory",
        |_: Guest<'_>, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(module, "path_unlink_file", |_: Guest<'_>, _: I, _: I, _: I| {
        NOTSUP
    })?;
    linker.func_wrap(
        module,
        "path_link",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_readlink",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_rename",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_symlink",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(module, "sock_accept", |_: Guest<'_>, _: I, _: I, _: I| NOTSUP)?;
    linker.func_wrap(
        module,
        "sock_recv",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(
        module,
        "sock_send",
        |_: Guest<'_>, _: I, _: I, _: I, _: I, _: I| NOTSUP,
    )?;
    linker.func_wrap(module, "sock_shutdown", |_: Guest<'_>, _: I, _: I| NOTSUP)?;
    Ok(())
}

fn output(fd: u32) -> u32 {
    if fd == 1 || fd == 2 { OK } else { BADF }
}

fn done(written: bool) -> u32 {
    if written { OK } else { FAULT }
}

fn read_u32(guest: &Guest<'_>, pointer: u32) -> Option<u32> {
    let bytes = read(guest, pointer, 4).ok()?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// `KEY=value` and a zero byte for each variable.
fn variables(guest: &Guest<'_>) -> Vec<Vec<u8>> {
    let environment = &guest.data().version.plugin.environment;
    environment
        .iter()
        .map(|(key, value)| format!("{key}={value}\0").into_bytes())
        .collect()
}

fn small(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
