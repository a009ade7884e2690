use super::*;
use crate::ClientAddress;
use fairlead_stage::memory::MemoryView;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn part(source: KeySource) -> KeyPartSpec {
    KeyPartSpec {
        source,
        default: None,
    }
}

fn header(name: &str) -> KeyPartSpec {
    part(KeySource::Header(name.to_owned()))
}

/// The key of a request, or `None` if it has none. What was in the buffer before stays.
fn key(parts: &[KeyPartSpec], view: impl FnOnce(&Needs) -> MemoryView) -> Option<Vec<u8>> {
    let mut needs = Needs::default();
    let key = Key::compile(parts, &mut needs);
    let view = view(&needs);
    let mut out = b"before".to_vec();
    let has_key = key.write(&Request::new(&view), &mut out);
    match key.lone(&Request::new(&view)) {
        Lone::Composed => {}
        Lone::Missing => assert!(!has_key),
        Lone::Value(value) => {
            let lent = [b"before", &Key::frame(&value)[..], &value].concat();
            assert!(has_key && lent == out, "what is lent is what is written");
        }
    }
    let written = out.strip_prefix(b"before").unwrap().to_vec();
    assert!(has_key || written.is_empty(), "no key leaves no trace");
    has_key.then_some(written)
}

fn literal(parts: &[&str]) -> Vec<u8> {
    let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    Key::encode_literal(&parts)
}

