//! Reads the columns and keys of tables that a rule needs, from the PostgreSQL behind dsql-local.
//!
//! Input: names. Output: a schema with those tables, their columns and primary keys. A table that does not exist, or
//! that an open transaction has created, is left out, and the rule is not applied to such a table.

use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::syntax::ast::QualifiedName;

use super::statement::name_in_sql;
use crate::postgres::{Database, SUPERUSER};

const COLUMNS: &str = "SELECT a.attname, format_type(a.atttypid, NULL), i.indisprimary IS TRUE
    FROM pg_attribute a
    LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
        AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

/// Reads the tables with these names.
pub(crate) async fn tables(database: &Database, names: &[QualifiedName]) -> Option<Schema> {
    let client = database.session(SUPERUSER).await.ok()?;
    let mut ddl = String::new();
    for name in names {
        let name = name_in_sql(name);
        let rows = client.query(COLUMNS, &[&name]).await.ok()?;
        if rows.is_empty() {
            continue;
        }
        let mut elements = Vec::new();
        let mut key = Vec::new();
        for row in &rows {
            let (column, ty, in_key): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
            elements.push(format!("{} {ty}", quoted(&column)));
            if in_key {
                key.push(quoted(&column));
            }
        }
        if !key.is_empty() {
            elements.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        ddl += &format!("CREATE TABLE IF NOT EXISTS {name} ({});\n", elements.join(", "));
    }
    Schema::parse(&ddl).ok()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
