//! Reports the processes of a PostgreSQL for whose locks a step waits.
//!
//! Input: a step that is being applied. Output: an event for each process, after the step has waited for a second. On
//! DSQL, statements do not wait for locks.
//!
//! Behind a pooler, the process that executes the step is not known. So two kinds of processes are considered. A
//! process of the first kind has locked the ledger: each transaction of `migrate` first writes its row in the ledger,
//! and this write locks the ledger. A process of the second kind currently executes a statement that has the same text
//! as the step.

use std::convert::Infallible;
use std::time::Duration;

use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::{File, Step};

use super::database::Database;
use super::progress::Progress;

/// $1: the text of the step. A role sees the SQL of its own statements, cut off at `track_activity_query_size`.
const BLOCKING: &str = "SELECT DISTINCT b.pid::text, concat_ws(', ', 'role ' || b.usename, nullif(b.application_name, ''), b.state)
     FROM (SELECT l.pid FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'dsql_edge' AND c.relname = 'migrations' AND l.mode = 'RowExclusiveLock' AND l.granted
             AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
           UNION SELECT a.pid FROM pg_catalog.pg_stat_activity a
           WHERE a.state = 'active' AND a.query <> '' AND left($1, length(a.query)) = a.query) waiting
     CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(waiting.pid)) AS blocking(pid)
     JOIN pg_catalog.pg_stat_activity b ON b.pid = blocking.pid
     ORDER BY 1 LIMIT 5";

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Reports each process once. Does not return.
pub(super) async fn report(
    file: &File,
    step: &Step,
    database: &Database,
    report: &dyn Fn(Progress<'_>),
) -> Infallible {
    if database.dialect() == Dialect::Dsql {
        return std::future::pending().await;
    }
    let (mut known, mut pause) = (Vec::new(), FIRST_PAUSE);
    loop {
        tokio::time::sleep(pause).await;
        // An error of this query is ignored: if the server fails, the step itself returns an error.
        let rows = database.rows::<2>(BLOCKING, &[Some(file.sql(step))]).await.unwrap_or_default();
        for [process, session] in rows {
            let process = process.unwrap_or_default();
            if !known.contains(&process) {
                report(Progress::Waiting { process: &process, session: &session.unwrap_or_default() });
                known.push(process);
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
