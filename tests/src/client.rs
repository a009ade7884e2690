//! A blocking HTTP/1.1 client over one kept connection, for requests that no library would send: header values that are
//! not UTF-8, a thousand headers, pipelines.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// An Envoy that is silent for this long hangs.
const SILENCE: Duration = Duration::from_secs(60);

/// The most requests that may be under way on a connection: Envoy closes one that has more than two responses to send
/// (`http1.response_flood`), which answers that it gives by itself are soon.
pub const PIPELINE: usize = 2;

/// A request, as the bytes that are sent.
#[derive(Clone, Debug)]
pub struct Request {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Request {
    /// A GET of `path` from host `test.local`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST with a body.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let head = format!("POST {path} HTTP/1.1\r\nhost: test.local\r\n");
        let head = Self {
            head: head.into_bytes(),
            body: Vec::new(),
        };
        Self {
            body: body.clone(),
            ..head.header("content-length", body.len().to_string())
        }
    }

    /// A GET of `path` from another host.
    #[must_use]
    pub fn to(host: &str, path: &str) -> Self {
        Self {
            head: format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n").into_bytes(),
            body: Vec::new(),
        }
    }

    /// A request without a body; one whose method would have a body says that it is empty.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: test.local\r\n");
        let request = Self {
            head: head.into_bytes(),
            body: Vec::new(),
        };
        if method == "GET" {
            request
        } else {
            request.header("content-length", "0")
        }
    }

    /// Adds a header, byte for byte.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        for part in [name.as_ref(), b": ", value.as_ref(), b"\r\n"] {
            self.head.extend_from_slice(part);
        }
        self
    }

    fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
    }
}

/// A response with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header, if it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// All values of a header that are text.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(known, _)| known == name);
        lines
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .collect()
    }
}

/// One connection, which is kept over requests and so stays with one worker of the proxy.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    read: usize,
}

impl Connection {
    /// Connects to a loopback port.
    ///
    /// # Panics
    /// If nothing listens there.
    #[must_use]
    pub fn open(port: u16) -> Self {
        Self::to(([127, 0, 0, 1], port).into()).expect("the proxy listens")
    }

