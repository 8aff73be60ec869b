use dsql_edge::sql;

fn main() {
    let id = 5;
    let _ = sql!("SELECT title FROM posts WHERE id = $id");
    let _ = sql!("SELECT title FROM posts WHERE views = $1 AND title = $2", 10, 'x');
    let id = "018f";
    let _ = sql!("SELECT title FROM posts WHERE id = $id::uuid");
    // This cast gives the parameter the type `text`.
    let _ = sql!("SELECT title FROM posts WHERE id = $id::text::uuid");
}
