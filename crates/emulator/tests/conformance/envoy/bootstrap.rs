//! The configuration: one listener, the filters of a scenario, a working and a dead cluster.

use std::net::SocketAddr;

use fairlead_emulator::FailurePolicy;

use crate::probe;
use crate::scenario::{Filter, Scenario};

pub(super) fn bootstrap(scenario: &Scenario, upstream: SocketAddr, dead: SocketAddr) -> String {
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
