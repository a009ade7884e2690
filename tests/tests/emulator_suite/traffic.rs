//! What happens to a proxy: requests of all kinds, and time, updates and traps between them.

use std::fmt;
use std::time::Duration;

use fairlead_emulator::{Event, LocalReply, Request, Response, Upstream};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Something that happens, so many milliseconds after the step before it.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) after_ms: u64,
    pub(crate) what: What,
}

/// What a step is.
#[derive(Clone)]
pub(crate) enum What {
    Request(Box<Asked>),
    /// The wall clock jumps.
    Jump(i64),
    /// All VMs of a worker trap.
    Kill(usize),
    /// The first (0) or the second policy is offered.
    Update(usize),
    /// A config that no filter can use is offered.
    Nonsense,
}

/// A request, with what becomes of it.
#[derive(Clone)]
pub(crate) struct Asked {
    worker: usize,
    method: &'static str,
    path: &'static str,
    host: &'static str,
    headers: Vec<(&'static str, &'static [u8])>,
    source: &'static str,
    cluster: &'static str,
    body: bool,
    trailers: bool,
    upstream: Upstream,
    abort_ms: Option<u64>,
    early_reply: bool,
}

impl Asked {
    pub(crate) fn request(&self) -> Request {
        let mut request = Request::new(self.method, self.path)
            .authority(self.host)
            .source(self.source)
            .cluster(self.cluster)
            .route(self.cluster)
            .worker(self.worker)
            .upstream(self.upstream.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if self.body {
            request = request.body("ping").body("pong");
        }
        if self.trailers {
            request = request.trailer("x-end", "1");
        }
        if let Some(after) = self.abort_ms {
            // At no time at which anything else happens.
            request = request.abort_after(Duration::from_micros(after * 1000 + 23));
        }
        if self.early_reply {
            request = request.early_reply(403, "rbac_access_denied");
        }
        request
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  +{} ms: {:?}", self.after_ms, self.what)
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(asked) => asked.fmt(f),
            Self::Jump(ms) => write!(f, "the wall clock jumps by {ms} ms"),
            Self::Kill(worker) => write!(f, "worker {worker} traps"),
            Self::Update(policy) => write!(f, "policy {policy} is offered"),
            Self::Nonsense => write!(f, "nonsense is offered"),
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            worker,
            method,
            path,
            host,
            source,
            cluster,
            ..
        } = self;
        write!(
            f,
            "worker {worker}: {method} {host}{path} from {source} to {cluster:?}"
        )?;
        for (name, value) in &self.headers {
            write!(f, ", {name}: {}", value.escape_ascii())?;
        }
        let flags = [
            (self.body, "body"),
            (self.trailers, "trailers"),
            (self.early_reply, "refused by RBAC"),
        ];
        for (_, flag) in flags.iter().filter(|(there, _)| *there) {
            write!(f, ", {flag}")?;
        }
        if let Some(after) = self.abort_ms {
            write!(f, ", aborted after {after} ms")?;
        }
        write!(f, " -> {:?}", self.upstream)
    }
}

/// So long after a request: at no time at which a timer fires.
fn moment(ms: u64) -> Duration {
    Duration::from_micros(ms * 1000 + 11)
}

fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0_u64..4, 3 => 4_u64..40, 1 => 900_u64..1500]
}

fn response() -> impl Strategy<Value = Response> {
    let headers: Vec<(&str, &[u8])> = vec![
        ("content-type", b"application/grpc"),
        ("content-type", b"text/plain"),
        ("grpc-status", b"0"),
        ("grpc-status", b"14"),
        ("cache-control", b"no-store"),
        ("cache-control", b"max-age=1, must-revalidate"),
        ("set-cookie", b"a=b"),
        ("vary", b"accept-encoding"),
        ("x-version", b"2"),
        ("x-version", b"\xff\xfe"),
        ("retry-after", b"7"),
        ("ratelimit", b"theirs"),
        ("age", b"3"),
    ];
    (
        prop_oneof![
            6 => Just(200_u16), 3 => select(vec![500_u16, 503]), 2 => select(vec![204_u16, 301, 404, 429, 501]), 1 => Just(101_u16),
        ],
        delay(),
        vec(select(headers), 0..3),
        0_usize..3,
        option::weighted(0.15, select(vec!["0", "13", "14"])),
    )
        .prop_map(|(status, after, headers, chunks, grpc_status)| {
            let mut response = Response::new(status).after(moment(after));
            for (name, value) in headers {
                response = response.header(name, value);
            }
            for _ in 0..chunks {
                response = response.body("answer");
            }
            match grpc_status {
                Some(code) => response.trailer("grpc-status", code),
                None => response,
            }
        })
}

