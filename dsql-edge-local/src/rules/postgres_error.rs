//! DSQL's answers to PostgreSQL's errors: conflicts of two transactions, limits, and functions that are denied.
//!
//! Input: the fields of an ErrorResponse. Output: DSQL's answer, if DSQL answers differently. A session never waits
//! longer for a lock than [`LOCK_TIMEOUT`]. A cluster would answer the statement and fail the COMMIT of the slower
//! transaction. In dsql-local the statement fails, because its result depends on the other session, for which it would
//! have to wait.
//!
//! PostgreSQL's error for such a wait (55P03) is the same for a row and for a table. CONTEXT contains the row, but only
//! in the error of the first session that waits for this row: the other sessions wait for the queue of the row. The
//! error of a wait for a table has a position, but only if PostgreSQL waited while it parsed a query. In all other
//! cases, the session waited for a row, unless a schema change is open, because only a schema change locks a table so
//! that other sessions wait. While any schema change is open, these cases get OC001; this is possible on a cluster too.

use super::rejected::StatementRejected;
use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::limits::Limits;
use crate::postgres::denied_functions;

/// How long a session waits for a lock, in milliseconds. The shortest possible limit, 1 ms, would cause false
/// conflicts: PostgreSQL also takes locks for a short time when no transactions conflict, for example when a table
/// grows by a page.
const LOCK_TIMEOUT: u32 = 50;

const SERIALIZATION_FAILURE: &str = "40001";
const LIMIT_EXCEEDED: &str = "54000";
/// DSQL's messages, from the recording.
const CHANGED: &str = "change conflicts with another transaction (OC000)";
const SCHEMA_CHANGED: &str = "schema has been updated by another transaction (OC001)";

/// The settings of PostgreSQL at the start of a session.
pub(crate) fn settings(limits: &Limits) -> Vec<(&'static str, String)> {
    vec![
        ("lock_timeout", LOCK_TIMEOUT.to_string()),
        // PostgreSQL limits each statement. The limit is as long as a transaction of DSQL may last.
        ("statement_timeout", limits.age.as_millis().to_string()),
        ("dsql_local.limit_rows", limits.rows.to_string()),
        ("dsql_local.limit_bytes", limits.bytes.to_string()),
    ]
}

/// DSQL's answer to a PostgreSQL error: a conflict of two transactions, or a limit.
pub(super) fn of_postgres(fields: &[u8], cluster: &Cluster) -> Option<StatementRejected> {
    let found = |code: u8| fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[code]));
    let field = |code: u8| String::from_utf8_lossy(found(code).unwrap_or_default()).into_owned();
    let (sqlstate, message, context) = (field(b'C'), field(b'M'), field(b'W'));
    // The catalog's entries are also rows, so two schema changes at the same time conflict.
    let of_catalog = context.contains("in relation \"pg_") || field(b'n').starts_with("pg_");
    let words = match sqlstate.as_str() {
        "40001" | "40P01" | "55P03" | "23505" if of_catalog => SCHEMA_CHANGED,
        "40001" | "40P01" => CHANGED,
        // CONTEXT contains the row or the key for which PostgreSQL waited, or the error is that of NOWAIT.
        "55P03" if context.contains("tuple (") || !message.contains("lock timeout") => CHANGED,
        "55P03" if [b'P', b'p'].iter().any(|position| found(*position).is_some()) => SCHEMA_CHANGED,
        "55P03" if cluster.catalog.has_open_change() => SCHEMA_CHANGED,
        "55P03" => CHANGED,
        "XX000" if message.starts_with("tuple concurrently ") => SCHEMA_CHANGED,
        "42501" => return denied_function(&message),
        "57014" if message.contains("statement timeout") => return Some(too_old(&cluster.limits)),
        "54000" if message.starts_with("transaction ") => {
            let instead = "write less in one transaction, and the rest in the next";
            return Some(
                StatementRejected::new(LIMIT_EXCEEDED, message, instead.to_owned()).detailed(field(b'D')),
            );
        }
        _ => return None,
    };
    let why = match sqlstate.as_str() {
        "55P03" if words == CHANGED => {
            "an open transaction holds the row; on a cluster the COMMIT of one of the two fails"
        }
        "55P03" => {
            "a schema change is not committed, or waits for an open transaction that uses the table; on a cluster \
             the COMMIT of one of the two fails"
        }
        _ => "another transaction committed a change first; on a cluster COMMIT fails",
    };
    Some(StatementRejected::new(SERIALIZATION_FAILURE, words, format!("{why}: run the transaction again")))
}

