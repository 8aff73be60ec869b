//! The templates of the tests' databases: one for each schema, made once.
//!
//! Input: the files of a schema. Output: the name of a database that has this schema. A template is made under another
//! name, and renamed once it is complete; a lock of PostgreSQL excludes other processes, and ends with the session.

use dsql_edge_compiler::schema::directives;

use super::control::{Control, failed};
use super::databases::{copy, drop_database};
use super::folder::digest;
use crate::Error;
use crate::postgres::{self, ADMIN, SUPERUSER};
use crate::seal::SealKey;
use crate::sql_script;

/// The template of all templates for DSQL: a database with DSQL's limits and its schema `sys`.
const BASE: &str = "base";

/// PostgreSQL's own empty database, for the dialect PostgreSQL.
const EMPTY: &str = "template0";

/// The number of templates that a start of the server keeps: those that were used last.
const KEPT: i64 = 10;

/// Whether a schema is one of a PostgreSQL, by its directive.
pub(super) fn is_postgres(schema: &[(&str, &str)]) -> bool {
    let mut lines = schema.iter().flat_map(|(_, text)| directives(text));
    lines.any(|line| line.is_in_head && line.directive.split_whitespace().eq(["dialect", "postgres"]))
}

/// Makes the template of all templates.
pub(super) async fn make_base(control: &Control) -> Result<(), Error> {
    copy(control, BASE, EMPTY).await?;
    let client = control.database(BASE).session(SUPERUSER).await.map_err(failed)?;
    postgres::install(&client).await.map_err(failed)?;
    client.batch_execute(&postgres::denied_functions::permissions(true)).await.map_err(failed)
}

/// Returns the template for a schema, and makes it if it is missing.
pub(super) async fn template(control: &Control, schema: &[(&str, &str)]) -> Result<String, Error> {
    let texts: Vec<&str> = schema.iter().flat_map(|(name, text)| [*name, *text]).collect();
    let name = format!("template_{}", digest(&texts));
    if is_made(control, &name).await? {
        return Ok(name);
    }
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('{name}', 0))");
    control.execute(lock.as_str(), &[]).await.map_err(failed)?;
    let made = match is_made(control, &name).await {
        Ok(false) => make(control, &name, schema).await,
        other => other.map(drop),
    };
    let unlock = format!("SELECT pg_advisory_unlock(hashtextextended('{name}', 0))");
    control.execute(unlock.as_str(), &[]).await.map_err(failed)?;
    made.map(|()| name)
}

async fn is_made(control: &Control, name: &str) -> Result<bool, Error> {
    let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let exists: bool = control.query_one(exists, &[&name]).await.map_err(failed)?.get(0);
    if exists {
        // Most tests find a template that was just used: then nothing is written.
        let used = "UPDATE templates SET used = now() WHERE name = $1 AND used < now() - interval '1 hour'";
        control.execute(used, &[&name]).await.map_err(failed)?;
    }
    Ok(exists)
}

async fn make(control: &Control, name: &str, schema: &[(&str, &str)]) -> Result<(), Error> {
    let building = format!("building_{name}");
    drop_database(control, &building).await?;
    let base = if is_postgres(schema) { EMPTY } else { BASE };
    copy(control, &building, base).await?;
    if let Err(error) = apply(control, &building, schema).await {
        drop_database(control, &building).await?;
        return Err(error);
    }
    let rename = format!("ALTER DATABASE {building} RENAME TO {name}");
    control.batch_execute(&rename).await.map_err(failed)?;
    let listed = "INSERT INTO templates (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET used = now()";
    control.execute(listed, &[&name]).await.map_err(failed)?;
    Ok(())
}

/// Applies the files of a schema as `admin`, without DSQL's rules: a snapshot may be a dump, and `dsql-edge lint` applies
/// the rules to migrations.
async fn apply(control: &Control, database: &str, schema: &[(&str, &str)]) -> Result<(), Error> {
    let database = control.database(database);
    let superuser = database.session(SUPERUSER).await.map_err(failed)?;
    let own = format!("ALTER SCHEMA public OWNER TO {ADMIN}");
    superuser.batch_execute(&own).await.map_err(failed)?;
    let mut key = None;
    if !is_postgres(schema) {
        let random = SealKey::random()?;
        superuser.batch_execute(&random.to_sql()).await.map_err(failed)?;
        key = Some(random);
    }
    let client = database.session(ADMIN).await.map_err(failed)?;
    for (name, text) in schema {
        sql_script::run_statements(&client, key.as_ref(), name, text).await?;
    }
    Ok(())
}

/// Drops the templates that were not used for the longest time.
pub(super) async fn drop_old(control: &Control) -> Result<(), Error> {
    let old =
        "DELETE FROM templates WHERE name NOT IN (SELECT name FROM templates ORDER BY used DESC LIMIT $1)
        RETURNING name";
    for row in control.query(old, &[&KEPT]).await.map_err(failed)? {
        drop_database(control, &row.get::<_, String>(0)).await?;
    }
    Ok(())
}
