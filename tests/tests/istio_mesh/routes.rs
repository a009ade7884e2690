//! Each shipped manifest acts on traffic: on the sidecars and the gateway that it is for, beside the shipped routes.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_tests::client::{Request, Response};
use fairlead_tests::control_plane::{Callee, GATEWAY_PORT, Mesh, REVIEWS, Role, Table, shipped, wait};
use fairlead_upstream::RequestHead;

use crate::{PAGE, reached};

/// The host of the shipped gateway.
const PUBLIC: &str = "reviews.example.com";

/// The shipped routes and subsets, and the shipped gateway on a port that needs no root.
fn baseline(mesh: &Mesh) {
    for name in ["destinationrule", "virtualservice"] {
        mesh.cluster
            .apply(&shipped(&format!("istio/baseline/{name}.yaml"), &BTreeMap::new()));
    }
    let gateway = shipped("istio/baseline/gateway.yaml", &BTreeMap::new());
    let moved = gateway.replace(
        "      number: 80\n      name: http\n      protocol: HTTP\n",
        &format!(
            "      number: {GATEWAY_PORT}\n      name: http\n      protocol: HTTP\n    bind: 127.0.0.1\n"
        ),
    );
    assert_ne!(gateway, moved);
    mesh.cluster
        .delete("gateways.networking.istio.io", "istio-system", "ingress");
    mesh.cluster.apply(&moved);
    wait("the shipped routes are there", || {
        succeeds(Callee::Gateway, &Request::to(PUBLIC, "/"))
    });
}

/// Whether a request is answered with 200.
fn succeeds(callee: Callee, request: &Request) -> bool {
    reached(callee, request).is_some_and(|answer| answer.status == 200)
}

/// The version that has answered.
fn version(answer: &Response) -> &str {
    answer.header("x-version").unwrap_or("none")
}

/// Applies a shipped manifest, waits until its filters are there, looks at traffic, and takes it away again.
fn acts(mesh: &Mesh, table: &mut Table, path: &str, role: Role, what: &str, act: impl FnOnce()) {
    let images = mesh.images();
    let manifest = shipped(path, &images);
    let begin = std::time::Instant::now();
    mesh.cluster.apply(&manifest);
    let expected = manifest.matches("pluginName:").count();
    wait(path, || {
        let filters = mesh.sidecar(role).filters();
        filters.len() == expected && filters.iter().all(|(_, config)| config["config"].is_object())
    });
    act();
    table.row(&[path, role.name(), what], begin.elapsed());
    mesh.cluster.remove(&manifest);
    wait("it is taken away", || {
        Role::ALL
            .iter()
            .all(|role| mesh.sidecar(*role).filters().is_empty())
    });
    // A host that has failed is ejected for a while by the outlier detection of the shipped DestinationRule.
    for value in ["v2", "stable"] {
        let request = Request::to(PUBLIC, "/").header("x-canary", value);
        wait("no host is ejected", || {
            mesh.connect(Callee::Gateway).ask(&request).status == 200
        });
        let request = Request::to(REVIEWS, "/").header("x-canary", value);
        wait("no host is ejected", || {
            mesh.connect(Callee::Client).ask(&request).status == 200
        });
    }
}

/// A user's requests go where the header says, which is where they went before.
fn canary_routes(mesh: &Mesh, callee: Callee, host: &str) {
    let (mut drawn, users) = (BTreeSet::new(), 300);
    let sent = |user: usize| {
        // With a key of its own no user is limited.
        let request = Request::to(host, "/").header("x-user-id", format!("user-{user}"));
        let request = request.header("x-api-key", format!("user-{user}"));
        version(&mesh.connect(callee).ask(&request)).to_owned()
    };
    wait("the filter decides, no weights", || {
        (0..30).all(|user| sent(user) == sent(user))
    });
    for user in 0..users {
        let first = sent(user);
        assert_eq!(sent(user), first, "user-{user} stays where it was drawn");
        if first == "v2" {
            drawn.insert(user);
        }
    }
    let expected = 10..=60;
    assert!(
        expected.contains(&drawn.len()),
        "10 % of {users}: {}",
        drawn.len()
    );
    let seen: Vec<_> = mesh.v2.requests();
    let header = |head: &RequestHead| head.header("x-canary") == Some("v2");
    assert!(
        seen.iter().rev().take(drawn.len()).all(header),
        "v2 sees the header that chose it"
    );
}

