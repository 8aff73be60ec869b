//! Pulls from a cluster or a dsql-local.
//!
//! Input: a configuration. Output: the DDL of the schema, as the cluster accepts it.

mod catalog;
mod ddl;
mod queries;

use anyhow::Result;
use dsql_edge::dynamic::{self, Sql};
use dsql_edge::{Config, Dsql, Session};

/// A row, every column as text or NULL.
pub(crate) type Row<const N: usize> = [Option<String>; N];

/// A session in which the catalog is read: its search path is set once.
struct Connection(Session);

impl Connection {
    /// Runs one statement that does not return rows.
    async fn run(&mut self, sql: &'static str) -> Result<()> {
        Sql::reading(sql).command(&[]).execute(&mut self.0).await?;
        Ok(())
    }

    /// Runs one query of `N` columns, all of the type text.
    async fn ask<const N: usize>(&mut self, sql: &'static str) -> Result<Vec<Row<N>>> {
        let rows = Sql::reading(sql).query(&[]).fetch_all(&mut self.0).await?;
        Ok(rows.into_iter().map(columns).collect())
    }
}

/// Returns the DDL of the schema.
pub(super) async fn schema(config: Config) -> Result<String> {
    let mut connection = Connection(Dsql::new(config).session());
    Ok(ddl::print(&catalog::read(&mut connection).await?))
}

/// Returns the first `N` columns of a row.
pub(crate) fn columns<const N: usize>(row: dynamic::TextRow) -> Row<N> {
    let mut values = row.into_values().into_iter();
    std::array::from_fn(|_| values.next().flatten())
}
