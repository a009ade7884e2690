//! What can happen to an emulated proxy: requests, and everything else that is put on the time line.

use std::time::Duration;

use crate::headers::Headers;
use crate::module::CompiledModule;

/// Names a request of one emulator; numbers count from 0 in the order of scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

impl RequestId {
    /// The request's number: 0 for the first one that was scheduled.
    #[must_use]
    pub fn index(self) -> u64 {
        self.0
    }
}

/// A local reply that Envoy itself gives in place of an upstream's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalReply {
    /// Upstream connection failure: 503, flag UF.
    ConnectionFailure,
    /// Upstream request timeout: 504, flag UT.
    Timeout,
    /// No route: 404, flag NR.
    NoRoute,
    /// Upstream overflow (a circuit breaker of the cluster): 503, flag UO.
    Overflow,
}

impl LocalReply {
    /// Reads Envoy's short name of a response flag: UF, UT, NR or UO.
    #[must_use]
    pub fn from_flag(flag: &str) -> Option<Self> {
        match flag {
            "UF" => Some(Self::ConnectionFailure),
            "UT" => Some(Self::Timeout),
            "NR" => Some(Self::NoRoute),
            "UO" => Some(Self::Overflow),
            _ => None,
        }
    }
}

/// What the upstream does with a request that reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Answers.
    Response(Response),
    /// Closes the connection before any response, this long after the request: 503, flag UC.
    Reset {
        /// Time from the complete request to the reset.
        after: Duration,
    },
    /// Envoy answers in the upstream's place, this long after the request.
    LocalReply {
        /// Which reply.
        reply: LocalReply,
        /// Time from the request headers to the reply. Ignored for [`LocalReply::NoRoute`] and [`LocalReply::Overflow`],
        /// which are given at once.
        after: Duration,
    },
    /// Never answers; the request ends by the client's abort, or stays open.
    Never,
}

/// An upstream's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code, 200 to 599.
    pub status: u16,
    /// Time from the complete request to the response headers.
    pub after: Duration,
    /// Headers other than `:status`.
    pub headers: Headers,
    /// Body; chunks arrive as separate callbacks. Empty: none.
    pub body: Vec<Vec<u8>>,
    /// Trailers; empty: none.
    pub trailers: Headers,
}

impl Response {
    /// A response with `status`, without headers or body, given at once.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            after: Duration::ZERO,
            headers: Headers::new(),
            body: Vec::new(),
            trailers: Headers::new(),
        }
    }

    /// Sets the time from the complete request to the response headers.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Adds a body chunk.
    #[must_use]
    pub fn body(mut self, chunk: impl Into<Vec<u8>>) -> Self {
        self.body.push(chunk.into());
        self
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.add(name, value);
        self
    }
}

/// A request: what the client sends, what the upstream would do, when the client gives up.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) path: Vec<u8>,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<Vec<u8>>,
    pub(crate) trailers: Headers,
    pub(crate) source: String,
    pub(crate) cluster: String,
    pub(crate) route: String,
    pub(crate) worker: Option<usize>,
    pub(crate) upstream: Upstream,
    pub(crate) abort_after: Option<Duration>,
    pub(crate) early_reply: Option<(u16, String)>,
    pub(crate) protocol: String,
}

