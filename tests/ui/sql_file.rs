//! The place is one of the SQL file; for a wrong path the error names the place where the file was looked for.

use dsql_edge::sql_file;

fn main() {
    let _ = sql_file!("queries/wrong.sql");
    let _ = sql_file!("queries/missing.sql");
}
