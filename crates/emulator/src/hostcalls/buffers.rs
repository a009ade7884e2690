//! Bodies and configurations.

use wasmtime::Linker;

use super::{Fail, Guest, Reach, answer, give, read, write_u32};
use crate::abi::{BufferType, Status};
use crate::vm::VmState;

pub(super) fn define(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut guest: Guest<'_>, buffer: u32, start: u32, max: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_get_buffer_bytes", Reach::Worker, |guest| {
                let bytes = contents(guest, buffer)?;
                let start = (start as usize).min(bytes.len());
                let end = start.saturating_add(max as usize).min(bytes.len());
                give(guest, bytes.get(start..end).unwrap_or_default(), p, n)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_status",
        |mut guest: Guest<'_>, buffer: u32, length_to: u32, flags_to: u32| {
            answer(&mut guest, "proxy_get_buffer_status", Reach::Worker, |guest| {
                let bytes = contents(guest, buffer)?;
                write_u32(guest, length_to, u32::try_from(bytes.len()).unwrap_or(u32::MAX))?;
                write_u32(guest, flags_to, 0)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |mut guest: Guest<'_>, buffer: u32, start: u32, size: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_set_buffer_bytes", Reach::Worker, |guest| {
                let buffer = BufferType::from_abi(buffer).ok_or(Status::BadArgument)?;
                if buffer == BufferType::CalloutBody
                    || (buffer == BufferType::PluginConfiguration && guest.data().configuring.is_none())
                {
                    return Err(Status::NotFound.into());
                }
                let bytes = read(guest, p, n)?;
                set_body(guest, buffer, start as usize, size as usize, &bytes)
            })
        },
    )?;
    Ok(())
}

fn contents(guest: &mut Guest<'_>, buffer: u32) -> Result<Vec<u8>, Fail> {
    let buffer = BufferType::from_abi(buffer).ok_or(Status::BadArgument)?;
    let id = guest.data().context_id();
    let configuring = guest.data().configuring.is_some();
    let last = guest
        .data_mut()
        .contexts
        .get_mut(&id)
        .map(|context| &mut context.last_buffer);
    let buffer = match (buffer, last) {
        (BufferType::CallData, Some(last)) => match *last {
            // The configuration stays where it is even when it may not be asked for any more.
            Some(BufferType::PluginConfiguration) => {
                let version = guest.data().context().and_then(|context| context.version.clone());
                return Ok(version
                    .map(|version| version.plugin.configuration.clone())
                    .unwrap_or_default());
            }
            last => last.unwrap_or(BufferType::Empty),
        },
        (BufferType::PluginConfiguration, _) if !configuring => return Err(Status::NotFound.into()),
        (BufferType::CalloutBody, _) => return Err(Status::NotFound.into()),
        (buffer, Some(last)) => {
            *last = Some(buffer);
            buffer
        }
        (buffer, None) => buffer,
    };
    let state = guest.data();
    let body = |response: bool| {
        let Some((stream, _, filter)) = state.stream() else {
            return Vec::new();
        };
        let stream = stream.lock();
        let view = stream.views.get(filter);
        let body = view.and_then(|view| {
            if response {
                &view.response_body
            } else {
                &view.request_body
            }
            .as_ref()
        });
        body.cloned().unwrap_or_default()
    };
    match buffer {
        BufferType::RequestBody => Ok(body(false)),
        BufferType::ResponseBody => Ok(body(true)),
        BufferType::Empty | BufferType::CallData | BufferType::CalloutBody => Ok(Vec::new()),
        BufferType::VmConfiguration => Ok(state.version.plugin.vm_configuration.clone()),
        BufferType::PluginConfiguration => {
            let version = state.configuring.as_ref().ok_or(Status::NotFound)?;
            Ok(version.plugin.configuration.clone())
        }
    }
}

/// Envoy's rules: at the start the first `size` bytes are replaced (none: the new ones are put in front); at or past the
/// end they are appended; anywhere else it is a bad argument. Configurations cannot be written.
fn set_body(
    guest: &Guest<'_>,
    buffer: BufferType,
    start: usize,
    size: usize,
    bytes: &[u8],
) -> Result<(), Fail> {
    let (stream, _, filter) = guest.data().stream().ok_or(Status::BadArgument)?;
    let mut stream = stream.lock();
    let view = stream.views.get_mut(filter).ok_or(Status::BadArgument)?;
    let body = match buffer {
        BufferType::RequestBody => view.request_body.as_mut(),
        BufferType::ResponseBody => view.response_body.as_mut(),
        _ => None,
    };
    let body = body.ok_or(Status::BadArgument)?;
    if start == 0 {
        let size = size.min(body.len());
        body.splice(..size, bytes.iter().copied());
    } else if start >= body.len() {
        body.extend_from_slice(bytes);
    } else {
        return Err(Status::BadArgument.into());
    }
    Ok(())
}