#[test]
fn each_shipped_manifest_acts_where_it_says() {
    let Some(mesh) = Mesh::start() else { return };
    baseline(&mesh);
    let mut table = Table::new("manifests", &["manifest", "proxy", "what was seen"]);
    for kind in ["wasmplugin", "trafficextension"] {
        let path = format!("istio/rate-limit/{kind}.yaml");
        let what = "10 of a client in one go, then 429; another limit for each key";
        acts(&mesh, &mut table, &path, Role::Server, what, || {
            let plain = Request::to(REVIEWS, "/");
            wait("a refusal", || {
                let statuses = mesh.connect(Callee::Server).statuses(&plain, 40);
                statuses[0] == 200 && statuses[39] == 429
            });
            let keyed = mesh.connect(Callee::Server).ask(&plain.header("x-api-key", "a"));
            assert_eq!(keyed.header("ratelimit-policy"), Some(r#""per-key";q=100;w=1"#));
        });

        let path = format!("istio/latency-histogram/{kind}.yaml");
        let what = "each request is counted under its route and status class";
        acts(&mesh, &mut table, &path, Role::Server, what, || {
            let request = Request::to(REVIEWS, "/reviews/17");
            let before = latencies(&mesh, Role::Server);
            assert_eq!(mesh.connect(Callee::Server).statuses(&request, 30), [200; 30]);
            wait("30 more", || latencies(&mesh, Role::Server) == before + 30);
        });

        let path = format!("istio/canary/{kind}-client.yaml");
        let what = "a user's calls go to the subset that the header names, and stay there";
        acts(&mesh, &mut table, &path, Role::Client, what, || {
            canary_routes(&mesh, Callee::Client, REVIEWS);
        });

        let path = format!("istio/canary/{kind}.yaml");
        let what = "a user is drawn once and kept by a cookie, and goes to that subset";
        acts(&mesh, &mut table, &path, Role::Gateway, what, || {
            let mut versions = BTreeSet::new();
            wait("both versions, each kept", || {
                let first = mesh.connect(Callee::Gateway).ask(&Request::to(PUBLIC, "/"));
                let Some(cookie) = first.header("set-cookie") else {
                    return false;
                };
                let cookie = cookie.split(';').next().expect("a pair").to_owned();
                let again = Request::to(PUBLIC, "/").header("cookie", &cookie);
                for _ in 0..5 {
                    let again = mesh.connect(Callee::Gateway).ask(&again);
                    assert_eq!(version(&again), version(&first), "{cookie}");
                }
                versions.insert(version(&first).to_owned());
                versions.len() == 2
            });
        });

        let path = format!("istio/circuit-breaker/{kind}-client.yaml");
        let what = "while reviews fails callers get the fallback at once, and reviews is not asked";
        acts(&mesh, &mut table, &path, Role::Client, what, || {
            breaks(&mesh, Callee::Client, Role::Client, REVIEWS, r#"{"reviews":[]"#);
        });

        let path = format!("istio/circuit-breaker/{kind}.yaml");
        let what = "while reviews fails clients are refused at once, and reviews is not asked";
        acts(&mesh, &mut table, &path, Role::Gateway, what, || {
            breaks(&mesh, Callee::Gateway, Role::Gateway, PUBLIC, "");
        });

        for path in [
            format!("istio/suite/{kind}.yaml"),
            format!("istio/suite/four-{kind}s.yaml").replace("four-wasmplugins", "four-plugins"),
        ] {
            let what = "a user keeps its version, a client its quota; latencies are counted";
            acts(&mesh, &mut table, &path, Role::Gateway, what, || {
                canary_routes(&mesh, Callee::Gateway, PUBLIC);
                let statuses = mesh
                    .connect(Callee::Gateway)
                    .statuses(&Request::to(PUBLIC, "/"), 60);
                assert_eq!(
                    (statuses[0], statuses.contains(&429)),
                    (200, true),
                    "{statuses:?}"
                );
                let before = latencies(&mesh, Role::Gateway);
                let keyed = Request::to(PUBLIC, "/").header("x-api-key", &path);
                assert_eq!(mesh.connect(Callee::Gateway).statuses(&keyed, 10), [200; 10]);
                wait("latencies", || latencies(&mesh, Role::Gateway) >= before + 10);
            });
        }
    }
    table.document(PAGE);
}

/// Fails until the breaker answers in place of reviews, with this in the body.
fn breaks(mesh: &Mesh, callee: Callee, role: Role, host: &str, body: &str) {
    set(mesh, "status=500");
    let request = Request::to(host, "/").header("x-user-id", "one");
    wait("it opens", || {
        let mut connection = mesh.connect(callee);
        let before = (
            mesh.v1.counts().total + mesh.v2.counts().total,
            rejected(mesh, role),
        );
        let answers: Vec<Response> = (0..5).map(|_| connection.ask(&request)).collect();
        let after = (
            mesh.v1.counts().total + mesh.v2.counts().total,
            rejected(mesh, role),
        );
        let by_it =
            |answer: &Response| answer.status == 503 && String::from_utf8_lossy(&answer.body).contains(body);
        after.0 == before.0 && after.1 >= before.1 + 5 && answers.iter().all(by_it)
    });
    set(mesh, "");
}

/// How both versions answer from now on.
fn set(mesh: &Mesh, behavior: &str) {
    for upstream in [&mesh.v1, &mesh.v2] {
        upstream.set(behavior.parse().expect("a behavior"));
    }
}

/// The requests that breakers of a proxy have refused.
fn rejected(mesh: &Mesh, role: Role) -> u64 {
    sum(mesh, role, "fairlead_circuit_breaker_rejected_total")
}

/// The latencies that a proxy has counted. Envoy merges those of its workers every few seconds.
fn latencies(mesh: &Mesh, role: Role) -> u64 {
    sum(
        mesh,
        role,
        "fairlead_latency_histogram_request_duration_milliseconds_count",
    )
}

/// The sum over all series of this name.
fn sum(mesh: &Mesh, role: Role, name: &str) -> u64 {
    let scraped = mesh.sidecar(role).admin("/stats/prometheus?filter=fairlead_");
    let series = scraped.lines().filter(|line| line.starts_with(name));
    let values = series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    values.sum()
}
