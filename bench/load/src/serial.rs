//! One connection, one request at a time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::answer::{Answer, Malformed, Reader};
use crate::request::Prepared;

/// How long to wait for an answer. Under valgrind one takes milliseconds; a start of a VM in between takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A keep-alive connection on which one request is asked after the other: `n` calls are `n` requests, no more.
#[derive(Debug)]
pub struct Serial {
    stream: TcpStream,
    reader: Reader,
}

impl Serial {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            reader: Reader::new(),
        })
    }

    /// Sends a request and waits up to 60 s for the whole answer. After an answer that says `close` the next call
    /// fails: the caller decides whether a new connection may be part of what it measures.
    ///
    /// # Errors
    /// The system's; [`Malformed`] inside an [`io::Error`] for bytes that are not an answer.
    pub fn ask(&mut self, request: &Prepared) -> io::Result<Answer> {
        self.reader.expect(request.head_only());
        self.stream.write_all(request.bytes())?;
        loop {
            let count = match self.stream.read(self.reader.room()) {
                Ok(0) => return self.reader.ended().map_err(Malformed::into),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Some(answer) = self.reader.filled(count)? {
                return Ok(answer);
            }
        }
    }

    /// Asks `count` times and returns the last answer; `None` if `count` is 0.
    ///
    /// # Errors
    /// As [`ask`](Self::ask); the first error ends it.
    pub fn ask_times(&mut self, request: &Prepared, count: usize) -> io::Result<Option<Answer>> {
        (0..count).try_fold(None, |_, _| self.ask(request).map(Some))
    }
}