/// The answer to a call of a function that sessions may not call.
fn denied_function(message: &str) -> Option<StatementRejected> {
    let name = message.strip_prefix("permission denied for function ")?;
    let instead = denied_functions::instead_of(name)?;
    Some(StatementRejected::new("0A000", format!("function {name} not supported"), instead.to_owned()))
}

/// The answer in a transaction that began too long ago.
pub(super) fn too_old(limits: &Limits) -> StatementRejected {
    let message = format!("transaction age limit of {}s exceeded", limits.age.as_secs());
    StatementRejected::new(
        LIMIT_EXCEEDED,
        message,
        "do less in one transaction, and do not wait in it".to_owned(),
    )
}

/// The answer if a requested fault causes a conflict.
pub(super) fn on_request() -> StatementRejected {
    let why = "a requested fault: run the transaction again";
    StatementRejected::new(SERIALIZATION_FAILURE, CHANGED, why.to_owned()).by_fault(Fault::Conflict(1))
}

/// The answer after a schema change of another session.
pub(super) fn schema_changed() -> StatementRejected {
    let why = "another session has changed the schema: run the transaction again";
    StatementRejected::new(SERIALIZATION_FAILURE, SCHEMA_CHANGED, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::session;

    fn answer_to(fields: &str, cluster: &Cluster) -> Option<String> {
        of_postgres(fields.as_bytes(), cluster).map(|rejected| rejected.message().to_owned())
    }

    #[test]
    fn postgresql_errors_become_conflicts_and_limits() {
        let cluster = session().cluster;
        for (fields, words) in [
            ("C40001\0Mcould not serialize access due to concurrent update\0\0", Some(CHANGED)),
            ("C40P01\0Mdeadlock detected\0\0", Some(CHANGED)),
            (
                "C55P03\0Mcanceling statement due to lock timeout\0Wwhile updating tuple (0,1) in relation \"t\"\0\0",
                Some(CHANGED),
            ),
            ("C55P03\0Mcould not obtain lock on row in relation \"t\"\0\0", Some(CHANGED)),
            ("C55P03\0Mcanceling statement due to lock timeout\0\0", Some(CHANGED)),
            ("C55P03\0Mcanceling statement due to lock timeout\0P15\0\0", Some(SCHEMA_CHANGED)),
            ("C55P03\0Mcanceling statement due to lock timeout\0p8\0qSELECT 1\0\0", Some(SCHEMA_CHANGED)),
            (
                "C23505\0Mduplicate key value violates unique constraint \"pg_class_relname_nsp_index\"\0\
                 npg_class_relname_nsp_index\0\0",
                Some(SCHEMA_CHANGED),
            ),
            ("CXX000\0Mtuple concurrently updated\0\0", Some(SCHEMA_CHANGED)),
            ("CXX000\0Mcache lookup failed\0\0", None),
            ("C23505\0Mduplicate key value violates unique constraint \"t_pkey\"\0\0", None),
            (
                "C57014\0Mcanceling statement due to statement timeout\0\0",
                Some("transaction age limit of 300s exceeded"),
            ),
            ("C57014\0Mcanceling statement due to user request\0\0", None),
            ("", None),
        ] {
            assert_eq!(answer_to(fields, &cluster).as_deref(), words, "{fields}");
        }
    }

    #[test]
    fn lock_without_location_is_of_a_table_if_a_change_is_open() {
        let cluster = session().cluster;
        let _open = cluster.catalog.opens_change();
        for (context, words) in
            [("", SCHEMA_CHANGED), ("Wwhile locking tuple (0,1) in relation \"t\"\0", CHANGED)]
        {
            let fields = format!("C55P03\0Mcanceling statement due to lock timeout\0{context}\0");
            assert_eq!(answer_to(&fields, &cluster).as_deref(), Some(words), "{context}");
        }
    }
}
