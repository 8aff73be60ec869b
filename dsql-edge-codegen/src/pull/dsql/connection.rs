//! Runs the queries of `pull` on a cluster.
//!
//! Input: a query. Output: its rows as text.

use anyhow::Result;
use dsql_edge::dynamic::{self, Sql};
use dsql_edge::{Config, Dsql, Session};

/// A row, every column as text or NULL.
pub(crate) type Row<const N: usize> = [Option<String>; N];

/// A session in which the catalog is read: its search path is set once.
pub(super) struct Connection(Session);

impl Connection {
    pub(super) fn new(config: Config) -> Connection {
        Connection(Dsql::new(config).session())
    }

    /// Runs one statement that does not return rows.
    pub(super) async fn run(&mut self, sql: &'static str) -> Result<()> {
        Sql::reading(sql).command(&[]).execute(&mut self.0).await?;
        Ok(())
    }

    /// Runs one query of `N` columns, all of the type text.
    pub(super) async fn ask<const N: usize>(&mut self, sql: &'static str) -> Result<Vec<Row<N>>> {
        let rows = Sql::reading(sql).query(&[]).fetch_all(&mut self.0).await?;
        Ok(rows.into_iter().map(columns).collect())
    }
}

/// Returns the first `N` columns of a row.
pub(crate) fn columns<const N: usize>(row: dynamic::TextRow) -> Row<N> {
    let mut values = row.into_values().into_iter();
    std::array::from_fn(|_| values.next().flatten())
}
