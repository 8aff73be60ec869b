//! The content of the files that `init` writes.

/// A snapshot without tables.
pub(super) const SNAPSHOT: &str = "\
-- The schema that `sql!` checks queries against when they are compiled. Commit it.
--
-- `dsql-edge pull --endpoint <id>.dsql.<region>.on.aws` writes it from a cluster. Until there is one, write your
-- tables here as DDL, or paste what `pg_dump --schema-only` prints:
--
-- CREATE TABLE posts (
--     id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
--     title text NOT NULL,
--     published_at timestamptz
-- );
--
-- Lines such as this one are directives, which `pull` keeps:
-- dsql-edge: search_path public
";

/// A first migration.
pub(super) const MIGRATION: &str = "\
-- The first migration. `dsql-edge migrate` sends one statement after the other, as DSQL accepts them.
--
-- CREATE TABLE posts (
--     id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
--     title text NOT NULL,
--     published_at timestamptz
-- );
";

/// A query that does not need a table.
pub(super) const FIRST_QUERY: &str = "\
//! A first query. A mistake in the query is a build error, with the mistake underlined in the source.

use dsql_edge::{Dsql, Error, sql};
use worker::Env;

/// The database's time.
pub async fn now(env: &Env) -> Result<String, Error> {
    let dsql = Dsql::from_env(env)?;
    sql!(\"SELECT current_timestamp::text AS now\").fetch_value(&dsql).await
}
";

/// The variables with which the Worker connects.
pub(super) const DEV_VARS: &str = "\
# The variables with which the Worker connects to the cluster. Copy this file to .dev.vars, write your values, and do not
# commit it. For a local database, `dsql-local run` writes .dev.vars itself.
DSQL_ENDPOINT=<id>.dsql.<region>.on.aws
AWS_ACCESS_KEY_ID=
AWS_SECRET_ACCESS_KEY=
# AWS_SESSION_TOKEN=
# DSQL_USER=admin
";

/// The head of a build script.
pub(super) const BUILD_HEAD: &str =
    "//! Lets cargo see new files of the folder that `sql!` takes its schema from.\n\n";
