//! A request and its response, up to the end: what is only readable in between is kept in the [`Flight`].

use crate::LatencyHistogram;
use crate::access_log::Captured;
use crate::labels::Said;
use fairlead_matching::Request;
use fairlead_stage::{HeaderMap, Proxy, Timestamp, View};

/// User agents of health checks begin with these: the kubelet's, Envoy's, those of Google's and Amazon's load balancers.
const HEALTH_CHECKERS: [&[u8]; 4] = [b"kube-probe/", b"Envoy/HC", b"GoogleHC/", b"ELB-HealthChecker/"];
/// What a gRPC code counts as that is none: UNKNOWN.
const UNKNOWN: u8 = 2;
/// The highest of gRPC's codes.
const UNAUTHENTICATED: u8 = 16;

/// What a stream remembers of its request: at most 32 bytes, as it is moved from callback to callback.
#[derive(Default)]
pub struct Flight {
    /// When it came, on the steady clock.
    pub(crate) started: Timestamp,
    pub(crate) said: Said,
    /// The status of the response; 0 if there was none, or nobody asks.
    pub(crate) status: u16,
    /// `None`: the config asks for nothing of it.
    more: Option<Box<More>>,
}

/// What only some configs ask for.
pub(crate) struct More {
    /// Whether the filter is about this request.
    pub(crate) seen: bool,
    /// Why it is not measured, as far as its request says.
    pub(crate) excluded: Option<Reason>,
    /// When the response headers came, where that is asked for.
    pub(crate) first_byte: Option<Timestamp>,
    /// It is a gRPC call.
    pub(crate) grpc: bool,
    pub(crate) grpc_status: Option<u8>,
    /// The objectives that are about it, a bit each; those beyond the configured ones are of no meaning.
    pub(crate) slos: u32,
    /// What a log line needs of it.
    pub(crate) captured: Option<Box<Captured>>,
}

impl More {
    const NOTHING: Self = Self {
        seen: true,
        excluded: None,
        first_byte: None,
        grpc: false,
        grpc_status: None,
        slos: u32::MAX,
        captured: None,
    };
}

/// Why a request is not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Match,
    HealthCheck,
    GrpcStream,
    Websocket,
    ClientAbort,
}

impl Reason {
    pub(crate) const ALL: [Self; 5] = [
        Self::Match,
        Self::HealthCheck,
        Self::GrpcStream,
        Self::Websocket,
        Self::ClientAbort,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::HealthCheck => "health_check",
            Self::GrpcStream => "grpc_stream",
            Self::Websocket => "websocket",
            Self::ClientAbort => "client_abort",
        }
    }
}

impl Flight {
    pub(crate) fn more(&self) -> &More {
        static NOTHING: More = More::NOTHING;
        self.more.as_deref().unwrap_or(&NOTHING)
    }
}

impl LatencyHistogram {
    /// Notes when a request came, and what it says.
    pub(crate) fn begin(&self, view: &impl View, proxy: &impl Proxy) -> Flight {
        let mut flight = Flight {
            started: view.steady(),
            ..Flight::default()
        };
        if self.asks_more {
            flight.more = Some(self.ask(&mut flight.said, view, proxy));
        }
        flight
    }

    #[inline(never)]
    fn ask(&self, said: &mut Said, view: &impl View, proxy: &impl Proxy) -> Box<More> {
        let mut more = Box::new(More::NOTHING);
        if !self.asks_request {
            return more;
        }
        let request = Request::new(view);
        if self.matches.as_ref().is_some_and(|rules| !rules.any(&request)) {
            more.seen = false;
            return more;
        }
        more.excluded = self.excluded(&request);
        if more.excluded.is_some() {
            return more;
        }
        if self.wants_grpc_status {
            // A gRPC call has a message, and says that it understands trailers. Browsers say so, too: then the type tells.
            more.grpc = !view.ends() && view.header(HeaderMap::Request, "te").is_some() && request.is_grpc();
        }
        self.labels.of_request(said, &request, proxy);
        for (index, slo) in self.slos.iter().enumerate() {
            if slo.matches.as_ref().is_some_and(|rules| !rules.any(&request)) {
                more.slos &= !(1 << (index & 31));
            }
        }
        if let Some(log) = &self.log {
            more.captured = log.capture(&request, view, proxy);
        }
        more
    }

    fn excluded<'v, V: View>(&'v self, request: &Request<'v, V>) -> Option<Reason> {
        let exclude = &self.exclude;
        if exclude.matches.as_ref().is_some_and(|rules| rules.any(request)) {
            return Some(Reason::Match);
        }
        let is_check = |agent: &[u8]| HEALTH_CHECKERS.iter().any(|known| agent.starts_with(known));
        (exclude.health_checks && request.header("user-agent").as_deref().is_some_and(is_check))
            .then_some(Reason::HealthCheck)
    }

    /// Notes what a response says.
    #[inline(never)]
    pub(crate) fn answered(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let is_grpc = match flight.more.as_deref_mut() {
            Some(more) if !more.seen || more.excluded.is_some() => return,
            Some(more) => {
                if self.wants_first_byte || more.grpc {
                    more.first_byte = Some(view.steady());
                }
                more.grpc
            }
            None => false,
        };
        if self.wants_status {
            flight.status = view.status().unwrap_or(0);
        }
        if is_grpc && let Some(more) = flight.more.as_deref_mut() {
            more.grpc_status = grpc_status(view, HeaderMap::Response);
        }
        self.labels.of_response(&mut flight.said, view, proxy);
    }

    /// Notes what a gRPC call came to.
    pub(crate) fn trailed(&self, flight: &mut Flight, view: &impl View) {
        if let Some(more) = flight.more.as_deref_mut()
            && more.grpc
            && more.grpc_status.is_none()
        {
            more.grpc_status = grpc_status(view, HeaderMap::ResponseTrailers);
        }
    }
}

#[inline(never)]
fn grpc_status(view: &impl View, map: HeaderMap) -> Option<u8> {
    let value = view.header(map, "grpc-status")?;
    let code = number(&value).and_then(|code| u8::try_from(code).ok());
    Some(code.filter(|code| *code <= UNAUTHENTICATED).unwrap_or(UNKNOWN))
}

/// A number of one to three digits.
fn number(text: &[u8]) -> Option<u16> {
    if text.is_empty() || text.len() > 3 {
        return None;
    }
    let mut number: u16 = 0;
    for byte in text {
        let digit = u16::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(digit);
    }
    Some(number)
}
