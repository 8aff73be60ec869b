// Enums whose variants differ from the labels of a PostgreSQL enum and of a domain, and a field that is text.

use dsql_edge::sql;

#[derive(dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
enum Mood {
    Happy,
    Sad,
    Angry,
}

#[derive(dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
enum Priority {
    Low,
    Middle,
    High,
}

#[derive(dsql_edge::Type)]
struct Address {
    street: Option<String>,
    zip: Option<i32>,
    mood: Option<Mood>,
    ip: Option<String>,
}

fn main() {
    let _ = sql!("SELECT mood FROM shops");
    let _ = sql!(r#"SELECT moods AS "moods: Vec<Option<Mood>>" FROM shops"#);
    let _ = sql!(r#"SELECT priority AS "priority: Priority" FROM shops"#);
    // This query adds no error, because the errors of `Address` are reported at the fields of the struct.
    let _ = sql!(r#"SELECT address AS "address: Address" FROM shops"#);
}
