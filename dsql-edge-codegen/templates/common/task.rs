//! The queries of tasks. Each query is checked against `migrations/` when this crate is compiled.
//!
//! Each query runs on any executor: a `Dsql` or a transaction, in the Worker and in the tests.

use dsql_edge::{@dsql@Error, Executor, sql};

sql! {
    /// The newest tasks.
    pub fn newest(limit) -> pub Task =
        "SELECT id, title, done, created_at FROM task ORDER BY created_at DESC, id LIMIT $limit";

    /// Adds a task.
    pub fn add(title: &str) -> pub Added =
        "INSERT INTO task (title) VALUES ($title) RETURNING id, created_at";
}

/// Returns the number of tasks that are not done.
pub async fn count_open(db: impl Executor) -> Result<i64, Error> {
    let count = sql!("SELECT count(*) FROM task WHERE NOT done");
    count.fetch_value(db).await
}
