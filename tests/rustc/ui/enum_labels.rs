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

// The enum of a parameter may lack some labels of the column, but must not have any other label.
sql! {
    fn with_status(status: Status) -> pub(self) Other = "SELECT id FROM orders WHERE status = $status";
    fn set_status<'a>(id, statuses: &'a [Status], text: &str) =
        "UPDATE orders SET status = $text WHERE id = $id AND status = ANY($statuses)";
    // The use `note = $status` accepts any string, so this parameter is not limited to the labels.
    fn with_note(status: Status) -> pub(self) Third =
        "SELECT id FROM orders WHERE status = $status OR note = $status";
}

// Without `rename_all`, a variant's label is its name.
#[derive(dsql_edge::Type)]
enum Written {
    Draft,
    InReview,
    Live,
}

fn main() {
    let _ = sql!(r#"SELECT status AS "status: Written" FROM orders"#);
    let _ = sql!(r#"SELECT status AS "status?: Status" FROM orders"#);
    // These columns have no labels.
    let _ = sql!(r#"SELECT note AS "note: Status", status || 'x' AS "more: Status" FROM orders"#);
}
