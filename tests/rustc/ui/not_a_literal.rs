//! SQL that is not a string literal, and a row that an expression cannot declare.

use dsql_edge::sql;

const TEXT: &str = "SELECT 1 AS one";

fn main() {
    let table = "posts";
    let _ = sql!(concat!("SELECT title ", "FROM posts"));
    let _ = sql!(format!("SELECT title FROM {table}"));
    let _ = sql!(&format!("SELECT title FROM {table}"), 1);
    let _ = sql!(include_str!("query.sql"));
    let _ = sql!(TEXT);
    let _ = sql!(&TEXT);
    let _ = sql!(pub Post, "SELECT title FROM posts");
    let _ = sql!(pub(crate) Post, "SELECT title FROM posts");
    let _ = sql!(pub struct Post, "SELECT title FROM posts");
}
