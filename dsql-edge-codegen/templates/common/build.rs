//! Makes the folder `migrations` the schema that `sql!` checks queries against, and lets cargo see new files in it.

fn main() {
    println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations");
    println!("cargo::rerun-if-changed=migrations");
}
