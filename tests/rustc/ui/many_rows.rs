//! Mistakes in statements for many rows.

use dsql_edge::sql;

fn main() {
    let rows = vec![(1, "x"), (2, "y")];
    let _ = sql!("UPDATE posts SET views = $views WHERE titel = $title", for (views, title) in rows.clone());
    let _ = sql!("UPDATE posts SET views = $views WHERE title = $title", for (title, views) in rows.clone());
    let _ = sql!("UPDATE posts SET views = $views WHERE title = $title", for row in &rows, views = row.0);
    let _ = sql!("UPDATE posts SET views = $views WHERE true {? AND title = $title }", for (views, title) in rows);
}
