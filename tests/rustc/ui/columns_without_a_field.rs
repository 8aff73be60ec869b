use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT views + 1, title FROM posts");
    let _ = sql!("SELECT p.id, u.id FROM posts p JOIN users u ON u.id = p.author_id");
    let _ = sql!("SELECT u.*, p.* FROM posts p JOIN users u ON u.id = p.author_id");
    let _ = sql!("SELECT * FROM unnest($a::int[], $b::text[])", a = vec![1], b = vec![""]);
    let _ = sql!("WITH x AS (SELECT 1) SELECT * FROM x");
    let _ = sql!(r#"SELECT title AS "title:" FROM posts"#);
}
