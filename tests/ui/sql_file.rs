//! The place is one of the SQL file; a wrong path says where the file was looked for.

use dsql_edge::sql_file;

fn main() {
    let _ = sql_file!("queries/wrong.sql");
    let _ = sql_file!("queries/missing.sql");
}
