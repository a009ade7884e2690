//! The data of one HTTP stream, as host calls see it.
//!
//! Each filter of the chain sees a stream through a [`View`]: which maps and bodies are open to it depends on the phase
//! that this filter is in, not on the stream as a whole (source: Envoy's `extensions/common/wasm/context.cc`, where each
//! context holds pointers that are nulled once a callback has returned Continue).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::headers::Headers;

/// What one filter may touch at the moment.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) request_headers: bool,
    pub(crate) request_trailers: bool,
    pub(crate) response_headers: bool,
    pub(crate) response_trailers: bool,
    pub(crate) request_body: Option<Vec<u8>>,
    pub(crate) response_body: Option<Vec<u8>>,
    pub(crate) end_of_stream: bool,
    /// In `on_log`.
    pub(crate) logging: bool,
}

/// Facts about a stream that are not headers: Envoy's `StreamInfo`.
#[derive(Debug, Default)]
pub(crate) struct Info {
    /// Wall clock at the start, nanoseconds.
    pub(crate) start_wall: u64,
    /// Set once the stream is complete, nanoseconds.
    pub(crate) duration: Option<u64>,
    /// From the first byte sent upstream to the last received, nanoseconds.
    pub(crate) backend_latency: Option<u64>,
    pub(crate) code: Option<u16>,
    pub(crate) details: Option<String>,
    pub(crate) flags: u64,
    pub(crate) protocol: String,
    pub(crate) source: String,
    pub(crate) connection: u64,
    /// Cluster and route, if there is a route.
    pub(crate) route: Option<(String, String)>,
    pub(crate) upstream: bool,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    /// Filter state, by full key (`wasm.<key>` for `set_property`).
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// One HTTP stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) request: Headers,
    pub(crate) request_trailers: Option<Headers>,
    pub(crate) response: Option<Headers>,
    /// The response that a direct local reply replaced: filters that hold it still see it, but not in `on_log`.
    pub(crate) replaced: Option<Headers>,
    pub(crate) response_trailers: Option<Headers>,
    pub(crate) views: Vec<View>,
    pub(crate) info: Info,
    pub(crate) route_refreshes: u32,
    pub(crate) fuel: u64,
    /// Counters that its callbacks incremented, and by how much.
    pub(crate) counted: Vec<(String, u64)>,
}

/// A stream that its worker and the contexts of its filters hold together.
#[derive(Clone, Debug)]
pub(crate) struct SharedStream(Arc<Mutex<Stream>>);

impl SharedStream {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// Only the worker that serves the stream ever takes this lock, and never while a guest runs.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A header map of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
}

/// What a filter gets when it asks for a map.
pub(crate) enum Readable<'a> {
    Map(&'a Headers),
    /// Not there. In `on_log` a key of it is "not found", elsewhere the map is a bad argument.
    Absent {
        logging: bool,
    },
}

impl Stream {
    /// The map that `filter` may read.
    pub(crate) fn readable(&self, filter: usize, map: Map) -> Readable<'_> {
        let Some(view) = self.views.get(filter) else {
            return Readable::Absent { logging: false };
        };
        let logging = view.logging;
        let found = match map {
            Map::RequestHeaders => (logging || view.request_headers).then_some(&self.request),
            Map::RequestTrailers => self
                .request_trailers
                .as_ref()
                .filter(|_| !logging && view.request_trailers),
            Map::ResponseHeaders if logging => self.response.as_ref(),
            Map::ResponseHeaders => self
                .replaced
                .as_ref()
                .or(self.response.as_ref())
                .filter(|_| view.response_headers),
            Map::ResponseTrailers => self
                .response_trailers
                .as_ref()
                .filter(|_| logging || view.response_trailers),
        };
        found.map_or(Readable::Absent { logging }, Readable::Map)
    }

    /// The map that `filter` may write. Asking for trailers in the body callback that ends a message creates them.
    pub(crate) fn writable(&mut self, filter: usize, map: Map) -> Option<&mut Headers> {
        let view = self.views.get_mut(filter)?;
        match map {
            Map::RequestHeaders => view.request_headers.then_some(&mut self.request),
            Map::ResponseHeaders => self
                .replaced
                .as_mut()
                .or(self.response.as_mut())
                .filter(|_| view.response_headers),
            Map::RequestTrailers => {
                if !view.request_trailers && view.request_body.is_some() && view.end_of_stream {
                    view.request_trailers = true;
                    return Some(self.request_trailers.get_or_insert_default());
                }
                self.request_trailers.as_mut().filter(|_| view.request_trailers)
            }
            Map::ResponseTrailers => {
                if !view.response_trailers && view.response_body.is_some() && view.end_of_stream {
                    view.response_trailers = true;
                    return Some(self.response_trailers.get_or_insert_default());
                }
                self.response_trailers.as_mut().filter(|_| view.response_trailers)
            }
        }
    }

    /// `continue_stream` closes the request side to the filter, whichever direction it continues.
    pub(crate) fn close_request(&mut self, filter: usize) {
        if let Some(view) = self.views.get_mut(filter) {
            view.request_headers = false;
            view.request_trailers = false;
        }
    }
}
