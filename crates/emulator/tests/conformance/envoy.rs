//! A scenario in a real Envoy.
//!
//! Envoy asks the kernel for SIGTERM when the *thread* that spawned it ends, and the test harness ends a thread with each
//! test: a keeper thread spawns it and parks for ever.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fairlead_emulator::FailurePolicy;

use super::emulate::Run;
use super::probe;
use super::scenario::{Filter, Scenario, Seen, Step, Up};

const DEADLINE: Duration = Duration::from_secs(10);

/// The binary, or `None` where there is none and none is demanded.
pub(crate) fn binary() -> Option<PathBuf> {
    match std::env::var_os("FAIRLEAD_ENVOY") {
        Some(path) => Some(path.into()),
        None if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("CI=true demands FAIRLEAD_ENVOY"),
        None => {
            println!("skipped: FAIRLEAD_ENVOY names no Envoy binary");
            None
        }
    }
}

/// Runs a scenario.
pub(crate) fn run(binary: &Path, scenario: &Scenario) -> Run {
    let folder = Folder::new();
    let upstream = serve(scenario);
    let dead = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let config = folder.0.join("envoy.yaml");
    std::fs::write(&config, bootstrap(scenario, upstream, dead)).expect("the config is written");
    let log = folder.0.join("envoy.log");
    let envoy = Process::spawn(binary, &config, &log, &folder.0.join("admin"), scenario.workers);
    let mut run = Run {
        workers: vec![Vec::new(); scenario.workers],
        ..Run::default()
    };
    let mut marks = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        std::thread::sleep(Duration::from_millis(step.wait));
        let before = lines(&log);
        let seen = client(&envoy, step, index, || {
            let path = step.path(index);
            wait("the request is seen", || {
                lines(&log).iter().any(|line| line.1.contains(&path))
            });
        });
        run.seen.push(seen);
        let deleted =
            |lines: &[(String, String)]| lines.iter().filter(|line| line.1.contains("on_delete(")).count();
        let expected = deleted(&before) + scenario.filters.len();
        if step.traps {
            std::thread::sleep(Duration::from_millis(200));
        } else {
            wait("the stream is deleted", || deleted(&lines(&log)) >= expected);
        }
        marks.push(before.len());
    }
    envoy.quit();
    let all = lines(&log);
    sort_lines(&mut run, &all, &marks);
    run
}

/// Tells the threads apart: the main one logs first; a worker is numbered when it serves its first step.
fn sort_lines(run: &mut Run, all: &[(String, String)], marks: &[usize]) {
    let main = all.first().map(|line| line.0.clone()).unwrap_or_default();
    let mut threads: Vec<&String> = Vec::new();
    for (step, mark) in marks.iter().enumerate() {
        let end = marks.get(step + 1).copied().unwrap_or(all.len());
        let thread = all[*mark..end]
            .iter()
            .find(|line| line.0 != main)
            .map(|line| &line.0);
        // A step that leaves no line was served by a dead VM; with one worker there is no doubt which.
        let Some(thread) = thread else {
            run.served.push(0);
            continue;
        };
        if !threads.contains(&thread) {
            threads.push(thread);
        }
        run.served.push(
            threads
                .iter()
                .position(|known| *known == thread)
                .expect("just added"),
        );
    }
    for line in all.iter().filter(|line| line.0 != main) {
        if !threads.contains(&&line.0) {
            threads.push(&line.0);
        }
    }
    assert!(
        threads.len() <= run.workers.len(),
        "more threads log than there are workers"
    );
    for (thread, message) in all {
        match threads.iter().position(|known| *known == thread) {
            Some(worker) => run.workers[worker].push(message.clone()),
            None => run.main.push(message.clone()),
        }
    }
}

/// Thread and message of each line that a module logged.
fn lines(log: &Path) -> Vec<(String, String)> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = |line: &str| {
        let (thread, rest) = line.strip_prefix('[')?.split_once("] wasm log")?;
        let (_, message) = rest.split_once(": ")?;
        Some((thread.to_owned(), message.to_owned()))
    };
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(line).collect()
}

pub(crate) fn wait(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A folder that goes with the run.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("fairlead-conformance-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("FAIRLEAD_KEEP").is_none() {
            drop(std::fs::remove_dir_all(&self.0));
        } else {
            println!("kept: {}", self.0.display());
        }
    }
}

struct Process {
    child: Child,
    admin: SocketAddr,
    listener: SocketAddr,
}

