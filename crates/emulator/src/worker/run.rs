//! A stream on its way through the filter chain.

use std::collections::VecDeque;
use std::time::Duration;

use super::reply::Reply;
use crate::event::Request;
use crate::headers::Headers;
use crate::report::Answer;
use crate::stream::SharedStream;

/// What stands in a stream's place of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing: the plugin is bypassed.
    Skip,
    /// A plugin whose VM is dead: 503.
    Dead,
    /// A plugin whose first configuration was refused: 500.
    Refused,
    /// A context of a living VM (or one that dies while the stream is open).
    Live { vm: u64, root: u32 },
}

impl Target {
    pub(super) fn vm(self) -> Option<u64> {
        match self {
            Self::Live { vm, .. } => Some(vm),
            Self::Skip | Self::Dead | Self::Refused => None,
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Headers { end: bool },
    Data { bytes: Vec<u8>, end: bool },
    Trailers,
}

/// Where a filter holds a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stop {
    #[default]
    No,
    /// At its headers; whatever follows waits in the inbox.
    All,
    /// In its body; chunks gather in the filter's view.
    Body,
    /// At its trailers.
    Trailers,
}

/// One direction of a message at one filter.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) stop: Stop,
    pub(super) inbox: VecDeque<Item>,
    /// Whether the held part ends the message.
    pub(super) end: bool,
    /// The body that the filter still sees is not passed on ("stop without buffering").
    pub(super) dropped: bool,
}

impl Lane {
    /// Keeps what arrives behind stopped headers. Chunks of a body become one, as in Envoy's buffer.
    pub(super) fn hold(&mut self, item: Item) {
        if let (
            Some(Item::Data { bytes, end }),
            Item::Data {
                bytes: more,
                end: last,
            },
        ) = (self.inbox.back_mut(), &item)
        {
            bytes.extend_from_slice(more);
            *end |= last;
        } else {
            self.inbox.push_back(item);
        }
    }
}

#[derive(Debug)]
pub(super) struct FilterRun {
    pub(super) target: Target,
    pub(super) context: u32,
    /// `on_context_create` has run (or would have, in a dead VM).
    pub(super) created: bool,
    /// The stream was failed because of this filter's VM.
    pub(super) failed: bool,
    pub(super) decode: Lane,
    pub(super) encode: Lane,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) request: Request,
    pub(super) stream: SharedStream,
    pub(super) filters: Vec<FilterRun>,
    pub(super) start: Duration,
    /// A local reply has ended the request's way to the upstream.
    pub(super) replied: bool,
    /// A callback for the request is running, or what it asked for.
    pub(super) decoding: bool,
    /// A local reply that waits for the callback's end.
    pub(super) prepared: Option<Reply>,
    pub(super) answer: Option<Answer>,
    pub(super) original: Headers,
    pub(super) upstream_request: Option<Headers>,
    pub(super) upstream_body: Vec<u8>,
    /// When the complete request went to the upstream.
    pub(super) dispatched: Option<Duration>,
    /// The status in the headers that went to the client.
    pub(super) sent: Option<u16>,
    pub(super) client_headers: Headers,
    pub(super) client_body: Vec<u8>,
    pub(super) client_trailers: Headers,
    pub(super) truncated: bool,
}
