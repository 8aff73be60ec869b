//! The fields of the user's struct are checked by rustc.

use dsql_edge::sql;

struct Post {
    title: String,
    body: String,
}

fn main() {
    let _ = sql!(Post, "SELECT title, body FROM posts");
    let _ = sql!(Post, "SELECT title FROM posts");
}