impl Process {
    fn spawn(binary: &Path, config: &Path, log: &Path, admin: &Path, workers: usize) -> Self {
        let mut command = Command::new(binary);
        command
            .arg("-c")
            .arg(config)
            .arg("--use-dynamic-base-id")
            .args(["--concurrency", &workers.to_string(), "--log-format", "[%t] %v"])
            .args(["--component-log-level", "wasm:info", "-l", "warning"])
            .arg("--admin-address-path")
            .arg(admin)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(log).expect("the log file is made"));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            drop(sender.send(command.spawn()));
            loop {
                std::thread::park();
            }
        });
        let child = receiver
            .recv()
            .expect("the keeper answers")
            .expect("Envoy starts");
        let admin_address = || {
            std::fs::read_to_string(admin)
                .ok()?
                .trim()
                .parse::<SocketAddr>()
                .ok()
        };
        wait("Envoy writes its admin address", || admin_address().is_some());
        let admin = admin_address().expect("just seen");
        let listener = || {
            let text = http(admin, "GET", "/listeners?format=text")?;
            text.lines()
                .find_map(|line| line.strip_prefix("main::")?.trim().parse::<SocketAddr>().ok())
        };
        wait("Envoy is ready", || {
            http(admin, "GET", "/ready").is_some_and(|text| text.contains("LIVE")) && listener().is_some()
        });
        Self {
            child,
            admin,
            listener: listener().expect("just seen"),
        }
    }

    /// Ends Envoy as SIGTERM would.
    fn quit(mut self) {
        drop(http(self.admin, "POST", "/quitquitquit"));
        let start = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(start.elapsed() < DEADLINE, "Envoy does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn http(address: SocketAddr, method: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Sends a step's request and reads what comes back until the connection ends.
fn client(envoy: &Process, step: &Step, index: usize, request_is_seen: impl FnOnce()) -> Seen {
    let mut stream = TcpStream::connect(envoy.listener).expect("Envoy listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let mut request = format!("{} {} HTTP/1.1\r\n", step.method, step.path(index)).into_bytes();
    let host = step
        .host
        .iter()
        .map(|host| ("host".to_owned(), host.clone().into_bytes()));
    for (name, value) in host.chain(step.sent_headers()) {
        request.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
    }
    request.extend(b"connection: close\r\n\r\n");
    if step.body.is_some() || !step.trailers.is_empty() {
        if let Some(body) = &step.body {
            request.extend(format!("{:x}\r\n{body}\r\n", body.len()).into_bytes());
        }
        request.extend(b"0\r\n");
        for (name, value) in &step.trailers {
            request.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        request.extend(b"\r\n");
    }
    stream.write_all(&request).expect("the request is sent");
    if step.abort {
        request_is_seen();
        return Seen {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
            truncated: false,
        };
    }
    let mut response = Vec::new();
    drop(stream.read_to_end(&mut response));
    parse(&response, step.method == "HEAD")
}

/// Headers that Envoy adds after the filters, or that belong to the connection.
const HOP: &[&str] = &["date", "server", "connection", "transfer-encoding", "trailer"];

fn parse(response: &[u8], is_head: bool) -> Seen {
    let text = String::from_utf8_lossy(response).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok());
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            line.split_once(": ")
                .or_else(|| line.strip_suffix(':').map(|name| (name, "")))
        })
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    headers.retain(|(name, _)| !HOP.contains(&name.as_str()));
    let promised = headers.iter().find(|(name, _)| name == "content-length");
    let promised = promised
        .and_then(|(_, length)| length.parse::<usize>().ok())
        .filter(|_| !is_head);
    let (body, truncated) = if chunked && !is_head {
        unchunk(body)
    } else {
        (
            body.to_owned(),
            promised.is_some_and(|promised| body.len() < promised),
        )
    };
    Seen {
        status: status.unwrap_or(0),
        headers,
        body,
        truncated,
    }
}

fn unchunk(mut text: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        if size == 0 {
            return (body, false);
        }
        body.push_str(rest.get(..size).unwrap_or(rest));
        text = rest.get(size + 2..).unwrap_or("");
    }
    (body, true)
}

/// An HTTP/1 server that does what the step in the path says; it lives as long as the test process.
fn serve(scenario: &Scenario) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let steps = scenario.steps.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let steps = steps.clone();
            std::thread::spawn(move || connection(stream, &steps));
        }
    });
    address
}

