//! Leaves dsql-local's own functions, triggers and tables out of the messages that a client gets.
//!
//! Input: the fields of PostgreSQL's ErrorResponse and NoticeResponse, and the rows of a plan. Output: the same fields
//! and rows, without dsql-local's objects. The following parts are left out: each line of CONTEXT with a function of
//! dsql-local, the statement that this function ran, and dsql-local's trigger.
//!
//! PostgreSQL lists the innermost call first: the line `SQL statement "…"`, which can have line breaks, is before the
//! line of the function that ran the statement.

/// Functions of dsql-local whose names do not begin with `dsql_local_`.
const OTHER_FUNCTIONS: [&str; 2] = ["set_config(", "sys.wait_for_job("];
const PREFIX: &str = "dsql_local_";

/// Returns the fields of an error or a notice without dsql-local's objects; `None` if the fields do not contain such an
/// object.
pub(super) fn without_own(fields: &[u8]) -> Option<Vec<u8>> {
    let context = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"W"))?;
    let context = String::from_utf8_lossy(context);
    let kept = without_own_calls(&context)?;
    let mut out = Vec::with_capacity(fields.len());
    for field in fields.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        match field.first() {
            Some(b'W') if kept.is_empty() => continue,
            Some(b'W') => out.extend([b"W", kept.as_bytes()].concat()),
            // `p` is the position in a statement of dsql-local, and `q` is the text of that statement: both are left
            // out.
            Some(b'p' | b'q') => continue,
            _ => out.extend_from_slice(field),
        }
        out.push(0);
    }
    out.push(0);
    Some(out)
}

/// Returns CONTEXT without the calls of dsql-local's functions; `None` if CONTEXT contains no such calls.
fn without_own_calls(context: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    let mut found = false;
    for line in context.lines() {
        if !is_own_call(line) {
            kept.push(line);
            continue;
        }
        found = true;
        let is_call =
            |line: &&str| line.starts_with("SQL function ") || line.starts_with("PL/pgSQL function ");
        let before = kept.iter().rposition(is_call).map_or(0, |at| at + 1);
        let statement = kept.iter().skip(before).position(|line| line.starts_with("SQL statement \""));
        kept.truncate(statement.map_or(kept.len(), |at| before + at));
    }
    found.then(|| kept.join("\n"))
}

fn is_own_call(line: &str) -> bool {
    let Some(function) = line.strip_prefix("PL/pgSQL function ").or(line.strip_prefix("SQL function \""))
    else {
        return false;
    };
    let function = function.strip_prefix("pg_catalog.").unwrap_or(function);
    function.starts_with(PREFIX) || OTHER_FUNCTIONS.iter().any(|name| function.starts_with(name))
}

/// Whether a notice is about dsql-local's tables, such as the notices of `ANALYZE` without a table.
pub(super) fn is_about_own(fields: &[u8]) -> bool {
    let message = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"));
    message.is_some_and(|message| super::message::contains(message, PREFIX))
}

/// Whether the row of a plan (a DataRow's body: the number of columns, the length, the text) is about dsql-local's
/// trigger.
pub(super) fn is_own_trigger(row: &[u8]) -> bool {
    row.strip_prefix(&[0, 1])
        .and_then(|row| row.get(4..))
        .is_some_and(|text| text.starts_with(b"Trigger dsql_local_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_calls_and_their_statements_are_left_out() {
        let build = "PL/pgSQL function dsql_local_build_index(text,text,text,text,text) line 9 at EXECUTE";
        for (context, kept) in [
            (format!("SQL statement \"CREATE INDEX i\nON t (a)\"\n{build}"), Some("")),
            (
                format!("SQL function \"f\" statement 1\nSQL statement \"CREATE INDEX i ON t (f(a))\"\n{build}"),
                Some("SQL function \"f\" statement 1"),
            ),
            (
                "PL/pgSQL function dsql_local_check_setting(text) line 6 at RAISE\n\
                 SQL statement \"SELECT pg_catalog.dsql_local_check_setting($1)\"\n\
                 PL/pgSQL function set_config(text,text,boolean) line 3 at PERFORM\nSQL function \"g\" statement 1"
                    .to_owned(),
                Some("SQL function \"g\" statement 1"),
            ),
            ("SQL function \"f\" during startup".to_owned(), None),
            ("COPY t, line 1".to_owned(), None),
        ] {
            assert_eq!(without_own_calls(&context).as_deref(), kept, "{context}");
        }
        let fields = format!("SERROR\0C42703\0Mno\0p5\0qCREATE INDEX\0W{build}\0\0");
        assert_eq!(without_own(fields.as_bytes()).unwrap(), b"SERROR\0C42703\0Mno\0\0");
        assert_eq!(without_own(b"SERROR\0C42703\0Mno\0P5\0\0"), None);
    }

    #[test]
    fn cut_fields_and_rows_do_not_panic() {
        let fields =
            b"SERROR\0WSQL statement \"x\nPL/pgSQL function dsql_local_x() line 1\0Mdsql_local_y\0\0";
        let row = b"\0\x01\0\0\0\x20Trigger dsql_local_insert: time=0";
        assert!(is_own_trigger(row) && is_about_own(fields));
        (0..fields.len()).for_each(|end| drop((without_own(&fields[..end]), is_about_own(&fields[..end]))));
        (0..row.len()).for_each(|end| assert!(!is_own_trigger(&row[..end]) || end > 20));
    }
}
