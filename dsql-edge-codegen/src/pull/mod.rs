//! `dsql-edge pull`: a database in, the snapshot `dsql-schema.sql` out, the same bytes each time.

mod catalog;
mod ddl;
mod head;
mod queries;

use anyhow::Result;

pub use catalog::{Ask, Row};

/// The snapshot of what a server has; `old` is the snapshot that it replaces, or "".
///
/// # Errors
/// What the server or the connection said.
pub async fn snapshot(server: &mut impl Ask, old: &str) -> Result<String> {
    let catalog = catalog::read(server).await?;
    Ok(head::head(old) + &ddl::print(&catalog))
}
