use super::*;
use crate::Request;
use fairlead_stage::memory::MemoryView;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The client's address of a request from `peer` with this `x-forwarded-for`.
fn client(peer: &str, list: Option<&[u8]>, trusted_hops: u8) -> Option<IpAddr> {
    let mut needs = Needs::default();
    let client = Client::compile(ClientAddress { trusted_hops }, &mut needs);
    let mut view = MemoryView::default().with_attribute(&needs, &["source", "address"], peer);
    if let Some(list) = list {
        view = view.with(FORWARDED_FOR, list);
    }
    let request = Request::new(&view);
    let address = request.client(client);
    assert_eq!(request.client(client), address, "asked again");
    address
}

#[test]
fn the_peer_is_read_with_its_port() {
    let cases = [
        ("1.2.3.4:567", Some("1.2.3.4")),
        ("1.2.3.4", Some("1.2.3.4")),
        ("[2001:db8::1]:567", Some("2001:db8::1")),
        ("[::1]", Some("::1")),
        ("::1", Some("::1")),
        ("[::ffff:1.2.3.4]:5", Some("1.2.3.4")),
        ("[fe80::1%eth0]:5", Some("fe80::1")),
        ("/run/istio.sock", None),
        ("@envoy", None),
        ("envoy://internal/1", None),
        ("", None),
        ("1.2.3.4:", None),
        ("1.2.3.4:http", None),
        ("1.2.3.4.5", None),
        ("[1.2.3.4]:5", None),
        ("[::1]5", None),
        ("[::1", None),
    ];
    for (peer, expect) in cases {
        assert_eq!(client(peer, None, 0), expect.map(ip), "{peer:?}");
    }
}

#[test]
fn the_entry_of_the_outermost_trusted_hop_counts() {
    let list = b"10.0.0.1,11.0.0.1,12.0.0.1,13.0.0.1";
    let cases = [
        (&list[..], 0, "9.9.9.9"),
        (list, 1, "13.0.0.1"),
        (list, 3, "11.0.0.1"),
        (list, 4, "10.0.0.1"),
        // Fewer entries than trusted hops: the list is not theirs.
        (list, 5, "9.9.9.9"),
        (list, 255, "9.9.9.9"),
        (b"", 1, "9.9.9.9"),
        (b"10.0.0.1, ", 1, "9.9.9.9"),
        (b" 10.0.0.1 ,\t\"[2001:db8::7]:443\" ", 1, "2001:db8::7"),
        (b"10.0.0.1:5555, 11.0.0.1", 2, "10.0.0.1"),
        (b"10.0.0.1, unknown", 1, "9.9.9.9"),
        (b"10.0.0.1, \xff\xfe", 1, "9.9.9.9"),
        (b"10.0.0.1, \xff\xfe, 11.0.0.1", 1, "11.0.0.1"),
        (b"10.0.0.1, ::ffff:11.0.0.1", 1, "11.0.0.1"),
        (b"10.0.0.1, 011.0.0.1", 1, "9.9.9.9"),
    ];
    for (list, hops, expect) in cases {
        assert_eq!(
            client("9.9.9.9:1", Some(list), hops),
            Some(ip(expect)),
            "{hops} of {list:?}"
        );
    }
    assert_eq!(client("9.9.9.9:1", None, 1), Some(ip("9.9.9.9")));
    assert_eq!(client("/run/socket", Some(b"rubbish"), 1), None);
}

#[test]
fn two_numbers_of_hops_are_two_addresses() {
    let mut needs = Needs::default();
    let one = Client::compile(ClientAddress { trusted_hops: 1 }, &mut needs);
    let two = Client::compile(ClientAddress { trusted_hops: 2 }, &mut needs);
    let view = MemoryView::default().with(FORWARDED_FOR, "10.0.0.1, 10.0.0.2");
    let request = Request::new(&view);
    assert_eq!(request.client(one), Some(ip("10.0.0.2")));
    assert_eq!(request.client(two), Some(ip("10.0.0.1")));
    assert_eq!(request.client(one), Some(ip("10.0.0.2")));
}

