// Structs that differ from the composite type to which they refer, and an option that does not exist.

#[derive(dsql_edge::Type)]
struct Adress {
    street: Option<String>,
}

#[derive(dsql_edge::Type)]
#[dsql(name = "point_of_sale")]
struct Unknown {
    flor: Option<i16>,
    desk: Option<String>,
}

#[derive(dsql_edge::Type)]
struct PointOfSale {
    floor: Option<i16>,
}

#[derive(dsql_edge::Type)]
#[dsql(name = "point_of_sale")]
struct Renamed {
    #[dsql(rename = "floor", nullable)]
    level: Option<i16>,
    desk: Option<String>,
}

fn main() {}
