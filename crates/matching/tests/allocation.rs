//! Matching and keys allocate nothing once their buffers have grown, but a block for what is read of a request and one for
//! each value by name. The first value by name needs neither.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    unsafe_code,
    reason = "an allocator that counts has to implement the unsafe trait"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails, as it should"
)]

use fairlead_matching::{
    Cidr, ClientAddress, ClientSpec, HostSpec, Key, KeyPartSpec, KeySource, Lone, MatchSpec, PathSpec,
    Pattern, Request, RuleSet, Template, TextSpec,
};
use fairlead_stage::Needs;
use fairlead_stage::memory::MemoryView;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[cfg(test)]
fn rules() -> Vec<Vec<MatchSpec>> {
    let spec = MatchSpec::default;
    let name = |name: &str| name.to_owned();
    let address = ClientAddress { trusted_hops: 1 };
    let cidrs = vec![Cidr::parse("10.0.0.0/8").unwrap()];
    [
        spec(),
        MatchSpec {
            hosts: vec![HostSpec::parse("*.example.com").unwrap()],
            ..spec()
        },
        MatchSpec {
            path: Some(PathSpec::Prefix("/users/".into())),
            ..spec()
        },
        MatchSpec {
            path: Some(PathSpec::Prefix("/".into())),
            ..spec()
        },
        MatchSpec {
            path: Some(PathSpec::Template(Template::parse("/users/{id}").unwrap())),
            ..spec()
        },
        MatchSpec {
            path: Some(PathSpec::Regex(Pattern::parse("/users/[0-9]+").unwrap())),
            ..spec()
        },
        MatchSpec {
            headers: vec![(name("x-api-key"), TextSpec::In(vec!["k1".into()]))],
            ..spec()
        },
        MatchSpec {
            query: vec![(name("page"), TextSpec::Prefix("2".into()))],
            ..spec()
        },
        MatchSpec {
            cookies: vec![(name("sid"), TextSpec::Present)],
            ..spec()
        },
        MatchSpec {
            client: Some(ClientSpec { cidrs, address }),
            ..spec()
        },
    ]
    .map(|spec| vec![spec])
    .into()
}

#[test]
fn once_warm_matching_and_writing_a_key_allocate_a_block_and_one_for_each_further_name() {
    let mut needs = Needs::default();
    let rules = RuleSet::compile(&rules(), &mut needs);
    let sources = [
        KeySource::Header("x-api-key".into()),
        KeySource::Query("page".into()),
        KeySource::Cookie("sid".into()),
        KeySource::Host,
        KeySource::Template(Template::parse("/users/{id}").unwrap()),
        KeySource::ClientIp {
            address: ClientAddress { trusted_hops: 1 },
            ipv4_prefix: 24,
            ipv6_prefix: 64,
        },
    ];
    let parts = sources.map(|source| KeyPartSpec {
        source,
        default: None,
    });
    let key = Key::compile(&parts, &mut needs);
    let view = MemoryView::get("shop.example.com:8443", "/users/7?page=22")
        .with("x-api-key", "k1")
        .with("cookie", "a; sid=\"1\"")
        .with("x-forwarded-for", "2001:db8::1, 10.0.0.7")
        .with_attribute(&needs, &["source", "address"], "192.0.2.1:80");
    let (mut found, mut out) = (Vec::new(), Vec::new());
    let mut run = || {
        let request = Request::new(&view);
        rules.matching(&request, &mut found);
        assert_eq!(found.len(), 10);
        assert_eq!(rules.first(&request), Some(0));
        out.clear();
        assert!(key.write(&request, &mut out));
    };
    assert!(allocations(&mut run) > 0, "the counter counts");
    // One, and three for two headers, a parameter and a cookie, each asked for several times.
    assert_eq!(allocations(&mut run), 4);
    let unnamed = || {
        let request = Request::new(&view);
        assert!(request.path().is_some() && request.host().is_some() && request.method().is_some());
    };
    assert_eq!(allocations(unnamed), 1);
    let by_header = [MatchSpec {
        headers: vec![("x-api-key".to_owned(), TextSpec::Present)],
        ..MatchSpec::default()
    }];
    let by_header = RuleSet::compile(&[by_header.into()], &mut needs);
    let spec = KeyPartSpec {
        source: KeySource::Header("x-api-key".into()),
        default: None,
    };
    let key = Key::compile(&[spec], &mut needs);
    let one_header = || {
        let request = Request::new(&view);
        let mut visited = Vec::new();
        by_header.each(&request, &mut |_| {
            visited.push(());
            ControlFlow::Continue(())
        });
        assert_eq!(visited.len(), 1);
        assert!(matches!(key.lone(&request), Lone::Value(value) if *value == b"k1"[..]));
    };
    assert_eq!(allocations(one_header), 0);
}
