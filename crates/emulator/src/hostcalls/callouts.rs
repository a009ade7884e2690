//! HTTP and gRPC callouts, to a proxy that has none of the clusters asked for.

use wasmtime::Linker;

use super::{Fail, Guest, Reach, answer, read, write_u32};
use crate::abi::Status;
use crate::vm::VmState;

pub(super) fn define(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |mut guest: Guest<'_>,
         up: u32,
         un: u32,
         hp: u32,
         hn: u32,
         bp: u32,
         bn: u32,
         tp: u32,
         tn: u32,
         _timeout: u32,
         to: u32| {
            answer(&mut guest, "proxy_http_call", Reach::Worker, |guest| {
                readable(guest, &[(up, un), (hp, hn), (bp, bn), (tp, tn)])?;
                write_u32(guest, to, 0)?;
                Err(Status::BadArgument.into())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |mut guest: Guest<'_>,
         up: u32,
         un: u32,
         sp: u32,
         sn: u32,
         mp: u32,
         mn: u32,
         ip: u32,
         in_: u32,
         bp: u32,
         bn: u32,
         _timeout: u32,
         _to: u32| {
            answer(&mut guest, "proxy_grpc_call", Reach::Worker, |guest| {
                readable(guest, &[(up, un), (sp, sn), (mp, mn), (ip, in_), (bp, bn)])?;
                Err(Status::ParseFailure.into())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |mut guest: Guest<'_>,
         up: u32,
         un: u32,
         sp: u32,
         sn: u32,
         mp: u32,
         mn: u32,
         ip: u32,
         in_: u32,
         _to: u32| {
            answer(&mut guest, "proxy_grpc_stream", Reach::Worker, |guest| {
                readable(guest, &[(up, un), (sp, sn), (mp, mn), (ip, in_)])?;
                Err(Status::ParseFailure.into())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_send",
        |mut guest: Guest<'_>, id: u32, p: u32, n: u32, _end: u32| {
            answer(&mut guest, "proxy_grpc_send", Reach::Worker, |guest| {
                read(guest, p, n)?;
                Err(if id & 3 == STREAM {
                    Status::NotFound
                } else {
                    Status::BadArgument
                }
                .into())
            })
        },
    )?;
    for name in ["proxy_grpc_cancel", "proxy_grpc_close"] {
        linker.func_wrap("env", name, move |mut guest: Guest<'_>, id: u32| {
            answer(&mut guest, name, Reach::Worker, |_| {
                let known = matches!(id & 3, CALL | STREAM);
                Err(if known {
                    Status::NotFound
                } else {
                    Status::BadArgument
                }
                .into())
            })
        })?;
    }
    Ok(())
}

/// The low two bits of a callout's id say what it is.
const CALL: u32 = 1;
const STREAM: u32 = 2;

fn readable(guest: &Guest<'_>, ranges: &[(u32, u32)]) -> Result<(), Fail> {
    ranges
        .iter()
        .try_for_each(|(pointer, length)| read(guest, *pointer, *length).map(drop))
}
