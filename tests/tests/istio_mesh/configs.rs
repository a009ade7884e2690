//! Configs that change under load, and configs that are refused.

use std::time::Duration;

use fairlead_tests::client::Request;
use fairlead_tests::control_plane::{Callee, FAIL_STRATEGIES, Mesh, Plugin, REVIEWS, Role, Table, wait};
use serde_json::{Value, json};

use crate::{PAGE, ask, client, image, named, quota, until};

/// How many requests pass during the edits, over all connections.
const REQUESTS: usize = 10_000;
/// How often the config is edited meanwhile.
const EDITS: u32 = 20;

fn bad(on_invalid_config: &str) -> Value {
    json!({"limits": [{"name": "all", "rate": "0/s"}], "on_invalid_config": on_invalid_config})
}

#[test]
fn twenty_edits_under_load_lose_no_request_and_nothing_that_was_counted() {
    let Some(mesh) = Mesh::start() else { return };
    let mut table = Table::new("edits", &["what", "what happens"]);
    // Each edit changes the limit of all, and leaves the limit of one key as it is. What all have spent is kept too, as time:
    // at these rates it is 10 s of the 98 that the burst allows, however long one of the edits takes.
    let rate = |edit: u32| 1000 + edit;
    let limits = |edit: u32| {
        json!({"limits": [
            {"name": "hot", "key": [{"header": "x-api-key"}], "rate": "1/h", "burst": 3},
            {"name": "all", "rate": format!("{}/s", rate(edit)), "burst": 100_000},
        ]})
    };
    let breaker = json!({"breakers": [{"name": "fails", "match": [{"path": {"prefix": "/fails"}}],
        "trip": {"consecutive_failures": 3}, "open": {"duration": "10m"}}]});
    let breaking = |comment: u32| {
        let mut config = breaker.clone();
        config["breakers"][0]["open"]["max"] = json!(format!("{}m", 10 + comment));
        config
    };
    let plugin = client(&mesh, &limits(1));
    let broken = Plugin::new(
        "breaker",
        Role::Client,
        &image(&mesh, "circuit-breaker"),
        &breaking(0),
    );
    mesh.cluster.apply(&plugin.wasm_plugin());
    mesh.cluster.apply(&broken.wasm_plugin());
    until(&mesh, "the limit", 200, Some(rate(1)));
    wait("the breaker is there", || {
        mesh.sidecar(Role::Client).filters().len() == 2
    });

    // State: a key that has spent all, a breaker that is open.
    let hot = Request::to(REVIEWS, "/").header("x-api-key", "hot");
    let mut connection = mesh.connect(Callee::Client);
    assert_eq!(connection.statuses(&hot, 4), [200, 200, 200, 429]);
    mesh.v1.set("status=500".parse().expect("a behavior"));
    let fails = Request::to(REVIEWS, "/fails");
    wait("the breaker opens", || connection.ask(&fails).status == 503);
    mesh.v1.set("".parse().expect("a behavior"));
    let reached = mesh.v1.counts().total;

    let plain = Request::to(REVIEWS, "/");
    let (mut seen, mut sent, mut edit) = (Vec::new(), 0, 1);
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let mut connection = mesh.connect(Callee::Client);
                let plain = &plain;
                scope.spawn(move || {
                    (0..REQUESTS / 4)
                        .map(|_| {
                            let answer = connection.ask(plain);
                            (
                                answer.status,
                                named(&answer),
                                answer.header("connection").is_some(),
                            )
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        // As fast as the mesh follows: each edit waits until the one before is seen.
        while edit < EDITS {
            edit += 1;
            mesh.cluster.apply(&client(&mesh, &limits(edit)).wasm_plugin());
            mesh.cluster
                .apply(&broken.clone().config(&breaking(edit)).wasm_plugin());
            until(&mesh, "an edit", 200, Some(rate(edit)));
        }
        for client in clients {
            let answers = client.join().expect("a client");
            sent += answers.len();
            seen.extend(answers);
        }
    });
    assert_eq!(sent, REQUESTS);
    let failed: Vec<_> = seen
        .iter()
        .filter(|(status, number, _)| *status != 200 || number.is_none())
        .collect();
    assert_eq!(failed.len(), 0, "{:?}", failed.first());
    assert!(seen.iter().all(|(.., closed)| !closed), "a connection was closed");
    let took = started.elapsed();
    table.row(
        &[
            "`pluginConfig` is edited 20 times during 10,000 requests over kept connections",
            "none fails, none passes without the filter, no connection is closed",
        ],
        took,
    );
    let mut connection = mesh.connect(Callee::Client);
    assert_eq!(
        connection.ask(&plain).status,
        200,
        "the limit of all is not spent"
    );
    assert_eq!(
        connection.ask(&hot).status,
        429,
        "what a key has spent stays spent"
    );
    table.row(
        &["what the key of an unchanged limit has spent", "stays spent"],
        Duration::ZERO,
    );
    assert_eq!(connection.ask(&fails).status, 503, "an open breaker stays open");
    table.row(&["a breaker that is open", "stays open"], Duration::ZERO);
    // The chain is another one then, and the connection is of the one before.
    mesh.cluster.delete("wasmplugin", "demo", "breaker");
    let took = wait("an open connection is closed", || {
        connection.ask(&plain).header("connection") == Some("close")
    });
    table.row(
        &[
            "a plugin is removed",
            "open connections get `connection: close` with the next response",
        ],
        took,
    );
    assert!(
        mesh.v1.counts().total >= reached + REQUESTS as u64,
        "all reached v1"
    );
    table.document(PAGE);
}

/// The gauge of the limit on the client's proxy.
fn rejected(mesh: &Mesh) -> u64 {
    let stats = mesh
        .sidecar(Role::Client)
        .admin("/stats?filter=fairlead.*config_rejected");
    let values = stats
        .lines()
        .filter_map(|line| line.rsplit_once(": ")?.1.parse::<u64>().ok());
    values.sum()
}

#[test]
fn a_refused_config_changes_nothing_on_a_running_proxy_and_what_it_says_at_a_start() {
    let Some(mut mesh) = Mesh::start() else { return };
    let mut table = Table::new(
        "configs",
        &[
            "what",
            "failStrategy",
            "`on_invalid_config`",
            "status",
            "what happens",
        ],
    );
    for strategy in FAIL_STRATEGIES {
        for (policy, alone, what) in [
            ("refuse", 500, "every request is refused (flag NFCF)"),
            ("pass", 200, "requests pass, `config_rejected` is 1"),
        ] {
            let plugin = client(&mesh, &quota(1)).fail_strategy(strategy);
            mesh.cluster.apply(&plugin.wasm_plugin());
            until(&mesh, "a good config", 200, Some(1));
            let refused = || {
                let log = mesh.sidecar(Role::Client).log();
                log.matches("limits[0].rate").count()
            };
            let before = refused();
            let broken = plugin.clone().config(&bad(policy));
            mesh.cluster.apply(&broken.wasm_plugin());
            let took = wait("it is refused, in words", || refused() > before);
            assert_eq!(named(&ask(&mesh)), Some(1));
            wait("the gauge says so", || rejected(&mesh) == 1);
            let cells = [
                "refused on a running proxy",
                strategy,
                policy,
                "200",
                "the config before stays",
            ];
            table.row(&cells, took);

            let begin = std::time::Instant::now();
            mesh.sidecar_mut(Role::Client).restart();
            until(&mesh, "a start with a refused config", alone, None);
            let flagged = || mesh.sidecar(Role::Client).log().matches(" 500 NFCF ").count();
            let before = flagged();
            if policy == "pass" {
                wait("the gauge says so", || rejected(&mesh) == 1);
            } else {
                wait("the access log has the flag", || {
                    ask(&mesh);
                    flagged() > before
                });
            }
            let cells = [
                "refused at the start of a proxy",
                strategy,
                policy,
                &alone.to_string(),
                what,
            ];
            table.row(&cells, begin.elapsed());

            mesh.cluster.apply(&plugin.config(&quota(2)).wasm_plugin());
            let took = until(&mesh, "a mended config", 200, Some(2));
            wait("the gauge says so", || rejected(&mesh) == 0);
            let cells = [
                "mended",
                strategy,
                policy,
                "200",
                "the new config acts, no restart",
            ];
            table.row(&cells, took);
        }
    }
    table.document(PAGE);
}

#[test]
fn a_refused_plugin_that_is_created_again_is_not_there_until_it_is_edited() {
    let Some(mesh) = Mesh::start() else { return };
    let mut table = Table::new("recreated", &["what", "failStrategy", "status", "what happens"]);
    let plugin = client(&mesh, &quota(1)).fail_strategy("FAIL_CLOSE");
    mesh.cluster
        .apply(&plugin.clone().config(&bad("refuse")).wasm_plugin());
    until(&mesh, "a new plugin is refused", 500, None);
    mesh.cluster.delete("wasmplugin", "demo", "client");
    until(&mesh, "it is deleted", 200, None);
    let refused = || {
        mesh.sidecar(Role::Client)
            .log()
            .matches("config rejected")
            .count()
    };
    let before = refused();
    mesh.cluster.apply(&plugin.wasm_plugin());
    let took = wait("Envoy refuses the listener", || refused() > before);
    let answer = ask(&mesh);
    assert_eq!((answer.status, named(&answer)), (200, None));
    table.row(
        &[
            "refused, deleted, and created again, good, within 45 s",
            "FAIL_CLOSE",
            "200",
            "requests pass without the filter",
        ],
        took,
    );
    mesh.cluster.apply(&plugin.config(&quota(2)).wasm_plugin());
    let took = until(&mesh, "an edit", 200, Some(2));
    table.row(&["then edited", "FAIL_CLOSE", "200", "the filter acts"], took);
    table.document(PAGE);
}
