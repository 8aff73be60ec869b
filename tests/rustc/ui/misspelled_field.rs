//! A field that the row does not have, and a column for which the user's struct has no field.

use dsql_edge::{Dsql, Error, sql};

struct Post {
    titel: String,
}

struct Nested {
    title: String,
    author: Author,
}

struct Author {
    nam: String,
}

async fn rows(dsql: &Dsql) -> Result<(), Error> {
    let _ = sql!(Post, "SELECT title FROM posts").fetch_all(dsql).await?;
    let _ = sql!(
        Nested { author: Author },
        r#"SELECT p.title, u.name AS "author.name" FROM posts p JOIN users u ON u.id = p.author_id"#
    );
    let post = sql!("SELECT title, views FROM posts").fetch_one(dsql).await?;
    let _ = post.titel;
    let post = sql!(r#"SELECT p.title, u.name AS "author.name" FROM posts p JOIN users u ON u.id = p.author_id"#)
        .fetch_one(dsql)
        .await?;
    let _ = post.author.nmae;
    Ok(())
}

fn main() {}
