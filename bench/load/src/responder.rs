//! An upstream that costs as little as an upstream can: one thread, one prepared answer.
//!
//! Behind a proxy that is measured, the upstream takes CPU time from it on a small machine. This one does a `read` and a
//! `write` a request. It looks for the ends of request heads and nothing else: requests must have no body.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);
const EVENTS: usize = 256;
/// Bytes read at once.
const BUFFER: usize = 64 << 10;
const END: &[u8] = b"\r\n\r\n";

/// A server on a free loopback port that gives each request the same answer, until it is dropped.
#[derive(Debug)]
pub struct Responder {
    address: SocketAddr,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Answers 200 with this body. The thread is started by the caller's, and is [pinned](crate::pin) as that is.
    ///
    /// # Errors
    /// The system's.
    pub fn start(body: &str) -> io::Result<Self> {
        let length = body.len();
        Self::answering(
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}")
                .into_bytes(),
        )
    }

    /// Answers with these bytes, which must be one whole answer that keeps the connection.
    ///
    /// # Errors
    /// The system's.
    pub fn answering(answer: Vec<u8>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), STOP)?;
        let mut server = Server {
            poll,
            listener,
            clients: Vec::new(),
            free: Vec::new(),
            answer,
            buffer: vec![0; BUFFER],
        };
        let thread = std::thread::Builder::new()
            .name("responder".into())
            .spawn(move || server.serve())?;
        Ok(Self {
            address,
            waker,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A thread that has panicked has said so itself.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    /// How much of the end of a head the last bytes are.
    matched: usize,
    /// What could not be written yet.
    rest: Vec<u8>,
}

#[derive(Debug)]
struct Server {
    poll: Poll,
    listener: TcpListener,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    answer: Vec<u8>,
    buffer: Vec<u8>,
}

impl Server {
    fn serve(&mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
            for event in &events {
                match event.token() {
                    STOP => return,
                    LISTENER => self.accept(),
                    Token(index) => self.answer(index, event),
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let index = self.free.pop().unwrap_or(self.clients.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            let _ = stream.set_nodelay(true);
            if self
                .poll
                .registry()
                .register(&mut stream, Token(index), interest)
                .is_err()
            {
                self.free.push(index);
                continue;
            }
            let client = Some(Client {
                stream,
                matched: 0,
                rest: Vec::new(),
            });
            match self.clients.get_mut(index) {
                Some(place) => *place = client,
                None => self.clients.push(client),
            }
        }
    }

    fn answer(&mut self, index: usize, event: &Event) {
        let Some(place) = self.clients.get_mut(index) else {
            return;
        };
        let Some(client) = place else {
            return;
        };
        let stays = client.serve(&mut self.buffer, &self.answer).is_ok();
        if !stays || event.is_error() || event.is_read_closed() {
            *place = None;
            self.free.push(index);
        }
    }
}

impl Client {
    /// Answers whatever has arrived; an error when the connection is over.
    fn serve(&mut self, buffer: &mut [u8], answer: &[u8]) -> io::Result<()> {
        self.flush()?;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    for _ in 0..self.ends(buffer.get(..count).unwrap_or_default()) {
                        self.write(answer)?;
                    }
                    if count < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// How many heads end in these bytes.
    fn ends(&mut self, bytes: &[u8]) -> usize {
        // Almost always: one whole head, and nothing of an earlier one.
        if self.matched == 0
            && memchr::memmem::find(bytes, END).is_some_and(|at| at + END.len() == bytes.len())
        {
            return 1;
        }
        let mut ends = 0;
        for byte in bytes {
            self.matched = match (byte, self.matched) {
                (b'\r', 2) => 3,
                (b'\r', _) => 1,
                (b'\n', 1) => 2,
                (b'\n', 3) => {
                    ends += 1;
                    0
                }
                _ => 0,
            };
        }
        ends
    }

    fn write(&mut self, answer: &[u8]) -> io::Result<()> {
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(answer);
            return Ok(());
        }
        match self.stream.write(answer) {
            Ok(count) => {
                self.rest
                    .extend_from_slice(answer.get(count..).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.rest.extend_from_slice(answer);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            match self.stream.write(&self.rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.rest.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
