//! Sets the path of the snapshot. The tables of the local DSQL are created from the same file.

fn main() {
    println!("cargo::rustc-env=DSQL_EDGE_SCHEMA=../schema.sql");
}
