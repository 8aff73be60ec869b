//! Names the snapshot: the file from which the tables of the local DSQL are created.

fn main() {
    println!("cargo::rustc-env=DSQL_EDGE_SCHEMA=../schema.sql");
}
