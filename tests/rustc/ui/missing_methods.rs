//! Methods that other libraries have.

use dsql_edge::{Dsql, Error, sql};

async fn rows(dsql: &Dsql) -> Result<(), Error> {
    let _ = sql!("DELETE FROM posts WHERE views = 0").fetch_all(dsql).await?;
    let _ = sql!("UPDATE posts SET views = 0 WHERE views = 1").fetch_one(dsql).await?;
    let rows = [(1, "x")];
    let many = sql!("UPDATE posts SET views = $views WHERE title = $title", for (views, title) in rows);
    let _ = many.fetch_all(dsql).await?;
    let _ = sql!("DELETE FROM posts WHERE views = 0").fetch_values(dsql).await?;
    let _ = sql!("DELETE FROM posts WHERE views = 0").fetch_optional_value(dsql).await?;
    let _ = sql!("SELECT id, title FROM posts").fetch_values(dsql).await?;
    let _ = sql!("SELECT id, title FROM posts").fetch_optional_value(dsql).await?;
    Ok(())
}

async fn transactions(dsql: &Dsql) -> Result<(), Error> {
    let _ = dsql.begin().await?;
    dsql.transaction(async move |tx| -> Result<(), Error> {
        let _ = tx.begin().await?;
        tx.transaction(async move |inner| -> Result<(), Error> {
            sql!("DELETE FROM posts WHERE views = 0").execute(inner).await?;
            Ok(())
        })
        .await?;
        tx.commit().await
    })
    .await?;
    dsql.transaction(async move |tx| -> Result<(), Error> { tx.rollback().await }).await
}

fn pool() -> Result<Dsql, Error> {
    Dsql::from_pool(&())
}

fn main() {}
