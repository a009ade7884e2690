//! Everything against a real Envoy. Without one the tests skip themselves, unless `CI` is `true`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fairlead_envoy::{
    AccessLog, Bootstrap, Cluster, Codec, Envoy, Error, ExtensionFile, FailurePolicy, HttpFilter, Listener,
    ListenerFile, Locator, Options, Route, Update, Wasm,
};
use serde_json::json;

/// Enough for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, or `None` to skip.
fn binary() -> Option<PathBuf> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.fairlead");
    let located = Locator::from_env(cache)
        .locate_for_test()
        .unwrap_or_else(|error| panic!("{error}"));
    located.map(|located| located.path)
}

fn start(binary: &Path, bootstrap: Bootstrap) -> Envoy {
    Envoy::start(Options::new(binary, bootstrap).ready_within(PATIENCE))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn hello() -> Bootstrap {
    Bootstrap::new("test").listener(Listener::http("main").route(Route::prefix("/").respond(200, "hello")))
}

/// Status and body of a GET.
fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let request = agent.get(format!("http://127.0.0.1:{port}{path}"));
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    let mut response = request.call().unwrap();
    (
        response.status().as_u16(),
        response.body_mut().read_to_string().unwrap(),
    )
}

/// The compiled plugin in a folder that lives as long as the first value.
fn plugin() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, wat::parse_str(include_str!("real/plugin.wat")).unwrap()).unwrap();
    (folder, path)
}

fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[test]
fn it_serves_and_answers_questions_and_leaves_nothing_behind() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let log_file = folder.path().join("envoy.log");
    let options = Options::new(&binary, hello())
        .ready_within(PATIENCE)
        .concurrency(2)
        .log_level("info")
        .log_file(&log_file);
    let envoy = Envoy::start(options).unwrap();
    let port = envoy.listener_port("main").unwrap();
    for _ in 0..3 {
        assert_eq!(get(port, "/", &[]), (200, "hello".to_owned()));
    }

    assert_eq!(
        envoy
            .wait_for_stat("http.main.downstream_rq_2xx", PATIENCE, |count| count >= 3)
            .unwrap(),
        3
    );
    assert_eq!(envoy.stat("server.concurrency").unwrap(), 2);
    assert_eq!(envoy.stat("no.such.stat").unwrap(), 0);
    assert!(
        envoy
            .prometheus()
            .unwrap()
            .contains("# TYPE envoy_server_live gauge")
    );
    assert_eq!(envoy.admin_get("/ready").unwrap().trim(), "LIVE");
    assert!(
        envoy
            .admin_post("/logging?wasm=debug")
            .unwrap()
            .contains("wasm: debug")
    );
    assert!(
        matches!(envoy.admin_get("/absent"), Err(Error::Admin { reason, .. }) if reason.starts_with("404"))
    );
    assert!(envoy.rss_kib().unwrap() > 1000);
    envoy
        .wait_for_log("starting main dispatch loop", PATIENCE)
        .unwrap();
    assert!(envoy.is_running());
    let missing = envoy.listener_port("other").unwrap_err().to_string();
    assert_eq!(missing, "no listener `other`: Envoy has main");

    let pid = envoy.pid();
    assert!(exists(pid));
    assert!(envoy.stop().unwrap().success());
    assert!(!exists(pid));
    assert!(
        std::fs::read_to_string(&log_file)
            .unwrap()
            .contains("caught ENVOY_SIGTERM")
    );
}

#[test]
fn two_run_side_by_side() {
    let Some(binary) = binary() else { return };
    let (one, two) = (start(&binary, hello()), start(&binary, hello()));
    let (first, second) = (
        one.listener_port("main").unwrap(),
        two.listener_port("main").unwrap(),
    );
    assert_ne!(first, second);
    drop(one);
    assert_eq!(get(second, "/", &[]).0, 200);
    assert!(TcpStream::connect(("127.0.0.1", first)).is_err());
}

