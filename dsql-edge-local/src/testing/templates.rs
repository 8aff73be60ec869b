//! The templates of the tests' databases: one for each schema, made once.
//!
//! Input: the files of a schema. Output: the name of a database that has this schema. A template is made under another
//! name, and renamed once it is complete; a lock of PostgreSQL excludes other processes, and ends with the session.

use std::sync::Arc;

use dsql_edge_compiler::schema::{Dialect, directives};

use super::Schema;
use super::by_rules;
use super::control::{Control, failed};
use super::databases::{copy, drop_database};
use super::folder::digest;
use crate::Error;
use crate::iam::key_ring::KeyRing;
use crate::keys::Credentials;
use crate::postgres::{self, ADMIN, Database, SUPERUSER, unlike_cluster};
use crate::{migrate, sql_script};

/// The template of all templates for DSQL: a database with DSQL's limits and its schema `sys`.
const BASE: &str = "base";

/// PostgreSQL's own empty database, for the dialect PostgreSQL.
const EMPTY: &str = "template0";

/// The prefix of an incomplete template's name.
const BUILDING: &str = "building_";

/// The number of templates that a start of the server keeps: those that were used last.
const KEPT: i64 = 10;

/// Whether a schema has the dialect PostgreSQL, by its directive.
pub(super) fn is_postgres(schema: &Schema<'_>) -> bool {
    let mut lines = schema.files.iter().flat_map(|(_, text)| directives(text));
    lines.any(|line| line.is_in_head && line.directive.split_whitespace().eq(["dialect", "postgres"]))
}

/// Makes the template of all templates.
pub(super) async fn make_base(control: &Control) -> Result<(), Error> {
    copy(control, BASE, EMPTY).await?;
    let client = control.database(BASE).session(SUPERUSER).await.map_err(failed)?;
    postgres::install(&client).await.map_err(failed)?;
    client.batch_execute(&postgres::denied_functions::permissions(true)).await.map_err(failed)
}

/// Returns the template for a schema, and makes it if it is missing. `own`: whether the server belongs to one test.
pub(super) async fn template(control: &Control, schema: &Schema<'_>, own: bool) -> Result<String, Error> {
    let kind = if schema.are_migrations { "migrations" } else { "snapshot" };
    let texts = schema.files.iter().flat_map(|(name, text)| [*name, *text]);
    let name = format!("template_{}", digest(&[kind].into_iter().chain(texts).collect::<Vec<_>>()));
    if is_made(control, &name).await? {
        return Ok(name);
    }
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('{name}', 0))");
    control.execute(lock.as_str(), &[]).await.map_err(failed)?;
    let made = match is_made(control, &name).await {
        Ok(false) => make(control, &name, schema, own).await,
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

async fn make(control: &Control, name: &str, schema: &Schema<'_>, own: bool) -> Result<(), Error> {
    let building = format!("{BUILDING}{name}");
    drop_database(control, &building).await?;
    let base = if is_postgres(schema) { EMPTY } else { BASE };
    copy(control, &building, base).await?;
    if let Err(error) = apply(control, &building, schema, own).await {
        drop_database(control, &building).await?;
        return Err(error);
    }
    let rename = format!("ALTER DATABASE {building} RENAME TO {name}");
    control.batch_execute(&rename).await.map_err(failed)?;
    let listed = "INSERT INTO templates (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET used = now()";
    control.execute(listed, &[&name]).await.map_err(failed)?;
    Ok(())
}

/// Applies the files of a schema as `admin`.
async fn apply(control: &Control, database: &str, schema: &Schema<'_>, own: bool) -> Result<(), Error> {
    let database = control.database(database);
    let superuser = database.session(SUPERUSER).await.map_err(failed)?;
    let owner = format!("ALTER SCHEMA public OWNER TO {ADMIN}");
    superuser.batch_execute(&owner).await.map_err(failed)?;
    drop(superuser);
    let is_postgres = is_postgres(schema);
    let key = if is_postgres { None } else { Some(by_rules::seal(&database).await?) };
    if !schema.are_migrations {
        let client = database.session(ADMIN).await.map_err(failed)?;
        for (name, text) in schema.files {
            sql_script::run_statements(&client, key.as_ref(), name, text).await?;
        }
        return if is_postgres { Ok(()) } else { check_objects(&database, schema).await };
    }
    let files = schema.files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let Some(key) = key else {
        let client = database.session(ADMIN).await.map_err(failed)?;
        return migrate::apply_to_new(client, files, Dialect::Postgres).await;
    };
    let keys = KeyRing::new(Credentials::made_up()?, Vec::new());
    let endpoint = by_rules::endpoint(&database, key, own, keys, Arc::new(|_| {}))?;
    let run = async |client| migrate::apply_to_new(client, files, Dialect::Dsql).await;
    by_rules::in_session(&endpoint, run).await
}

/// Checks that a cluster can have the objects of a snapshot.
async fn check_objects(database: &Database, schema: &Schema<'_>) -> Result<(), Error> {
    let superuser = database.session(SUPERUSER).await.map_err(failed)?;
    let objects = unlike_cluster::objects(&superuser).await.map_err(failed)?;
    if objects.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = schema.files.iter().map(|(name, _)| *name).collect();
    Err(Error::Test(format!(
        "{}: a DSQL cluster cannot have {}: change the snapshot, or write the directive `-- dsql-edge: dialect postgres` at \
         its head if it is that of a PostgreSQL",
        names.join(", "),
        objects.join(", ")
    )))
}

/// Drops the templates that were not used for the longest time, and those that a killed process has not completed. No
/// other process uses the server yet.
pub(super) async fn drop_old(control: &Control) -> Result<(), Error> {
    let old =
        "DELETE FROM templates WHERE name NOT IN (SELECT name FROM templates ORDER BY used DESC LIMIT $1)
        RETURNING name";
    let incomplete = "SELECT datname::text FROM pg_database WHERE datname LIKE $1";
    let mut rows = control.query(old, &[&KEPT]).await.map_err(failed)?;
    rows.extend(control.query(incomplete, &[&format!("{BUILDING}%")]).await.map_err(failed)?);
    for row in rows {
        drop_database(control, &row.get::<_, String>(0)).await?;
    }
    Ok(())
}
