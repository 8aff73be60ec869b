//! Checks that any bytes, decoded by the types of other packages, give a value or an error, and never exhaust memory.
//! libFuzzer fails if one input takes more than its limit of memory (`-rss_limit_mb`, `-malloc_limit_mb`).
#![no_main]

use std::collections::HashMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::SystemTime;

use dsql_edge::private::TypeOf;
use dsql_edge::types::{Column, NotNull, Pg, sql};
use postgres_types::FromSql;

/// Decodes a value of the type with this OID or name.
fn decode<T: for<'a> FromSql<'a> + Debug>(oid: u32, name: &'static str, bytes: &[u8]) {
    let of = TypeOf { oid, name };
    if let Ok(Pg(value)) = <Pg<T> as Column<sql::Unknown, NotNull>>::decode_by_type(bytes, of) {
        let _shown = format!("{value:?}");
    }
}

type Decode = fn(u32, &'static str, &[u8]);

/// The types, each with its decoder. The elements of the arrays and of hstore are large in memory, so the memory for a
/// false count of elements would exceed the limit.
const DECODERS: &[(u32, &str, Decode)] = &[
    (1007, "", decode::<Vec<Option<i32>>>),
    (1009, "", decode::<Vec<String>>),
    (1185, "", decode::<Vec<Option<chrono::DateTime<chrono::Utc>>>>),
    (1231, "", decode::<Vec<Option<String>>>),
    (1041, "", decode::<Vec<IpAddr>>),
    (3807, "", decode::<Vec<Option<serde_json::Value>>>),
    (20_001, "_hstore", decode::<Vec<HashMap<String, Option<String>>>>),
    (20_000, "hstore", decode::<HashMap<String, Option<String>>>),
    (20_000, "ltree", decode::<String>),
    (869, "", decode::<cidr::IpInet>),
    (650, "", decode::<cidr::IpCidr>),
    (602, "", decode::<geo_types::LineString<f64>>),
    (603, "", decode::<geo_types::Rect<f64>>),
    (1560, "", decode::<bit_vec::BitVec>),
    (1562, "", decode::<bit_vec::BitVec>),
    (1114, "", decode::<time::PrimitiveDateTime>),
    (1184, "", decode::<time::OffsetDateTime>),
    (1184, "", decode::<SystemTime>),
    (1082, "", decode::<time::Date>),
    (1083, "", decode::<time::Time>),
    (1082, "", decode::<chrono::NaiveDate>),
    (1083, "", decode::<chrono::NaiveTime>),
    (3802, "", decode::<serde_json::Value>),
];

libfuzzer_sys::fuzz_target!(|column: &[u8]| {
    let Some((which, bytes)) = column.split_first() else { return };
    let (oid, name, decode) = DECODERS[usize::from(*which) % DECODERS.len()];
    decode(oid, name, bytes);
});
