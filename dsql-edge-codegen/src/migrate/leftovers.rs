//! Finds the indexes that an interrupted `REINDEX CONCURRENTLY` of a PostgreSQL left.
//!
//! Input: a statement that was sent. Output: a note for each index. `migrate` does not drop these indexes, because a
//! REINDEX that `migrate` did not send may have created them, and may still run.

use anyhow::Result;
use dsql_edge_migrations::catalog::Rows;

use super::database::Database;
use super::progress::Progress;

/// PostgreSQL adds `_ccnew` to the name of the new index and `_ccold` to the name of the old index
/// (`index_concurrently_create_copy`, `index_concurrently_swap`).
const LEFTOVERS: &str = "SELECT quote_ident(n.nspname) || '.' || quote_ident(x.relname)
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
     WHERE NOT i.indisvalid AND x.relname ~ '_cc(new|old)[0-9]*$' ORDER BY 1";

/// If the statement is a REINDEX CONCURRENTLY, reports the invalid indexes that interrupted REINDEX CONCURRENTLY
/// statements left.
pub(super) async fn report(sql: &str, database: &Database, report: &dyn Fn(Progress<'_>)) -> Result<()> {
    let words = sql.to_ascii_uppercase();
    if !(words.starts_with("REINDEX") && words.contains("CONCURRENTLY")) {
        return Ok(());
    }
    for [index] in database.rows::<1>(LEFTOVERS, &[]).await? {
        let index = index.unwrap_or_default();
        report(Progress::Details(&format!(
            "note: the index {index} is not valid: an interrupted REINDEX CONCURRENTLY left it. If none runs, \
             DROP INDEX CONCURRENTLY {index}"
        )));
    }
    Ok(())
}
