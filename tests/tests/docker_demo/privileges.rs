//! What the containers may do, as the engine and the kernel say, and what can be reached from outside.

use std::path::Path;

use fairlead_tests::docker::Project;
use serde_json::{Value, json};

#[test]
fn no_container_has_more_than_it_needs() {
    let Some(project) = Project::enter() else { return };
    project.up();
    let containers = project.containers();
    let services: Vec<&str> = containers.iter().map(|(service, _)| service.as_str()).collect();
    for service in ["envoy", "prometheus", "v1", "v2"] {
        assert!(services.contains(&service), "{services:?}");
    }
    for (service, container) in &containers {
        let host = &container["HostConfig"];
        assert_eq!(host["ReadonlyRootfs"], true, "{service}");
        assert_eq!(host["Privileged"], false, "{service}");
        assert_eq!(host["CapDrop"], json!(["ALL"]), "{service}");
        assert!(
            host["CapAdd"].as_array().is_none_or(Vec::is_empty),
            "{service}: {}",
            host["CapAdd"]
        );
        assert_eq!(
            host["SecurityOpt"],
            json!(["no-new-privileges:true"]),
            "{service}"
        );
        for bound in ["Memory", "NanoCpus", "PidsLimit"] {
            let value = host[bound].as_i64().unwrap_or_default();
            assert!(value > 0, "{service}: no bound of {bound}");
        }
        assert_eq!(
            (&host["PidMode"], &host["NetworkMode"] == "host"),
            (&json!(""), false),
            "{service}"
        );
        only_one_place_to_write(service, container);
        uid(service, container);
        on_loopback(service, container);
        kernel(service, container);
    }
}

/// Nothing of the host can be written to; the one volume is Prometheus' own.
fn only_one_place_to_write(service: &str, container: &Value) {
    let mounts = container["Mounts"].as_array().expect("mounts");
    let writable: Vec<&Value> = mounts.iter().filter(|mount| mount["RW"] == true).collect();
    match writable.as_slice() {
        [] => {}
        [volume] if service == "prometheus" => assert_eq!(volume["Type"], "volume"),
        other => panic!("{service}: {other:?}"),
    }
}

/// A number, so that no file of the image says who it is, and not that of root.
fn uid(service: &str, container: &Value) {
    let user = container["Config"]["User"].as_str().unwrap_or_default();
    let number = user.split(':').next().and_then(|uid| uid.parse::<u32>().ok());
    assert!(number.is_some_and(|uid| uid > 0), "{service}: user `{user}`");
}

fn on_loopback(service: &str, container: &Value) {
    let ports = container["NetworkSettings"]["Ports"].as_object().expect("ports");
    let published: Vec<&Value> = (ports.values().filter_map(Value::as_array).flatten())
        .map(|binding| &binding["HostIp"])
        .collect();
    assert!(!published.is_empty(), "{service}");
    assert!(
        published.iter().all(|ip| *ip == "127.0.0.1"),
        "{service}: {published:?}"
    );
}

/// What the kernel lets the process do, where it is this machine's kernel: not if the engine is in a machine of its own.
fn kernel(service: &str, container: &Value) {
    let process = Path::new("/proc").join(container["State"]["Pid"].to_string());
    let read = |file: &str| std::fs::read_to_string(process.join(file)).unwrap_or_default();
    // A process of that number here may be any other.
    let id = container["Id"].as_str().expect("an id");
    if !read("cgroup").contains(id) {
        return;
    }
    let status = read("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{service}: no {name}")).trim()
    };
    for set in ["CapEff:", "CapPrm:", "CapBnd:", "CapInh:"] {
        assert_eq!(field(set), "0000000000000000", "{service}: {set}");
    }
    assert_eq!(field("NoNewPrivs:"), "1", "{service}");
    assert!(
        field("Uid:").split_whitespace().all(|uid| uid != "0"),
        "{service}: {}",
        field("Uid:")
    );
}

#[test]
fn of_the_admin_interface_only_metrics_and_readiness_can_be_reached() {
    let Some(project) = Project::enter() else { return };
    project.up();
    let status = |arguments: &str| {
        let asked = format!("curl -s -o /dev/null -w '%{{http_code}}' {arguments}");
        project.must(&asked)
    };
    for path in ["/ready", "/stats/prometheus"] {
        assert_eq!(status(&format!("http://127.0.0.1:9902{path}")), "200", "{path}");
    }
    for path in [
        "/",
        "/stats",
        "/config_dump",
        "/clusters",
        "/quitquitquit",
        "/stats/prometheus/../../config_dump",
        "//config_dump",
    ] {
        for method in ["GET", "POST"] {
            let asked = format!("--path-as-is -X {method} http://127.0.0.1:9902{path}");
            assert_eq!(status(&asked), "404", "{method} {path}");
        }
    }
    for path in ["/quitquitquit", "/config_dump"] {
        let reply = project.must(&format!("curl -s http://127.0.0.1:10000{path}"));
        assert_eq!(reply, "hello from v1\n", "{path}");
    }
}