#[test]
fn routes_choose_the_cluster_and_the_access_log_says_what_happened() {
    let Some(binary) = binary() else { return };
    let upstream = |name: &str| {
        let listener = Listener::http("main")
            .codec(Codec::Auto)
            .route(Route::prefix("/").respond(200, name));
        start(&binary, Bootstrap::new(name).listener(listener))
    };
    let (stable, canary) = (upstream("stable"), upstream("canary"));
    let address = |envoy: &Envoy| SocketAddr::from(([127, 0, 0, 1], envoy.listener_port("main").unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let listener = Listener::http("main")
        .use_remote_address(true)
        .xff_num_trusted_hops(1)
        .route(
            Route::prefix("/")
                .header("x-release", "canary")
                .to("canary")
                .timeout(PATIENCE),
        )
        .route(Route::prefix("/down").to("nowhere"))
        .route(Route::prefix("/").to("stable"))
        .access_log(AccessLog::stdout().field("cluster", "%UPSTREAM_CLUSTER%"))
        .access_log(AccessLog::file(&file));
    let bootstrap = Bootstrap::new("front")
        .listener(listener)
        .cluster(Cluster::new("stable").endpoint(address(&stable)))
        .cluster(Cluster::new("canary").endpoint(address(&canary)).http2())
        .cluster(Cluster::new("nowhere"));
    let front = start(&binary, bootstrap);
    let port = front.listener_port("main").unwrap();
    assert_eq!(get(port, "/a?b=c", &[]), (200, "stable".to_owned()));
    assert_eq!(
        get(port, "/", &[("x-release", "canary")]),
        (200, "canary".to_owned())
    );
    assert_eq!(
        get(port, "/", &[("x-release", "Canary")]),
        (200, "stable".to_owned())
    );
    assert_eq!(get(port, "/down", &[]).0, 503);

    let log = front.wait_for_access_log(4, PATIENCE).unwrap();
    let told = |path: &str, cluster: &str| {
        let found = log
            .iter()
            .find(|line| line["path"] == path && line["cluster"] == cluster);
        found
            .unwrap_or_else(|| panic!("no {path} to {cluster} in {log:?}"))
            .clone()
    };
    let stable_line = told("/a?b=c", "stable");
    assert_eq!(stable_line["status"], 200);
    assert_eq!(stable_line["method"], "GET");
    assert_eq!(stable_line["response_code_details"], "via_upstream");
    assert!(stable_line["duration_ms"].is_u64());
    assert_eq!(told("/", "canary")["status"], 200);
    assert_eq!(told("/down", "nowhere")["flags"], "UH");
    // Standard output and the file are flushed one after the other.
    let deadline = Instant::now() + PATIENCE;
    while std::fs::read_to_string(&file).unwrap_or_default().lines().count() < 4 {
        assert!(Instant::now() < deadline, "the file has no four lines");
        std::thread::yield_now();
    }
}

#[test]
fn a_port_in_use_is_said_before_envoy_starts() {
    let Some(binary) = binary() else { return };
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let said = |bootstrap| {
        Envoy::start(Options::new(&binary, bootstrap))
            .unwrap_err()
            .to_string()
    };
    let listener = Listener::http("main").port(port);
    let with_option = Bootstrap::new("test").listener(listener.clone().port_option("--port"));
    assert_eq!(
        said(with_option),
        format!("port {port} is in use: choose another with --port")
    );
    let without = format!("port {port} is in use: choose another for listener `main`");
    assert_eq!(said(Bootstrap::new("test").listener(listener)), without);
    let admin = format!("port {port} is in use: choose another for the admin interface");
    assert_eq!(said(Bootstrap::new("test").admin_port(port)), admin);
}

#[test]
fn a_port_that_another_envoy_would_share_is_in_use_too() {
    let Some(binary) = binary() else { return };
    let first = start(&binary, hello());
    let port = first.listener_port("main").unwrap();
    let second = Bootstrap::new("test").listener(Listener::http("main").port(port));
    let refused = Envoy::start(Options::new(&binary, second)).unwrap_err();
    assert!(
        matches!(refused, Error::PortInUse { port: taken, .. } if taken == port),
        "{refused}"
    );
}

#[test]
fn a_refused_bootstrap_is_explained_in_envoys_words() {
    let Some(binary) = binary() else { return };
    let bootstrap = Bootstrap::new("test").with("no_such_field", json!(1));
    let refused = Envoy::start(Options::new(&binary, bootstrap).ready_within(PATIENCE)).unwrap_err();
    let Error::Exited { status, reason } = &refused else {
        panic!("{refused}")
    };
    assert_eq!(status, "exit status: 1");
    assert!(reason.contains("no_such_field"), "{reason}");
}

#[test]
fn a_refused_plugin_configuration_keeps_envoy_from_starting() {
    let Some(binary) = binary() else { return };
    let (_folder, module) = plugin();
    let listener = Listener::http("main").filter(Wasm::new("demo", &module).configuration("bad"));
    let options = Options::new(&binary, Bootstrap::new("test").listener(listener)).ready_within(PATIENCE);
    let refused = Envoy::start(options).unwrap_err();
    assert!(
        matches!(&refused, Error::Exited { reason, .. } if reason.contains("Wasm plugin demo")),
        "{refused}"
    );
}

#[test]
fn a_binary_that_is_no_program_is_named() {
    let refused = Envoy::start(Options::new("/no/such/envoy", hello())).unwrap_err();
    assert!(
        refused.to_string().starts_with("cannot start /no/such/envoy: "),
        "{refused}"
    );
}

#[test]
fn a_plugin_gets_its_configuration_and_its_metrics_get_istios_labels() {
    let Some(binary) = binary() else { return };
    let (_folder, module) = plugin();
    let plugin = Wasm::new("demo", &module)
        .vm_id("vm")
        .configuration("1234567890123456789012345678");
    let listener = Listener::http("main").filter(plugin.failure_policy(FailurePolicy::Closed));
    let envoy = start(&binary, Bootstrap::new("test").listener(listener));
    envoy.wait_for_log("plugin configured", PATIENCE).unwrap();
    let port = envoy.listener_port("main").unwrap();
    assert_eq!((get(port, "/", &[]).0, get(port, "/", &[]).0), (428, 428));

    let name = "wasmcustom.wasm_filter.demo.component.here.tag.route=/x;.cache.allow.fl_requests_total";
    assert_eq!(envoy.stat(name).unwrap(), 2);
    let line = r#"fl_requests_total{cache="allow",component="here",tag="route=/x",wasm_filter="demo"} 2"#;
    let metrics = envoy.prometheus().unwrap();
    assert!(metrics.lines().any(|metric| metric == line), "{metrics}");
}

#[test]
fn a_plugin_is_reconfigured_live_and_a_refused_configuration_changes_nothing() {
    let Some(binary) = binary() else { return };
    let (folder, module) = plugin();
    let wasm = |text: &str| Wasm::new("demo", &module).configuration(text);
    let mut file = ExtensionFile::create(folder.path(), "live", &wasm("four")).unwrap();
    let listener = Listener::http("main")
        .filter(file.filter())
        .route(Route::prefix("/"));
    let envoy = start(&binary, Bootstrap::new("test").listener(listener));
    let port = envoy.listener_port("main").unwrap();
    assert_eq!(get(port, "/", &[]).0, 404);

    assert_eq!(
        envoy
            .update_extension(&mut file, &wasm("seven.."), PATIENCE)
            .unwrap(),
        Update::Accepted
    );
    assert_eq!(get(port, "/", &[]).0, 407);

    // The same bytes once more: Envoy itself would report a success the second time.
    for _ in 0..2 {
        let Update::Rejected { reason } = envoy.update_extension(&mut file, &wasm("bad"), PATIENCE).unwrap()
        else {
            panic!("a refused configuration was reported as accepted")
        };
        assert!(reason.contains("Unable to create Wasm plugin demo"), "{reason}");
        assert_eq!(get(port, "/", &[]).0, 407);
    }
    let stats = envoy.stats().unwrap();
    let stat = |name: &str| stats.get(&format!("{}{name}", file.stats_prefix())).copied();
    assert_eq!((stat("update_rejected"), stat("config_fail")), (Some(1), Some(1)));

    assert!(
        envoy
            .update_extension(&mut file, &wasm("four"), PATIENCE)
            .unwrap()
            .is_accepted()
    );
    assert_eq!(get(port, "/", &[]).0, 404);
}

#[test]
fn listeners_are_replaced_live() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let listener = |name: &str, body: &str| Listener::http(name).route(Route::prefix("/").respond(200, body));
    let mut file = ListenerFile::create(folder.path(), &[listener("one", "first")]).unwrap();
    let envoy = start(&binary, Bootstrap::new("test").listeners_from(file.path()));
    assert_eq!(get(envoy.listener_port("one").unwrap(), "/", &[]).1, "first");

    let next = [listener("one", "second"), listener("two", "other")];
    assert_eq!(
        envoy.update_listeners(&mut file, &next, PATIENCE).unwrap(),
        Update::Accepted
    );
    assert_eq!(get(envoy.listener_port("one").unwrap(), "/", &[]).1, "second");
    assert_eq!(get(envoy.listener_port("two").unwrap(), "/", &[]).1, "other");

    let broken = listener("one", "third").filter(HttpFilter::new("x", json!({"@type": "no.such.Type"})));
    let Update::Rejected { reason } = envoy.update_listeners(&mut file, &[broken], PATIENCE).unwrap() else {
        panic!("a broken listener was accepted")
    };
    assert!(reason.contains("no.such.Type"), "{reason}");
    assert_eq!(get(envoy.listener_port("one").unwrap(), "/", &[]).1, "second");
}

#[test]
fn it_outlives_the_thread_that_started_it() {
    let Some(binary) = binary() else { return };
    let envoy = std::thread::spawn(move || start(&binary, hello()))
        .join()
        .unwrap();
    // Ended with its thread, it would say so within milliseconds.
    assert!(
        envoy
            .wait_for_log("caught ENVOY_SIGTERM", Duration::from_millis(500))
            .is_err()
    );
    assert_eq!(get(envoy.listener_port("main").unwrap(), "/", &[]).0, 200);
}

#[test]
fn it_does_not_outlive_its_process_even_one_that_is_aborted() {
    const OWNER: &str = "FAIRLEAD_ENVOY_TEST_OWNER";
    let Some(binary) = binary() else { return };
    if std::env::var_os(OWNER).is_some() {
        let envoy = start(&binary, hello());
        println!("\nadmin {}", envoy.admin_address());
        std::process::abort();
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "it_does_not_outlive_its_process_even_one_that_is_aborted",
            "--nocapture",
        ])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let admin = lines
        .find_map(|line| line.unwrap().strip_prefix("admin ").map(str::to_owned))
        .unwrap();
    assert!(!owner.wait().unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&admin).is_ok() {
        assert!(Instant::now() < deadline, "Envoy still listens on {admin}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
