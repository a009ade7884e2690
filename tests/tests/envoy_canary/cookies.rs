//! The release cookie between a real browser's like and two workers.

use fairlead_tests::client::{Connection, Request, side_by_side};
use fairlead_tests::proxy::{Lab, assert_alive};
use serde_json::json;

use crate::shop::{Shop, listener};
use crate::{EARLY, FILTER, LATE, PLUGIN, ask, release, user, version};

#[test]
fn a_cookie_is_set_once_believed_by_all_workers_and_no_forged_one_is() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let mut config = release("10%");
    config["sticky"]["cookie"] = json!({"max_age": "24h"});
    let shop = Shop::open(&lab, 2, [listener("main", lab.plugin(PLUGIN, &config))]);
    // The application sets one of its own.
    shop.v2_does("h-set-cookie=sid%3D1");
    let mut connection = Connection::open(shop.port());
    let first = connection.ask(&user(EARLY));
    let set = first.all("set-cookie");
    assert_eq!(set.len(), 2, "{set:?}");
    assert_eq!(set[0], "sid=1");
    let (cookie, attributes) = set[1].split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; Max-Age=86400; Secure; HttpOnly");
    assert!(cookie.starts_with("fairlead-release=v2."), "{cookie}");
    assert_eq!(connection.ask(&user(LATE)).all("set-cookie"), Vec::<&str>::new());

    let mut forged = cookie.to_owned().into_bytes();
    let last = forged.last_mut().expect("a cookie");
    *last = if *last == b'0' { b'1' } else { b'0' };
    // Two connections on each of two workers.
    side_by_side(shop.port(), 4, |_, connection| {
        for _ in 0..10 {
            // Whoever brings it stays, and is not given another.
            let held = connection.ask(&user(LATE).header("cookie", "theme=dark").header("cookie", cookie));
            assert_eq!((version(&held), held.all("set-cookie")), ("v2", vec!["sid=1"]));
            assert_eq!(ask(connection, &Request::get("/").header("cookie", cookie)), "v2");
            let forged = connection.ask(&user(LATE).header("cookie", &forged));
            assert_eq!(
                (version(&forged), forged.all("set-cookie")),
                (
                    "v1",
                    vec!["fairlead-release=; Path=/; Max-Age=0; Secure; HttpOnly"]
                )
            );
            let bytes = connection.ask(&user(LATE).header("cookie", b"fairlead-release=\xff\xfe"));
            assert_eq!(version(&bytes), "v1");
            // A cookie without `=` ended the base tag of other filters.
            assert_eq!(
                ask(connection, &user(EARLY).header("cookie", "fairlead-release")),
                "v2"
            );
        }
    });
    assert_eq!(shop.exposures("v2", "release_cookie", 80), 80);
    assert_eq!(shop.stat(None, Some("rejected"), "cookies_total"), 120);
    assert_alive(&shop.envoy);
}
