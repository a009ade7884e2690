//! A proxy-wasm module on the bare ABI, without an SDK: it logs each callback with its arguments, and in each the status
//! (and the value, where it does not differ from run to run) of many host calls. Run in two hosts, it shows whether they
//! are the same.
//!
//! It is driven by words, separated by blanks or commas: in the plugin configuration (`state`, `refuse`, `trap`, `tick`,
//! `done-later`, `queue`), in the VM configuration (`refuse`) and in the request header `x-probe`:
//!
//! | word | what it does |
//! |---|---|
//! | `ask` | asks all questions in each callback of the stream |
//! | `touch` | asks those that leave traces |
//! | `write`, `pairs` | writes headers in the header callbacks |
//! | `deny`, `deny-pause`, `deny-twice`, `deny-bare`, `deny-headers` | local reply to the request |
//! | `deny-response`, `deny-body` | local reply in the response's headers, body |
//! | `pause`, `pause-deny`, `pause-response` | pauses, goes on (or answers) in the next tick |
//! | `continue` | calls `continue_stream` and pauses in the same callback |
//! | `hold`, `hold-response` | holds the body back until it is complete, then replaces it |
//! | `append`, `prepend`, `patch` | other writes to bodies |
//! | `trailers` | adds trailers at the end of bodies |
//! | `close`, `close-response` | resets the stream |
//! | `trap`, `trap-response`, `trap-body`, `trap-log`, `trap-tick` | traps there |
//! | `loop` | never returns |

mod abi;
mod imports;
mod survey;

use std::cell::RefCell;
use std::collections::BTreeMap;

use abi::log;

#[derive(Default)]
struct State {
    /// The words of each stream.
    words: BTreeMap<u32, Vec<String>>,
    /// Paused streams, and whether the response is what waits.
    paused: Vec<(u32, bool)>,
    configuration: Vec<String>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: called once, first of all, by the host.
    unsafe { __wasm_call_ctors() };
    log("_initialize");
}

