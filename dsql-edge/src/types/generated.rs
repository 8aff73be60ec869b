//! Lists the Rust type that `sql!` generates for each SQL type. rustc's error messages show this Rust type.
//!
//! Input: a type argument of [`Param`](super::Param) and [`Column`](super::Column). Output: a Rust type. The table has
//! the same content as the table in the documentation of `dsql_edge::types`. The messages of the traits in `fits`
//! contain these types.

use super::sql::{self, SqlType};
use super::{DateTime, Decimal, Interval, JsonValue, NaiveDate, NaiveDateTime, NaiveTime, TimeTz, Utc, Uuid};

/// A PostgreSQL type with its Rust type.
pub trait Generated: SqlType {
    /// The Rust type of a value that is not NULL.
    type Rust;
}

impl<S: Generated, N> Generated for sql::Array<S, N> {
    type Rust = Vec<S::Rust>;
}

impl<S: Generated, N> Generated for sql::ArrayOfDomain<S, N> {
    type Rust = Vec<S::Rust>;
}

macro_rules! generated {
    ($($marker:ident $rust:ty;)*) => {
        $(
            impl Generated for sql::$marker {
                type Rust = $rust;
            }
        )*
    };
}

generated! {
    Enum String;
    Composite String;
    Bool bool;
    Int2 i16;
    Int4 i32;
    Int8 i64;
    Float4 f32;
    Float8 f64;
    Numeric Decimal;
    Text String;
    Varchar String;
    Bpchar String;
    Name String;
    Bytea Vec<u8>;
    Uuid Uuid;
    Date NaiveDate;
    Time NaiveTime;
    Timetz TimeTz;
    Timestamp NaiveDateTime;
    Timestamptz DateTime<Utc>;
    Interval Interval;
    Json JsonValue;
    Jsonb JsonValue;
    Oid u32;
    Char String;
    Void ();
    Unknown String;
}
