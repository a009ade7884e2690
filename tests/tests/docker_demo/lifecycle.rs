//! How containers end, and how the rest goes on meanwhile.

use fairlead_tests::docker::{COMPOSE, Project};

#[test]
fn each_container_ends_by_itself_when_it_is_asked_to() {
    let Some(project) = Project::enter() else { return };
    project.up();
    // The engine kills what has not ended by then, and its exit status is 137.
    project.must(&format!("docker compose -f {COMPOSE} stop --timeout 60"));
    for (service, container) in project.containers() {
        let state = &container["State"];
        assert_eq!(state["ExitCode"], 0, "{service}: {state}");
        assert_eq!(state["OOMKilled"], false, "{service}");
        assert_eq!(container["RestartCount"], 0, "{service} had to be started again");
    }
}

#[test]
fn an_upstream_that_is_away_opens_its_breaker_and_closes_it_when_it_is_back() {
    let Some(project) = Project::enter() else { return };
    project.up();
    let ask = |user: &str| {
        let line = format!("curl -s -H 'x-user-id: {user}' http://127.0.0.1:10000/");
        project.must(&line)
    };
    assert_eq!(ask("ben"), "hello from v1\n");
    project.must(&format!("docker compose -f {COMPOSE} stop v1"));
    // Envoy answers for an upstream that it cannot reach; each is a failure, and the fifth opens.
    for _ in 0..5 {
        assert_ne!(ask("ben"), "not now\n");
    }
    assert_eq!(ask("ben"), "not now\n");
    assert_eq!(ask("zoe"), "hello from v2\n");
    project.must(&format!("docker compose -f {COMPOSE} start v1"));
    let back = "curl -sf --retry 20 --retry-all-errors -H 'x-user-id: ben' http://127.0.0.1:10000/";
    assert_eq!(project.must(back), "hello from v1\n");
}
