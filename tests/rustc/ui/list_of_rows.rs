//! `fetch_all` returns a `Vec` of rows, so the function must declare the struct of one row, not a `Vec`.

use dsql_edge::sql;

struct Post {
    title: String,
}

sql! {
    fn posts() -> Vec<Post> = "SELECT title FROM posts";
    fn declared() -> pub Vec<Titled> = "SELECT title FROM posts";
    fn of_tuples() -> Vec<(String, i64)> = "SELECT title, views FROM posts";
}

fn main() {
    let _ = sql!(Vec<Post>, "SELECT title FROM posts");
    let _ = sql!(Option<Post>, "SELECT title FROM posts LIMIT 1");
    let _ = sql!(std::vec::Vec<self::Post>, "SELECT title FROM posts");
    let _ = dsql_edge::sql_unchecked!(Vec<Post> { title: String }, "SELECT title FROM posts");
}
