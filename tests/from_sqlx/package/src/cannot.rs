//! Queries that cannot be changed, and uses that the command does not judge. This file need not compile.

use sqlx::{PgPool, query, query_as, query_file};

type Id = uuid::Uuid;

#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct AuthorId(Id);

/// The macro is imported, so it has no path: `query!("SELECT nothing")` in a comment is not a use.
async fn imported(pool: &PgPool, author: AuthorId) -> sqlx::Result<()> {
    let rows = query!(r#"SELECT author_id AS "author!: AuthorId", count(*) FROM posts WHERE author_id = $1 GROUP BY 1"#, author as AuthorId)
        .fetch_all(pool)
        .await?;
    query_file!("queries/top.sql", 10).fetch_all(pool).await?;
    sqlx::query_file_scalar!("queries/missing.sql").fetch_one(pool).await?;
    Ok(())
}

async fn wrong(pool: &PgPool) -> sqlx::Result<()> {
    sqlx::query!("SELECT titel FROM posts").fetch_all(pool).await?;
    sqlx::query!("SELECT title FROM posts").map(|row| row.title).fetch_all(pool).await?;
    sqlx::query_scalar!("SELECT title FROM posts").fetch(pool);
    sqlx::query!("DELETE FROM posts").fetch_one(pool).await?;
    sqlx::query!("SET timezone = 'UTC'").execute(pool).await?;
    let query = sqlx::query_scalar_unchecked!("SELECT now() - now()");
    sqlx::query!("BEGIN").execute(pool).await?;
    Ok(())
}

async fn locks(pool: &PgPool) -> sqlx::Result<()> {
    sqlx::query!("SELECT title FROM posts FOR SHARE").fetch_all(pool).await?;
    sqlx::query!(r#"SELECT now() AS "at: i64""#).fetch_all(pool).await?;
    Ok(())
}

impl<T> Generic<T> {
    async fn of_self(pool: &PgPool) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as!(Self, "SELECT title FROM posts").fetch_all(pool).await
    }
}

macro_rules! select {
    ($sql:literal) => {
        sqlx::query!($sql)
    };
}

async fn functions(pool: &PgPool) -> sqlx::Result<()> {
    query("SELECT 1").execute(pool).await?;
    sqlx::query_as::<_, (i64, Vec<u8>)>("SELECT 1, ''::bytea").fetch_one(pool).await?;
    sqlx::raw_sql("SELECT 1; SELECT 2").execute(pool).await?;
    pool.query("SELECT 3");
    let mut builder = sqlx::QueryBuilder::<sqlx::Postgres>::new("SELECT 5");
    sqlx::QueryBuilder::new("SELECT 6");
    other::QueryBuilder::new("SELECT 7");
    other::query("SELECT 4");
    Ok(())
}
