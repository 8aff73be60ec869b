//! The true line and column, inside a raw string too.

use dsql_edge::sql;

fn main() {
    let _ = sql!(
        r#"
        SELECT "title" AS "見出し"
          FORM posts
        "#
    );
}
