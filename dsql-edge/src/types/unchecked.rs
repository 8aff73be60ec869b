//! The types of `sql_unchecked!`, whose parameters and columns the compiler did not check.
//!
//! Input: a parameter whose Rust type implies its SQL type, or a column with the OID that the server described. Output:
//! the same as from [`Param`] and [`Column`]; a column whose SQL type does not match the Rust type is an error; it is
//! never misread.

use super::sql::{self, Array, SqlType};
use super::{
    Column, ConversionError, DateTime, Decimal, Interval, JsonValue, NaiveDate, NaiveDateTime, NaiveTime,
    NotNull, Nullable, Numeric, Param, PgDate, PgTime, PgTimestamp, TimeTz, Utc, Uuid,
};

/// A Rust type that implies the SQL type of a parameter.
///
/// For strings and JSON the server determines the type ([`sql::Unknown`]), as for quoted literals.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name its SQL type, so it cannot be a parameter of `sql_unchecked!`",
    note = "implement `dsql_edge::types::UncheckedParam` for a type that you define"
)]
pub trait UncheckedParam: Param<<Self as UncheckedParam>::Sql, Nullable> {
    /// The SQL type.
    type Sql: SqlType;
}

/// A Rust type that lists the SQL types whose columns it can decode.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name the SQL types it fits, so it cannot be a column of `sql_unchecked!`",
    note = "implement `dsql_edge::types::UncheckedColumn` for a type that you define"
)]
pub trait UncheckedColumn: Sized {
    /// Whether the Rust type can decode a column whose SQL type has this OID.
    fn accepts(oid: u32) -> bool;

    /// Decodes the value from the bytes of a column. The column's type has this OID, for which
    /// [`accepts`](UncheckedColumn::accepts) has returned `true`.
    ///
    /// # Errors
    /// Returns the errors of [`Column::decode`].
    fn decode_as(oid: u32, bytes: &[u8]) -> Result<Self, ConversionError>;

    /// The value for NULL.
    ///
    /// # Errors
    /// Returns an error if the type is not an `Option`.
    fn null() -> Result<Self, ConversionError> {
        Err(ConversionError::new("it is NULL: make the field an Option"))
    }
}

impl<T: UncheckedParam + ?Sized> UncheckedParam for &T {
    type Sql = T::Sql;
}

impl<T: UncheckedParam + Param<<T as UncheckedParam>::Sql, NotNull>> UncheckedParam for Option<T> {
    type Sql = T::Sql;
}

impl<T: UncheckedColumn> UncheckedColumn for Option<T> {
    fn accepts(oid: u32) -> bool {
        T::accepts(oid)
    }

    fn decode_as(oid: u32, bytes: &[u8]) -> Result<Self, ConversionError> {
        T::decode_as(oid, bytes).map(Some)
    }

    fn null() -> Result<Self, ConversionError> {
        Ok(None)
    }
}

macro_rules! params {
    ($($rust:ty: $sql:ty;)*) => {$(
        impl UncheckedParam for $rust {
            type Sql = $sql;
        }
    )*};
}

params! {
    bool: sql::Bool;
    i16: sql::Int2;
    i32: sql::Int4;
    i64: sql::Int8;
    f32: sql::Float4;
    f64: sql::Float8;
    Decimal: sql::Numeric;
    Numeric: sql::Numeric;
    str: sql::Unknown;
    String: sql::Unknown;
    [u8]: sql::Bytea;
    Vec<u8>: sql::Bytea;
    Uuid: sql::Uuid;
    NaiveDate: sql::Date;
    PgDate: sql::Date;
    NaiveTime: sql::Time;
    PgTime: sql::Time;
    TimeTz: sql::Timetz;
    NaiveDateTime: sql::Timestamp;
    DateTime<Utc>: sql::Timestamptz;
    Interval: sql::Interval;
    JsonValue: sql::Unknown;
    u32: sql::Oid;
    [bool]: Array<sql::Bool>;
    [i16]: Array<sql::Int2>;
    [i32]: Array<sql::Int4>;
    [i64]: Array<sql::Int8>;
    [f64]: Array<sql::Float8>;
    [String]: Array<sql::Text>;
    [&str]: Array<sql::Text>;
    [Uuid]: Array<sql::Uuid>;
    Vec<bool>: Array<sql::Bool>;
    Vec<i16>: Array<sql::Int2>;
    Vec<i32>: Array<sql::Int4>;
    Vec<i64>: Array<sql::Int8>;
    Vec<f64>: Array<sql::Float8>;
    Vec<String>: Array<sql::Text>;
    Vec<&str>: Array<sql::Text>;
    Vec<Uuid>: Array<sql::Uuid>;
}

