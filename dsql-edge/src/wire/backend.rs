//! Reads the server's messages: finds the frames in a byte stream, and decodes their fields.
//!
//! Input: bytes, in any pieces. Output: one message at a time, once all its bytes have arrived. The memory that is
//! allocated does not depend on the lengths and counts in a message.

use core::fmt;
use core::ops::Range;

use super::message::HEADER;
pub(crate) use super::message::{Body, Message};
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
pub(crate) struct Row {
    bytes: Vec<u8>,
    columns: Vec<Option<Range<usize>>>,
}

/// An ErrorResponse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DatabaseError {
    /// Whether the severity is FATAL or PANIC. After a FATAL or PANIC error, the server closes the connection.
    pub(crate) fatal: bool,
    /// Whether a function raised the error (`RAISE`). An error that a function raises can have any message, with any
    /// SQLSTATE.
    pub(crate) raised: bool,
    pub(crate) sqlstate: Option<SqlState>,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
    pub(crate) constraint: Option<String>,
}

impl DatabaseError {
    /// Whether the error is a conflict: 40001, or one of DSQL's own codes for conflicts. A PostgreSQL that is not DSQL
    /// has locks: after a deadlock, it rolls back one of the transactions and sends 40P01.
    pub(crate) fn is_conflict(&self) -> bool {
        self.is_one_of(&[
            SqlState::SERIALIZATION_FAILURE,
            SqlState::OCC_DATA,
            SqlState::OCC_SCHEMA,
            #[cfg(feature = "postgres")]
            SqlState::DEADLOCK_DETECTED,
        ])
    }

    /// Whether the server itself failed, rather than the statement. The classes are internal errors (XX), errors of the
    /// operating system (58), and errors of a connection inside the cluster (08, but not 08P01, which is about the
    /// client's message).
    pub(crate) fn is_of_the_system(&self) -> bool {
        self.sqlstate.is_some_and(|state| {
            [*b"XX", *b"58", *b"08"].iter().any(|class| state.is_of_class(*class))
                && state != SqlState::PROTOCOL_VIOLATION
        })
    }

    pub(crate) fn is_one_of(&self, states: &[SqlState]) -> bool {
        self.sqlstate.is_some_and(|state| states.contains(&state))
    }
}

/// The command in the tag of CommandComplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) command: Done,
    /// The number of rows in the tag.
    pub(crate) rows: u64,
}

/// The command that was completed: a command that ends a transaction block, or any other command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Commit,
    Rollback,
    Other,
}

/// The reason why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    Malformed(&'static str),
    /// The message is longer than a setting allows. The text names the setting.
    TooLong(&'static str),
}

/// Returns the message at the front and the number of its bytes, if the whole message has arrived.
pub(crate) fn next_message<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Option<(Message<'a>, usize)>, FrameError> {
    let Some([tag, a, b, c, d]) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    // The length includes its own four bytes, but not the type.
    let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
    if length < HEADER - 1 {
        return Err(FrameError::Malformed("a message is shorter than its own length"));
    }
    if length > limits.message {
        return Err(FrameError::TooLong("a message is longer than Config::max_message"));
    }
    if *tag == b'D' && length > limits.row {
        return Err(FrameError::TooLong("a row is longer than Config::max_row"));
    }
    let Some(body) = bytes.get(HEADER..=length) else { return Ok(None) };
    match Message::of(*tag, body) {
        Ok(message) => Ok(Some((message, length + 1))),
        Err(Malformed(reason)) => Err(FrameError::Malformed(reason)),
    }
}

/// The columns of a RowDescription.
pub(crate) fn row_description(body: Body<'_>) -> Result<Vec<Field>, Malformed> {
    let mut reader = body.reader();
    let mut read = || {
        let mut described = Vec::new();
        for _ in 0..reader.u16()? {
            let name = core::str::from_utf8(reader.string()?).ok()?.to_owned();
            let (_table, _column) = (reader.u32()?, reader.u16()?);
            let type_oid = reader.u32()?;
            let (_size, _modifier) = (reader.u16()?, reader.u32()?);
            let format = reader.u16()?.cast_signed();
            described.push(Field { name, type_oid, format });
        }
        reader.is_empty().then_some(described)
    };
    read().ok_or(Malformed("RowDescription is malformed"))
}

