use dsql_edge::sql;

fn main() {
    let id = 1;
    let _ = sql!("SELECT title FROM posts WHERE id = $id");
}
