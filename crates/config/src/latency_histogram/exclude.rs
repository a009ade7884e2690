//! Which requests are left out, as it is written.

use super::Exclude;
use crate::json::Json;
use crate::problem::Problems;
use crate::read::{List1, Read};
use crate::request::Match;

object! {
    /// Which requests are left out: they are in no histogram and in no objective.
    struct ExcludeFields, "a set of excluded requests" {
        /// Streams of gRPC, which last as long as the client likes: calls whose response goes on for more than a second.
        "grpc_streams" AnyOf grpc_streams: bool = false;
        /// Connections that became a WebSocket.
        "websockets" AnyOf websockets: bool = false;
        /// Requests whose client went away before they were over.
        "client_aborts" AnyOf client_aborts: bool = false;
        /// Requests of load balancers and of Kubernetes that ask whether a service is well, by their user-agent.
        "health_checks" AnyOf health_checks: bool = false;
        /// Requests that meet at least one entry.
        "match" AnyOf matches: List1<Match>;
    }
}

impl Read for Exclude {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = ExcludeFields::read(value, at)?;
        Some(Self {
            grpc_streams: fields.grpc_streams.unwrap_or_default(),
            websockets: fields.websockets.unwrap_or_default(),
            client_aborts: fields.client_aborts.unwrap_or_default(),
            health_checks: fields.health_checks.unwrap_or_default(),
            matches: fields.matches.unwrap_or_default(),
        })
    }
}

described_as! {
    Exclude => ExcludeFields;
}
