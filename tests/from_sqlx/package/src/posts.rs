//! Queries that compile with `sql!`, as they are or after the changes of the report.

use dsql_edge::types::Uuid;
use sqlx::PgPool;

pub struct Post {
    pub title: String,
    pub body: Option<String>,
}

impl Post {
    pub async fn newest(pool: &PgPool) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as!(Self, "SELECT title, body FROM posts ORDER BY id").fetch_all(pool).await
    }
}

pub async fn titles(pool: &PgPool, least: i32) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query!(r#"SELECT title, views AS "views!" FROM posts WHERE views >= $1 ORDER BY title"#, least)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(|row| format!("{}: {}", row.title, row.views)).collect())
}

pub async fn post(pool: &PgPool, id: Uuid) -> Result<Option<Post>, sqlx::Error> {
    sqlx::query_as!(Post, "SELECT title, body FROM posts WHERE id = $1", id as _).fetch_optional(pool).await
}

pub async fn count(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM posts"#).fetch_one(pool).await
}

pub async fn email(pool: &PgPool, name: &str) -> Result<Option<Option<String>>, sqlx::Error> {
    sqlx::query_scalar!("SELECT email FROM users WHERE name = $1", name).fetch_optional(pool).await
}

pub async fn names(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT name \
           FROM users" + " ORDER BY \"name\""
    )
    .fetch_all(pool)
    .await
}

pub async fn is_there(pool: &PgPool, id: Uuid) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!("SELECT 1 + 1 FROM posts WHERE id = $1", id).fetch_optional(pool).await?;
    Ok(found.is_some())
}

pub async fn rename(pool: &PgPool, id: Uuid, title: &str) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query!("UPDATE posts SET title = $2 WHERE id = $1", id, title).execute(pool).await?.rows_affected())
}

pub async fn delete(pool: &PgPool, id: Uuid) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!("DELETE FROM posts WHERE id = $1", id).execute(pool).await?;
    if result.rows_affected() == 0 {
        return Ok(false);
    }
    let result = Some(result.rows_affected());
    Ok(result.is_some())
}

pub async fn add(pool: &PgPool, id: Uuid, author: Option<Uuid>, title: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("INSERT INTO posts (id, author_id, title) VALUES ($1, $2, $3)", id, author, title)
        .execute(pool)
        .await?;
    Ok(())
}
