use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT id, title FROM post WHERE views > 10");
}
