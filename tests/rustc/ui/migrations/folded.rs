//! The files of a folder of migrations, applied in the order of their names.

use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT title, subtitel FROM posts");
}
