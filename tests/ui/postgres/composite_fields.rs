// Fields of Rust types that the fields of the composite type do not fit.

#[derive(dsql_edge::Type)]
struct PointOfSale {
    floor: i16,
    desk: Option<i64>,
}

fn main() {}
