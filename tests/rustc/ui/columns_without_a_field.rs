use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT views + 1, title FROM posts");
    let _ = sql!("SELECT p.id, u.id FROM posts p JOIN users u ON u.id = p.author_id");
}
