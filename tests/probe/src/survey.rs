//! Questions that are asked in every callback.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::abi::{self, As};

/// Properties, and how to print them.
const PROPERTIES: &[(&str, As)] = &[
    ("request", As::Text),
    ("request.path", As::Text),
    ("request.url_path", As::Text),
    ("request.query", As::Text),
    ("request.host", As::Length),
    ("request.scheme", As::Text),
    ("request.method", As::Text),
    ("request.referer", As::Text),
    ("request.useragent", As::Text),
    ("request.id", As::Text),
    ("request.protocol", As::Text),
    ("request.time", As::Length),
    ("request.duration", As::Length),
    ("request.size", As::Int),
    ("request.total_size", As::Length),
    ("request.headers", As::Status),
    ("request.headers.x-multi", As::Text),
    ("request.headers.X-Multi", As::Text),
    ("request.headers.absent", As::Text),
    ("request.headers.x-multi.more", As::Text),
    ("request.nothing", As::Text),
    ("response", As::Text),
    ("response.code", As::Int),
    ("response.code_details", As::Text),
    ("response.flags", As::Int),
    ("response.grpc_status", As::Int),
    ("response.size", As::Int),
    ("response.headers", As::Status),
    ("response.headers.x-up", As::Text),
    ("response.trailers", As::Length),
    ("response.headers.absent", As::Text),
    ("response.trailers.x-trailer", As::Text),
    ("response.backend_latency", As::Length),
    ("source", As::Text),
    ("source.address", As::Length),
    ("source.port", As::Length),
    ("destination.port", As::Length),
    ("connection", As::Text),
    ("connection.id", As::Length),
    ("connection.mtls", As::Text),
    ("connection_id", As::Length),
    ("upstream", As::Text),
    ("upstream.address", As::Length),
    ("upstream.port", As::Length),
    ("upstream.request_attempt_count", As::Int),
    ("upstream.nothing", As::Text),
    ("xds", As::Text),
    ("xds.cluster_name", As::Text),
    ("xds.route_name", As::Text),
    ("xds.virtual_host_name", As::Text),
    ("xds.filter_chain_name", As::Text),
    ("xds.listener_direction", As::Int),
    ("xds.node.id", As::Text),
    ("xds.node.cluster", As::Text),
    ("xds.nothing", As::Text),
    ("node.id", As::Text),
    ("cluster_name", As::Text),
    ("route_name", As::Text),
    ("listener_direction", As::Int),
    ("plugin_name", As::Text),
    ("plugin_root_id", As::Text),
    ("plugin_vm_id", As::Text),
    ("plugin_name.more", As::Text),
    ("my", As::Text),
    ("filter_state", As::Text),
    ("filter_state.wasm.my", As::Text),
    ("nothing", As::Text),
];

thread_local! {
    static LAST: RefCell<BTreeMap<String, String>> = RefCell::default();
}

/// Logs an answer, unless it is the same as the last time that this VM was asked.
fn line(name: &str, answers: impl IntoIterator<Item = String>) {
    let answer = answers.into_iter().collect::<Vec<_>>().join(" | ");
    let last = LAST.with_borrow_mut(|last| last.insert(name.to_owned(), answer.clone()));
    if last.as_ref() != Some(&answer) {
        abi::log(&format!("  {name} {answer}"));
    }
}

/// Asks everything that changes nothing.
pub fn ask() {
    for name in [":path", ":status", "x-multi", "x-empty", "absent"] {
        line(
            &format!("value {name}"),
            (0..=8).map(|map| abi::header(map, name)),
        );
    }
    // Not the response: a filter that paused it still sees what the proxy adds to it after the last filter.
    line("size", [0, 4, 5, 6, 7, 8].map(abi::map_size));
    for map in 0..=8 {
        line(&format!("pairs {map}"), [abi::pairs(map)]);
    }
    line("buffer", (0..=9).map(|buffer| abi::buffer(buffer, 0, 100)));
    line("buffer part", (0..=9).map(|buffer| abi::buffer(buffer, 1, 2)));
    line("buffer far", (0..=9).map(|buffer| abi::buffer(buffer, 1000, 1)));
    line("buffer status", (0..=9).map(abi::buffer_status));
    for (path, how) in PROPERTIES {
        line(&format!("property {path}"), [abi::property(path, *how)]);
    }
    line(
        "property odd",
        [
            &b""[..],
            b"\0",
            b"request\0",
            b"request\0method\0",
            b"\0request",
            b"request\0\0method",
        ]
        .map(|path| abi::property_raw(path, As::Text)),
    );
    line(
        "status",
        [abi::status(), abi::log_level(), abi::clocks(), abi::random()],
    );
    line("done", [abi::done().to_string()]);
}

/// The size of the response's map, while it is the filter's.
pub fn response_size() {
    line("response size", [abi::map_size(2)]);
}

