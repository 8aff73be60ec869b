//! Nested rows.

use dsql_edge::sql;

struct Post {
    title: String,
    author: Author,
}

struct Author {
    name: String,
}

sql! {
    fn without_struct() -> Post = r#"SELECT p.title, u.name AS "author.name" FROM posts p JOIN users u ON u.id = p.author_id"#;
}

fn main() {
    let _ = sql!(Post, r#"SELECT p.title, u.name AS "author.name" FROM posts p JOIN users u ON u.id = p.author_id"#);
    let _ = sql!(Post { editor: Author }, "SELECT title FROM posts");
    // A post may have no author, but the field of the struct is not an Option.
    let _ = sql!(
        Post { author: Author },
        r#"SELECT p.title, u.name AS "author.name" FROM posts p LEFT JOIN users u ON u.id = p.id"#
    );
    let _ = sql!(r#"SELECT p.title, u.name AS "title.name" FROM posts p JOIN users u ON u.id = p.author_id"#);
    let _ = sql!(r#"SELECT title AS "post.1st" FROM posts"#);
}
