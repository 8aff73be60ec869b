//! Reads the state of a statement's objects in the catalog.
//!
//! Input: the trace of a statement (the objects that the statement changes), or a job. Output for a trace: a checksum
//! of the objects' state, and the columns of a table; or `None` if the catalog does not show this state. Output for a
//! job: whether the job's object is valid.

use crate::steps::{ABSENT, Job, Kind, Object, Seen, Trace, sha256};

/// A database session that runs the queries of this module. All parameters and results of these queries are strings.
pub trait Rows {
    /// The session's error.
    type Error;

    /// Returns the rows of a query that only reads.
    fn rows<const N: usize>(
        &self,
        sql: &'static str,
        parameters: &[Option<&str>],
    ) -> impl Future<Output = Result<Vec<[Option<String>; N]>, Self::Error>>;
}

/// Reads the current state of the objects in the catalog; returns `None` if the catalog does not show this state.
///
/// # Errors
/// Returns the session's error.
pub async fn look<R: Rows>(trace: &Trace, database: &R) -> Result<Option<Seen>, R::Error> {
    let mut text = String::new();
    let mut columns = Vec::new();
    for object in &trace.objects {
        let Some(seen) = state(object, database, &mut columns).await? else { return Ok(None) };
        text += &seen;
    }
    if trace.objects.is_empty() {
        return Ok(None);
    }
    let state = if text.is_empty() { ABSENT.to_owned() } else { sha256(&text) };
    Ok(Some(Seen { state, columns }))
}

/// Returns whether the job's object is valid, and for an index also its full name; `None` if the object does not
/// exist.
///
/// # Errors
/// Returns the session's error.
pub async fn made<R: Rows>(job: &Job, database: &R) -> Result<Option<(bool, Option<String>)>, R::Error> {
    let (sql, name, table) = match job {
        Job::Index { name, table } | Job::Concurrently { name, table } => (BUILT_INDEX, name, table),
        Job::Constraint { name, table } => (VALIDATED, name, table),
    };
    let parameters = [Some(table.schema().unwrap_or_default()), Some(table.name()), Some(name.as_str())];
    let rows = database.rows::<2>(sql, &parameters).await?;
    Ok(rows.into_iter().next().map(|[holds, name]| (holds.as_deref() == Some("true"), name)))
}

/// Returns the catalog's rows about an object as one string, "" if the object does not exist, or `None` if the catalog
/// does not show the object.
async fn state<R: Rows>(
    object: &Object,
    database: &R,
    columns: &mut Vec<String>,
) -> Result<Option<String>, R::Error> {
    let name = [Some(object.schema.as_str()), Some(object.name.as_str())];
    let mut text = String::new();
    match object.kind {
        Kind::Relation => {
            text += &lines(database.rows::<5>(RELATION, &name).await?);
            let found = database.rows::<7>(COLUMNS, &name).await?;
            columns.extend(found.iter().filter_map(|[column, ..]| column.clone()));
            text += &lines(found);
            text += &lines(database.rows::<3>(CONSTRAINTS, &name).await?);
        }
        Kind::Type => text += &lines(database.rows::<4>(TYPE, &name).await?),
        Kind::Schema => text += &lines(database.rows::<2>(SCHEMA, &[Some(object.name.as_str())]).await?),
        Kind::Function => text += &lines(database.rows::<2>(FUNCTION, &name).await?),
        Kind::Functions => text += &lines(database.rows::<2>(FUNCTIONS, &[]).await?),
        Kind::Index => text += &lines(database.rows::<1>(INDEX, &name).await?),
        Kind::Database => text += &lines(database.rows::<1>(DATABASE, &[Some(object.name.as_str())]).await?),
        Kind::Tablespace => {
            text += &lines(database.rows::<1>(TABLESPACE, &[Some(object.name.as_str())]).await?)
        }
        Kind::Subscription => {
            text += &lines(database.rows::<1>(SUBSCRIPTION, &[Some(object.name.as_str())]).await?);
        }
        Kind::Partition => {
            let found = database.rows::<1>(PARTITION, &name).await?;
            // DETACH PARTITION CONCURRENTLY was interrupted between its two transactions: only DETACH PARTITION
            // FINALIZE can end it.
            if matches!(found.as_slice(), [[Some(pending)]] if pending == "true") {
                return Ok(None);
            }
            text += &lines(found);
        }
        Kind::Role => text += &lines(database.rows::<3>(ROLES, &[]).await?),
        // On a server without DSQL's view of IAM mappings, the query fails: the state of the mappings is not known
        // there.
        Kind::Mapping => match database.rows::<2>(MAPPINGS, &[]).await {
            Ok(rows) => text += &lines(rows),
            Err(_) => return Ok(None),
        },
    }
    Ok(Some(text))
}