/// The columns of a DataRow. The number of columns must be the number in RowDescription, `described`.
pub(crate) fn data_row(body: Body<'_>, described: usize) -> Result<Row, Malformed> {
    let mut reader = body.reader();
    let mut read = || {
        let mut columns = Vec::new();
        for _ in 0..reader.u16()? {
            let length = reader.u32()?;
            if length == NULL {
                columns.push(None);
                continue;
            }
            let start = body.0.len() - reader.len();
            let value = reader.bytes(usize::try_from(length).ok()?)?;
            columns.push(Some(start..start + value.len()));
        }
        reader.is_empty().then_some(columns)
    };
    let columns = read().ok_or(Malformed("DataRow is malformed"))?;
    if columns.len() != described {
        return Err(Malformed("a row has more or fewer columns than described"));
    }
    Ok(Row { bytes: body.0.to_vec(), columns })
}

/// The length that means NULL: −1.
const NULL: u32 = u32::MAX;

impl Row {
    /// The number of bytes of all columns together.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a column. `Some(None)` is NULL; `None` means that the row does not have the column.
    pub(crate) fn column(&self, index: usize) -> Option<Option<&[u8]>> {
        match self.columns.get(index)? {
            None => Some(None),
            Some(range) => self.bytes.get(range.clone()).map(Some),
        }
    }
}

/// Shows the values. Only the tests use this: no output of this crate contains a `Row`.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default().escape_ascii();
        let columns = self.columns.iter().map(|column| match column {
            Some(range) => format!("\"{}\"", value(range)),
            None => "NULL".to_owned(),
        });
        write!(f, "Row([{}])", columns.collect::<Vec<_>>().join(", "))
    }
}

/// Reads a command tag. The number at the end is the number of rows: `INSERT 0 5`, `UPDATE 3`, `SELECT 2`.
pub(crate) fn tag(tag: &str) -> Tag {
    let command = match tag {
        "COMMIT" => Done::Commit,
        "ROLLBACK" => Done::Rollback,
        _ => Done::Other,
    };
    // At most 18 digits are read; this is enough for every count of rows.
    let digits = tag.bytes().rev().take_while(u8::is_ascii_digit).take(18).count();
    let rows = tag.bytes().skip(tag.len() - digits).fold(0, |rows, digit| rows * 10 + u64::from(digit & 15));
    Tag { command, rows }
}

/// The fields of an ErrorResponse.
pub(crate) fn database_error(body: Body<'_>) -> Result<DatabaseError, Malformed> {
    fields_of_error(body.reader())
}

/// Writes the fields of an error that this crate keeps, for a pool's report to its client.
#[cfg(feature = "pool")]
pub(crate) fn write_error(error: &DatabaseError, out: &mut Vec<u8>) {
    // The field `raised` is left out, because a rejected login is never an error that a function has raised.
    let DatabaseError { fatal, raised: _, sqlstate, message, detail, hint, table, column, constraint } =
        error;
    let fields = [
        (b'V', Some(if *fatal { "FATAL" } else { "ERROR" })),
        (b'C', sqlstate.as_ref().map(SqlState::as_str)),
        (b'M', Some(message)),
        (b'D', detail.as_deref()),
        (b'H', hint.as_deref()),
        (b't', table.as_deref()),
        (b'c', column.as_deref()),
        (b'n', constraint.as_deref()),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            out.push(field);
            out.extend(value.bytes().filter(|byte| *byte != 0));
            out.push(0);
        }
    }
    out.push(0);
}

/// Reads the output of [`write_error`].
#[cfg(feature = "pool")]
pub(crate) fn read_error(fields: &[u8]) -> Option<DatabaseError> {
    fields_of_error(super::message::Reader::new(fields)).ok()
}

