//! An upstream that sends the same bytes to everybody, whatever HTTP has to say about them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// What follows the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The connection is closed.
    Close,
    /// It stays open until the other side closes it.
    Stay,
}

/// An upstream that is listening on a free loopback port, and does so until it is dropped.
#[derive(Debug)]
pub struct Canned {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Canned {
    /// Answers the first request of each connection with `bytes`.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (bytes, stopped, counter) = (bytes.into(), Arc::clone(&stop), Arc::clone(&served));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), bytes, counter) = (stream, bytes.clone(), Arc::clone(&counter)) else {
                    continue;
                };
                // Ends with its connection, which the proxy closes at its own end at the latest.
                thread::spawn(move || serve(stream, &bytes, then, &counter));
            }
        });
        Self {
            address,
            stop,
            served,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has answered.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, bytes: &[u8], then: Then, served: &AtomicU64) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count @ 1..) => head.extend_from_slice(&piece[..count]),
            _ => return,
        }
    }
    served.fetch_add(1, Ordering::Relaxed);
    if stream.write_all(bytes).is_ok() && then == Then::Stay {
        while matches!(stream.read(&mut piece), Ok(1..)) {}
    }
}
