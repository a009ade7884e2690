//! A connection that never blocks: what a closed and an open loop have in common.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::answer::{Answer, Reader};
use crate::request::{Outgoing, Requests};

/// One keep-alive connection with at most one request under way.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    token: Token,
    /// Absent when it could not be opened again.
    stream: Option<TcpStream>,
    out: Outgoing,
    sent: usize,
    reader: Reader,
    /// When the request under way was due.
    pub(crate) due: Option<Instant>,
}

/// What has become of the request under way.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing yet.
    Waiting,
    /// It is answered.
    Answered(Answer),
    /// It will not be.
    Failed,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, token: Token, registry: &Registry) -> io::Result<Self> {
        let mut connection = Self {
            address,
            token,
            stream: None,
            out: Outgoing::default(),
            sent: 0,
            reader: Reader::new(),
            due: None,
        };
        connection.reopen(registry)?;
        Ok(connection)
    }

    /// Drops the connection and makes a new one. Blocks for the handshake, which on loopback is no wait.
    pub(crate) fn reopen(&mut self, registry: &Registry) -> io::Result<()> {
        self.stream = None;
        self.due = None;
        let stream = std::net::TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, self.token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Whether it can take a request.
    pub(crate) fn is_idle(&self) -> bool {
        self.stream.is_some() && self.due.is_none()
    }

    /// Whether it could not be opened again.
    pub(crate) fn is_lost(&self) -> bool {
        self.stream.is_none()
    }

    /// Sends the request of `turn`, which was due at `due`.
    pub(crate) fn send(&mut self, requests: &Requests, turn: u64, due: Instant) -> Progress {
        requests.write(turn, &mut self.out);
        self.reader.expect(self.out.head_only);
        self.sent = 0;
        self.due = Some(due);
        self.flush()
    }

    fn flush(&mut self) -> Progress {
        let Some(stream) = &mut self.stream else {
            return Progress::Failed;
        };
        while let Some(rest) = self.out.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(0) => return Progress::Failed,
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Waiting,
                Err(_) => return Progress::Failed,
            }
        }
        Progress::Waiting
    }

    /// Goes on after an event, which may have said that the server writes no more. The request stays under way until
    /// [`finish`](Self::finish).
    pub(crate) fn advance(&mut self, read_closed: bool) -> Progress {
        if self.due.is_none() {
            return Progress::Waiting;
        }
        if self.sent < self.out.bytes.len() && matches!(self.flush(), Progress::Failed) {
            return Progress::Failed;
        }
        let Some(stream) = &mut self.stream else {
            return Progress::Failed;
        };
        loop {
            let room = self.reader.room();
            let most = room.len();
            match stream.read(room) {
                Ok(0) => return self.reader.ended().map_or(Progress::Failed, Progress::Answered),
                Ok(count) => match self.reader.filled(count) {
                    Ok(Some(answer)) => return Progress::Answered(answer),
                    // Less than there was room for: nothing is left, and the next bytes are a new event. The end of
                    // the connection is none if this event was it.
                    Ok(None) if count < most && !read_closed => return Progress::Waiting,
                    Ok(None) => {}
                    Err(_) => return Progress::Failed,
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Waiting,
                Err(_) => return Progress::Failed,
            }
        }
    }

    /// The request is no longer under way; says when it was due.
    pub(crate) fn finish(&mut self) -> Option<Instant> {
        self.due.take()
    }
}
