//! Optional text, which is sent only if its parameter is `Some`: every combination is compiled.

use dsql_edge::sql;

fn main() {
    let (title, views, id) = (Some("x"), Some(1), 5);
    let _ = sql!("SELECT id FROM posts WHERE true {? AND titel = $title }");
    let _ = sql!("SELECT id {?, $title AS title} FROM posts");
    let _ = sql!("SELECT id FROM posts {? WHERE title = $title } {? AND views = $views }");
    let _ = sql!("SELECT id FROM posts WHERE true {? AND title = $title");
    let _ = sql!("SELECT id FROM posts WHERE true {? AND title = 'x' }");
    let _ = sql!("SELECT id FROM posts WHERE true {? AND title = $title AND views = $id }");
    let _ = sql!("SELECT id FROM posts WHERE true {? AND views = $id }");
    let _ = sql!("SELECT id FROM posts WHERE true {? AND title = $views }");
}
