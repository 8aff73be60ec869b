//! The part of HTTP/1.1 that STS needs (AWS's Query protocol): one POST and one answer, after which the connection is
//! closed.
//!
//! Input: bytes from any client, over TLS. Output: the request, of limited length, or its error as an HTTP status.

use std::io;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The maximum length of the request line and the headers.
const MAX_HEAD: usize = 32 * 1024;

/// The maximum length of the body. A valid request is much shorter: its policy has at most 2,048 characters.
const MAX_BODY: usize = 64 * 1024;

/// The form of a date in HTTP (IMF-fixdate).
const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A `POST /`.
pub(crate) struct Request {
    /// The headers, with their names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The header with this name; `None` if no header or more than one header has this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// Reads the request. The inner error is the HTTP status with which the request is rejected.
    pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Result<Request, u16>> {
        let mut received = Vec::new();
        let end = loop {
            if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if received.len() > MAX_HEAD {
                return Ok(Err(431));
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        if end > MAX_HEAD {
            return Ok(Err(431));
        }
        let Some(headers) = received.get(..end).and_then(head) else { return Ok(Err(400)) };
        let mut request = Request { headers, body: Vec::new() };
        let length = match (request.header("content-length"), request.header("transfer-encoding")) {
            (Some(length), None) => length.parse::<usize>(),
            _ => return Ok(Err(411)),
        };
        let Ok(length) = length else { return Ok(Err(400)) };
        if length > MAX_BODY {
            return Ok(Err(413));
        }
        request.body = received.split_off(end + 4);
        while request.body.len() < length {
            if stream.read_buf(&mut request.body).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        request.body.truncate(length);
        Ok(Ok(request))
    }
}

/// Parses the headers of a `POST /`.
fn head(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let line = lines.next()?;
    if !matches!(line, "POST / HTTP/1.1" | "POST / HTTP/1.0") {
        return None;
    }
    lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect()
}

/// Sends the answer, and closes the connection. The header `Date` has the time by which requests are verified.
pub(super) async fn answer<S: AsyncWrite + Unpin>(
    stream: &mut S,
    status: u16,
    body: &str,
    now: OffsetDateTime,
) -> io::Result<()> {
    let reason = if status == 200 { "OK" } else { "Error" };
    let date = now.format(DATE).map_err(io::Error::other)?;
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\ndate: {date}\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
