//! Commands to try the proxy by hand, with the ports that are in use.

use crate::up::mesh::Mesh;
use crate::up::policy::Policy;
use std::net::SocketAddr;

/// How to try the proxy by hand.
pub(in crate::up) fn how_to_try(mesh: &Mesh, policy: &Policy) -> Vec<String> {
    let proxy = mesh.address;
    let admin = mesh.envoy.admin_address();
    let [v1, v2] = &mesh.upstreams;
    let reviews = mesh.reviews.address();
    let located = &mesh.located;
    let mut lines = vec![
        format!(
            "proxy      http://{proxy}   Envoy {} from {}",
            located.version, located.source
        ),
        format!("admin      http://{admin}"),
        format!(
            "upstreams  v1 http://{}   v2 http://{}   reviews http://{reviews}",
            v1.address(),
            v2.address()
        ),
        String::new(),
        "Try:".to_owned(),
    ];
    if policy.is_demo {
        lines.extend(limits(proxy));
        lines.extend(canary(proxy, v2.address()));
        lines.extend(breaker(proxy, reviews));
        lines.extend(latency(proxy, admin));
    } else if policy.releases.is_empty() {
        lines.extend([
            "  # the other version".to_owned(),
            format!("  curl -s -H 'x-version: v2' http://{proxy}/"),
        ]);
    } else {
        lines.extend([
            "  # which version answers, and what it is told".to_owned(),
            format!("  curl -si 'http://{proxy}/?echo=1'"),
        ]);
    }
    lines.extend([
        "  # the numbers below, as Prometheus reads them".to_owned(),
        format!("  curl -s http://{admin}/stats/prometheus | grep '^fairlead_.*_total'"),
        String::new(),
    ]);
    lines
}

/// The rate limits of the demo's policy.
fn limits(proxy: SocketAddr) -> [String; 6] {
    let many = |n: u32, header: &str| {
        format!(
            "  curl -s -o /dev/null -w '%{{http_code}}\\n' {header}'http://{proxy}/api/orders?n=[1-{n}]' | sort | uniq -c"
        )
    };
    [
        "  # 40 requests with one key: 20 at once, then 20 a second".to_owned(),
        many(40, "-H 'x-api-key: me' "),
        "  # what one answer says about its limit".to_owned(),
        format!("  curl -si -H 'x-api-key: me' http://{proxy}/api/orders"),
        "  # no key: by address, and a forged first entry changes nothing".to_owned(),
        many(10, "-H 'X-Forwarded-For: 1.2.3.4, 198.51.100.7' "),
    ]
}

/// The canary release of the demo's policy. `zoe` is one of its 20 % of users, `ben` is not.
fn canary(proxy: SocketAddr, v2: SocketAddr) -> Vec<String> {
    let shop = |options: &str| format!("  curl -s {options} http://{proxy}/shop/");
    let twice = |options: &str| format!("{}; {}", shop(options), shop(options).trim_start());
    vec![
        "  # zoe is one of the 20 % who get v2, ben is not; each time".to_owned(),
        format!(
            "{}; {}",
            shop("-H 'x-user-id: zoe'"),
            shop("-H 'x-user-id: ben'").trim_start()
        ),
        "  # a tester in the office is forced into v2, whoever it is; -b canary=always does it too"
            .to_owned(),
        shop("-H 'x-user-id: ben' -H 'x-forwarded-for: 192.0.2.7' -H 'x-canary-force: always'"),
        "  # what others say in the routing header counts for nothing".to_owned(),
        shop("-H 'x-user-id: ben' -H 'x-canary: v2'"),
        "  # no user id: drawn once, and kept by the release cookie".to_owned(),
        twice("-c cookies.txt -b cookies.txt"),
        "  # v2 turns bad, and well again".to_owned(),
        format!("  curl -s -X POST 'http://{v2}/_control?fail=50%25'"),
        format!("  curl -s -X POST http://{v2}/_control"),
    ]
}

/// The latency histogram of the demo's policy.
fn latency(proxy: SocketAddr, admin: SocketAddr) -> [String; 4] {
    [
        "  # 50 slow payments: the objective is missed, and p95 rises for 15 s".to_owned(),
        format!("  curl -s -o /dev/null -H 'x-upstream-delay: 150ms' 'http://{proxy}/shop/pay?n=[1-50]'"),
        "  # quantiles, for whoever reads gauges".to_owned(),
        format!("  curl -s http://{admin}/stats/prometheus | grep '^fairlead_.*_quantile_'"),
    ]
}

/// The circuit breaker of the demo's policy.
fn breaker(proxy: SocketAddr, reviews: SocketAddr) -> Vec<String> {
    vec![
        "  # the reviews, once they are read and kept; what a cookie makes one user's is not".to_owned(),
        format!("  curl -si http://{proxy}/reviews/1"),
        "  # they turn bad: 30 requests are enough, then old reviews, or 503 to who has a cookie; and well again"
            .to_owned(),
        format!("  curl -s -X POST 'http://{reviews}/_control?status=500'"),
        format!("  curl -s -o /dev/null 'http://{proxy}/reviews/1?n=[1-30]'"),
        format!("  curl -si http://{proxy}/reviews/1; curl -si -b sid=me http://{proxy}/reviews/1"),
        format!("  curl -s -X POST http://{reviews}/_control"),
    ]
}
