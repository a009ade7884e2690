//! Requests as the bytes that go over the wire, made once.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// A request in the making. Nothing is checked: what is not a valid request gets the answer that it deserves.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// `GET` for a path with or without query.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// Any method without a request body.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
        }
    }

    /// Appends a header. Without a `host` header the request gets `host: localhost`, first.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The bytes.
    pub fn build(&self) -> Prepared {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            text.push_str("host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        Prepared {
            bytes: text.into_bytes().into(),
            head_only: self.method == "HEAD",
        }
    }
}

/// A request ready to be sent. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    bytes: Arc<[u8]>,
    /// The answer to `HEAD` has no body, whatever its head says.
    head_only: bool,
}

impl Prepared {
    /// What goes over the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn head_only(&self) -> bool {
        self.head_only
    }

    /// The same request under `count` numbers: the first run of `#` becomes 0, 1, ... `count - 1`, zero-padded to the
    /// width of the run, and then 0 again.
    ///
    /// # Errors
    /// When there is no `#`, or the largest number does not fit, or `count` is 0.
    pub fn numbered(self, count: u64) -> Result<Requests, NoPlace> {
        let last = count.checked_sub(1).ok_or(NoPlace { count, width: 0 })?;
        let start = memchr::memchr(b'#', &self.bytes).ok_or(NoPlace { count, width: 0 })?;
        let width = self
            .bytes
            .iter()
            .skip(start)
            .take_while(|byte| **byte == b'#')
            .count();
        if last.checked_ilog10().map_or(1, |log| log as usize + 1) > width {
            return Err(NoPlace { count, width });
        }
        let place = start..start + width;
        Ok(Requests(Kind::Numbered {
            request: self,
            place,
            count,
        }))
    }
}

/// A request has no place for so many numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlace {
    count: u64,
    width: usize,
}

impl std::fmt::Display for NoPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, width } = self;
        write!(
            f,
            "{count} numbers do not fit into {width} places (`#`) of the request"
        )
    }
}

impl std::error::Error for NoPlace {}

/// Where a loop takes its requests from.
#[derive(Clone, Debug)]
pub struct Requests(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cycle(Arc<[Prepared]>),
    Numbered {
        request: Prepared,
        place: Range<usize>,
        count: u64,
    },
}

impl Requests {
    /// These in turn, over and over. Nothing is sent if there are none.
    pub fn cycle(requests: impl IntoIterator<Item = Prepared>) -> Self {
        Self(Kind::Cycle(requests.into_iter().collect()))
    }

    /// The request after the one of `turn`, written over the bytes of an earlier one of this source.
    pub(crate) fn write(&self, turn: u64, out: &mut Outgoing) {
        match &self.0 {
            Kind::Cycle(all) => {
                let turn = turn.checked_rem(all.len() as u64).unwrap_or(0);
                let Some(request) = usize::try_from(turn).ok().and_then(|turn| all.get(turn)) else {
                    return out.clear();
                };
                if all.len() > 1 || out.bytes.is_empty() {
                    out.replace(request);
                }
            }
            Kind::Numbered {
                request,
                place,
                count,
            } => {
                if out.bytes.is_empty() {
                    out.replace(request);
                }
                let mut number = turn.checked_rem(*count).unwrap_or(0);
                for digit in out.bytes.get_mut(place.clone()).into_iter().flatten().rev() {
                    *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
                    number /= 10;
                }
            }
        }
    }
}

impl From<Prepared> for Requests {
    fn from(request: Prepared) -> Self {
        Self::cycle([request])
    }
}

/// The request that a connection is sending.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    pub(crate) head_only: bool,
}

impl Outgoing {
    fn replace(&mut self, request: &Prepared) {
        self.clear();
        self.bytes.extend_from_slice(request.bytes());
        self.head_only = request.head_only;
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(requests: &Requests, turns: &[u64]) -> Vec<String> {
        let mut out = Outgoing::default();
        let mut write = |turn: &u64| {
            requests.write(*turn, &mut out);
            String::from_utf8(out.bytes.clone()).unwrap()
        };
        turns.iter().map(&mut write).collect()
    }

    #[test]
    fn a_request_has_its_headers_in_order_and_a_host() {
        let request = Request::get("/a?b=c")
            .header("x-a", "1")
            .header("x-b", "2")
            .build();
        assert_eq!(
            request.bytes(),
            b"GET /a?b=c HTTP/1.1\r\nhost: localhost\r\nx-a: 1\r\nx-b: 2\r\n\r\n"
        );
        let own = Request::get("/").header("Host", "test.local").build();
        assert_eq!(own.bytes(), b"GET / HTTP/1.1\r\nHost: test.local\r\n\r\n");
    }

    #[test]
    fn requests_are_taken_in_turn() {
        let all = Requests::cycle(["/a", "/b"].map(|path| Request::get(path).build()));
        let sent = text(&all, &[0, 1, 2, 5]);
        let paths: Vec<_> = sent.iter().map(|text| text.get(4..6).unwrap()).collect();
        assert_eq!(paths, ["/a", "/b", "/a", "/b"]);
    }

    #[test]
    fn numbers_stand_where_the_signs_stood_and_wrap() {
        let keys = Request::get("/")
            .header("x-user", "u-####-x")
            .build()
            .numbered(1001)
            .unwrap();
        for (turn, user) in [
            (0, "u-0000-x"),
            (7, "u-0007-x"),
            (1000, "u-1000-x"),
            (1001, "u-0000-x"),
        ] {
            let sent = text(&keys, &[turn]).pop().unwrap();
            assert!(sent.contains(&format!("x-user: {user}\r\n")), "{sent}");
        }
    }

    #[test]
    fn numbers_without_a_place_are_refused() {
        let request = |value: &str| Request::get("/").header("x-user", value).build();
        assert_eq!(request("u-###").numbered(1000).map(|_| ()), Ok(()));
        assert_eq!(
            request("u-###").numbered(1001).err(),
            Some(NoPlace {
                count: 1001,
                width: 3
            })
        );
        assert_eq!(
            request("u").numbered(1).err(),
            Some(NoPlace { count: 1, width: 0 })
        );
        assert_eq!(
            request("#").numbered(0).err(),
            Some(NoPlace { count: 0, width: 0 })
        );
    }
}
