//! Rust types that do not fit: the error contains the name of the parameter or the column.

use dsql_edge::sql;
use dsql_edge::types::Uuid;

struct Post {
    title: i64,
    body: String,
    views: i32,
}

struct Author {
    name: Vec<u8>,
    email: Option<i32>,
}

struct Nested {
    title: String,
    author: Author,
}

fn main() {
    // A wrong type, and an `Option` where NULL has no meaning.
    let (limit, title) = ("ten", Some(String::new()));
    let _ = sql!("SELECT id FROM posts WHERE title = $title LIMIT $limit");
    let title: &Option<&str> = &None;
    let _ = sql!("SELECT id FROM posts WHERE title = $title");

    // A list for `IN`.
    let (ids, id) = (vec![Uuid::nil()], [Uuid::nil()]);
    let _ = sql!("SELECT title FROM posts WHERE id IN ($ids)");
    let _ = sql!("SELECT title FROM posts WHERE id = $id");
    let ids: &[Uuid] = &ids;
    let _ = sql!("SELECT title FROM posts WHERE id NOT IN ($ids)");

    // The elements of an array, a nullable parameter, optional text, many rows, and a number.
    let (tags, email, views) = (vec![1, 2], Some(3), Some("x"));
    let _ = sql!("SELECT id FROM posts WHERE title = ANY ($tags)");
    let _ = sql!("UPDATE users SET email = $email WHERE name = 'x'");
    let _ = sql!("SELECT id FROM posts WHERE true {? AND views = $views }");
    let rows = [("x", 1)];
    let _ = sql!("INSERT INTO users (id, name) VALUES ($id, $name)", for (id, name) in rows);
    let _ = sql!("SELECT id FROM posts WHERE views = $1", "x");

    // A variable whose type only a later line determines, and a variable whose type no line determines.
    let later = Default::default();
    let _ = sql!("SELECT id FROM posts WHERE views = $later");
    let _: i32 = later;
    let never = Default::default();
    let _ = sql!("SELECT id FROM posts WHERE views = $never");

    // Fields of a struct, fields of a group, and an override.
    let _ = sql!(Post, "SELECT title, body, views FROM posts");
    let _ = sql!(
        Nested { author: Author },
        r#"SELECT p.title, u.name AS "author.name", u.email AS "author.email"
           FROM posts p JOIN users u ON u.id = p.author_id"#
    );
    let _ = sql!(r#"SELECT title AS "title: bool" FROM posts"#);
}
