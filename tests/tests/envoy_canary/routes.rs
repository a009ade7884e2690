//! Who is routed where, and what routes get to see.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_envoy::{AccessLog, ExtensionFile, Wasm};
use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, PATIENCE};
use serde_json::{Value, json};

use crate::shop::{Shop, listener};
use crate::{EARLY, FILTER, LATE, PLUGIN, ask, release, user, version, with};

const USERS: usize = 1000;
const CONNECTIONS: usize = 4;
/// How often each user comes back, over all connections.
const VISITS: usize = 10;

/// What each user has seen, of ten thousand requests over all workers.
fn visits(shop: &Shop) -> BTreeMap<usize, BTreeSet<String>> {
    let seen = side_by_side(shop.port(), CONNECTIONS, |index, connection| {
        let mut seen: Vec<(usize, String)> = Vec::new();
        for n in (index..USERS * VISITS).step_by(CONNECTIONS) {
            // A user's visits are spread over the connections.
            let id = (n + n / USERS) % USERS;
            let request = user(format!("user-{id}"));
            // Some try to choose for themselves.
            let request = match n % 7 {
                0 => request.header("x-canary", "v2"),
                1 => request.header("X-Canary", "v1").header("x-canary", "v2"),
                2 => request.header("x-canary", ""),
                _ => request,
            };
            seen.push((id, ask(connection, &request)));
        }
        seen
    });
    let mut versions: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (id, version) in seen.into_iter().flatten() {
        versions.entry(id).or_default().insert(version);
    }
    versions
}

/// Those who have seen v2, if nobody has seen both.
fn members(versions: &BTreeMap<usize, BTreeSet<String>>) -> BTreeSet<usize> {
    assert_eq!(versions.len(), USERS);
    let torn = versions.iter().find(|(_, versions)| versions.len() != 1);
    assert_eq!(torn, None, "a user has seen both");
    let members = versions.iter().filter(|(_, versions)| versions.contains("v2"));
    members.map(|(id, _)| *id).collect()
}

fn forced(weight: &str) -> Value {
    with(
        release(weight),
        json!({"force": {"header": "x-force", "cookie": "canary"}}),
    )
}

/// The forced user always, the opted-out user never, whoever they are.
fn check_force(shop: &Shop) {
    side_by_side(shop.port(), CONNECTIONS, |_, connection| {
        for _ in 0..5 {
            for id in [EARLY, LATE] {
                let asked = [
                    user(id).header("x-force", "always"),
                    user(id).header("x-force", "v2"),
                    user(id).header("cookie", "a=b; canary=always"),
                    user(id).header("x-force", "never").header("x-canary", "v2"),
                    user(id).header("cookie", "canary=never"),
                ];
                let versions = asked.map(|request| ask(connection, &request));
                assert_eq!(versions, ["v2", "v2", "v2", "v1", "v1"], "{id}");
            }
        }
    });
}

#[test]
fn each_user_has_one_version_and_none_goes_back_when_the_weight_is_raised() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let folder = tempfile::tempdir().unwrap();
    let plugin = |weight: &str| lab.plugin(PLUGIN, &forced(weight));
    let mut file = ExtensionFile::create(folder.path(), "live", &plugin("10%")).unwrap();
    let shop = Shop::open(&lab, 2, [listener("main", file.filter())]);
    let update =
        |file: &mut ExtensionFile, wasm: &Wasm| shop.envoy.update_extension(file, wasm, PATIENCE).unwrap();

    let tenth = members(&visits(&shop));
    assert!(
        (70..=130).contains(&tenth.len()),
        "{} of {USERS} at 10 %",
        tenth.len()
    );
    check_force(&shop);
    // What the filter has counted is what clients have seen, and what the upstreams have.
    let counted = (
        shop.exposures("v2", "sticky", (tenth.len() * VISITS) as u64),
        shop.exposures("stable", "sticky", ((USERS - tenth.len()) * VISITS) as u64),
    );
    assert_eq!(
        counted,
        (
            (tenth.len() * VISITS) as u64,
            ((USERS - tenth.len()) * VISITS) as u64
        )
    );
    let forced = (CONNECTIONS * 5 * 2) as u64;
    assert_eq!(shop.exposures("v2", "force_header", 2 * forced), 2 * forced);
    assert_eq!(shop.exposures("stable", "force_cookie", forced), forced);
    let v2 = (tenth.len() * VISITS) as u64 + 3 * forced;
    assert_eq!(
        (shop.v2.counts().total, shop.v1.counts().total),
        (v2, (USERS * VISITS) as u64 + 5 * forced - v2)
    );

    assert!(update(&mut file, &plugin("50%")).is_accepted());
    let half = members(&visits(&shop));
    assert!(
        (420..=580).contains(&half.len()),
        "{} of {USERS} at 50 %",
        half.len()
    );
    assert_eq!(tenth.difference(&half).collect::<Vec<_>>(), Vec::<&usize>::new());
    check_force(&shop);

    assert!(update(&mut file, &plugin("0%")).is_accepted());
    assert_eq!(members(&visits(&shop)).len(), 0);
    check_force(&shop);
}

