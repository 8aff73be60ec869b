//! Mistakes in statements that run in batches.

use dsql_edge::{Batches, Dsql, Error, Transaction, sql};

struct Post {
    title: String,
}

sql! {
    fn count(least) in batches of 1000 = "UPDATE posts SET views = views + 1 WHERE views > $least";

    fn clear() in batches of 100 -> pub Cleared = "DELETE FROM posts";
}

async fn inside(tx: &mut Transaction<'_>) -> Result<u64, Error> {
    sql!("DELETE FROM posts WHERE true", in batches of 100).execute(tx).await
}

async fn next_inside(tx: Transaction<'_>, mut batches: Batches) -> Result<Option<u64>, Error> {
    batches.next(tx).await
}

async fn borrowed(dsql: &Dsql) -> Result<u64, Error> {
    // These statements are accepted.
    sql!("DELETE FROM posts WHERE true", in batches of 100).execute(dsql).await?;
    sql!("DELETE FROM posts WHERE true", in batches of 100).execute(&dsql).await
}

fn main() {
    let least = 3;
    let rows = 100;
    let _ = sql!("DELETE FROM posts WHERE views < (SELECT avg(views) FROM posts)", in batches of 100);
    let _ = sql!("DELETE FROM posts WHERE views < $least", in batches of rows);
    let _ = sql!("DELETE FROM posts WHERE views < $least", in batch of 10);
    let _ = sql!("DELETE FROM posts WHERE views < $least", in batches of 5000);
    let _ = sql!(Post, "DELETE FROM posts WHERE views < $least RETURNING title", in batches of 10);
    let _ = sql!("DELETE FROM posts WHERE viws < $least", in batches of 10);
    let _ = sql!("DELETE FROM posts WHERE views < $least", in batches of 10, least = "x");
    let _ = sql!("DELETE FROM posts WHERE views < $least {? AND title = $title }", in batches of 10);
}