fn connection(mut stream: TcpStream, steps: &[Step]) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = message_end(&buffer) {
                break end;
            }
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
            buffer.extend(&chunk[..count]);
        };
        let message: Vec<u8> = buffer.drain(..end).collect();
        let text = String::from_utf8_lossy(&message).into_owned();
        let path = text.split(' ').nth(1)?.to_owned();
        let index: usize = path.split('/').nth(2)?.split('?').next()?.parse().ok()?;
        let head = text.starts_with("HEAD");
        match &steps.get(index)?.up {
            Up::Answer {
                status,
                headers,
                body,
                trailers,
            } => {
                let mut response = format!("HTTP/1.1 {status} x\r\n");
                for (name, value) in headers {
                    write!(response, "{name}: {value}\r\n").ok()?;
                }
                let length = if *status == 204 || head {
                    ""
                } else {
                    "content-length: 0\r\n"
                };
                if body.is_empty() && trailers.is_empty() {
                    write!(response, "{length}\r\n").ok()?;
                    stream.write_all(response.as_bytes()).ok()?;
                    continue;
                }
                response.push_str("transfer-encoding: chunked\r\n\r\n");
                if head {
                    stream.write_all(response.as_bytes()).ok()?;
                    continue;
                }
                for (number, chunk) in body.iter().enumerate() {
                    if number > 0 {
                        // The chunks are to arrive apart.
                        stream.write_all(response.as_bytes()).ok()?;
                        response.clear();
                        std::thread::sleep(Duration::from_millis(30));
                    }
                    write!(response, "{:x}\r\n{chunk}\r\n", chunk.len()).ok()?;
                }
                response.push_str("0\r\n");
                for (name, value) in trailers {
                    write!(response, "{name}: {value}\r\n").ok()?;
                }
                response.push_str("\r\n");
                stream.write_all(response.as_bytes()).ok()?;
            }
            Up::Close => return None,
            Up::Never | Up::NoRoute | Up::Unreachable | Up::Timeout => {
                drop(stream.read(&mut [0; 1]));
                return None;
            }
        }
    }
}

/// The length of the first complete message.
fn message_end(buffer: &[u8]) -> Option<usize> {
    let find = |from: usize, what: &[u8]| {
        buffer
            .get(from..)?
            .windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at + what.len())
    };
    let head = find(0, b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    if !text.contains("transfer-encoding: chunked") {
        return Some(head);
    }
    let last = if buffer.get(head..head + 3) == Some(b"0\r\n") {
        head
    } else {
        find(head, b"\r\n0\r\n")? - 3
    };
    if buffer.get(last..last + 5) == Some(b"0\r\n\r\n") {
        Some(last + 5)
    } else {
        find(last, b"\r\n\r\n")
    }
}

fn bootstrap(scenario: &Scenario, upstream: SocketAddr, dead: SocketAddr) -> String {
    let filters: String = scenario.filters.iter().map(wasm).collect();
    format!(
        r#"
node: {{id: emulator, cluster: emulator}}
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
static_resources:
  listeners:
  - name: main
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          delayed_close_timeout: 0s
          generate_request_id: false
          server_header_transformation: PASS_THROUGH
          http_protocol_options: {{enable_trailers: true}}
          route_config:
            virtual_hosts:
            - name: emulator
              domains: ["*"]
              routes:
              - {{name: route, match: {{prefix: /up}}, route: {{cluster: up, timeout: 0s}}}}
              - {{name: route, match: {{prefix: /pairs}}, route: {{cluster: up, timeout: 0s}}}}
              - {{name: route, match: {{prefix: /dead}}, route: {{cluster: dead}}}}
              - {{name: route, match: {{prefix: /late}}, route: {{cluster: up, timeout: 0.05s}}}}
          http_filters:{filters}
          - name: router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              suppress_envoy_headers: true
  clusters:
  - name: up
    connect_timeout: 5s
    load_assignment: {{cluster_name: up, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {up}}}}}}}}}]}}]}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http_protocol_options: {{enable_trailers: true}}}}
  - name: dead
    connect_timeout: 5s
    load_assignment: {{cluster_name: dead, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {dead}}}}}}}}}]}}]}}
"#,
        up = upstream.port(),
        dead = dead.port(),
    )
}

fn wasm(filter: &Filter) -> String {
    let policy = match filter.policy {
        FailurePolicy::FailClosed => "failure_policy: FAIL_CLOSED",
        FailurePolicy::FailOpen => "failure_policy: FAIL_OPEN",
        FailurePolicy::LegacyFailOpen => "fail_open: true",
        FailurePolicy::FailReload => "failure_policy: FAIL_RELOAD",
    };
    let string = |value: &str| {
        format!(r#"{{"@type": type.googleapis.com/google.protobuf.StringValue, value: "{value}"}}"#)
    };
    format!(
        r#"
          - name: {name}
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: {name}
                root_id: {root}
                {policy}
                configuration: {configuration}
                vm_config:
                  runtime: envoy.wasm.runtime.v8
                  vm_id: "{vm}"
                  configuration: {vm_configuration}
                  code: {{local: {{filename: "{path}"}}}}"#,
        name = filter.name,
        root = filter.root_id,
        vm = filter.vm_id,
        configuration = string(&filter.configuration),
        vm_configuration = string(filter.vm_configuration),
        path = probe::path().display(),
    )
}