#[test]
fn a_retry_stays_with_the_variant() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let shop = Shop::open(&lab, 2, [listener("main", lab.plugin(PLUGIN, &release("10%")))]);
    // Every second one fails, so that a first attempt fails and its retry does not, from the second request on.
    shop.v2_does("fail=50%");
    let mut connection = Connection::open(shop.port());
    for n in 0..50 {
        let response = connection.ask(&user(EARLY));
        assert_eq!((response.status, version(&response)), (200, "v2"), "request {n}");
    }
    let counts = shop.v2.counts();
    assert_eq!(shop.v1.counts().total, 0);
    assert_eq!((counts.status(200), counts.status(503)), (50, 49));
    assert_eq!(
        shop.envoy.stat("cluster.v2.upstream_rq_retry_success").unwrap(),
        49
    );
    let seen = shop.v2.requests();
    assert!(seen.iter().all(|head| head.header("x-canary") == Some("v2")));
    // A request counts once, however many attempts it took.
    assert_eq!(shop.exposures("v2", "sticky", 50), 50);
}

#[test]
fn routes_are_matched_again_only_where_something_was_written() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    if !lab.since(40, "the access log's ROUTE_RESOLUTION_COUNT") {
        return;
    }
    let config = with(
        forced("10%"),
        json!({"match": [{"path": {"prefix": "/"}, "not": {"path": {"exact": "/outside"}}}]}),
    );
    let log = AccessLog::stdout()
        .field("routed", "%ROUTE_RESOLUTION_COUNT%")
        .field("id", "%REQ(X-ID)%");
    let logged = listener("main", lab.plugin(PLUGIN, &config)).access_log(log);
    let shop = Shop::open(&lab, 1, [logged]);
    let mut connection = Connection::open(shop.port());
    let outside = Request::get("/outside").header("x-canary", "v2");
    let asked = [
        ("not drawn", user(LATE), 0),
        ("no key", Request::get("/"), 0),
        ("outside of match", outside, 0),
        (
            "opted out by cookie",
            user(EARLY).header("cookie", "canary=never"),
            0,
        ),
        ("drawn", user(EARLY), 1),
        ("spoofed", user(LATE).header("x-canary", "v2"), 1),
        ("forced by cookie", user(LATE).header("cookie", "canary=v2"), 1),
        ("opted out", user(EARLY).header("x-force", "never"), 1),
        ("forced", user(LATE).header("x-force", "always"), 1),
    ];
    for (id, request, _) in &asked {
        connection.ask(&request.clone().header("x-id", id));
    }
    let lines = shop.envoy.wait_for_access_log(asked.len(), PATIENCE).unwrap();
    let of = |id: &str| {
        lines
            .iter()
            .find(|line| line["id"] == id)
            .expect("a line")
            .clone()
    };
    let least = of("outside of match")["routed"].as_u64().expect("a count");
    for (id, _, more) in asked {
        let count = of(id)["routed"].as_u64().expect("a count");
        assert_eq!(count, least + more, "{id}");
    }
}

#[test]
fn the_upstream_sees_the_variant_and_nothing_of_how_it_was_asked_for() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = with(forced("10%"), json!({"propagate": {"baggage": true}}));
    let shop = Shop::open(&lab, 1, [listener("main", lab.plugin(PLUGIN, &config))]);
    let mut connection = Connection::open(shop.port());
    let mut seen = |request: Request| {
        let response = connection.ask(&request);
        let upstream = if version(&response) == "v2" {
            &shop.v2
        } else {
            &shop.v1
        };
        let head = upstream.requests().pop().expect("a request");
        let all = |name: &str| {
            head.headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
                .collect::<Vec<_>>()
        };
        (all("x-canary"), all("x-force"), all("baggage"))
    };
    let (none, v2): (Vec<String>, Vec<String>) = (Vec::new(), vec!["v2".to_owned()]);
    let ours = "fairlead.r=v2";
    assert_eq!(
        seen(user(EARLY)),
        (v2.clone(), none.clone(), vec![ours.to_owned()])
    );
    assert_eq!(
        seen(user(LATE).header("baggage", "a=1")),
        (none.clone(), none.clone(), vec!["a=1".to_owned()])
    );
    assert_eq!(
        seen(
            user(LATE)
                .header("x-force", "always")
                .header("x-force", "never")
                .header("baggage", "a=1;p,b=2")
        ),
        (v2.clone(), none.clone(), vec![format!("a=1;p,b=2,{ours}")])
    );
    // Two lines of baggage are one list, of which nothing is lost; an earlier member of ours is replaced.
    assert_eq!(
        seen(
            user(EARLY)
                .header("baggage", "a=1, fairlead.r=v1")
                .header("baggage", "b=%20")
        ),
        (v2.clone(), none.clone(), vec![format!("a=1,b=%20,{ours}")])
    );
    let full = format!("a={}", "x".repeat(8190));
    assert_eq!(
        seen(user(EARLY).header("baggage", &full)),
        (v2, none.clone(), vec![full])
    );
    assert_eq!(
        seen(
            user(LATE)
                .header("x-canary", "v2")
                .header("x-force", "no such")
                .header("x-canary", "v1")
        ),
        (none.clone(), none.clone(), none)
    );
    assert_eq!(shop.stat(None, Some("full"), "baggage_total"), 1);
}