#[test]
fn an_absurdly_long_list_is_read_from_the_right() {
    let list = "10.0.0.1,".repeat(100_000) + "11.0.0.1";
    assert_eq!(
        client("9.9.9.9:1", Some(list.as_bytes()), 1),
        Some(ip("11.0.0.1"))
    );
    let entry = "1".repeat(1_000_000);
    assert_eq!(
        client("9.9.9.9:1", Some(entry.as_bytes()), 1),
        Some(ip("9.9.9.9"))
    );
}

#[test]
fn masks_clear_what_lies_beyond_the_prefix() {
    let cases = [
        ("1.2.3.4", 32, 0, "1.2.3.4"),
        ("1.2.3.4", 24, 0, "1.2.3.0"),
        ("1.2.3.4", 0, 128, "0.0.0.0"),
        ("1.2.3.4", 99, 0, "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", 0, 64, "2001:db8:1:2::"),
        ("2001:db8:1:2:3:4:5:6", 0, 128, "2001:db8:1:2:3:4:5:6"),
        ("2001:db8:1:2:3:4:5:6", 32, 0, "::"),
        ("2001:db8:1:2:3:4:5:6", 0, 255, "2001:db8:1:2:3:4:5:6"),
    ];
    for (address, v4, v6, expect) in cases {
        assert_eq!(mask(ip(address), v4, v6), ip(expect), "{address}");
    }
}

fn trusted() -> impl Strategy<Value = Vec<IpAddr>> {
    proptest::collection::vec(any::<IpAddr>().prop_map(canonical), 1..5)
}

proptest! {
    #[test]
    fn what_a_client_sends_never_decides_when_hops_are_trusted(
        sent in proptest::collection::vec(any::<u8>(), 0..200),
        trusted in trusted(),
        peer in any::<[u8; 4]>(),
    ) {
        // Each trusted hop appends an address; the client wrote all to the left of the first.
        let mut list = sent;
        for address in &trusted {
            list.extend_from_slice(format!(", {address}").as_bytes());
        }
        let peer = IpAddr::from(peer);
        let hops = u8::try_from(trusted.len()).unwrap();
        prop_assert_eq!(client(&format!("{peer}:80"), Some(&list), hops), Some(trusted[0]));
    }

    #[test]
    fn a_list_that_is_too_short_yields_the_peer(
        entries in trusted(),
        more in 1_u8..10,
        peer in any::<[u8; 4]>(),
    ) {
        let list = entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let hops = u8::try_from(entries.len()).unwrap() + more;
        let peer = IpAddr::from(peer);
        prop_assert_eq!(client(&format!("{peer}:80"), Some(list.as_bytes()), hops), Some(peer));
    }

    #[test]
    fn an_address_is_written_as_the_standard_library_writes_it(
        v4 in any::<Ipv4Addr>(),
        groups in any::<[u16; 8]>(),
        zeros in any::<u8>(),
    ) {
        let mut groups = groups;
        for (position, group) in groups.iter_mut().enumerate() {
            *group *= u16::from(zeros >> position & 1);
        }
        // A mapped address never gets here; the standard library writes it, and only it, with dots.
        for address in [IpAddr::V4(v4), canonical(IpAddr::from(groups))] {
            let mut out = Vec::new();
            write(address, &mut out);
            let written = String::from_utf8(out).unwrap();
            prop_assert_eq!(&written, &address.to_string());
            prop_assert_eq!(super::address(written.as_bytes()), Some(address));
        }
    }

    #[test]
    fn any_bytes_are_an_address_or_none(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _either = address(&text);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them(number in any::<u64>(), shift in 0..64_u32) {
        let number = number >> shift;
        let mut out = Vec::new();
        write_digits::<10>(number, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
    }
}
