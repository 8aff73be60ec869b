//! Sends one request over HTTPS, for programs that are not Workers: HTTP/1.1, one connection, one answer.
//!
//! Input: a [`Post`]. Output: status and body, of limited length. Only the features that AWS's services need are
//! supported: connections are not kept, and redirections are not followed.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::contract::{TransportError, TransportErrorKind};
use super::post::{MAX_REPLY, Post, Reply};

/// The maximum length of the head of an answer.
const MAX_HEAD: usize = 16_384;

pub(super) async fn post(post: &Post, tls: TlsConnector) -> Result<Reply, TransportError> {
    let unreachable =
        |error: io::Error| TransportError::new(TransportErrorKind::Unreachable, error.to_string());
    let failed = |error: String| TransportError::new(TransportErrorKind::Tls, error);

    let name = ServerName::try_from(post.host.clone()).map_err(|error| failed(error.to_string()))?;
    let tcp = TcpStream::connect((post.host.as_str(), post.port)).await.map_err(unreachable)?;
    let mut stream = tls.connect(name, tcp).await.map_err(|error| failed(error.to_string()))?;
    stream.write_all(request(post).as_bytes()).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;

    let mut answer = Vec::new();
    let limit = u64::from(MAX_REPLY) * 2;
    match stream.take(limit).read_to_end(&mut answer).await {
        Ok(_) => {}
        // Some servers close the connection without TLS's close_notify. `reply` detects missing bytes by Content-Length
        // or the chunks.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(unreachable(error)),
    }
    reply(&answer).ok_or_else(|| {
        TransportError::new(TransportErrorKind::Unreachable, "the answer is not HTTP, too long or cut off")
    })
}

fn request(post: &Post) -> String {
    let authority = if post.port == 443 { post.host.clone() } else { format!("{}:{}", post.host, post.port) };
    let mut request = format!(
        "POST / HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\ncontent-length: {}\r\n",
        post.body.len()
    );
    for (name, value) in &post.headers {
        request.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    request.push_str("\r\n");
    request.push_str(&post.body);
    request
}

/// The status and the body of a complete answer.
fn reply(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).take(MAX_HEAD).position(|window| window == b"\r\n\r\n")?;
    let head = core::str::from_utf8(answer.get(..end)?).ok()?;
    let rest = answer.get(end + 4..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let header = |wanted: &str| {
        let mut found = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        found.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let body = match (header("transfer-encoding"), header("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => dechunked(rest)?,
        (Some(_), _) => return None,
        (None, Some(length)) => rest.get(..length.parse().ok()?)?.to_vec(),
        (None, None) => rest.to_vec(),
    };
    if body.len() > usize::try_from(MAX_REPLY).ok()? {
        return None;
    }
    Some(Reply { status, body: String::from_utf8(body).ok()? })
}

fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let line = core::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, after) = rest.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(answer: &str) -> Option<(u16, String)> {
        reply(answer.as_bytes()).map(|reply| (reply.status, reply.body))
    }

    #[test]
    fn body_ends_by_length_chunks_or_close() {
        let whole = Some((200, "hello".to_owned()));
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"), whole);
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
            whole
        );
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\nhello"), whole);
        assert_eq!(body("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), Some((403, String::new())));
        for cut in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhel",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert_eq!(body(cut), None, "{cut}");
        }
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(65_537));
        assert_eq!(body(&long), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = reply(&tail);
            let _ = reply(&[&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], &tail].concat());
        }
    }
}
