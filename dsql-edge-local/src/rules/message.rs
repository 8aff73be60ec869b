//! The client's messages that carry statements, read and written.
//!
//! Input: a message's body, which may contain anything. Output: its texts as bytes, or nothing if it is malformed:
//! PostgreSQL answers that with an error.

use crate::proxy::frame::message;

/// The text of a Query, as it came.
pub(super) fn query(body: &[u8]) -> Option<&[u8]> {
    let (text, rest) = text(body)?;
    rest.is_empty().then_some(text)
}

/// A Query.
pub(super) fn query_of(sql: &[u8]) -> Vec<u8> {
    message(b'Q', &[sql, b"\0"])
}

/// Name, text and the types of the parameters as they came, of a Parse.
pub(super) fn parse(body: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = text(body)?;
    let (sql, types) = text(rest)?;
    Some((name, sql, types))
}

/// A Parse.
pub(super) fn parse_of(name: &[u8], sql: &[u8], types: &[u8]) -> Vec<u8> {
    message(b'P', &[name, b"\0", sql, b"\0", types])
}

/// A Bind of the unnamed portal to a statement without parameters.
pub(super) fn bind_of(name: &[u8]) -> Vec<u8> {
    message(b'B', &[b"\0", name, b"\0", &[0; 6]])
}

/// An Execute of the unnamed portal, all rows.
pub(super) fn execute_all() -> Vec<u8> {
    message(b'E', &[b"\0", &[0; 4]])
}

/// Portal and statement of a Bind.
pub(super) fn bind(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (portal, rest) = text(body)?;
    let (name, _) = text(rest)?;
    Some((portal, name))
}

/// The name at the head of a message.
pub(super) fn name(body: &[u8]) -> Option<&[u8]> {
    text(body).map(|(name, _)| name)
}

/// Kind and name of a Close.
pub(super) fn described(body: &[u8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = body.split_first()?;
    name(rest).map(|name| (*kind, name))
}

/// Whether a text of a client has this word in it, in capitals or not.
pub(super) fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// The bytes before the first NUL, and those behind it.
pub(super) fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}