impl Request {
    /// A request with the defaults of `fairlead simulate`: authority `sim.local`, source `10.0.0.1:50000`, cluster and
    /// route `sim`, next worker in turn, an upstream that answers 200 after 1 ms, a client that waits.
    #[must_use]
    pub fn new(method: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_ref().to_vec(),
            authority: Some(b"sim.local".to_vec()),
            path: path.as_ref().to_vec(),
            headers: Headers::new(),
            body: Vec::new(),
            trailers: Headers::new(),
            source: "10.0.0.1:50000".to_owned(),
            cluster: "sim".to_owned(),
            route: "sim".to_owned(),
            worker: None,
            upstream: Upstream::Response(Response::new(200).after(Duration::from_millis(1))),
            abort_after: None,
            early_reply: None,
            protocol: "HTTP/1.1".to_owned(),
        }
    }

    /// A GET of `path`.
    #[must_use]
    pub fn get(path: impl AsRef<[u8]>) -> Self {
        Self::new("GET", path)
    }

    /// Sets `:authority`.
    #[must_use]
    pub fn authority(mut self, authority: impl AsRef<[u8]>) -> Self {
        self.authority = Some(authority.as_ref().to_vec());
        self
    }

    /// Sends no Host header: Envoy answers 400 before any filter sees the request.
    #[must_use]
    pub fn without_authority(mut self) -> Self {
        self.authority = None;
        self
    }

    /// Adds a request header. Bytes that are not UTF-8 pass through, as in Envoy.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Replaces all request headers other than pseudo headers.
    #[must_use]
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Adds a chunk of the request body.
    #[must_use]
    pub fn body(mut self, chunk: impl Into<Vec<u8>>) -> Self {
        self.body.push(chunk.into());
        self
    }

    /// Adds a request trailer.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.add(name, value);
        self
    }

    /// Sets the peer's `address:port` (property `source.address`).
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Sets what the property `xds.cluster_name` says.
    #[must_use]
    pub fn cluster(mut self, cluster: impl Into<String>) -> Self {
        self.cluster = cluster.into();
        self
    }

    /// Sets what the property `xds.route_name` says.
    #[must_use]
    pub fn route(mut self, route: impl Into<String>) -> Self {
        self.route = route.into();
        self
    }

    /// Chooses the worker, counted from 0 (taken modulo the number of workers). Without it: round robin.
    #[must_use]
    pub fn worker(mut self, worker: usize) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Sets what the upstream does.
    #[must_use]
    pub fn upstream(mut self, upstream: impl Into<Upstream>) -> Self {
        self.upstream = upstream.into();
        self
    }

    /// The client goes away this long after the request's headers, unless the response has ended by then.
    #[must_use]
    pub fn abort_after(mut self, after: Duration) -> Self {
        self.abort_after = Some(after);
        self
    }

    /// A native filter in front of the plugins (RBAC, say) answers with `status` and these response code details: the
    /// plugins get no request or response callback, only `on_context_create`, `on_log`, `on_done` and `on_delete`.
    #[must_use]
    pub fn early_reply(mut self, status: u16, details: impl Into<String>) -> Self {
        self.early_reply = Some((status, details.into()));
        self
    }

    /// Sets the property `request.protocol` (`HTTP/1.1` unless set).
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocol = protocol.into();
        self
    }
}

impl From<Response> for Upstream {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// Something other than a request that happens at a point of virtual time.
#[derive(Clone, Debug)]
pub enum Event {
    /// A plugin gets a new configuration (ECDS or LDS). Refused ones (`on_configure` false or a trap, in a canary VM)
    /// leave the old one serving; see [`Report::updates`](crate::Report).
    Configure {
        /// The plugin's name.
        plugin: String,
        /// The new configuration.
        configuration: Vec<u8>,
    },
    /// A plugin gets new code, and a configuration with it: new VMs, heaps lost, shared data kept.
    Replace {
        /// The plugin's name.
        plugin: String,
        /// The new code.
        module: CompiledModule,
        /// The configuration from now on.
        configuration: Vec<u8>,
    },
    /// The wall clock jumps by this many nanoseconds; the monotonic clock and the time line do not.
    ClockJump {
        /// Nanoseconds, negative to go back.
        nanoseconds: i64,
    },
    /// All VMs of one worker trap, as if each plugin had hit a bug.
    KillWorker {
        /// The worker, counted from 0 (taken modulo the number of workers).
        worker: usize,
    },
    /// `on_tick` of every root context on the main thread and on every worker, besides their own timers.
    Tick,
}
