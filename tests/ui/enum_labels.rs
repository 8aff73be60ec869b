// An enum whose variants differ from the labels of the column's CHECK.

use dsql_edge::sql;

#[derive(dsql_edge::Type)]
#[dsql(rename_all = "snake_case")]
enum Status {
    Draft,
    Drfat,
    Live,
}

sql! {
    fn status(id) -> pub(self) Found = r#"SELECT status AS "status: Status" FROM orders WHERE id = $id"#;
}

fn main() {
    let _ = sql!(r#"SELECT status AS "status?: Status" FROM orders"#);
    // These columns have no labels.
    let _ = sql!(r#"SELECT note AS "note: Status", status || 'x' AS "more: Status" FROM orders"#);
}
