//! The server: a thread with its own runtime, and the handle to it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::{oneshot, watch};

use crate::behavior::{Behavior, BehaviorError, Percent, Unknown};
use crate::decide::{self, Asked, answer};
use crate::record::{Counts, Outcome, Record, RequestHead};
use crate::reply::{Active, Reply};

/// Request heads kept in memory.
const HEADS: usize = 1024;
/// After a failed accept (out of file descriptors) the next attempt waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A running upstream. It ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts an upstream on `address` (port 0 takes a free one) that calls itself `version`. It accepts
    /// connections from the return on.
    ///
    /// # Errors
    /// The address cannot be bound, `version` is not a header value, or there are no threads left.
    pub fn bind(address: impl ToSocketAddrs, version: &str) -> io::Result<Self> {
        let name = HeaderValue::from_str(version).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{version:?} cannot be sent in a header"),
            )
        })?;
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shared = Arc::new(Shared::new(name));
        let (stop, stopped) = oneshot::channel();
        let server = Arc::clone(&shared);
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let thread = thread::Builder::new()
            .name(format!("upstream-{version}"))
            .spawn(move || {
                // Dropping the runtime at the end drops the connections that are still open.
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = accept(listener, server) => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How it answers from now on, unless a request says otherwise. The count behind `fail` begins anew, and answers that
    /// are held go out.
    pub fn set(&self, behavior: Behavior) {
        self.shared.set(behavior);
    }

    /// What was set last, here or with `POST /_control`.
    pub fn behavior(&self) -> Behavior {
        self.shared.behavior().set.clone()
    }

    /// What it has served; exact.
    pub fn counts(&self) -> Counts {
        self.shared.record.counts()
    }

    /// The heads of the last 1024 requests, oldest first.
    pub fn requests(&self) -> Vec<RequestHead> {
        self.shared.record.heads()
    }

    /// Forgets counts and heads.
    pub fn reset_counts(&self) {
        self.shared.record.reset();
    }

    /// How many requests it is answering just now, from their arrival until the last byte is handed over or the
    /// client has gone.
    pub fn active(&self) -> usize {
        self.shared.active.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    name: HeaderValue,
    behavior: Mutex<Global>,
    record: Record,
    active: Arc<AtomicUsize>,
    /// How often it was told how to behave.
    told: watch::Sender<u64>,
}

/// What holds for all requests.
#[derive(Debug, Default)]
struct Global {
    set: Behavior,
    /// Requests seen with each failing share: the n-th with the same share fails or does not, whoever sends it.
    /// At most 10001 shares exist.
    seen: HashMap<Percent, u64>,
}

impl Shared {
    fn new(name: HeaderValue) -> Self {
        Self {
            name,
            behavior: Mutex::default(),
            record: Record::new(HEADS),
            active: Arc::default(),
            told: watch::Sender::default(),
        }
    }

    fn behavior(&self) -> MutexGuard<'_, Global> {
        self.behavior.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, behavior: Behavior) {
        let mut global = self.behavior();
        *global = Global {
            set: behavior,
            seen: HashMap::new(),
        };
        // Before anybody can ask how to behave now: who does is held until the next time.
        self.told.send_modify(|times| *times = times.wrapping_add(1));
    }

    /// The behavior for one request, whether it belongs to the failing share, and what changes when the upstream is told
    /// anew how to behave.
    fn behavior_for(&self, asked: &Parts) -> Result<(Behavior, bool, watch::Receiver<u64>), BehaviorError> {
        let query = Behavior::from_query(asked.uri.query().unwrap_or(""), Unknown::Ignored)?;
        let own = query.or(&Behavior::from_headers(&asked.headers)?);
        let mut global = self.behavior();
        let behavior = own.or(&global.set);
        let fails = behavior.fail.is_some_and(|share| {
            let seen = global.seen.entry(share).or_default();
            let fails = share.chooses(*seen);
            *seen = seen.wrapping_add(1);
            fails
        });
        Ok((behavior, fails, self.told.subscribe()))
    }
}

/// Why a request got no answer.
#[derive(Debug)]
enum Unanswered {
    /// It asked for that.
    Reset,
    /// The client went while it sent the body.
    Body,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "reset on request",
            Self::Body => "incomplete request body",
        })
    }
}

impl std::error::Error for Unanswered {}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // An upstream under test waits for ever: a timeout of its own would look like a fault nobody asked for.
    builder.http1().header_read_timeout(None);
    builder.http2().max_concurrent_streams(None);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (shared, builder) = (Arc::clone(&shared), builder.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(Arc::clone(&shared), request));
            // A client that breaks the protocol or goes away is no concern of the upstream.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Reply>, Unanswered> {
    let (parts, body) = request.into_parts();
    if let Some(own) = own_path(&shared, &parts) {
        return Ok(own);
    }
    let active = Active::new(&shared.active);
    let body_bytes = drain(body).await?;
    let head = RequestHead::new(&parts);
    let (behavior, fails, mut told) = match shared.behavior_for(&parts) {
        Ok(decided) => decided,
        Err(wrong) => {
            shared.record.add(head, Outcome::Status(400));
            return Ok(decide::plain(
                &shared.name,
                StatusCode::BAD_REQUEST,
                format!("{wrong}\n"),
            ));
        }
    };
    let reset = behavior.reset == Some(true) && !fails;
    let outcome = match reset {
        true => Outcome::Reset,
        false => Outcome::Status(decide::status(&behavior, fails).as_u16()),
    };
    let response = answer(
        &shared.name,
        &behavior,
        &Asked {
            head: &head,
            protocol: parts.version,
            body_bytes,
            fails,
        },
    );
    shared.record.add(head, outcome);
    if behavior.hold == Some(true) {
        // The sender lives as long as `shared`, so that there is no other end to this.
        let _ = told.changed().await;
    }
    if let Some(delay) = behavior.delay {
        tokio::time::sleep(delay).await;
    }
    if reset {
        return Err(Unanswered::Reset);
    }
    Ok(response.map(|reply| reply.holding(active)))
}

/// Answers to the paths that belong to the upstream itself.
fn own_path(shared: &Shared, parts: &Parts) -> Option<Response<Reply>> {
    let name = &shared.name;
    let plain = |status, text| decide::plain(name, status, text);
    Some(match (parts.uri.path(), &parts.method) {
        ("/_health", _) => plain(StatusCode::OK, "ok\n".to_owned()),
        ("/_counts", &Method::GET) => decide::json(name, &shared.record.counts().to_json()),
        ("/_control", &Method::GET) => plain(StatusCode::OK, format!("{}\n", shared.behavior().set)),
        ("/_control", &Method::POST) => match Behavior::parse(parts.uri.query().unwrap_or("")) {
            Ok(behavior) => {
                let text = format!("{behavior}\n");
                shared.set(behavior);
                plain(StatusCode::OK, text)
            }
            Err(wrong) => plain(StatusCode::BAD_REQUEST, format!("{wrong}\n")),
        },
        ("/_counts" | "/_control", _) => {
            plain(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST\n".to_owned())
        }
        _ => return None,
    })
}

/// Reads a request's body to its end, so that the connection can be used again.
async fn drain(mut body: Incoming) -> Result<u64, Unanswered> {
    let mut bytes: u64 = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unanswered::Body)?;
        bytes = bytes.saturating_add(frame.data_ref().map_or(0, |data| data.len() as u64));
    }
    Ok(bytes)
}
