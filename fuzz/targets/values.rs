//! Checks that any bytes of a column decode to a value or an error, and that the encoded value decodes to the same
//! value.
#![no_main]

use std::fmt::Debug;

use dsql_edge::types::sql::{self, Array, ArrayOfDomain};
use dsql_edge::types::{
    Column, DateTime, Decimal, Interval, JsonValue, NaiveDate, NaiveDateTime, NaiveTime, NotNull, Numeric,
    Param, PgDate, PgTime, PgTimestamp, TimeTz, Utc, Uuid,
};

/// The composite type of `dsql-schema.sql`.
#[derive(Debug, dsql_edge::Type)]
struct Shipment {
    #[dsql(not_null)]
    parcels: i32,
    status: Option<Status>,
    notes: Option<Vec<Option<String>>>,
}

#[derive(Debug, dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
enum Status {
    Draft,
    Sent,
}

/// `S` is the type of the column, `P` is the type of the parameter.
fn decode<S, P, T: Column<S, NotNull> + Param<P, NotNull> + Debug>(bytes: &[u8]) {
    let Ok(value) = T::decode(bytes) else { return };
    let mut again = Vec::new();
    // Encoding can fail: a string with a NUL is an error. PostgreSQL does not send a string with a NUL.
    if value.encode(&mut again).is_ok() {
        let same = T::decode(&again).expect("what was encoded is decoded");
        // The values are compared as text, because NaN is not equal to itself.
        assert_eq!(format!("{value:?}"), format!("{same:?}"));
    }
}

fn decode_only<S, T: Column<S, NotNull> + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        let _shown = format!("{value:?}");
    }
}

macro_rules! decoders {
    ($($sql:ty => $($rust:ty),+;)*) => {
        &[$($(decode::<$sql, $sql, $rust>,)+)*]
    };
}

const DECODERS: &[fn(&[u8])] = decoders! {
    sql::Bool => bool;
    sql::Int2 => i16;
    sql::Int4 => i32;
    sql::Int8 => i64;
    sql::Float4 => f32;
    sql::Float8 => f64;
    sql::Numeric => Numeric, Decimal;
    sql::Text => String;
    sql::Varchar => String;
    sql::Bpchar => String;
    sql::Name => String;
    sql::Bytea => Vec<u8>;
    sql::Uuid => Uuid;
    sql::Date => PgDate, NaiveDate;
    sql::Time => PgTime, NaiveTime;
    sql::Timetz => TimeTz;
    sql::Timestamp => PgTimestamp, NaiveDateTime;
    sql::Timestamptz => PgTimestamp, DateTime<Utc>;
    sql::Interval => Interval;
    sql::Json => JsonValue, String;
    sql::Jsonb => JsonValue, String;
    sql::Oid => u32;
};

const OTHER_DECODERS: &[fn(&[u8])] = &[
    decode::<Array<sql::Bool>, Array<sql::Bool, NotNull>, Vec<bool>>,
    decode::<Array<sql::Int4>, Array<sql::Int4>, Vec<Option<i32>>>,
    decode::<Array<sql::Text>, Array<sql::Text, NotNull>, Vec<String>>,
    decode::<Array<sql::Numeric>, Array<sql::Numeric>, Vec<Option<Numeric>>>,
    decode::<Array<sql::Timestamptz>, Array<sql::Timestamptz, NotNull>, Vec<DateTime<Utc>>>,
    decode::<Array<sql::Jsonb>, Array<sql::Jsonb, NotNull>, Vec<JsonValue>>,
    decode::<Array<sql::Unknown>, Array<sql::Unknown>, Vec<Option<String>>>,
    decode::<Array<sql::Composite>, Array<sql::Composite, NotNull>, Vec<String>>,
    decode_only::<Array<sql::Enum>, Vec<Option<Status>>>,
    decode_only::<ArrayOfDomain<sql::Int4>, Vec<Option<i32>>>,
    decode::<sql::Bpchar, sql::Bpchar, Status>,
    decode::<sql::Composite, sql::Composite, Shipment>,
    decode_only::<Array<sql::Composite>, Vec<Option<Shipment>>>,
    decode_only::<sql::Char, String>,
    decode_only::<sql::Char, i8>,
    decode_only::<sql::Void, ()>,
    decode_only::<sql::Unknown, String>,
];

libfuzzer_sys::fuzz_target!(|column: &[u8]| {
    let Some((which, bytes)) = column.split_first() else { return };
    let all: Vec<_> = DECODERS.iter().chain(OTHER_DECODERS).collect();
    all[usize::from(*which) % all.len()](bytes);
});
