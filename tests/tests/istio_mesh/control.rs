//! The control plane goes away and comes back.

use fairlead_tests::client::Request;
use fairlead_tests::control_plane::{Callee, Mesh, REVIEWS, Role, Table};

use crate::{PAGE, client, quota, until};

#[test]
fn filters_go_on_without_istiod_and_follow_it_when_it_is_back() {
    let Some(mut mesh) = Mesh::start() else { return };
    let mut table = Table::new("control", &["what", "what happens"]);
    mesh.cluster.apply(&client(&mesh, &quota(1)).wasm_plugin());
    until(&mesh, "the limit", 200, Some(1));

    mesh.stop_istiod();
    let mut connection = mesh.connect(Callee::Client);
    let statuses = connection.statuses(&Request::to(REVIEWS, "/"), 200);
    assert_eq!(statuses, [200; 200]);
    let took = until(&mesh, "still there", 200, Some(1));
    table.row(
        &["istiod is stopped", "traffic and filters go on as they are"],
        took,
    );

    // Nobody reads the edit yet.
    mesh.cluster.apply(&client(&mesh, &quota(2)).wasm_plugin());
    let took = until(&mesh, "as before", 200, Some(1));
    table.row(
        &["an edit while istiod is stopped", "waits in the API server"],
        took,
    );
    mesh.start_istiod();
    let took = until(&mesh, "what was edited meanwhile", 200, Some(2));
    table.row(
        &["istiod is started again", "what was edited meanwhile acts"],
        took,
    );

    let begin = std::time::Instant::now();
    mesh.sidecar_mut(Role::Client).restart();
    until(&mesh, "after a restart", 200, Some(2));
    table.row(
        &[
            "agent and Envoy are restarted",
            "the module is fetched again, the filter acts as before",
        ],
        begin.elapsed(),
    );

    mesh.stop_istiod();
    mesh.cluster.apply(&client(&mesh, &quota(3)).wasm_plugin());
    mesh.start_istiod();
    let took = until(&mesh, "an edit over a restart of istiod", 200, Some(3));
    table.row(&["istiod is restarted during an edit", "the edit acts"], took);
    table.document(PAGE);
}
