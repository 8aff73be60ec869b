//! Decides which of the server's primary messages are part of an error's text (`Display`, `Debug`, events, reports).
//!
//! Input: an ErrorResponse. Output: whether its primary message may be shown. `Error::message` returns the message even
//! if it may not be shown. Invariant: a parameter or a row is never shown.
//!
//! Most of PostgreSQL's primary messages do not contain values, which are in DETAIL, but some do: `invalid input syntax
//! for type integer: "…"` (22P02), `syntax error in tsquery: "…"` (42601), `word is too long in tsquery: "…"` (54000),
//! `requested character too large for encoding: …` (54000), and any message that a function raises (P0001, or the
//! SQLSTATE of its `USING ERRCODE`). So `SHOWN` lists the classes whose messages are shown; a message of the lists
//! `SHOWN_UNQUOTED…` is shown only if it has neither a quotation mark nor a colon. Every other message is hidden. The
//! classes are from PostgreSQL 16's `errcodes.txt`; their messages were checked in PostgreSQL's sources.
//!
//! If a parameter's value is used as a name (`$1::text::regclass`), the value is shown like any other name:
//! `relation "…" does not exist` (42P01).

use core::fmt;

use crate::login_rejection::contains;
use crate::sqlstate::SqlState;
use crate::wire::DatabaseError;

/// The messages with these SQLSTATEs contain the names of objects, settings, limits and states, but never values.
const SHOWN: [[u8; 2]; 20] = [
    *b"08", // connection
    *b"0A", // feature not supported: statements that DSQL rejects
    *b"21", // cardinality
    *b"23", // constraints: values are in DETAIL
    *b"24", // cursor state
    *b"25", // transaction state
    *b"26", // prepared statements
    *b"28", // authorization
    *b"2B", // dependent objects
    *b"2D", // transaction termination
    *b"34", // cursor names
    *b"3D", // database names
    *b"3F", // schema names
    *b"40", // rollback: conflicts
    *b"42", // syntax and access rules, apart from `SHOWN_UNQUOTED`
    *b"44", // WITH CHECK OPTION
    *b"53", // resources
    *b"55", // object state
    *b"57", // operator intervention
    *b"OC", // DSQL's conflicts
];

/// Most messages of these classes and codes do not contain a value. The other messages contain a value in quotation
/// marks or after a colon.
const SHOWN_UNQUOTED: [[u8; 5]; 5] = [
    *b"22001", // value too long for type character varying(5)
    *b"22003", // integer out of range
    *b"22012", // division by zero
    *b"42601", // syntax errors, of search texts and of JSON paths too
    *b"42602", // invalid names
];
const SHOWN_UNQUOTED_CLASSES: [[u8; 2]; 2] = [
    *b"54", // limits: transaction row limit exceeded
    *b"XX", // internal: server unavailable
];

/// Whether the primary message is shown.
pub(super) fn is_shown(error: &DatabaseError) -> bool {
    let Some(state) = error.sqlstate else { return false };
    let is_of = |classes: &[[u8; 2]]| classes.iter().any(|class| state.is_of_class(*class));
    let shown = if SHOWN_UNQUOTED.contains(state.as_bytes()) || is_of(&SHOWN_UNQUOTED_CLASSES) {
        !error.message.bytes().any(|byte| matches!(byte, b'"' | b':'))
    } else {
        is_of(&SHOWN)
    };
    shown && !error.raised && !repeats_token(error)
}

/// Returns the text that is shown instead of a hidden message.
fn substitute(state: Option<SqlState>) -> &'static str {
    match state {
        Some(state) if state.is_of_class(*b"22") => "a value does not fit (data exception)",
        _ => "the server's message may quote a value (Error::message has it)",
    }
}

/// Whether the message contains a part of a token. DSQL never repeats a token, but any server may answer at
/// [`Config::dangerous_endpoint`](crate::Config::dangerous_endpoint), and the message of a rejected login is shown.
pub(super) fn repeats_token(error: &DatabaseError) -> bool {
    contains(&error.message, "x-amz-")
}

pub(super) fn write_database_error(
    f: &mut fmt::Formatter<'_>,
    error: &DatabaseError,
    shown: bool,
) -> fmt::Result {
    if let Some(state) = error.sqlstate {
        f.write_str("SQLSTATE ")?;
        f.write_str(state.as_str())?;
        f.write_str(": ")?;
    }
    f.write_str(if shown { &error.message } else { substitute(error.sqlstate) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_that_can_quote_a_value_is_not_shown() {
        for (state, message) in [
            ("22P02", "invalid input syntax for type integer: \"canary\""),
            ("22P02", "Unable to convert text to UUID"),
            ("22007", "invalid value \"canary\" for \"YYYY\""),
            ("22008", "date/time field value out of range: \"canary\""),
            ("22003", "value \"99999999999\" is out of range for type integer"),
            ("22021", "invalid byte sequence for encoding \"UTF8\": 0xff"),
            ("22023", "time zone \"canary\" not recognized"),
            ("22030", "duplicate JSON object key value: canary"),
            ("2201B", "invalid regular expression: canary"),
            ("42601", "syntax error in tsquery: \"canary\""),
            ("42601", "syntax error at or near \"canary\" of jsonpath input"),
            ("42602", "invalid name syntax: canary"),
            ("54000", "word is too long in tsquery: \"canary\""),
            ("54000", "requested character too large for encoding: 1114112"),
            ("P0001", "canary"),
            ("P0004", "assertion failed"),
            ("38000", "canary"),
            ("HV000", "canary"),
            ("XX000", "cache lookup failed for \"canary\""),
            ("ZZ999", "canary"),
            ("01000", "canary"),
            ("", "canary"),
            ("42P01", "/?Action=DbConnect&X-Amz-Signature=canary"),
        ] {
            assert!(!is_shown(&error(state, message)), "{state} {message}");
        }
    }

    #[test]
    fn message_that_a_function_raises_is_not_shown_under_any_state() {
        let raised = DatabaseError { raised: true, ..error("23514", "canary") };
        assert!(!is_shown(&raised) && is_shown(&error("23514", "canary")));
    }

    #[test]
    fn message_that_names_objects_and_limits_is_shown() {
        for (state, message) in [
            ("08P01", "bind message supplies 1 parameters, but prepared statement \"\" requires 2"),
            ("0A000", "ddl and dml are not supported in the same transaction"),
            ("21000", "more than one row returned by a subquery used as an expression"),
            ("22001", "value too long for type character varying(5)"),
            ("22003", "integer out of range"),
            ("22012", "division by zero"),
            ("23505", "duplicate key value violates unique constraint \"t_pkey\""),
            ("25006", "cannot execute INSERT in a read-only transaction"),
            ("28000", "role \"x\" is not permitted to log in"),
            ("40001", "change conflicts with another transaction (OC000)"),
            ("OC000", "change conflicts with another transaction"),
            ("42P01", "relation \"x\" does not exist"),
            ("42883", "function f(integer) does not exist"),
            ("42501", "permission denied for table t"),
            ("42601", "syntax error at end of input"),
            ("53400", "Unable to accept connection, rate exceeded."),
            ("54000", "transaction row limit exceeded"),
            ("55000", "index \"i\" is not valid"),
            ("57014", "canceling statement due to user request"),
            ("XX000", "server unavailable"),
        ] {
            assert!(is_shown(&error(state, message)), "{state} {message}");
        }
    }

    fn error(state: &str, message: &str) -> DatabaseError {
        DatabaseError {
            sqlstate: SqlState::from_bytes(state.as_bytes()),
            message: message.to_owned(),
            ..DatabaseError::default()
        }
    }
}