    /// Connects to an address.
    ///
    /// # Errors
    /// Nothing listens there.
    pub fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            read: 0,
        })
    }

    /// Sends a request and waits for its response.
    ///
    /// # Panics
    /// If the connection fails, or the proxy is silent for a minute.
    pub fn ask(&mut self, request: &Request) -> Response {
        self.send(std::slice::from_ref(request));
        self.receive()
    }

    /// As [`ask`](Self::ask), while a proxy starts or its listeners change.
    ///
    /// # Errors
    /// The connection fails.
    pub fn try_ask(&mut self, request: &Request) -> io::Result<Response> {
        let mut bytes = Vec::new();
        request.append_to(&mut bytes);
        self.stream.write_all(&bytes)?;
        self.try_receive()
    }

    /// The statuses of the same request sent `count` times, one after the other.
    ///
    /// # Panics
    /// As [`ask`](Self::ask).
    pub fn statuses(&mut self, request: &Request, count: usize) -> Vec<u16> {
        (0..count).map(|_| self.ask(request).status).collect()
    }

    /// Sends at most [`PIPELINE`] requests in one go, and waits for the statuses of all.
    ///
    /// # Panics
    /// As [`ask`](Self::ask).
    pub fn pipeline(&mut self, requests: &[Request]) -> Vec<u16> {
        self.send(requests);
        requests.iter().map(|_| self.receive().status).collect()
    }

    /// Sends requests without waiting.
    ///
    /// # Panics
    /// If the connection fails.
    pub fn send(&mut self, requests: &[Request]) {
        let mut bytes = Vec::new();
        requests.iter().for_each(|request| request.append_to(&mut bytes));
        self.stream.write_all(&bytes).expect("the proxy reads");
    }

    /// Waits for the next response.
    ///
    /// # Panics
    /// As [`ask`](Self::ask).
    pub fn receive(&mut self) -> Response {
        self.try_receive().expect("the proxy answers")
    }

    fn try_receive(&mut self) -> io::Result<Response> {
        let end = self.find_head_end()?;
        let head = self.take(end);
        let head = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let mut lines = head.filter(|line| !line.is_empty());
        let status_line = String::from_utf8_lossy(lines.next().expect("a status line")).into_owned();
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let headers = lines.map(|line| {
            let colon = line
                .iter()
                .position(|byte| *byte == b':')
                .expect("a header has a colon");
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            (name, line[colon + 1..].trim_ascii().to_vec())
        });
        let mut response = Response {
            status: status.unwrap_or_else(|| panic!("`{status_line}` is no status line")),
            headers: headers.collect(),
            body: Vec::new(),
        };
        response.body = match response.header("transfer-encoding") {
            Some(_) => self.take_chunks()?,
            None => {
                let length = response.header("content-length");
                self.take_body(length.map_or(0, |length| length.parse().expect("a length")))?
            }
        };
        Ok(response)
    }

    /// Waits until the proxy closes the connection; all that it has sent until then.
    ///
    /// # Panics
    /// If the proxy is silent for a minute.
    #[must_use]
    pub fn rest(mut self) -> Vec<u8> {
        let mut rest = self.buffer.split_off(self.read);
        // A reset is an end, too.
        if let Err(error) = self.stream.read_to_end(&mut rest) {
            assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "the proxy is silent");
        }
        rest
    }

    /// The number of bytes up to the end of the next head, once it is here.
    fn find_head_end(&mut self) -> io::Result<usize> {
        const END: &[u8] = b"\r\n\r\n";
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.read..];
            let found = unread[searched..]
                .windows(END.len())
                .position(|window| window == END);
            if let Some(at) = found {
                return Ok(searched + at + END.len());
            }
            searched = unread.len().saturating_sub(END.len() - 1);
            self.fill()?;
        }
    }

    /// The end of the next line, which is here from then on.
    fn find_line_end(&mut self) -> io::Result<usize> {
        loop {
            let found = self.buffer[self.read..].iter().position(|byte| *byte == b'\n');
            match found {
                Some(at) => return Ok(at + 1),
                None => self.fill()?,
            }
        }
    }

    fn take_body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.read < length {
            self.fill()?;
        }
        Ok(self.take(length))
    }

    /// A chunked body (RFC 9112, 7.1); trailers are read over.
    fn take_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.find_line_end()?;
            let size = self.take(end);
            let size = String::from_utf8_lossy(size.trim_ascii_end()).into_owned();
            let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("`{size}` is no size"));
            body.extend(self.take_body(size)?);
            loop {
                let end = self.find_line_end()?;
                // The end of the chunk, or of the trailers.
                if self.take(end).trim_ascii_end().is_empty() {
                    break;
                }
            }
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let bytes = self.buffer[self.read..self.read + count].to_vec();
        self.read += count;
        bytes
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..std::mem::take(&mut self.read));
        let mut piece = [0; 16 * 1024];
        let count = self.stream.read(&mut piece)?;
        if count == 0 {
            let closed = "the proxy closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, closed));
        }
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(())
    }
}

/// Opens `connections` connections and runs `work` on each in a thread of its own; the results in the same order.
///
/// # Panics
/// If one of them panics.
pub fn side_by_side<T: Send>(
    port: u16,
    connections: usize,
    work: impl Fn(usize, &mut Connection) -> T + Sync,
) -> Vec<T> {
    let open: Vec<Connection> = (0..connections).map(|_| Connection::open(port)).collect();
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = open
            .into_iter()
            .enumerate()
            .map(|(index, mut connection)| scope.spawn(move || work(index, &mut connection)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a client thread panicked"))
            .collect()
    })
}

/// Repeats `work` on each of `connections` connections for as long as `watch` runs; all results.
///
/// # Panics
/// If one of them panics, after all have ended.
pub fn meanwhile<T: Send>(
    port: u16,
    connections: usize,
    work: impl Fn(&mut Connection) -> T + Sync,
    watch: impl FnOnce(),
) -> Vec<T> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients = scope.spawn(|| {
            side_by_side(port, connections, |_, connection| {
                let mut seen = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    seen.push(work(connection));
                }
                seen
            })
        });
        // Were it to panic past here, the clients would never stop.
        let watched = catch_unwind(AssertUnwindSafe(watch));
        stop.store(true, Ordering::Relaxed);
        let seen = clients.join().expect("the clients");
        if let Err(panic) = watched {
            resume_unwind(panic);
        }
        seen.into_iter().flatten().collect()
    })
}
