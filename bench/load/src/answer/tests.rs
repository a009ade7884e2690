use super::*;

/// What becomes of bytes that arrive in pieces of `size`, after which the server closes.
fn read(bytes: &[u8], size: usize, head_only: bool) -> Result<Answer, Malformed> {
    let mut reader = Reader::new();
    reader.expect(head_only);
    let mut pieces = bytes.chunks(size).peekable();
    while let Some(piece) = pieces.next() {
        reader.room()[..piece.len()].copy_from_slice(piece);
        if let Some(answer) = reader.filled(piece.len())? {
            // In one piece the reader itself sees what is surplus.
            return if pieces.peek().is_some() {
                Err(Malformed::Surplus)
            } else {
                Ok(answer)
            };
        }
    }
    reader.ended()
}

/// The same however the bytes are cut: all at once, one by one, and in between.
fn check(text: &str, expected: Result<(u16, u64, bool), Malformed>) {
    let expected = expected.map(|(status, body_bytes, close)| Answer {
        status,
        body_bytes,
        close,
    });
    for size in [usize::MAX, 1, 2, 3, 7, 16] {
        assert_eq!(
            read(text.as_bytes(), size, false),
            expected,
            "{text:?} in pieces of {size}"
        );
    }
}

#[test]
fn a_length_says_where_a_body_ends() {
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        Ok((200, 2, false)),
    );
    check(
        "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n",
        Ok((429, 0, false)),
    );
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        Ok((200, 2, false)),
    );
}

#[test]
fn chunks_say_where_a_body_ends() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    check(
        &format!("{head}5\r\nhello\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n"),
        Ok((200, 21, false)),
    );
    check(&format!("{head}0\r\n\r\n"), Ok((200, 0, false)));
    check(
        &format!("{head}1\r\na\r\n0\r\nx-sum: 1\r\nx-b: 2\r\n\r\n"),
        Ok((200, 1, false)),
    );
}

#[test]
fn some_statuses_have_no_body() {
    check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, 0, false)));
    check(
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 50\r\n\r\n",
        Ok((304, 0, false)),
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n";
    let answer = Answer {
        status: 200,
        body_bytes: 0,
        close: false,
    };
    assert_eq!(read(head.as_bytes(), 5, true), Ok(answer));
}

#[test]
fn interim_answers_are_passed_over() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    check(
        &format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"),
        Ok((200, 1, false)),
    );
}

#[test]
fn whether_the_connection_stays_is_what_the_server_says() {
    let answer = |version: &str, connection: &str| {
        format!("HTTP/1.{version} 200 OK\r\nconnection: {connection}\r\ncontent-length: 1\r\n\r\na")
    };
    check(&answer("1", "close"), Ok((200, 1, true)));
    check(&answer("1", "upgrade, Close"), Ok((200, 1, true)));
    check(&answer("1", "keep-alive"), Ok((200, 1, false)));
    check(&answer("0", "x"), Ok((200, 1, true)));
    check(&answer("0", "keep-alive"), Ok((200, 1, false)));
    check("HTTP/1.1 200 OK\r\n\r\nuntil the end", Ok((200, 13, true)));
}

#[test]
fn what_is_cut_off_is_no_answer() {
    for text in [
        "",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        check(text, Err(Malformed::Short));
    }
}

#[test]
fn what_cannot_be_framed_is_malformed() {
    let head = |header: &str| format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n");
    check("SSH-2.0-OpenSSH\r\n\r\n", Err(Malformed::Head));
    for header in [
        "content-length: two",
        "content-length: -1",
        "content-length: 1\r\ncontent-length: 2",
    ] {
        check(&head(header), Err(Malformed::Length));
    }
    check(&head("transfer-encoding: gzip"), Err(Malformed::Length));
    check(
        &(head("transfer-encoding: chunked") + "xyz\r\n"),
        Err(Malformed::Chunk),
    );
    check(
        &(head("transfer-encoding: chunked") + "1\r\nabc"),
        Err(Malformed::Chunk),
    );
    check(&(head("content-length: 1") + "ab"), Err(Malformed::Surplus));
}

#[test]
fn a_body_is_as_long_as_it_likes_and_a_head_is_not() {
    let long = "x".repeat(3 * BUFFER);
    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{long}", long.len());
    let answer = Answer {
        status: 200,
        body_bytes: long.len() as u64,
        close: false,
    };
    assert_eq!(read(text.as_bytes(), 1000, false), Ok(answer));
    let head = format!("HTTP/1.1 200 OK\r\nx: {long}");
    assert_eq!(read(head.as_bytes(), 1024, false), Err(Malformed::Head));
}