fn sent(needs: &Needs) -> MemoryView {
    MemoryView::get("Shop.Example.com:8080", "/users/7/orders/9?page=a%20b&x")
        .with("x-api-key", "k1")
        .with("x-api-key", "k2")
        .with("x-empty", "")
        .with("cookie", "sid=s1; other")
        .with("x-forwarded-for", "203.0.113.5, 2001:db8:1:2:3::4")
        .with("baggage", "x=1;p=2")
        .with("baggage", "userId=al%20ice")
        .with(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        // {"sub":"user-7"}
        .with("authorization", "Bearer e30.eyJzdWIiOiJ1c2VyLTcifQ.x")
        .with_attribute(needs, &["source", "address"], "192.0.2.77:555")
        .with_attribute(needs, &["xds", "route_name"], "orders")
}

fn template(text: &str) -> KeySource {
    KeySource::Template(Template::parse(text).unwrap())
}

fn client(trusted_hops: u8, ipv4_prefix: u8, ipv6_prefix: u8) -> KeySource {
    KeySource::ClientIp {
        address: ClientAddress { trusted_hops },
        ipv4_prefix,
        ipv6_prefix,
    }
}

#[test]
fn a_literal_of_the_same_texts_is_the_key() {
    let text = str::to_owned;
    let cases = [
        (KeySource::Header(text("x-api-key")), Some("k1")),
        (KeySource::Header(text("x-empty")), Some("")),
        (KeySource::Header(text("x-none")), None),
        (KeySource::Cookie(text("sid")), Some("s1")),
        (KeySource::Cookie(text("other")), Some("")),
        (KeySource::Cookie(text("none")), None),
        (KeySource::Query(text("page")), Some("a b")),
        (KeySource::Query(text("none")), None),
        (KeySource::Path, Some("/users/7/orders/9")),
        (KeySource::Host, Some("shop.example.com")),
        (KeySource::Method, Some("GET")),
        (template("/users/{id}/orders/{order}"), Some("7/9")),
        (template("/users/{id}/carts/{cart}"), None),
        (KeySource::Constant(text("all")), Some("all")),
        (client(0, 32, 64), Some("192.0.2.77")),
        (client(0, 24, 64), Some("192.0.2.0")),
        (client(1, 32, 64), Some("2001:db8:1:2::")),
        (client(2, 32, 64), Some("203.0.113.5")),
        (client(3, 32, 64), Some("192.0.2.77")),
        (KeySource::JwtClaim(text("sub")), Some("user-7")),
        (KeySource::JwtClaim(text("iss")), None),
        (
            KeySource::Property(vec![text("xds"), text("route_name")]),
            Some("orders"),
        ),
        (KeySource::Baggage(text("userId")), Some("al ice")),
        (KeySource::Baggage(text("user")), None),
        (KeySource::TraceId, Some("4bf92f3577b34da6a3ce929d0e0e4736")),
    ];
    for (source, expect) in cases {
        let alone = key(&[part(source.clone())], sent);
        assert_eq!(alone, expect.map(|text| literal(&[text])), "{source:?}");
        let composite = key(
            &[header("x-api-key"), part(source.clone()), header("x-empty")],
            sent,
        );
        assert_eq!(
            composite,
            expect.map(|text| literal(&["k1", text, ""])),
            "{source:?}"
        );
        let default = KeyPartSpec {
            source: source.clone(),
            default: Some(text("-")),
        };
        assert_eq!(
            key(&[default], sent),
            Some(literal(&[expect.unwrap_or("-")])),
            "{source:?}"
        );
    }
}

#[test]
fn a_joined_key_is_its_values_with_the_separator_between_them() {
    let joined = |parts: &[KeyPartSpec]| {
        let mut needs = Needs::default();
        let key = Key::compile(parts, &mut needs);
        let view = sent(&needs);
        let mut out = b"salt".to_vec();
        let has_key = key.write_joined(&Request::new(&view), b'|', &mut out);
        has_key.then(|| String::from_utf8(out).unwrap())
    };
    let api_key = || header("x-api-key");
    assert_eq!(joined(&[api_key()]).as_deref(), Some("saltk1"));
    assert_eq!(
        joined(&[api_key(), header("x-empty"), part(KeySource::Method)]).as_deref(),
        Some("saltk1||GET")
    );
    assert_eq!(joined(&[api_key(), header("x-none")]), None);
    let default = KeyPartSpec {
        source: template("/users/{id}/carts/{cart}"),
        default: Some("-".to_owned()),
    };
    assert_eq!(joined(&[api_key(), default]).as_deref(), Some("saltk1|-"));
    assert_eq!(joined(&[]).as_deref(), Some("salt"));
}

#[test]
fn a_key_of_no_parts_is_the_same_for_all() {
    assert_eq!(key(&[], sent), Some(literal(&[])));
    assert_eq!(key(&[], |_| MemoryView::default()), Some(Vec::new()));
}

#[test]
fn a_client_without_an_address_has_no_key() {
    let from_socket = |needs: &Needs| {
        MemoryView::default()
            .with_attribute(needs, &["source", "address"], "/run/x")
            .with("x-forwarded-for", "?")
    };
    assert_eq!(key(&[part(client(1, 32, 64))], from_socket), None);
}

#[test]
fn exactly_what_is_read_is_declared() {
    let declared = |source: KeySource| {
        let mut needs = Needs::default();
        let _key = Key::compile(&[part(source)], &mut needs);
        let mut names: Vec<String> = needs.headers().iter().map(|need| need.name.clone()).collect();
        names.extend(needs.attributes().iter().map(|path| path.join(".")));
        names.join(" ")
    };
    let text = str::to_owned;
    let cases = [
        (KeySource::Header(text("x-a")), "x-a"),
        (KeySource::Cookie(text("a")), "cookie"),
        (KeySource::Query(text("a")), ":path"),
        (KeySource::Path, ":path"),
        (KeySource::Host, ":authority"),
        (KeySource::Method, ":method"),
        (template("/{a}"), ":path"),
        (KeySource::Constant(text("a")), ""),
        (client(0, 32, 64), "source.address"),
        (client(1, 32, 64), "x-forwarded-for source.address"),
        (KeySource::JwtClaim(text("sub")), "authorization"),
        (
            KeySource::Property(vec![text("xds"), text("cluster_name")]),
            "xds.cluster_name",
        ),
        (KeySource::Baggage(text("a")), "baggage"),
        (KeySource::TraceId, "traceparent"),
    ];
    for (source, expect) in cases {
        assert_eq!(declared(source.clone()), expect, "{source:?}");
    }
}

fn values() -> impl Strategy<Value = Vec<Vec<u8>>> {
    // Lengths and bytes that could be taken for each other.
    let byte = proptest::sample::select(vec![0_u8, 1, 2, 4, b'a']);
    proptest::collection::vec(proptest::collection::vec(byte, 0..6), 0..4)
}

fn key_of(values: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<_> = (0..values.len()).map(|n| header(&format!("h{n}"))).collect();
    let view = (0..).zip(values).fold(MemoryView::default(), |view, (n, value)| {
        view.with(&format!("h{n}"), value)
    });
    key(&parts, |_| view).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn different_values_make_different_keys(left in values(), right in values()) {
        let (left_key, right_key) = (key_of(&left), key_of(&right));
        prop_assert_eq!(left == right, left_key == right_key);
        // Neither is one the beginning of the other, unless its values are.
        if left_key.starts_with(&right_key) {
            prop_assert!(left.starts_with(&right));
        }
    }

    #[test]
    fn a_key_can_be_read_back(values in values()) {
        let key = key_of(&values);
        let (mut rest, mut read) = (&key[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (value, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            read.push(value.to_vec());
            rest = after;
        }
        prop_assert_eq!(read, values);
    }
}
