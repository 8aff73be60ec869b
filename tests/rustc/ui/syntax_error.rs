//! A syntax error has the right line and column, also inside a raw string.

use dsql_edge::sql;

fn main() {
    let _ = sql!(
        r#"
        SELECT "title" AS "見出し"
          FORM posts
        "#
    );
}
