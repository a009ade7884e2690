//! The body of an answer: a text or filler, in one piece or in several with pauses, with trailers or without.
//!
//! A body of any size costs one fixed block of memory: its pieces are slices of the same bytes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::HeaderMap;
use tokio::time::{Sleep, sleep};

/// What filler bodies are cut from.
static FILLER: [u8; 65_536] = [b'x'; 65_536];

/// A request that is being answered; counted from its making to its drop.
#[derive(Debug)]
pub(crate) struct Active(Arc<AtomicUsize>);

impl Active {
    pub(crate) fn new(gauge: &Arc<AtomicUsize>) -> Self {
        gauge.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(gauge))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum Content {
    /// These bytes.
    Text(Bytes),
    /// So many bytes.
    Filler(u64),
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Filler(len) => *len,
        }
    }

    /// Cuts up to `most` bytes off the front; fewer of a filler longer than its block.
    fn take(&mut self, most: u64) -> Bytes {
        match self {
            Self::Text(text) => {
                let most = usize::try_from(most).unwrap_or(usize::MAX).min(text.len());
                text.split_to(most)
            }
            Self::Filler(left) => {
                let most = most.min(*left).min(FILLER.len() as u64);
                *left = left.saturating_sub(most);
                Bytes::from_static(&FILLER).slice(..usize::try_from(most).unwrap_or(0))
            }
        }
    }
}

/// A response body.
#[derive(Debug)]
pub(crate) struct Reply {
    content: Content,
    /// Pieces not yet begun.
    pieces: u32,
    /// What is still to send of the piece that has begun.
    in_piece: u64,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    begun: bool,
    sized: bool,
    trailers: Option<HeaderMap>,
    active: Option<Active>,
}

impl Reply {
    /// A body in one piece.
    pub(crate) fn new(content: Content) -> Self {
        Self {
            content,
            pieces: 1,
            in_piece: 0,
            pause: Duration::ZERO,
            pausing: None,
            begun: false,
            sized: true,
            trailers: None,
            active: None,
        }
    }

    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    /// Sends the body in `pieces` of about the same size (none empty), with a pause before each but the first.
    pub(crate) fn in_pieces(mut self, pieces: u32, pause: Duration) -> Self {
        self.pieces = pieces
            .min(u32::try_from(self.content.len()).unwrap_or(u32::MAX))
            .max(1);
        self.pause = pause;
        self.sized = false;
        self
    }

    pub(crate) fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers);
        self.sized = false;
        self
    }

    /// Keeps the request counted as active until the body is sent or given up.
    pub(crate) fn holding(mut self, active: Active) -> Self {
        self.active = Some(active);
        self
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if this.content.len() == 0 {
            return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        if this.in_piece == 0 {
            if this.begun && !this.pause.is_zero() {
                let pausing = this.pausing.get_or_insert_with(|| Box::pin(sleep(this.pause)));
                ready!(pausing.as_mut().poll(context));
                this.pausing = None;
            }
            this.begun = true;
            this.in_piece = this.content.len().div_ceil(u64::from(this.pieces.max(1)));
            this.pieces = this.pieces.saturating_sub(1);
        }
        let data = this.content.take(this.in_piece);
        this.in_piece = this.in_piece.saturating_sub(data.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.len() == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.sized {
            true => SizeHint::with_exact(self.content.len()),
            false => SizeHint::default(),
        }
    }
}
