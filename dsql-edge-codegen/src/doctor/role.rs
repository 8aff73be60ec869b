//! The privileges of the role on the tables of the server.
//!
//! Input: a session. Output: the check. Privileges of columns are not counted.
//!
//! Only `admin` may use the schema `public` of a cluster, so the check never advises a GRANT there: the guide's chapter
//! "Deploying" describes a separate schema for the tables of a Worker's role.

use anyhow::Result;
use dsql_edge::dynamic::Sql;
use dsql_edge::{Dsql, Error};
use dsql_edge_compiler::schema::Dialect;

use super::check::Check;

/// The name of the check.
pub(super) const NAME: &str = "role";

/// A row for each schema: its name; whether the role may use it; its number of tables and views; how many of them the
/// role may read; how many of them the role may change (INSERT, UPDATE and DELETE); the first one that the role may not
/// read. `dsql_edge` is the schema of the ledger, which only `migrate` uses.
const PRIVILEGES: &str = "SELECT n.nspname::text, has_schema_privilege(n.oid, 'USAGE')::text, count(*)::text, \
     count(*) FILTER (WHERE has_table_privilege(c.oid, 'SELECT'))::text, \
     count(*) FILTER (WHERE has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') \
     AND has_table_privilege(c.oid, 'DELETE'))::text, \
     min(c.relname::text) FILTER (WHERE NOT has_table_privilege(c.oid, 'SELECT')) \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'sys', 'dsql_edge') \
     GROUP BY n.nspname, n.oid ORDER BY n.nspname";

/// The privileges in one schema.
struct Privileges {
    schema: String,
    usage: bool,
    tables: u64,
    readable: u64,
    writable: u64,
    /// A table that the role may not read.
    unreadable: Option<String>,
}

/// Returns the check for the role of the session.
pub(super) async fn check(dsql: &Dsql, user: &str, dialect: Dialect) -> Check {
    match privileges(dsql).await {
        Ok(all) => of(&all, user, dialect),
        Err(error) => Check::warning(
            NAME,
            format!("the privileges of {user} could not be read: {error}"),
            "look at them with \\dp in psql",
        ),
    }
}

async fn privileges(dsql: &Dsql) -> Result<Vec<Privileges>, Error> {
    let rows = Sql::reading(PRIVILEGES).query(&[]).fetch_all(dsql).await?;
    let of_row = |row: dsql_edge::dynamic::TextRow| {
        let text = |at: usize| row.value(at).unwrap_or_default().to_owned();
        let number = |at: usize| text(at).parse().unwrap_or(0);
        Privileges {
            schema: text(0),
            usage: text(1) == "true",
            tables: number(2),
            readable: number(3),
            writable: number(4),
            unreadable: row.value(5).map(str::to_owned),
        }
    };
    Ok(rows.into_iter().map(of_row).collect())
}

fn of(all: &[Privileges], user: &str, dialect: Dialect) -> Check {
    let tables: u64 = all.iter().map(|it| it.tables).sum();
    if tables == 0 {
        return Check::ok(NAME, format!("{user}; the database has no tables yet"));
    }
    let count = |of: fn(&Privileges) -> u64| all.iter().filter(|it| it.usage).map(of).sum::<u64>();
    let (readable, writable) = (count(|it| it.readable), count(|it| it.writable));
    let detail = format!("{user} may read {readable} and write {writable} of {tables} tables and views");
    let mut lacking = all.iter().filter(|it| !it.usage || it.unreadable.is_some()).peekable();
    if lacking.peek().is_none() {
        return Check::ok(NAME, detail);
    }
    let is_grantable = |it: &&Privileges| dialect == Dialect::Postgres || it.schema != "public";
    let remedy = match lacking.find(is_grantable) {
        Some(schema) => {
            format!("if the Worker needs them, run as their owner, for example: {}", grants(schema, user))
        }
        None => PUBLIC.to_owned(),
    };
    if readable == 0 { Check::wrong(NAME, detail, remedy) } else { Check::warning(NAME, detail, remedy) }
}

const PUBLIC: &str = "they are in the schema public, which only admin may use on a cluster: create the tables that this role \
                      needs in a schema of their own, and grant that (the guide: Deploying)";

/// Returns the statements that let a role use a schema and a table of this schema.
fn grants(of: &Privileges, user: &str) -> String {
    let (schema, user) = (quoted(&of.schema), quoted(user));
    let usage = (!of.usage).then(|| format!("GRANT USAGE ON SCHEMA {schema} TO {user}"));
    let table = of.unreadable.as_deref().map(quoted);
    let table =
        table.map(|table| format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.{table} TO {user}"));
    usage.into_iter().chain(table).collect::<Vec<_>>().join("; ")
}

/// Returns a name for SQL, with quotation marks if it needs them.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.bytes().all(is_plain) && !name.starts_with(|it: char| it.is_ascii_digit()) && !name.is_empty() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
