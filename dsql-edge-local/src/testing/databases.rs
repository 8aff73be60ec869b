//! The databases of tests, and the table that lists them.
//!
//! Input: a session in the database `postgres` of a test server, which has no data of tests. Output: a database of one
//! test, or its end. The table lists each database with the session that uses it. After the end of this session, the
//! next process drops the database. If the database was kept because the test has failed, the next run of the same test
//! replaces it.

use super::control::{Control, failed};
use super::folder::KEPT;
use crate::Error;
use crate::postgres::ADMIN;

const TABLES: &str = "CREATE TABLE tests (
        database text PRIMARY KEY,
        test text NOT NULL,
        backend int NOT NULL,
        backend_start timestamptz NOT NULL,
        kept_since timestamptz
    );
    CREATE TABLE templates (name text PRIMARY KEY, used timestamptz NOT NULL DEFAULT now());";

/// An SQL condition: the session of a listed database has ended.
const ENDED: &str = "NOT EXISTS (SELECT FROM pg_stat_activity a
    WHERE a.pid = tests.backend AND a.backend_start = tests.backend_start)";

/// Creates the role `admin` and the tables. Only the role of a test's own server may create roles.
pub(super) async fn prepare(control: &Control, own: bool) -> Result<(), Error> {
    let roles = if own { "CREATEROLE" } else { "NOCREATEROLE" };
    let sql = format!("CREATE ROLE {ADMIN} LOGIN {roles}; {TABLES}");
    control.batch_execute(&sql).await.map_err(failed)
}

/// Creates the database of a test as a copy of a template.
pub(super) async fn create(control: &Control, template: &str, test: &str) -> Result<String, Error> {
    let earlier = format!("SELECT database FROM tests WHERE test = $1 AND {ENDED}");
    for row in control.query(earlier.as_str(), &[&test]).await.map_err(failed)? {
        drop_database(control, &row.get::<_, String>(0)).await?;
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("test_{name}");
    let listed = "INSERT INTO tests SELECT $1, $2, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    control.execute(listed, &[&name, &test]).await.map_err(failed)?;
    copy(control, &name, template).await?;
    Ok(name)
}

/// Creates a database as a copy of another. Copying the files takes about two thirds of the time of PostgreSQL's
/// default, which writes every page to the log.
pub(super) async fn copy(control: &Control, name: &str, template: &str) -> Result<(), Error> {
    let create = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY");
    control.batch_execute(&create).await.map_err(failed)?;
    // The copy does not have the template's permissions.
    control.batch_execute(&format!("GRANT ALL ON DATABASE {name} TO {ADMIN}")).await.map_err(failed)
}

/// Drops the database of a test.
pub(super) async fn drop_database(control: &Control, name: &str) -> Result<(), Error> {
    control.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.map_err(failed)?;
    control.execute("DELETE FROM tests WHERE database = $1", &[&name]).await.map_err(failed)?;
    Ok(())
}

/// Keeps the database of a failed test until the test runs again, or for a week.
pub(super) async fn keep(control: &Control, name: &str) -> Result<(), Error> {
    let kept = "UPDATE tests SET kept_since = now() WHERE database = $1";
    control.execute(kept, &[&name]).await.map_err(failed)?;
    Ok(())
}

/// The database that a test has kept.
pub(super) async fn kept(control: &Control, test: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT database FROM tests WHERE test = $1 AND kept_since IS NOT NULL
        ORDER BY kept_since DESC LIMIT 1";
    let row = control.query_opt(sql, &[&test]).await.map_err(failed)?;
    Ok(row.map(|row| row.get(0)))
}

/// Drops the databases of tests that were killed, and those that were kept for too long.
pub(super) async fn drop_abandoned(control: &Control) -> Result<(), Error> {
    let sql = format!(
        "SELECT database FROM tests
         WHERE {ENDED} AND (kept_since IS NULL OR kept_since < now() - interval '{} seconds')",
        KEPT.as_secs()
    );
    for row in control.query(sql.as_str(), &[]).await.map_err(failed)? {
        drop_database(control, &row.get::<_, String>(0)).await?;
    }
    Ok(())
}
