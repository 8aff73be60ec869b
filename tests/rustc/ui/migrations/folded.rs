//! A folder of migrations, folded in the order of names.

use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT title, subtitel FROM posts");
}
