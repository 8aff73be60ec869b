//! A message of the PostgreSQL protocol: bytes whose length is checked.
//!
//! Input: a stream that may send anything. Output: complete messages that are not longer than DSQL accepts.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest message that DSQL accepts, in bytes ("Cluster quotas", DSQL user guide: 10 MiB).
pub(super) const MAX_LENGTH: usize = 10 * 1024 * 1024;

/// AuthenticationCleartextPassword.
pub(super) const CLEARTEXT_PASSWORD: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];

/// The kind of a client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrontendTag {
    Bind,
    Close,
    CopyData,
    CopyDone,
    CopyFail,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    Parse,
    Password,
    Query,
    Sync,
    Terminate,
    /// A message for which PostgreSQL ends the connection.
    Unknown,
}

/// A complete message: tag, length, body.
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn tag(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    /// The tag of a client's message.
    pub(crate) fn frontend(&self) -> FrontendTag {
        match self.tag() {
            Some(b'B') => FrontendTag::Bind,
            Some(b'C') => FrontendTag::Close,
            Some(b'd') => FrontendTag::CopyData,
            Some(b'c') => FrontendTag::CopyDone,
            Some(b'f') => FrontendTag::CopyFail,
            Some(b'D') => FrontendTag::Describe,
            Some(b'E') => FrontendTag::Execute,
            Some(b'H') => FrontendTag::Flush,
            Some(b'F') => FrontendTag::FunctionCall,
            Some(b'P') => FrontendTag::Parse,
            Some(b'p') => FrontendTag::Password,
            Some(b'Q') => FrontendTag::Query,
            Some(b'S') => FrontendTag::Sync,
            Some(b'X') => FrontendTag::Terminate,
            _ => FrontendTag::Unknown,
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(5..).unwrap_or_default()
    }
}

/// Writes a message with these parts.
pub(crate) fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum::<usize>() + 4;
    let mut out = Vec::with_capacity(length + 1);
    out.push(tag);
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// Writes an ErrorResponse with `severity`, `sqlstate` and further `fields`; each field has a code and a value. A NUL
/// in a value would end its field early, so each NUL is left out.
pub(crate) fn error_response(severity: &str, sqlstate: &str, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let first = [(b'S', severity.as_bytes()), (b'V', severity.as_bytes()), (b'C', sqlstate.as_bytes())];
    let mut body = Vec::new();
    for (code, text) in first.iter().chain(fields) {
        body.push(*code);
        body.extend(text.iter().filter(|byte| **byte != 0));
        body.push(0);
    }
    message(b'E', &[&body, b"\0"])
}

/// The length of the first message in `bytes`, including the tag, once its head has arrived.
///
/// # Errors
/// Returns an error for a length below 4 or above [`MAX_LENGTH`].
pub(super) fn first_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(&[_, a, b, c, d]) = bytes.first_chunk::<5>() else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]);
    match usize::try_from(length) {
        Ok(length @ 4..=MAX_LENGTH) => Ok(Some(length + 1)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("invalid message length: {length} bytes, DSQL accepts 4 to {MAX_LENGTH}"),
        )),
    }
}

/// Reads one message, and no byte after it.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Frame> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let length = first_length(&head)?.unwrap_or(head.len());
    let mut bytes = head.to_vec();
    // The buffer grows as bytes arrive: the length in the head does not decide how much memory is allocated.
    let rest = length.saturating_sub(head.len());
    let read = stream.take(rest as u64).read_to_end(&mut bytes).await?;
    if read < rest {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Frame { bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_anything_is_reserved() {
        assert_eq!(first_length(b"Q\0\0\0").unwrap(), None);
        assert_eq!(first_length(b"Q\0\0\0\x04").unwrap(), Some(5));
        assert_eq!(first_length(&[b'Q', 0, 0xa0, 0, 0]).unwrap(), Some(MAX_LENGTH + 1));
        for bad in [[b'Q', 0, 0, 0, 3], [b'Q', 0, 0xa0, 0, 1], [b'Q', 0xff, 0xff, 0xff, 0xff]] {
            assert!(first_length(&bad).is_err());
        }
    }

    #[test]
    fn error_response_has_each_field_once_and_no_nul_inside() {
        let bytes = error_response("ERROR", "0A000", &[(b'M', b"a\0Mb"), (b'D', b"")]);
        assert_eq!(bytes, b"E\0\0\0\x21SERROR\0VERROR\0C0A000\0MaMb\0D\0\0");
    }

    #[tokio::test]
    async fn cut_message_is_an_error() {
        let whole = b"p\0\0\0\x08abc\0";
        assert_eq!(read(&mut whole.as_slice()).await.unwrap().body(), b"abc\0");
        for end in 0..whole.len() {
            assert!(read(&mut &whole[..end]).await.is_err());
        }
    }
}