fn words(text: &str) -> Vec<String> {
    text.split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn configured(word: &str) -> bool {
    STATE.with_borrow(|state| state.configuration.iter().any(|known| known == word))
}

fn says(context: u32, word: &str) -> bool {
    STATE.with_borrow(|state| {
        state
            .words
            .get(&context)
            .is_some_and(|words| words.iter().any(|known| known == word))
    })
}

/// The part of every callback that is the same.
fn visit(context: u32) {
    if says(context, "ask") {
        survey::ask();
    }
    if says(context, "touch") {
        survey::touch(context);
    }
}

fn crash(why: &str) -> ! {
    log(&format!("  trap: {why}"));
    core::arch::wasm32::unreachable()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    log(&format!("on_context_create({context}, {parent})"));
    if parent == 0 {
        log(&format!("  config {}", abi::buffer(7, 0, 100)));
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(root: u32, size: u32) -> u32 {
    log(&format!(
        "on_vm_start({root}, {size}) {} {}",
        abi::buffer(6, 0, 100),
        abi::buffer(7, 0, 100)
    ));
    u32::from(!abi::buffer(6, 0, 100).contains("refuse"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: u32) -> u32 {
    let text = abi::buffer(7, 0, 1000);
    log(&format!(
        "on_configure({root}, {size}) {text} {}",
        abi::buffer(6, 0, 100)
    ));
    STATE.with_borrow_mut(|state| state.configuration = words(text.trim_start_matches("0:")));
    if configured("ask") {
        survey::ask();
        survey::touch(root);
        survey::write();
        log(&format!("  reply on a root {}", abi::reply(400, "", "", &[], -1)));
        log(&format!(
            "  continue on a root {} {}",
            abi::continue_stream(0),
            abi::continue_stream(1)
        ));
        log(&format!(
            "  close on a root {} {}",
            abi::close_stream(0),
            abi::close_stream(1)
        ));
    }
    if configured("state") {
        survey::state();
    }
    if configured("tick") {
        log(&format!("  tick period {}", abi::tick_period(50)));
    }
    if configured("trap") {
        crash("configuration");
    }
    u32::from(!configured("refuse"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    log(&format!("on_tick({root})"));
    let paused = STATE.with_borrow_mut(|state| std::mem::take(&mut state.paused));
    log(&format!("  tick period {}", abi::tick_period(0)));
    if configured("ask") {
        survey::ask();
    }
    for (context, response) in paused {
        log(&format!("  effective {}", abi::effective(context)));
        visit(context);
        if says(context, "trap-tick") {
            crash("tick");
        }
        if says(context, "pause-deny") {
            log(&format!(
                "  reply {}",
                abi::reply(403, "late", "late", &[("x-late", "1")], -1)
            ));
        } else {
            log(&format!(
                "  continue {}",
                abi::continue_stream(u32::from(response))
            ));
            log(&format!(
                "  then {} {}",
                abi::header(0, ":path"),
                abi::header(2, ":status")
            ));
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_queue_ready(root: u32, queue: u32) {
    log(&format!("on_queue_ready({root}) {}", abi::dequeue(queue)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, count: u32, end: u32) -> u32 {
    let text = abi::header(0, "x-probe");
    STATE.with_borrow_mut(|state| state.words.insert(context, words(text.trim_start_matches("0:"))));
    log(&format!(
        "on_request_headers({context}, {count}, {end}) {}",
        abi::header(0, ":path")
    ));
    visit(context);
    let says = |word| says(context, word);
    if says("write") {
        survey::write();
    }
    if says("pairs") {
        survey::write_pairs(0);
    }
    if says("trap") {
        crash("request");
    }
    if says("loop") {
        log("  loop");
        loop {
            std::hint::black_box(0);
        }
    }
    if says("close") {
        log(&format!("  close {}", abi::close_stream(0)));
    }
    let named = [
        ("X-Denied", "yes"),
        ("content-type", "text/x"),
        ("x-denied", "twice"),
    ];
    let deny = |headers: &[(&str, &str)]| {
        log(&format!(
            "  reply {}",
            abi::reply(429, "some details here", "denied", headers, -1)
        ));
    };
    if says("deny") {
        deny(&named[..1]);
        return 0;
    }
    if says("deny-headers") {
        deny(&named);
        return 0;
    }
    if says("deny-bare") {
        log(&format!("  reply {}", abi::reply(204, "", "", &[], -1)));
        return 1;
    }
    if says("deny-grpc") {
        log(&format!("  reply {}", abi::reply(429, "", "too many", &[], 8)));
        return 1;
    }
    if says("deny-pause") {
        deny(&[]);
        return 1;
    }
    if says("deny-twice") {
        deny(&named[..1]);
        log(&format!(
            "  reply {}",
            abi::reply(403, "second", "second", &[], -1)
        ));
        return 1;
    }
    if says("pause") || says("pause-deny") || says("trap-tick") {
        STATE.with_borrow_mut(|state| state.paused.push((context, false)));
        log(&format!("  pause, tick period {}", abi::tick_period(20)));
        return 1;
    }
    if says("pause-forever") {
        return 1;
    }
    if says("continue") {
        log(&format!(
            "  continue {} {}",
            abi::continue_stream(0),
            abi::header(0, ":path")
        ));
        return 1;
    }
    0
}

/// Writes to a body as the words say; the action.
fn body(context: u32, buffer: u32, end: u32, suffix: &str) -> u32 {
    let says = |word: &str| says(context, &format!("{word}{suffix}"));
    if says("hold") {
        if end == 0 {
            return 1;
        }
        log(&format!(
            "  replace {}",
            abi::set_buffer(buffer, 0, u32::MAX, b"[replaced]")
        ));
    }
    if end == 0 && says("append") {
        log(&format!(
            "  append {}",
            abi::set_buffer(buffer, 1 << 20, 0, b"[appended]")
        ));
    }
    if end == 0 && says("prepend") {
        log(&format!(
            "  prepend {}",
            abi::set_buffer(buffer, 0, 0, b"[prepended]")
        ));
    }
    if end == 0 && says("patch") {
        let answers =
            [(0, 1), (1, 1), (1, 0), (0, 2)].map(|(at, n)| abi::set_buffer(buffer, at, n, b"[patch]"));
        log(&format!("  patch {answers:?} {}", abi::buffer(buffer, 0, 100)));
    }
    if end == 1 && says("trailers") {
        let map = buffer * 2 + 1;
        log(&format!(
            "  trailers {} {}",
            abi::header(map, "x-added"),
            abi::map_size(map)
        ));
        log(&format!(
            "  trailers {} {}",
            abi::add(map, "X-Added", "1"),
            abi::header(map, "x-added")
        ));
    }
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: u32, end: u32) -> u32 {
    log(&format!(
        "on_request_body({context}, {size}, {end}) {}",
        abi::buffer(0, 0, 100)
    ));
    visit(context);
    body(context, 0, end, "")
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, count: u32) -> u32 {
    log(&format!(
        "on_request_trailers({context}, {count}) {}",
        abi::pairs(1)
    ));
    visit(context);
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, count: u32, end: u32) -> u32 {
    log(&format!(
        "on_response_headers({context}, {count}, {end}) {}",
        abi::header(2, ":status")
    ));
    visit(context);
    let says = |word| says(context, word);
    if says("ask") {
        survey::response_size();
    }
    if says("write") {
        survey::write();
    }
    if says("pairs-response") {
        survey::write_pairs(2);
    }
    if says("trap-response") {
        crash("response");
    }
    if says("close-response") {
        log(&format!("  close {}", abi::close_stream(1)));
    }
    if says("deny-response") {
        log(&format!(
            "  reply {}",
            abi::reply(502, "replaced", "replaced", &[("x-replaced", "1")], -1)
        ));
        return 0;
    }
    if says("pause-response") {
        STATE.with_borrow_mut(|state| state.paused.push((context, true)));
        log(&format!("  pause, tick period {}", abi::tick_period(20)));
        return 1;
    }
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: u32, end: u32) -> u32 {
    log(&format!(
        "on_response_body({context}, {size}, {end}) {}",
        abi::buffer(1, 0, 100)
    ));
    visit(context);
    if says(context, "trap-body") {
        crash("body");
    }
    if says(context, "deny-body") {
        log(&format!(
            "  reply {}",
            abi::reply(502, "too late", "too late", &[], -1)
        ));
        return 0;
    }
    body(context, 1, end, "-response")
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, count: u32) -> u32 {
    log(&format!(
        "on_response_trailers({context}, {count}) {}",
        abi::pairs(3)
    ));
    visit(context);
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    let request = (abi::header(0, ":path"), abi::header(2, ":status"));
    log(&format!("on_log({context}) {} {}", request.0, request.1));
    let text = abi::header(0, "x-probe");
    if !STATE.with_borrow(|state| state.words.contains_key(&context)) {
        STATE.with_borrow_mut(|state| state.words.insert(context, words(text.trim_start_matches("0:"))));
    }
    let answers = ["response.code", "response.flags"].map(|path| abi::property(path, abi::As::Int));
    log(&format!(
        "  {answers:?} {}",
        abi::property("response.code_details", abi::As::Text)
    ));
    visit(context);
    if says(context, "write-log") {
        survey::write();
    }
    if says(context, "deny-log") {
        log(&format!("  reply {}", abi::reply(400, "", "", &[], -1)));
    }
    if says(context, "trap-log") {
        crash("log");
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    log(&format!("on_done({context})"));
    visit(context);
    let root = !STATE.with_borrow(|state| state.words.contains_key(&context));
    u32::from(!(root && configured("done-later")))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    log(&format!("on_delete({context})"));
    visit(context);
    STATE.with_borrow_mut(|state| state.words.remove(&context));
}
