//! A minimal HTTP client: it sends one GET request on a new connection.
//!
//! A request of the load must not wait for a free thread, so this client is asynchronous; the client of the tests is
//! not.

use std::io;
use std::net::Ipv4Addr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status and the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON, or as a string if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of a successful answer.
    ///
    /// # Errors
    /// Returns the status and the body of any other answer.
    pub fn success(self) -> Result<Value, String> {
        if self.status == 200 { Ok(self.body) } else { Err(format!("{}: {}", self.status, self.body)) }
    }
}

/// Sends a GET request to a port of this machine, and reads the answer until the server closes the connection.
///
/// # Errors
/// Returns an error if the connection fails, or if the answer is not a complete HTTP answer.
pub async fn get(port: u16, path: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(32 * 1024);
    stream.read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is incomplete"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(answer.get(..end)?).ok()?, answer.get(end + 4..)?);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        dechunk(body)?
    } else {
        let length = header("content-length").map_or(Some(body.len()), |length| length.parse().ok())?;
        body.get(..length)?.to_vec()
    };
    let body = String::from_utf8(body).ok()?;
    Some(Answer { status, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) })
}

/// The bytes of a chunked body. `None` if the last chunk is missing.
fn dechunk(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(body.len());
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(body.get(..end)?).ok()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(end + 2..end + 2 + length)?);
        body = body.get(end + 2 + length + 2..)?;
    }
}
