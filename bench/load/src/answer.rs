//! Where an answer ends: just enough of RFC 9112 to keep a connection in step.
//!
//! Heads are parsed by `httparse`; bodies are counted and dropped as they arrive, so that memory is one buffer a
//! connection. Not done: header values beyond framing, bodies as data, answers to `CONNECT` and `101`.

use std::fmt;

#[cfg(test)]
mod tests;

/// Longest head of an answer, and the size of the buffer.
const BUFFER: usize = 64 << 10;
/// Most headers of an answer.
const HEADERS: usize = 128;

/// One answer, as far as a load generator looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Bytes of the body, without the framing of chunks.
    pub body_bytes: u64,
    /// Whether the server ends the connection after it.
    pub close: bool,
}

/// Why bytes are not an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The head is not HTTP/1, is longer than 64 KiB, or has more than 128 headers.
    Head,
    /// A length that is no number, two that differ, or a transfer coding other than `chunked`.
    Length,
    /// A chunk without a size or without its end.
    Chunk,
    /// The connection ended inside an answer.
    Short,
    /// Bytes that no request asked for.
    Surplus,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "the head of the answer is not HTTP/1 or too long",
            Self::Length => "the answer does not say how long it is",
            Self::Chunk => "a chunk of the answer is malformed",
            Self::Short => "the connection ended inside an answer",
            Self::Surplus => "there are bytes after the answer",
        })
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for std::io::Error {
    fn from(error: Malformed) -> Self {
        let kind = match error {
            Malformed::Short => std::io::ErrorKind::UnexpectedEof,
            _ => std::io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Body { left: u64 },
    Size,
    Chunk { left: u64 },
    ChunkEnd,
    Trailers,
    UntilClose,
}

/// Reads the answers of one connection, one at a time.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    state: State,
    head_only: bool,
    answer: Answer,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            state: State::Head,
            head_only: false,
            answer: Answer {
                status: 0,
                body_bytes: 0,
                close: false,
            },
        }
    }

    /// Begins the answer to a new request; forgets what is left of an earlier one.
    pub(crate) fn expect(&mut self, head_only: bool) {
        self.start = 0;
        self.end = 0;
        self.state = State::Head;
        self.head_only = head_only;
    }

    /// Room for bytes from the connection; never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes note of `count` bytes that were put into [`room`](Self::room); the answer, if they complete it.
    pub(crate) fn filled(&mut self, count: usize) -> Result<Option<Answer>, Malformed> {
        self.end = self.end.saturating_add(count).min(self.buffer.len());
        let answer = self.parse()?;
        match answer {
            Some(_) if self.start < self.end => return Err(Malformed::Surplus),
            Some(_) => {}
            None if self.start > 0 => {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            None if self.end == self.buffer.len() => return Err(Malformed::Head),
            None => {}
        }
        Ok(answer)
    }

    /// The server has ended the connection: the end of an answer that has no other.
    pub(crate) fn ended(&mut self) -> Result<Answer, Malformed> {
        match self.state {
            State::UntilClose => Ok(self.answer),
            _ => Err(Malformed::Short),
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn parse(&mut self) -> Result<Option<Answer>, Malformed> {
        loop {
            let more = match self.state {
                State::Head => self.head()?,
                State::Body { left: 0 } => {
                    self.state = State::Head;
                    return Ok(Some(self.answer));
                }
                State::Body { left } => {
                    let left = left - self.drop_body(left);
                    self.state = State::Body { left };
                    left == 0
                }
                State::Size => self.size()?,
                State::Chunk { left } => {
                    let left = left - self.drop_body(left);
                    self.state = if left == 0 {
                        State::ChunkEnd
                    } else {
                        State::Chunk { left }
                    };
                    left == 0
                }
                State::ChunkEnd => self.chunk_end()?,
                State::Trailers => self.trailers()?,
                State::UntilClose => {
                    self.drop_body(u64::MAX);
                    false
                }
            };
            if !more {
                return Ok(None);
            }
        }
    }

    /// Drops up to `most` bytes of body and says how many.
    fn drop_body(&mut self, most: u64) -> u64 {
        let here = (self.unread().len() as u64).min(most);
        self.start += usize::try_from(here).unwrap_or(0);
        self.answer.body_bytes = self.answer.body_bytes.saturating_add(here);
        here
    }

    fn head(&mut self) -> Result<bool, Malformed> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| Malformed::Head)? else {
            return Ok(false);
        };
        let status = head.code.ok_or(Malformed::Head)?;
        let framing = Framing::of(&head)?;
        self.start += length;
        // An interim answer: the real one follows.
        if (100..200).contains(&status) {
            return Ok(true);
        }
        self.answer = Answer {
            status,
            body_bytes: 0,
            close: framing.close,
        };
        self.state = if self.head_only || status == 204 || status == 304 {
            State::Body { left: 0 }
        } else if framing.chunked {
            State::Size
        } else if let Some(left) = framing.length {
            State::Body { left }
        } else {
            self.answer.close = true;
            State::UntilClose
        };
        Ok(true)
    }

    fn size(&mut self) -> Result<bool, Malformed> {
        match httparse::parse_chunk_size(self.unread()) {
            Ok(httparse::Status::Complete((length, size))) => {
                self.start += length;
                self.state = if size == 0 {
                    State::Trailers
                } else {
                    State::Chunk { left: size }
                };
                Ok(true)
            }
            Ok(httparse::Status::Partial) => Ok(false),
            Err(_) => Err(Malformed::Chunk),
        }
    }

    fn chunk_end(&mut self) -> Result<bool, Malformed> {
        let bytes = self.unread();
        match bytes.get(..2) {
            Some(b"\r\n") => {
                self.start += 2;
                self.state = State::Size;
                Ok(true)
            }
            None if bytes.is_empty() || bytes == b"\r" => Ok(false),
            _ => Err(Malformed::Chunk),
        }
    }

    fn trailers(&mut self) -> Result<bool, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        match httparse::parse_headers(self.unread(), &mut headers) {
            Ok(httparse::Status::Complete((length, _))) => {
                self.start += length;
                self.state = State::Body { left: 0 };
                Ok(true)
            }
            Ok(httparse::Status::Partial) => Ok(false),
            Err(_) => Err(Malformed::Chunk),
        }
    }
}

/// How a head says where its body ends (RFC 9112, section 6.3).
#[derive(Debug, Default)]
struct Framing {
    chunked: bool,
    length: Option<u64>,
    close: bool,
}

impl Framing {
    fn of(head: &httparse::Response<'_, '_>) -> Result<Self, Malformed> {
        let mut framing = Self {
            close: head.version == Some(0),
            ..Self::default()
        };
        for header in head.headers.iter() {
            let value = header.value.trim_ascii();
            if header.name.eq_ignore_ascii_case("content-length") {
                let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                let length: u64 = length.ok_or(Malformed::Length)?;
                if framing
                    .length
                    .replace(length)
                    .is_some_and(|other| other != length)
                {
                    return Err(Malformed::Length);
                }
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed::Length);
                }
                framing.chunked = true;
            } else if header.name.eq_ignore_ascii_case("connection") {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if option.eq_ignore_ascii_case(b"close") {
                        framing.close = true;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") && head.version == Some(0) {
                        framing.close = false;
                    }
                }
            }
        }
        Ok(framing)
    }
}
