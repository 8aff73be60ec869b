//! What the server says: frames cut out of a byte stream, and the fields of the messages that have any.
//!
//! Goes in: bytes, in any pieces. Comes out: one message at a time, once all its bytes are there. Nothing is
//! allocated by what a length or a count claims.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{
    DATA_ROW_TAG, DataRowBody, ErrorFields, Header, Message, RowDescriptionBody,
};

use super::{Limits, Malformed};
use crate::sqlstate::SqlState;

/// A column as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) type_oid: u32,
    /// 0 text, 1 binary.
    pub(crate) format: i16,
}

/// The columns of one row.
#[derive(Debug)]
pub(crate) struct Row {
    bytes: Bytes,
    columns: Vec<Option<Range<usize>>>,
}

/// An ErrorResponse: what the server says went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DatabaseError {
    /// FATAL or PANIC: the server closes the connection.
    pub(crate) fatal: bool,
    pub(crate) sqlstate: Option<SqlState>,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
    pub(crate) constraint: Option<String>,
}

impl DatabaseError {
    /// 40001, and DSQL's own codes for the same.
    pub(crate) fn is_conflict(&self) -> bool {
        self.sqlstate.is_some_and(|state| {
            state == SqlState::SERIALIZATION_FAILURE || matches!(state.as_str(), "OC000" | "OC001")
        })
    }

    pub(crate) fn is_unique_violation(&self) -> bool {
        self.sqlstate == Some(SqlState::UNIQUE_VIOLATION)
    }
}

/// What CommandComplete says was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) command: Done,
    /// The rows that it counts.
    pub(crate) rows: u64,
}

/// The commands that end a transaction block, and all the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Commit,
    Rollback,
    Other,
}

/// Why bytes give no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed(&'static str),
    /// The setting that says how long it may be.
    TooLong(&'static str),
}