fn fields_of_error(mut reader: super::message::Reader<'_>) -> Result<DatabaseError, Malformed> {
    const MALFORMED: Malformed = Malformed("ErrorResponse is malformed");
    let mut error = DatabaseError::default();
    loop {
        let field = reader.u8().ok_or(MALFORMED)?;
        if field == 0 {
            return if reader.is_empty() { Ok(error) } else { Err(MALFORMED) };
        }
        let value = reader.string().ok_or(MALFORMED)?;
        let place = match field {
            // Both fields are the severity; `V` is never translated, and `S` may be; servers before 9.6 send only `S`.
            b'V' | b'S' => {
                error.fatal |= matches!(value, b"FATAL" | b"PANIC");
                continue;
            }
            b'C' => {
                error.sqlstate = SqlState::from_bytes(value);
                continue;
            }
            b'M' => {
                error.message = readable(value);
                continue;
            }
            // The C function of PostgreSQL that reported the error.
            b'R' => {
                error.raised = value == b"exec_stmt_raise";
                continue;
            }
            b'D' => &mut error.detail,
            b'H' => &mut error.hint,
            b't' => &mut error.table,
            b'c' => &mut error.column,
            b'n' => &mut error.constraint,
            _ => continue,
        };
        *place = Some(readable(value));
    }
}

/// Returns the bytes as text. If the bytes are not valid UTF-8 (this can occur before the session is ready), each byte
/// that is not ASCII becomes `?`.
fn readable(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    if core::str::from_utf8(&bytes).is_err() {
        bytes.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { message: 1024, row: 512 };

    #[test]
    fn frame_above_the_limit_is_rejected_before_it_is_buffered() {
        for length in [0_u32, 3, 1025, i32::MAX as u32, u32::MAX] {
            let frame = [&b"D"[..], &length.to_be_bytes()].concat();
            assert!(next_message(&frame, &LIMITS).is_err(), "{length}");
        }
        assert!(matches!(next_message(b"E\0\0\x04\0", &LIMITS), Ok(None)));
        let Err(FrameError::TooLong(limit)) = next_message(b"D\0\0\x02\x01", &LIMITS) else {
            panic!("it is too long")
        };
        assert!(limit.contains("max_row"));
    }

    #[test]
    fn tags_are_counted() {
        let counts = [("INSERT 0 5", 5), ("UPDATE 3", 3), ("SELECT 0", 0), ("CREATE TABLE", 0), ("", 0)];
        for (tag, count) in counts {
            assert_eq!(super::tag(tag), Tag { command: Done::Other, rows: count }, "{tag}");
        }
        assert_eq!(tag("COMMIT").command, Done::Commit);
        assert_eq!(tag("ROLLBACK").command, Done::Rollback);
        assert_eq!(tag("COMMIT PREPARED").command, Done::Other);
    }

    proptest! {
        #[test]
        fn any_bytes_give_messages_or_an_error(
            tag in prop_oneof![Just(b'R'), Just(b'T'), Just(b'D'), Just(b'E'), Just(b'Z'), Just(b'C'), any::<u8>()],
            body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = [&[tag], &(body.len() as u32 + 4).to_be_bytes()[..], &body, &body].concat();
            let mut rest = &bytes[..];
            while let Ok(Some((message, length))) = next_message(rest, &Limits { message: 1 << 20, row: 1 << 20 }) {
                rest = &rest[length..];
                match message {
                    Message::RowDescription(body) => drop(row_description(body)),
                    Message::DataRow(body) => {
                        if let Ok(row) = data_row(body, 2) {
                            prop_assert!(row.column(0).is_some() && row.column(1).is_some() && row.column(2).is_none());
                        }
                    }
                    Message::ErrorResponse(body) => drop(database_error(body)),
                    Message::CommandComplete(body) => drop(body.tag().map(super::tag)),
                    _ => {}
                }
            }
        }
    }
}
