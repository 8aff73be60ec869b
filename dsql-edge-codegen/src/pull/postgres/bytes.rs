//! Lists the objects of a database whose names or text are not UTF-8.
//!
//! Input: the error of a database with the encoding SQL_ASCII, which stores any bytes and does not convert them.
//! Output: an error with the objects, and what to do.

use anyhow::anyhow;
use dsql_edge::dynamic::Sql;
use dsql_edge::{Dsql, Error};

/// `character_not_in_repertoire`: the server cannot send a string in the client's encoding.
pub(super) fn are_not_utf8(error: &Error) -> bool {
    error.sqlstate().is_some_and(|state| state.as_str() == "22021")
}

/// kind, name with the bytes outside of ASCII as `\ooo`
///
/// In such a database, each byte is a character, so the result of `encode` is ASCII, and a regular expression finds
/// bytes.
const OBJECTS: &str = "SELECT kind, encode(convert_to(name, 'SQL_ASCII'), 'escape') FROM (
         SELECT 'schema' AS kind, n.nspname::text AS name, n.nspname::text AS texts, n.oid AS schema
         FROM pg_catalog.pg_namespace n
         UNION ALL SELECT 'relation', c.oid::regclass::text, c.relname || coalesce(pg_get_viewdef(v.oid), ''), c.relnamespace
         FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class v ON v.oid = c.oid AND v.relkind IN ('v', 'm')
         UNION ALL SELECT 'column', c.oid::regclass || '.' || a.attname,
                          a.attname || coalesce(pg_get_expr(d.adbin, d.adrelid), ''), c.relnamespace
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE NOT a.attisdropped
         UNION ALL SELECT 'constraint', k.conname::text, k.conname || coalesce(pg_get_constraintdef(k.oid), ''), k.connamespace
         FROM pg_catalog.pg_constraint k
         UNION ALL SELECT 'type', t.oid::regtype::text,
                          t.typname || coalesce((SELECT string_agg(e.enumlabel, ' ') FROM pg_catalog.pg_enum e
                                                 WHERE e.enumtypid = t.oid), ''), t.typnamespace
         FROM pg_catalog.pg_type t WHERE t.typtype IN ('e', 'd')
         UNION ALL SELECT 'function', p.oid::regprocedure::text, p.proname || coalesce(p.prosrc, ''), p.pronamespace
         FROM pg_catalog.pg_proc p
     ) all_of_them JOIN pg_catalog.pg_namespace n ON n.oid = schema
     WHERE texts ~ '[^\\x01-\\x7f]' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     ORDER BY 1, 2 LIMIT 10";

/// Returns the error with the objects, as far as they are found.
pub(super) async fn explained(dsql: &Dsql, error: &Error) -> anyhow::Error {
    let rows = Sql::reading(OBJECTS).query(&[]).fetch_all(dsql).await.unwrap_or_default();
    let named: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row.value(0).unwrap_or_default(), row.value(1).unwrap_or_default()))
        .collect();
    let objects = if named.is_empty() { String::new() } else { format!(" Look at: {}.", named.join(", ")) };
    let message = error.message().unwrap_or("a text is not UTF-8");
    anyhow!(
        "SQLSTATE 22021: {message}\nThe database has an encoding without conversion (SQL_ASCII), and the snapshot is UTF-8: a \
         name, a default or the text of a function or a view has other bytes.{objects} Rename or replace these objects, or \
         dump the database with its true encoding (pg_dump --encoding) into one whose encoding is UTF8"
    )
}