/// The next message, if all of it is there; its bytes are taken out of the buffer.
pub(crate) fn next_message(buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Message>, Refused> {
    let malformed = Refused::Malformed;
    let Some(header) =
        Header::parse(buffer).map_err(|_| malformed("a message is shorter than its own length"))?
    else {
        return Ok(None);
    };
    let length = usize::try_from(header.len()).unwrap_or(usize::MAX);
    if length > limits.message {
        return Err(Refused::TooLong("a message is longer than Config::max_message"));
    }
    if header.tag() == DATA_ROW_TAG && length > limits.row {
        return Err(Refused::TooLong("a row is longer than Config::max_row"));
    }
    if buffer.len() <= length {
        return Ok(None);
    }
    Message::parse(buffer).map_err(|_| malformed("a message is not what its type says"))
}

/// The columns of a RowDescription.
pub(crate) fn row_description(body: &RowDescriptionBody) -> Result<Vec<Field>, Malformed> {
    let mut fields = body.fields();
    let mut described = Vec::new();
    while let Some(field) = fields.next().map_err(|_| Malformed("RowDescription is malformed"))? {
        described.push(Field {
            name: field.name().to_owned(),
            type_oid: field.type_oid(),
            format: field.format(),
        });
    }
    Ok(described)
}

/// The columns of a DataRow, which must be as many as were described.
pub(crate) fn data_row(body: &DataRowBody, described: usize) -> Result<Row, Malformed> {
    let mut ranges = body.ranges();
    let mut columns = Vec::new();
    while let Some(range) = ranges.next().map_err(|_| Malformed("DataRow is malformed"))? {
        columns.push(range);
    }
    if columns.len() != described {
        return Err(Malformed("a row has not as many columns as were described"));
    }
    Ok(Row { bytes: body.buffer_bytes().clone(), columns })
}

impl Row {
    /// How many bytes all columns take together.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a column; `None` is NULL. The outer `None`: there is no such column.
    pub(crate) fn column(&self, index: usize) -> Option<Option<&[u8]>> {
        match self.columns.get(index)? {
            None => Some(None),
            Some(range) => self.bytes.get(range.clone()).map(Some),
        }
    }
}

/// A command tag; its rows are the number at the end of `INSERT 0 5`, `UPDATE 3`, `SELECT 2`.
pub(crate) fn tag(tag: &[u8]) -> Tag {
    let command = match tag {
        b"COMMIT" => Done::Commit,
        b"ROLLBACK" => Done::Rollback,
        _ => Done::Other,
    };
    let count = tag.rsplit(|byte| *byte == b' ').next();
    let rows = count.and_then(|count| core::str::from_utf8(count).ok()).and_then(|count| count.parse().ok());
    Tag { command, rows: rows.unwrap_or(0) }
}

/// The fields of an ErrorResponse.
pub(crate) fn database_error(mut fields: ErrorFields<'_>) -> Result<DatabaseError, Malformed> {
    let mut error = DatabaseError::default();
    while let Some(field) = fields.next().map_err(|_| Malformed("ErrorResponse is malformed"))? {
        let value = field.value_bytes();
        // Before the session is ready the server may answer in another encoding.
        let text = || String::from_utf8_lossy(value).into_owned();
        match field.type_() {
            // `V` is `S`, never translated; servers before 9.6 send only `S`.
            b'V' | b'S' => error.fatal |= matches!(value, b"FATAL" | b"PANIC"),
            b'C' => error.sqlstate = SqlState::from_bytes(value),
            b'M' => error.message = text(),
            b'D' => error.detail = Some(text()),
            b'H' => error.hint = Some(text()),
            b't' => error.table = Some(text()),
            b'c' => error.column = Some(text()),
            b'n' => error.constraint = Some(text()),
            _ => {}
        }
    }
    Ok(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { message: 1024, row: 512 };

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_anything_is_kept_for_it() {
        for length in [0_u32, 3, 1025, i32::MAX as u32, u32::MAX] {
            let mut buffer = BytesMut::from(&[&b"D"[..], &length.to_be_bytes()].concat()[..]);
            assert!(next_message(&mut buffer, &LIMITS).is_err(), "{length}");
        }
        let mut buffer = BytesMut::from(&b"E\0\0\x04\0"[..]);
        assert!(matches!(next_message(&mut buffer, &LIMITS), Ok(None)));
        assert!(buffer.capacity() < 1024);
        let mut row = BytesMut::from(&b"D\0\0\x02\x01"[..]);
        let Err(Refused::TooLong(limit)) = next_message(&mut row, &LIMITS) else { panic!("it is too long") };
        assert!(limit.contains("max_row"));
    }

    #[test]
    fn tags_are_counted() {
        let counts = [("INSERT 0 5", 5), ("UPDATE 3", 3), ("SELECT 0", 0), ("CREATE TABLE", 0), ("", 0)];
        for (tag, count) in counts {
            assert_eq!(super::tag(tag.as_bytes()), Tag { command: Done::Other, rows: count }, "{tag}");
        }
        assert_eq!(tag(b"COMMIT").command, Done::Commit);
        assert_eq!(tag(b"ROLLBACK").command, Done::Rollback);
        assert_eq!(tag(b"COMMIT PREPARED").command, Done::Other);
    }

    proptest! {
        #[test]
        fn any_bytes_give_messages_or_an_error(
            tag in prop_oneof![Just(b'R'), Just(b'T'), Just(b'D'), Just(b'E'), Just(b'Z'), Just(b'C'), any::<u8>()],
            body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut buffer = BytesMut::new();
            buffer.extend_from_slice(&[tag]);
            buffer.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
            buffer.extend_from_slice(&body);
            buffer.extend_from_slice(&body);
            while let Ok(Some(message)) = next_message(&mut buffer, &Limits { message: 1 << 20, row: 1 << 20 }) {
                match message {
                    Message::RowDescription(body) => drop(row_description(&body)),
                    Message::DataRow(body) => {
                        if let Ok(row) = data_row(&body, 2) {
                            prop_assert!(row.column(0).is_some() && row.column(1).is_some() && row.column(2).is_none());
                        }
                    }
                    Message::ErrorResponse(body) => drop(database_error(body.fields())),
                    Message::CommandComplete(body) => drop(body.tag().map(|it| super::tag(it.as_bytes()))),
                    _ => {}
                }
            }
        }
    }
}
