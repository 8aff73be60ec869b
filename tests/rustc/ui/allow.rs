//! Warnings and how they are silenced.

#![deny(deprecated)]

use dsql_edge::sql;

sql! {
    #[allow(missing_where, dead_code)]
    fn quiet() = "DELETE FROM posts";
}

fn main() {
    let _ = sql!("UPDATE posts SET views = 0");
    let _ = sql!(#[allow(missing_where)] "UPDATE posts SET views = 0");
    let _ = sql!(#[allow(missing_where)] "UPDATE posts SET views = 0 WHERE views > 10");
    let _ = sql!(#[allow(mising_where)] "UPDATE posts SET views = 0");
    let _ = sql!(#[allow(unknown_column)] "UPDATE posts SET views = 0 WHERE views > 10");
    let _ = sql!(#[deny(missing_where)] "UPDATE posts SET views = 0");
}