fn upstream() -> impl Strategy<Value = Upstream> {
    let own = vec![
        LocalReply::ConnectionFailure,
        LocalReply::Timeout,
        LocalReply::NoRoute,
        LocalReply::Overflow,
    ];
    prop_oneof![
        12 => response().prop_map(Upstream::Response),
        2 => delay().prop_map(|after| Upstream::Reset { after: moment(after) }),
        2 => (select(own), delay()).prop_map(|(reply, after)| Upstream::LocalReply { reply, after: moment(after) }),
        1 => Just(Upstream::Never),
    ]
}

/// Header lines that filters read, and what is nearly right.
fn lines() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("x-user", b"ann"),
        ("x-user", b"ben"),
        ("x-user", b"\xff\x00\x80"),
        ("x-user", b""),
        ("x-user", b"1"),
        ("x-user", b"2"),
        ("x-user", b"3"),
        ("x-user", b"4"),
        ("x-user", b"5"),
        ("x-user", b"6"),
        ("x-user", b"7"),
        ("x-tier", b"gold"),
        ("x-canary", b"v2"),
        ("x-canary", b"three"),
        ("x-canary", b"\xf0\x9f"),
        ("x-force", b"always"),
        ("x-force", b"never"),
        ("x-way", b"b"),
        ("cookie", b"sid=ann"),
        ("cookie", b"sid=ben; canary=always"),
        ("cookie", b"canary=v3"),
        ("cookie", b"fairlead-release=v2.00000.0123456789abcdef"),
        // Signed with the secret of some policies.
        ("cookie", b"fairlead-release=v2.00000.00018a34170b86ee"),
        ("cookie", b";;=;\xff"),
        ("baggage", b"user=ann"),
        ("baggage", b"fairlead.r=v3, user=%41"),
        (
            "traceparent",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        (
            "traceparent",
            b"00-00000000000000000000000000000001-00f067aa0ba902b7-01",
        ),
        ("x-forwarded-for", b"192.0.2.7"),
        ("x-forwarded-for", b"rubbish, 10.9.9.9"),
        (
            "authorization",
            b"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.c2ln",
        ),
        ("content-type", b"application/grpc"),
        ("te", b"trailers"),
        ("user-agent", b"kube-probe/1.30"),
        ("accept-encoding", b"gzip"),
        ("x-envoy-upstream-rq-timeout-ms", b"5"),
        ("x-request-id", b"\x01\x02"),
        ("upgrade", b"websocket"),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        0_usize..3,
        prop_oneof![4 => Just("GET"), 1 => select(vec!["POST", "PUT", "X"])],
        select(vec![
            "/a",
            "/b",
            "/users/7",
            "/a?q=1",
            "/demo.Trips/Create",
            "/\u{e9}%zz?q=%ff",
            "*",
        ]),
        select(vec!["sim.local", "shop.example.com", "", "EXAMPLE.com:80"]),
        vec(select(lines()), 0..5),
        select(vec!["10.0.0.1:50000", "192.0.2.1:1", "[2001:db8::1]:1", "pipe"]),
        select(vec!["sim", "other", ""]),
        (option::weighted(0.15, Just(())), option::weighted(0.1, Just(()))),
        upstream(),
        option::weighted(0.1, 0_u64..30),
        option::weighted(0.03, Just(())),
    )
        .prop_map(
            |(
                worker,
                method,
                path,
                host,
                headers,
                source,
                cluster,
                (body, trailers),
                upstream,
                abort_ms,
                early,
            )| Asked {
                worker,
                method,
                path,
                host,
                headers,
                source,
                cluster,
                body: body.is_some(),
                trailers: trailers.is_some(),
                upstream,
                abort_ms,
                early_reply: early.is_some(),
            },
        )
}

fn what() -> impl Strategy<Value = What> {
    let jumps = vec![-5000_i64, -700, 900, 30_000];
    prop_oneof![
        40 => asked().prop_map(|asked| What::Request(Box::new(asked))),
        1 => select(jumps).prop_map(What::Jump),
        1 => (0_usize..3).prop_map(What::Kill),
        1 => (0_usize..2).prop_map(What::Update),
        1 => Just(What::Nonsense),
    ]
}

/// A request is mostly asked again: to spend what it may, to trip what it can.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![10 => 0_u64..8, 4 => 20_u64..120, 1 => 400_u64..2500];
    let step = (pause, what(), prop_oneof![3 => Just(1_usize), 1 => 2_usize..6]).prop_map(
        |(after_ms, what, times)| {
            let times = if matches!(what, What::Request(_)) {
                times
            } else {
                1
            };
            vec![Step { after_ms, what }; times]
        },
    );
    vec(step, 1..24).prop_map(|steps| steps.concat())
}

/// The event that a step is, if it is none of the config's.
pub(crate) fn event(what: &What) -> Option<Event> {
    match what {
        What::Jump(ms) => Some(Event::ClockJump {
            nanoseconds: ms * 1_000_000,
        }),
        What::Kill(worker) => Some(Event::KillWorker { worker: *worker }),
        What::Request(_) | What::Update(_) | What::Nonsense => None,
    }
}
