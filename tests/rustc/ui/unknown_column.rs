//! A query with one wrong column, whose row is then used: rustc reports exactly one error.

use dsql_edge::{Dsql, Error, sql};

async fn title(dsql: &Dsql, id: dsql_edge::types::Uuid) -> Result<String, Error> {
    let posts = sql!(
        "SELECT p.titel, p.views
           FROM posts p
          WHERE p.id = $id"
    )
    .fetch_all(dsql)
    .await?;
    let first = posts.into_iter().next().unwrap();
    Ok(first.titel.to_uppercase())
}

fn main() {}