/// Asks what leaves traces only in the probe's own things.
pub fn touch(context: u32) {
    line(
        "set_property",
        [
            abi::set_property("my", "mine").to_string(),
            abi::property("my", As::Text),
        ],
    );
    line(
        "effective",
        [9999, 0, context].map(|id| format!("{}:{}", abi::effective(id), abi::header(0, ":method"))),
    );
    line(
        "foreign",
        [
            abi::foreign("no_such_function", b""),
            abi::foreign("clear_route_cache", b""),
            abi::foreign("set_envoy_filter_state", b"\x0a\x0cenvoy.string\x12\x01v"),
            abi::foreign("set_envoy_filter_state", b"\x0a\x07nothing\x12\x01v"),
        ],
    );
    line(
        "set_buffer config",
        [6, 7, 8, 9, 4].map(|buffer| abi::set_buffer(buffer, 0, 0, b"x").to_string()),
    );
    line("callouts", [abi::http_call("no-such-cluster", 100), abi::grpc()]);
    line(
        "streams",
        [2, 3, 4].map(|kind| abi::continue_stream(kind).to_string()),
    );
    line("close", [2, 3, 4].map(|kind| abi::close_stream(kind).to_string()));
    line("bad pointers", [abi::bad_pointers()]);
}

/// Writes to all maps and bodies.
pub fn write() {
    let all = |write: &dyn Fn(u32) -> u32| [0, 2, 4, 5, 6, 7, 8].map(|map| write(map).to_string());
    line("add", all(&|map| abi::add(map, "X-Added", "1")));
    line("add again", all(&|map| abi::add(map, "x-added", "2")));
    line("add single", all(&|map| abi::add(map, "User-Agent", "probe")));
    line("add empty", all(&|map| abi::add(map, "x-none", "")));
    line("replace", all(&|map| abi::replace(map, "X-Multi", "one")));
    line("replace new", all(&|map| abi::replace(map, "X-New", "new")));
    line("remove", all(&|map| abi::remove(map, "X-Gone")));
    line("remove absent", all(&|map| abi::remove(map, "x-absent")));
    line("pairs after 0", [abi::pairs(0)]);
    line("pairs after 2", [abi::pairs(2)]);
    line("size after", [0, 2].map(abi::map_size));
}

/// Replaces whole maps.
pub fn write_pairs(map: u32) {
    let path = abi::header(0, ":path");
    let path = path.trim_start_matches("0:");
    let kept: &[(&str, &str)] = if map == 0 {
        &[
            (":method", "GET"),
            (":path", path),
            (":authority", "sim.local"),
            (":scheme", "http"),
            ("x-forwarded-proto", "http"),
            ("X-Probe", "ask"),
        ]
    } else {
        &[(":status", "201"), ("X-Set", "1"), ("x-set", "2")]
    };
    line(
        "set_pairs",
        [
            abi::set_pairs(map, &abi::encode(kept)).to_string(),
            abi::pairs(map),
        ],
    );
}

/// The rules of metrics, shared data and queues. Meant for one callback of one VM, as the values add up.
pub fn state() {
    let (status, counter) = abi::define(0, "probe.counter");
    let (_, gauge) = abi::define(1, "probe.gauge");
    let (_, histogram) = abi::define(2, "probe.histogram");
    let (_, again) = abi::define(0, "probe.counter");
    line(
        "define",
        [format!(
            "{status} {counter} {gauge} {histogram} {again} {:?}",
            abi::define(3, "probe.x")
        )],
    );
    for id in [counter, gauge, histogram, again, 3, 400, 401, 402] {
        let increments = [5, 0, -2].map(|by| abi::increment(id, by));
        let records = [3, -1].map(|value| abi::record(id, value));
        line(
            "metric",
            [format!(
                "{id} {increments:?} {} {records:?} {}",
                abi::metric(id),
                abi::metric(id)
            )],
        );
        if id == gauge {
            line("gauge reset", [abi::record(id, 7).to_string(), abi::metric(id)]);
        }
    }
    let (before, _) = abi::get_shared("probe.fresh");
    let first = abi::set_shared("probe.fresh", "a", 42);
    let (value, cas) = abi::get_shared("probe.fresh");
    let wrong = abi::set_shared("probe.fresh", "b", cas + 1);
    let right = abi::set_shared("probe.fresh", "c", cas);
    let (_, next) = abi::get_shared("probe.fresh");
    let blind = abi::set_shared("probe.fresh", "", 0);
    let (empty, last) = abi::get_shared("probe.fresh");
    line(
        "shared",
        [format!(
            "{before} {first} {value} {wrong} {right} {blind} {empty} {} {}",
            next - cas,
            last - cas
        )],
    );
    let (status, queue) = abi::register_queue("probe.queue");
    let same = abi::register_queue("probe.queue") == (0, queue);
    line(
        "queue",
        [
            format!("{status} {queue} {same}"),
            abi::resolve_queue("", "probe.queue"),
            abi::resolve_queue("", "nothing"),
            abi::resolve_queue("other", "probe.queue"),
            abi::dequeue(queue),
            abi::enqueue(queue, "one").to_string(),
            abi::enqueue(queue, "").to_string(),
            abi::dequeue(queue),
            abi::dequeue(queue),
            abi::dequeue(queue),
            abi::dequeue(999),
            abi::enqueue(999, "x").to_string(),
        ],
    );
    line(
        "fd_write",
        [1, 2, 3].map(|fd| abi::write_fd(fd, &format!("text on {fd}\n")).to_string()),
    );
    line("fd_write nothing", [abi::write_fd(1, "").to_string()]);
}
