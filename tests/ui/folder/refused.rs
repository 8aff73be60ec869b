//! A folder that no build script names: cargo would not see new files.

use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT title FROM posts");
}
