//! Images that are missing, or other than they are said to be.

use fairlead_tests::control_plane::{FAIL_STRATEGIES, Mesh, Role, Table, wait};
use fairlead_tests::modules;

use crate::{PAGE, client, image, quota, until};

/// What clients get without the module, by strategy.
fn without(strategy: &str) -> (u16, &'static str) {
    match strategy {
        "FAIL_OPEN" => (200, "the filter is absent"),
        _ => (403, "every request is refused"),
    }
}

#[test]
fn without_its_image_a_filter_refuses_all_or_is_absent_until_the_object_changes() {
    let Some(mesh) = Mesh::start() else { return };
    let mut table = Table::new(
        "images",
        &["what", "failStrategy", "status", "what happens", "mended by"],
    );
    let good = image(&mesh, "rate-limit");
    let bytes = modules::bytes("rate-limit").expect("it is built");
    for strategy in FAIL_STRATEGIES {
        let (status, what) = without(strategy);
        let told = status.to_string();
        let plugin = client(&mesh, &quota(1)).fail_strategy(strategy);
        let tag = |name: &str| format!("{name}-{}", strategy.to_ascii_lowercase().replace('_', "-"));
        let url = |tag: &str| format!("oci://{}:{tag}", good.repository);

        // A new filter.
        let unknown = tag("unknown");
        mesh.cluster
            .apply(&plugin.clone().url(&url(&unknown), None).wasm_plugin());
        let took = if status == 200 {
            // It looks as if there were no filter: that it was tried stands in the agent's log.
            let log = || mesh.sidecar(Role::Client).log();
            wait("the agent tries", || {
                log()
                    .lines()
                    .any(|line| line.contains("applying allow RBAC filter"))
            })
        } else {
            until(&mesh, "a new filter without an image", status, None)
        };
        mesh.cluster.apply(&plugin.wasm_plugin());
        let mended = until(&mesh, "an image that is there", 200, Some(1));
        table.row(
            &[
                "a tag that is not there, on a new filter",
                strategy,
                &told,
                what,
                "an image that is there",
            ],
            took + mended,
        );

        // A running one.
        let missing = tag("missing");
        let broken = plugin.clone().url(&url(&missing), None);
        mesh.cluster.apply(&broken.wasm_plugin());
        let took = until(&mesh, "an update without an image", status, None);
        // That the image is there now is not noticed: the object has to change.
        let _ = mesh.registry.push("rate-limit", &missing, &bytes);
        let touched = broken.annotation("fairlead.dev/retry", "1");
        mesh.cluster.apply(&touched.wasm_plugin());
        let mended = until(&mesh, "an annotation after the push", 200, Some(1));
        table.row(
            &[
                "a tag that is not there, on a running filter",
                strategy,
                &told,
                what,
                "the push, and then any annotation",
            ],
            took + mended,
        );

        // Another digest than the image has.
        let wrong = "ab".repeat(32);
        mesh.cluster
            .apply(&plugin.clone().url(&url("0.1.0"), Some(&wrong)).wasm_plugin());
        let took = until(&mesh, "another digest", status, None);
        mesh.cluster.apply(&plugin.wasm_plugin());
        let mended = until(&mesh, "its own digest", 200, Some(1));
        table.row(
            &[
                "`sha256` of another image",
                strategy,
                &told,
                what,
                "its own digest",
            ],
            took + mended,
        );

        mesh.cluster.delete("wasmplugin", "demo", "client");
        until(&mesh, "it is removed", 200, None);
    }
    table.document(PAGE);
}
