// A field that lacks `Option`, and a field whose Rust type does not fit the field of the composite type.

#[derive(dsql_edge::Type)]
struct PointOfSale {
    floor: i16,
    desk: Option<i64>,
}

fn main() {}
