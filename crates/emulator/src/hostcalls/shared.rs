//! Shared data, shared queues and metrics: what other workers see.

use std::time::Duration;

use wasmtime::Linker;

use super::{Fail, Guest, Reach, answer, give, read, write, write_u32};
use crate::abi::{MetricType, Status};
use crate::host::Local;
use crate::shared::QueueOwner;
use crate::vm::VmState;

pub(super) fn define(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    define_data(linker)?;
    define_queues(linker)?;
    define_metrics(linker)
}

fn vm_id(guest: &Guest<'_>) -> String {
    guest.data().version.plugin.vm_id.clone()
}

fn define_data(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut guest: Guest<'_>, kp: u32, kn: u32, p: u32, n: u32, cas_to: u32| {
            answer(&mut guest, "proxy_get_shared_data", Reach::Process, |guest| {
                let key = read(guest, kp, kn)?;
                let found = guest.data().host.lock().data.get(&vm_id(guest), &key);
                let (value, cas) = found.ok_or(Status::NotFound)?;
                give(guest, &value, p, n)?;
                write_u32(guest, cas_to, cas)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut guest: Guest<'_>, kp: u32, kn: u32, vp: u32, vn: u32, cas: u32| {
            answer(&mut guest, "proxy_set_shared_data", Reach::Process, |guest| {
                let key = read(guest, kp, kn)?;
                let value = read(guest, vp, vn)?;
                status(
                    guest
                        .data()
                        .host
                        .lock()
                        .data
                        .set(&vm_id(guest), &key, &value, cas),
                )
            })
        },
    )?;
    Ok(())
}

fn define_queues(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_register_shared_queue",
        |mut guest: Guest<'_>, p: u32, n: u32, to: u32| {
            answer(
                &mut guest,
                "proxy_register_shared_queue",
                Reach::Process,
                |guest| {
                    let name = read(guest, p, n)?;
                    let state = guest.data();
                    let root = state.context().map_or(0, |context| context.root);
                    let owner = QueueOwner {
                        thread: state.thread,
                        vm_key: state.vm_key,
                        root,
                    };
                    let token = state.host.lock().queues.register(&vm_id(guest), &name, owner);
                    write_u32(guest, to, token)
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |mut guest: Guest<'_>, vp: u32, vn: u32, p: u32, n: u32, to: u32| {
            answer(
                &mut guest,
                "proxy_resolve_shared_queue",
                Reach::Process,
                |guest| {
                    let id = String::from_utf8_lossy(&read(guest, vp, vn)?).into_owned();
                    let id = if id.is_empty() { vm_id(guest) } else { id };
                    let name = read(guest, p, n)?;
                    let token = guest.data().host.lock().queues.resolve(&id, &name);
                    write_u32(guest, to, token.ok_or(Status::NotFound)?)
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_enqueue_shared_queue",
        |mut guest: Guest<'_>, token: u32, p: u32, n: u32| {
            answer(
                &mut guest,
                "proxy_enqueue_shared_queue",
                Reach::Process,
                |guest| {
                    let value = read(guest, p, n)?;
                    let host = &guest.data().host;
                    let owner = host
                        .lock()
                        .queues
                        .enqueue(token, &value)
                        .ok_or(Status::NotFound)?;
                    let ready = Local::QueueReady {
                        vm_key: owner.vm_key,
                        root: owner.root,
                        token,
                    };
                    host.push_after(Duration::ZERO, owner.thread, ready);
                    Ok(())
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_dequeue_shared_queue",
        |mut guest: Guest<'_>, token: u32, p: u32, n: u32| {
            answer(
                &mut guest,
                "proxy_dequeue_shared_queue",
                Reach::Process,
                |guest| {
                    let value = guest.data().host.lock().queues.dequeue(token)?;
                    give(guest, &value, p, n)
                },
            )
        },
    )?;
    Ok(())
}

fn define_metrics(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut guest: Guest<'_>, kind: u32, p: u32, n: u32, to: u32| {
            answer(&mut guest, "proxy_define_metric", Reach::Process, |guest| {
                let name = String::from_utf8_lossy(&read(guest, p, n)?).into_owned();
                let kind = MetricType::from_abi(kind).ok_or(Status::BadArgument)?;
                guest.data().host.lock().metrics.define(kind, &name);
                let id = guest.data_mut().metric_ids.define(kind, &name);
                write_u32(guest, to, id)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut guest: Guest<'_>, id: u32, by: i64| {
            answer(&mut guest, "proxy_increment_metric", Reach::Process, |guest| {
                let state = guest.data();
                let (kind, name) = state.metric_ids.find(id)?;
                status(state.host.lock().metrics.increment(kind, name, by))?;
                let context = state.contexts.get(&state.current);
                if kind == MetricType::Counter
                    && let Some((stream, _, _)) = context.and_then(|context| context.stream.as_ref())
                {
                    stream.lock().counted.push((name.to_owned(), by.unsigned_abs()));
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |mut guest: Guest<'_>, id: u32, value: u64| {
            answer(&mut guest, "proxy_record_metric", Reach::Process, |guest| {
                let state = guest.data();
                let (kind, name) = state.metric_ids.find(id).map_err(|_| Status::NotFound)?;
                state.host.lock().metrics.record(kind, name, value);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_metric",
        |mut guest: Guest<'_>, id: u32, to: u32| {
            answer(&mut guest, "proxy_get_metric", Reach::Process, |guest| {
                let state = guest.data();
                let (kind, name) = state.metric_ids.find(id)?;
                let value = state
                    .host
                    .lock()
                    .metrics
                    .value(kind, name)
                    .ok_or(Status::BadArgument)?;
                write(guest, to, &value.to_le_bytes())
            })
        },
    )?;
    Ok(())
}

fn status(status: Status) -> Result<(), Fail> {
    if status == Status::Ok {
        Ok(())
    } else {
        Err(status.into())
    }
}
