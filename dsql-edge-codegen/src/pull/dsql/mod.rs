//! Pulls from a cluster or a dsql-local.
//!
//! Input: a configuration. Output: the DDL of the schema, as the cluster accepts it.

mod catalog;
mod connection;
mod ddl;
mod queries;

use anyhow::Result;
use connection::Connection;
use dsql_edge::Config;

pub(crate) use connection::{Row, columns};

/// Returns the DDL of the schema.
pub(super) async fn schema(config: Config) -> Result<String> {
    let mut connection = Connection::new(config);
    Ok(ddl::print(&catalog::read(&mut connection).await?))
}
