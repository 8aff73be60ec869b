//! Reads and writes the client's messages that contain statements.
//!
//! Input: a message's body, which may contain anything. Output: the strings in the message as bytes, or `None` if the
//! message is malformed; PostgreSQL answers a malformed message with an error.

use crate::proxy::frame::message;

/// The text of a Query, as bytes.
pub(super) fn query(body: &[u8]) -> Option<&[u8]> {
    let (text, rest) = text(body)?;
    rest.is_empty().then_some(text)
}

/// Writes a Query.
pub(super) fn query_of(sql: &[u8]) -> Vec<u8> {
    message(b'Q', &[sql, b"\0"])
}

/// Returns the name, the SQL and the parameter types of a Parse, as bytes.
pub(super) fn parse(body: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = text(body)?;
    let (sql, types) = text(rest)?;
    Some((name, sql, types))
}

/// Writes a Parse.
pub(super) fn parse_of(name: &[u8], sql: &[u8], types: &[u8]) -> Vec<u8> {
    message(b'P', &[name, b"\0", sql, b"\0", types])
}

/// Writes a Bind of a portal to a statement without parameters.
pub(super) fn bind_of(portal: &[u8], name: &[u8]) -> Vec<u8> {
    message(b'B', &[portal, b"\0", name, b"\0", &[0; 6]])
}

/// Writes an Execute of a portal, for all rows.
pub(super) fn execute_all(portal: &[u8]) -> Vec<u8> {
    message(b'E', &[portal, b"\0", &[0; 4]])
}

/// Writes a Close of a prepared statement.
pub(super) fn close_of(name: &[u8]) -> Vec<u8> {
    message(b'C', &[b"S", name, b"\0"])
}

/// The names of the portal and the statement of a Bind.
pub(super) fn bind(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (portal, rest) = text(body)?;
    let (name, _) = text(rest)?;
    Some((portal, name))
}

/// Returns the name with which the body of a message begins.
pub(super) fn name(body: &[u8]) -> Option<&[u8]> {
    text(body).map(|(name, _)| name)
}

/// The kind and the name of a Close.
pub(super) fn described(body: &[u8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = body.split_first()?;
    name(rest).map(|name| (*kind, name))
}

/// Whether a client's SQL contains this word, in upper or lower case.
pub(super) fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// The bytes before the first NUL, and the bytes after it.
pub(super) fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}
