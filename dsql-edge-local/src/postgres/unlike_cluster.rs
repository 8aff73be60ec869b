//! Finds the objects of a database that a cluster cannot have.
//!
//! Input: a database whose SQL ran without DSQL's rules: a snapshot of a test, or the files of `--init`. Output: a
//! description of each object. The rules themselves cannot be applied to such SQL, because a snapshot may be a dump.
//! DSQL rejects many statements of a dump (`ALTER TABLE … ADD CONSTRAINT … PRIMARY KEY`, `CREATE INDEX` without ASYNC,
//! `SET`), although a cluster can have the same tables. So this module reads the catalog, which has the objects that
//! these statements created.

use tokio_postgres::Client;

use super::{Postgres, SUPERUSER};
use crate::Error;
use crate::log::Log;

/// The maximum number of objects that are listed.
const MOST: usize = 20;

const OBJECTS: &str = "
    WITH RECURSIVE own_schema AS (
        SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'sys')
    ),
    own AS (
        SELECT c.oid, c.relkind, format('%I.%I', nspname, relname) AS name
        FROM pg_class c JOIN own_schema s ON s.oid = relnamespace
    ),
    types AS (
        SELECT own.oid, attnum, attname, atttypid AS type
        FROM own JOIN pg_attribute ON attrelid = own.oid
        WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
      UNION ALL
        SELECT types.oid, attnum, attname, typbasetype FROM types JOIN pg_type t ON t.oid = type WHERE typtype = 'd'
    ),
    objects AS (
        SELECT 1 AS place, format('the column %s.%I of type %s', name, attname, format_type(type, NULL)) AS object
        FROM types JOIN own USING (oid) JOIN pg_type t ON t.oid = type
        WHERE typtype <> 'd' AND format_type(type, NULL) <> ALL (pg_catalog.dsql_local_column_types())
      UNION ALL
        SELECT 2, format('the %s %s', CASE relkind WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
            ELSE 'partitioned table' END, name)
        FROM own WHERE relkind IN ('m', 'f', 'p')
      UNION ALL
        SELECT 3, format('the table %s, which inherits from another', name)
        FROM own JOIN pg_inherits ON inhrelid = own.oid WHERE relkind = 'r'
      UNION ALL
        SELECT 4, format('the type %I.%I', nspname, typname)
        FROM pg_type t JOIN own_schema s ON s.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
        WHERE typtype IN ('e', 'r') OR typtype = 'c' AND relkind = 'c'
      UNION ALL
        SELECT 5, format('the trigger %I of %s', tgname, name)
        FROM pg_trigger JOIN own ON own.oid = tgrelid WHERE NOT tgisinternal
      UNION ALL
        SELECT 6, format('the exclusion constraint %I of %s', conname, name)
        FROM pg_constraint JOIN own ON own.oid = conrelid WHERE contype = 'x'
      UNION ALL
        SELECT 7, format('the extension %I', extname) FROM pg_extension WHERE extname <> 'plpgsql'
    )
    SELECT object FROM objects ORDER BY place, object";

/// Logs the objects that a cluster cannot have, because the rules do not apply to the initial SQL.
pub(crate) async fn report(postgres: &Postgres, log: &Log) -> Result<(), Error> {
    let objects = objects(&postgres.connect(SUPERUSER).await?).await;
    let objects = objects.map_err(|error| Error::Postgres(error.to_string()))?;
    if !objects.is_empty() {
        let objects = objects.join(", ");
        log(&format!("DSQL's rules do not apply to the initial SQL: a cluster cannot have {objects}"));
    }
    Ok(())
}

/// The objects that a cluster cannot have. `client`: a session of the superuser.
pub(crate) async fn objects(client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
    let rows = client.query(OBJECTS, &[]).await?;
    let mut objects: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if objects.len() > MOST {
        let more = objects.len() - MOST;
        objects.truncate(MOST);
        objects.push(format!("{more} more"));
    }
    Ok(objects)
}