macro_rules! columns {
    ($($rust:ty: $($sql:ident)*;)*) => {$(
        impl UncheckedColumn for $rust {
            fn accepts(oid: u32) -> bool {
                false $(|| oid == <sql::$sql as SqlType>::OID)*
            }

            fn decode_as(oid: u32, bytes: &[u8]) -> Result<Self, ConversionError> {
                match oid {
                    $(<sql::$sql as SqlType>::OID => <$rust as Column<sql::$sql, NotNull>>::decode(bytes),)*
                    _ => Err(OTHER_TYPE),
                }
            }
        }

        columns!(@array Vec<$rust>: $($sql)*);
        columns!(@array Vec<Option<$rust>>: $($sql)*);
    )*};
    (@array $rust:ty: $($sql:ident)*) => {
        impl UncheckedColumn for $rust {
            fn accepts(oid: u32) -> bool {
                false $(|| oid == <sql::$sql as SqlType>::ARRAY_OID)*
            }

            fn decode_as(oid: u32, bytes: &[u8]) -> Result<Self, ConversionError> {
                match oid {
                    $(<sql::$sql as SqlType>::ARRAY_OID => <$rust as Column<Array<sql::$sql>, NotNull>>::decode(bytes),)*
                    _ => Err(OTHER_TYPE),
                }
            }
        }
    };
}

const OTHER_TYPE: ConversionError =
    ConversionError(std::borrow::Cow::Borrowed("its SQL type does not fit its Rust type"));

columns! {
    bool: Bool;
    i16: Int2;
    i32: Int4;
    i64: Int8;
    f32: Float4;
    f64: Float8;
    Decimal: Numeric;
    Numeric: Numeric;
    Uuid: Uuid;
    NaiveDate: Date;
    PgDate: Date;
    NaiveTime: Time;
    PgTime: Time;
    TimeTz: Timetz;
    NaiveDateTime: Timestamp;
    DateTime<Utc>: Timestamptz;
    PgTimestamp: Timestamp Timestamptz;
    Interval: Interval;
    JsonValue: Json Jsonb;
    u32: Oid;
    Vec<u8>: Bytea;
}

/// The first OID that a user-defined type can have (PostgreSQL's `FirstNormalObjectId`).
pub(crate) const FIRST_USER_OID: u32 = 16_384;

impl UncheckedColumn for String {
    fn accepts(oid: u32) -> bool {
        matches!(oid, 18 | 19 | 25 | 114 | 705 | 1042 | 1043 | 3802 | FIRST_USER_OID..)
    }

    fn decode_as(oid: u32, bytes: &[u8]) -> Result<Self, ConversionError> {
        match oid {
            <sql::Char as SqlType>::OID => <String as Column<sql::Char, NotNull>>::decode(bytes),
            <sql::Jsonb as SqlType>::OID => <String as Column<sql::Jsonb, NotNull>>::decode(bytes),
            // Most binary formats of user-defined types have NUL bytes, which a text cannot have (`hstore`, composite
            // types, ranges). `ltree` and PostGIS's types begin with the byte 1, a version or a byte order.
            FIRST_USER_OID.. if bytes.first() == Some(&1) || bytes.contains(&0) => Err(OTHER_TYPE),
            // The other types of the text family, `citext`, and the labels of enums. Both formats of these types, text
            // and binary, have the same bytes.
            _ => <String as Column<sql::Text, NotNull>>::decode(bytes),
        }
    }
}

columns!(@array Vec<String>: Text Varchar Bpchar Name);
columns!(@array Vec<Option<String>>: Text Varchar Bpchar Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_of_another_type_is_rejected() {
        assert!(i32::accepts(23) && !i32::accepts(20) && !i32::accepts(26));
        assert!(Vec::<i32>::accepts(1007) && !Vec::<i32>::accepts(23));
        assert_eq!(i32::decode_as(20, &[0; 4]), Err(OTHER_TYPE));
        assert_eq!(JsonValue::decode_as(3802, b"\x01[1]"), Ok(JsonValue::from(vec![1])));
        assert_eq!(String::decode_as(20_000, b"label"), Ok("label".to_owned()));
        // The binary formats of `ltree` 'a.b' and of `hstore` 'a=>b': they are valid UTF-8.
        assert_eq!(String::decode_as(20_000, b"\x01a.b"), Err(OTHER_TYPE));
        assert_eq!(String::decode_as(20_000, b"\0\0\0\x01\0\0\0\x01a\0\0\0\x01b"), Err(OTHER_TYPE));
        assert!(Vec::<Option<Vec<u8>>>::accepts(1001));
    }
}
