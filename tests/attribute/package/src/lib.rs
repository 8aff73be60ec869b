//! A package as users of `#[dsql_edge::test]` write it: functions over `impl Executor`, which a Worker calls too, and a
//! test next to them.

use dsql_edge::{Error, Executor, sql};

/// Counts a like, and returns the number of likes.
pub async fn like(mut db: impl Executor, title: &str) -> Result<Option<i32>, Error> {
    sql!("UPDATE posts SET likes = likes + 1 WHERE title = $title RETURNING likes")
        .fetch_optional(&mut db)
        .await
        .map(|row| row.map(|row| row.likes))
}

/// The number of posts.
pub async fn count(mut db: impl Executor) -> Result<i64, Error> {
    sql!("SELECT count(*) FROM posts").fetch_value(&mut db).await
}

#[cfg(test)]
mod tests {
    use dsql_edge::{Dsql, Error};

    use super::*;

    #[dsql_edge::test(fixtures("../tests/data/post.sql"))]
    async fn likes_are_counted(dsql: Dsql) -> Result<(), Error> {
        assert_eq!(like(&dsql, "First").await?, Some(1));
        assert_eq!(like(&dsql, "First").await?, Some(2));
        assert_eq!(like(&dsql, "Other").await?, None);
        assert_eq!(count(&mut dsql.session()).await?, 1);
        Ok(())
    }
}
