//! The place of an error is in the SQL file; for a wrong path, the error names the folder that was searched.

use dsql_edge::sql_file;

fn main() {
    let _ = sql_file!("queries/wrong.sql");
    let _ = sql_file!("queries/missing.sql");
}
