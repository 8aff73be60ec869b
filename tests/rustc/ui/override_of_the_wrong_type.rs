use dsql_edge::sql;

fn main() {
    let _ = sql!(r#"SELECT title AS "title: i32" FROM posts"#);
    let _ = sql!(r#"SELECT title AS "title: Missing" FROM posts"#);
    let _ = sql!(r#"SELECT NULL::text AS "nothing!" FROM posts"#);
}
