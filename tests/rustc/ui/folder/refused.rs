//! No build script contains this folder, so cargo would not notice a new file in it: the macro rejects the folder.

use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT title FROM posts");
}