fn lines<const N: usize>(rows: Vec<[Option<String>; N]>) -> String {
    let line = |row: [Option<String>; N]| {
        let fields: Vec<String> = row.into_iter().map(|field| format!("{field:?}")).collect();
        fields.join(" ") + "\n"
    };
    rows.into_iter().map(line).collect()
}

// In the queries with `of_relation!`, and in those about types and functions, $1 is the schema or '', and $2 is the
// name. In the queries about schemas, databases, tablespaces and subscriptions, $1 is the name.

macro_rules! of_relation {
    () => {
        " AND c.relname = $2 AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_table_is_visible(c.oid))"
    };
}

const RELATION: &str = concat!(
    "SELECT c.oid::text, n.nspname::text || ' ' || c.relkind::text || ' ' || c.relowner::text,
            i.indisvalid::text, pg_get_expr(i.indpred, i.indrelid),
            CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     WHERE true",
    of_relation!(),
    " ORDER BY 1"
);

const COLUMNS: &str = concat!(
    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
            pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, a.attstorage::text
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped",
    of_relation!(),
    " ORDER BY c.oid, a.attnum"
);

const CONSTRAINTS: &str = concat!(
    "SELECT k.conname::text, pg_get_constraintdef(k.oid), k.convalidated::text
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE true",
    of_relation!(),
    " ORDER BY 1"
);

const TYPE: &str = "SELECT t.oid::text, n.nspname::text || ' ' || t.typowner::text || ' ' || t.typnotnull::text, t.typdefault,
            (SELECT string_agg(c.conname || pg_get_constraintdef(c.oid) || c.convalidated::text, ' ' ORDER BY c.conname)
             FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid)
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typname = $2 AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_type_is_visible(t.oid)) ORDER BY 1";

const SCHEMA: &str =
    "SELECT n.oid::text, n.nspowner::text FROM pg_catalog.pg_namespace n WHERE n.nspname = $1";

const FUNCTION: &str = "SELECT p.oid::text, p.proowner::text || ' ' || pg_get_functiondef(p.oid)
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prokind = 'f' AND p.proname = $2
       AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_function_is_visible(p.oid)) ORDER BY 1";

const FUNCTIONS: &str = "SELECT p.oid::text, p.proname::text
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'sys') ORDER BY 1";

const ROLES: &str = "SELECT r.rolname::text, r.rolcanlogin::text, r.rolcreaterole::text FROM pg_catalog.pg_roles r ORDER BY 1";

const MAPPINGS: &str = "SELECT pg_role_name::text, arn::text FROM sys.iam_pg_role_mappings ORDER BY 1, 2";

const INDEX: &str = concat!(
    "SELECT c.oid::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('i', 'I')",
    of_relation!(),
    " ORDER BY 1"
);

const DATABASE: &str = "SELECT d.oid::text FROM pg_catalog.pg_database d WHERE d.datname = $1";

const TABLESPACE: &str = "SELECT t.oid::text FROM pg_catalog.pg_tablespace t WHERE t.spcname = $1";

const SUBSCRIPTION: &str = "SELECT s.oid::text FROM pg_catalog.pg_subscription s
     JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
     WHERE s.subname = $1 AND d.datname = pg_catalog.current_database()";

const PARTITION: &str = concat!(
    "SELECT h.inhdetachpending::text FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE true",
    of_relation!()
);

/// $1: the table's schema or ''; $2: the table; $3: the index.
const BUILT_INDEX: &str =
    "SELECT i.indisvalid::text, quote_ident(xn.nspname) || '.' || quote_ident(x.relname)
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
     JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE x.relname = $3 AND c.relname = $2
       AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_table_is_visible(c.oid))";

/// Selects the same columns as `BUILT_INDEX`, but for a constraint.
const VALIDATED: &str = "SELECT k.convalidated::text, NULL::text
     FROM pg_catalog.pg_constraint k
     JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE k.conname = $3 AND c.relname = $2
       AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_table_is_visible(c.oid))";

/// Selects a job of the cluster: its id, its status and its details. $1: the id.
pub const OF_JOB: &str = "SELECT job_id::text, status::text, details::text FROM sys.jobs WHERE job_id = $1";
