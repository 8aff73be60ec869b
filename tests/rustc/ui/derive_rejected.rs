// Types for which `Type` cannot be derived.

#[derive(dsql_edge::Type)]
struct Nothing;

#[derive(dsql_edge::Type)]
struct Pair(i32, i64);

#[derive(dsql_edge::Type)]
enum WithValue {
    Other(String),
}

#[derive(dsql_edge::Type)]
enum Empty {}

#[derive(dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
enum Twice {
    Draft,
    #[dsql(rename = "draft")]
    Sketch,
}

#[derive(dsql_edge::Type)]
#[dsql(rename_all = "snakecase")]
enum Misspelt {
    Draft,
}

#[derive(dsql_edge::Type)]
enum Generic<T> {
    Draft(T),
}

#[derive(dsql_edge::Type)]
#[dsql(name = "address")]
struct Named(i32);

#[derive(dsql_edge::Type)]
struct Address {
    street: Option<String>,
}

fn main() {}
