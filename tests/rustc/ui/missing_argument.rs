use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT title FROM posts WHERE views > $1 AND title = $2", 10);
    let _ = sql!("SELECT title FROM posts WHERE views > $minimum");
}
