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

/// What a stream remembers of its request.
#[derive(Default)]
pub struct Flight {
    /// Whether the filter is about this request.
    pub(crate) seen: bool,
    /// Why it is not measured, as far as its request says.
    pub(crate) excluded: Option<Reason>,
    /// When it came, on the steady clock.
    pub(crate) started: Timestamp,
    /// When the response headers came, where that is asked for.
    pub(crate) first_byte: Option<Timestamp>,
    pub(crate) said: Said,
    /// The status of the response; 0 if there was none, or nobody asks.
    pub(crate) status: u16,
    /// It is a gRPC call.
    grpc: bool,
    pub(crate) grpc_status: Option<u8>,
    /// The objectives that are about it, a bit each; those beyond the configured ones are of no meaning.
    pub(crate) slos: u32,
    /// What a log line needs of it.
    pub(crate) captured: Option<Box<Captured>>,
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
    pub(crate) const fn is_grpc(&self) -> bool {
        self.grpc
    }
}

impl LatencyHistogram {
    /// Notes when a request came, and what it says.
    pub(crate) fn begin(&self, view: &impl View, proxy: &impl Proxy) -> Flight {
        let mut flight = Flight {
            seen: true,
            started: view.steady(),
            slos: u32::MAX,
            ..Flight::default()
        };
        if self.asks_request {
            self.ask(&mut flight, view, proxy);
        }
        flight
    }

    #[inline(never)]
    fn ask(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let request = Request::new(view);
        if self.matches.as_ref().is_some_and(|rules| !rules.any(&request)) {
            flight.seen = false;
            return;
        }
        flight.excluded = self.excluded(&request);
        if flight.excluded.is_some() {
            return;
        }
        if self.wants_grpc_status {
            // A gRPC call has a message, and says that it understands trailers. Browsers say so, too: then the type tells.
            flight.grpc =
                !view.ends() && view.header(HeaderMap::Request, "te").is_some() && request.is_grpc();
        }
        self.labels.of_request(&mut flight.said, &request, proxy);
        for (index, slo) in self.slos.iter().enumerate() {
            if slo.matches.as_ref().is_some_and(|rules| !rules.any(&request)) {
                flight.slos &= !(1 << (index & 31));
            }
        }
        if let Some(log) = &self.log {
            flight.captured = log.capture(&request, view, proxy);
        }
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
        if !flight.seen || flight.excluded.is_some() {
            return;
        }
        if self.wants_first_byte || flight.grpc {
            flight.first_byte = Some(view.steady());
        }
        if self.wants_status {
            let status = view.header(HeaderMap::Response, ":status");
            flight.status = status.as_deref().and_then(number).unwrap_or(0);
        }
        if flight.grpc {
            flight.grpc_status = grpc_status(view, HeaderMap::Response);
        }
        self.labels.of_response(&mut flight.said, view, proxy);
    }

    /// Notes what a gRPC call came to.
    pub(crate) fn trailed(&self, flight: &mut Flight, view: &impl View) {
        if flight.grpc && flight.grpc_status.is_none() {
            flight.grpc_status = grpc_status(view, HeaderMap::ResponseTrailers);
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
    text.iter().try_fold(0_u16, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number.wrapping_mul(10).wrapping_add(u16::from(digit)))
    })
}
