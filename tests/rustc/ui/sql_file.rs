//! An error about the SQL is reported in the SQL file; the error for a wrong path contains the searched folder.

use dsql_edge::sql_file;

fn main() {
    let _ = sql_file!("queries/wrong.sql");
    let _ = sql_file!("queries/missing.sql");
}
