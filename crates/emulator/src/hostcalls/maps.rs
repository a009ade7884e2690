//! Header and trailer maps.

use wasmtime::Linker;

use super::{Fail, Guest, Reach, answer, give, read, write_u32};
use crate::abi::{MapType, Status, decode_pairs, encode_pairs};
use crate::headers::Headers;
use crate::stream::{Map, Readable};
use crate::vm::VmState;

pub(super) fn define(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_size",
        |mut guest: Guest<'_>, map: u32, to: u32| {
            answer(&mut guest, "proxy_get_header_map_size", Reach::Worker, |guest| {
                let mut size = 0;
                change(guest, map, |headers| size = headers.byte_size(), false)?;
                write_u32(guest, to, u32::try_from(size).unwrap_or(u32::MAX))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut guest: Guest<'_>, map: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_get_header_map_pairs", Reach::Worker, |guest| {
                let map = MapType::from_abi(map).ok_or(Status::BadArgument)?;
                let pairs = look(guest, map, |readable| match readable {
                    Readable::Map(headers) if !headers.is_empty() => encode_pairs(headers.iter()),
                    _ => Vec::new(),
                });
                give(guest, &pairs, p, n)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |mut guest: Guest<'_>, map: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_set_header_map_pairs", Reach::Worker, |guest| {
                MapType::from_abi(map).ok_or(Status::BadArgument)?;
                let pairs = decode_pairs(&read(guest, p, n)?);
                let replace = |headers: &mut Headers| {
                    headers.clear();
                    for (name, value) in &pairs {
                        headers.add(name, value);
                    }
                };
                change(guest, map, replace, true)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |mut guest: Guest<'_>, map: u32, kp: u32, kn: u32, p: u32, n: u32| {
            answer(&mut guest, "proxy_get_header_map_value", Reach::Worker, |guest| {
                let map = MapType::from_abi(map).ok_or(Status::BadArgument)?;
                let name = read(guest, kp, kn)?;
                let value = look(guest, map, |readable| match readable {
                    Readable::Map(headers) => headers.get(&name).map(<[u8]>::to_vec).ok_or(Status::NotFound),
                    Readable::Absent { logging: true } => Err(Status::NotFound),
                    Readable::Absent { logging: false } => Err(Status::BadArgument),
                })?;
                give(guest, &value, p, n)
            })
        },
    )?;
    write_value(linker, "proxy_add_header_map_value", |headers, name, value| {
        headers.add(name, value)
    })?;
    write_value(
        linker,
        "proxy_replace_header_map_value",
        |headers, name, value| headers.set(name, value),
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut guest: Guest<'_>, map: u32, kp: u32, kn: u32| {
            answer(
                &mut guest,
                "proxy_remove_header_map_value",
                Reach::Worker,
                |guest| {
                    MapType::from_abi(map).ok_or(Status::BadArgument)?;
                    let name = read(guest, kp, kn)?;
                    change(guest, map, |headers| _ = headers.remove(&name), true)
                },
            )
        },
    )?;
    Ok(())
}

fn write_value(
    linker: &mut Linker<VmState>,
    function: &'static str,
    apply: fn(&mut Headers, &[u8], &[u8]),
) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        function,
        move |mut guest: Guest<'_>, map: u32, kp: u32, kn: u32, vp: u32, vn: u32| {
            answer(&mut guest, function, Reach::Worker, |guest| {
                MapType::from_abi(map).ok_or(Status::BadArgument)?;
                let name = read(guest, kp, kn)?;
                let value = read(guest, vp, vn)?;
                change(guest, map, |headers| apply(headers, &name, &value), true)
            })
        },
    )?;
    Ok(())
}

fn stream_map(map: MapType) -> Option<Map> {
    match map {
        MapType::RequestHeaders => Some(Map::RequestHeaders),
        MapType::RequestTrailers => Some(Map::RequestTrailers),
        MapType::ResponseHeaders => Some(Map::ResponseHeaders),
        MapType::ResponseTrailers => Some(Map::ResponseTrailers),
        MapType::Callout => None,
    }
}

/// Shows the map to `eye`, as far as the current context may read it.
fn look<T>(guest: &Guest<'_>, map: MapType, eye: impl FnOnce(Readable<'_>) -> T) -> T {
    let Some((stream, _, filter)) = guest.data().stream() else {
        return eye(Readable::Absent { logging: false });
    };
    let stream = stream.lock();
    match stream_map(map) {
        Some(map) => eye(stream.readable(filter, map)),
        None => eye(Readable::Absent {
            logging: stream.views.get(filter).is_some_and(|view| view.logging),
        }),
    }
}

/// Lets `hand` work on the map, if the current context may write it. A write to request headers clears the route cache.
fn change(guest: &Guest<'_>, map: u32, hand: impl FnOnce(&mut Headers), writes: bool) -> Result<(), Fail> {
    let map = MapType::from_abi(map)
        .and_then(stream_map)
        .ok_or(Status::BadArgument)?;
    let (stream, _, filter) = guest.data().stream().ok_or(Status::BadArgument)?;
    let mut stream = stream.lock();
    hand(stream.writable(filter, map).ok_or(Status::BadArgument)?);
    if writes && map == Map::RequestHeaders {
        stream.route_refreshes = stream.route_refreshes.saturating_add(1);
    }
    Ok(())
}
