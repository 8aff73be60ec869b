//! SQL types ⇄ Rust types.
//!
//! Input: a Rust value ([`Param`]) or the bytes of a column ([`Column`]). Output: the bytes of a parameter, or a Rust
//! value. Decoders are total: for any bytes they return a value or a [`ConversionError`]. The memory that a decoder
//! allocates grows with the number of bytes, not with the counts and lengths in a header. Nothing is rounded, truncated
//! or replaced silently, with two exceptions: a time that is sent is truncated to microseconds, PostgreSQL's precision;
//! and in a [`JsonValue`], a number that is not a 64-bit integer is a double, as for `JSON.parse`.
//!
//! | SQL | Rust | exact alternative, if the Rust type cannot hold all values |
//! |---|---|---|
//! | `bool` | `bool` | |
//! | `int2` `int4` `int8` | `i16` `i32` `i64` | |
//! | `float4` `float8` | `f32` `f64` | |
//! | `numeric` | [`Decimal`] (28 digits) | [`Numeric`] (any, `NaN`, infinity) |
//! | `text` `varchar` `bpchar` `name` | `String` | |
//! | `bytea` | `Vec<u8>` | |
//! | `uuid` | [`Uuid`] | |
//! | `date` | [`NaiveDate`] | [`PgDate`] (infinity, years past 262,142) |
//! | `time` | [`NaiveTime`] | [`PgTime`] (24:00) |
//! | `timetz` | [`TimeTz`] | |
//! | `timestamp` | [`NaiveDateTime`] | [`PgTimestamp`] (infinity) |
//! | `timestamptz` | [`DateTime<Utc>`](DateTime) | [`PgTimestamp`] (infinity) |
//! | `interval` | [`Interval`] | |
//! | `json` `jsonb` | [`JsonValue`] (numbers are 64-bit integers and doubles) | `String` |
//! | `oid` | `u32` | |
//! | `"char"` | `String` | `i8` |
//! | arrays | `Vec<T>`, `Vec<Option<T>>` | |
//! | an enum of the schema | `String`: the label | a derived [`Type`](macro@crate::Type) |
//! | a domain | the Rust type of its base type | |
//! | a composite type | `String` | a derived [`Type`](macro@crate::Type) |
//! | every other type: `inet`, ranges, `money`, `citext`, `hstore` … | `String` | `Pg<T>` (feature `postgres-types`) |
//!
//! A column that may be NULL is an `Option`. For a composite type and for every other type, a `String` column is
//! PostgreSQL's text of the value, as `psql` shows it, and a `String` parameter must be in the form that PostgreSQL
//! reads.
//!
//! # The JSON of a row
//!
//! With the feature `serde`, a row is an object with a field for each column, in the order of the query. A column that
//! is NULL is `null`, a group of columns (`"author.name"`) is an object, and an SQL array is a JSON array.
//!
//! | SQL | JSON | example |
//! |---|---|---|
//! | `bool` | boolean | `true` |
//! | `int2` `int4` `oid` | number | `7` |
//! | `int8` | number; JavaScript rounds an `int8` past 2⁵³: select it as `id::text` | `9007199254740993` |
//! | `float4` `float8` | number; `NaN` and infinity are `null` | `1.5` |
//! | `numeric` | **string**, with the digits of the value | `"12.50"` |
//! | `text` `varchar` `bpchar` `name` `"char"` | string | `"A"` |
//! | `bytea` | array of bytes; select it as `encode(data, 'base64')` for a string | `[0,255]` |
//! | `uuid` | string | `"00000000-0000-0000-0000-000000000007"` |
//! | `date` | string, ISO 8601 | `"2026-07-31"` |
//! | `time` | string, ISO 8601 | `"13:05:00.250"` |
//! | `timetz` | string, as PostgreSQL writes it | `"13:05:00+02"` |
//! | `timestamp` | string, ISO 8601 without a zone | `"2026-07-31T13:05:00.250"` |
//! | `timestamptz` | string, ISO 8601 in UTC | `"2026-07-31T13:05:00.250Z"` |
//! | `interval` | string, as PostgreSQL writes it | `"1 year 2 mons -3 days +04:05:06.5"` |
//! | `json` `jsonb` | the value itself | `{"a":[1,null]}` |
//! | arrays | array | `[1,null]` |
//! | every other type | string, as PostgreSQL writes it | `"10.0.0.1"` |
//!
//! [`Numeric`], [`PgDate`], [`PgTime`] and [`PgTimestamp`] are strings as PostgreSQL writes them (`"2026-07-31
//! 13:05:00.25"`). The fields have the names of the columns: `#[serde(rename_all = "camelCase")]` before the row of a
//! [query function](macro@crate::sql) changes these names.
//!
//! # A type of your own
//!
//! Derive [`Type`](macro@crate::Type), and name your type with an override, `"author_id: UserId"`, or with a directive
//! of the snapshot, `-- dsql-edge: type posts.author_id = crate::UserId`:
//!
//! ```
//! use dsql_edge::types::Uuid;
//!
//! #[derive(dsql_edge::Type)]
//! pub struct UserId(pub Uuid);
//! ```
//!
//! A type that cannot be derived implements [`Column`] and [`Param`] by delegating to an existing type:
//!
//! ```
//! use dsql_edge::types::{Column, ConversionError, IsNull, NotNull, Param, sql};
//!
//! pub struct Email(String);
//!
//! impl Column<sql::Text, NotNull> for Email {
//!     fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
//!         let text = <String as Column<sql::Text, NotNull>>::decode(bytes)?;
//!         match text.contains('@') {
//!             true => Ok(Email(text)),
//!             false => Err(ConversionError::new("it is not an e-mail address")),
//!         }
//!     }
//! }
//!
//! impl<N> Param<sql::Text, N> for Email {
//!     fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
//!         <str as Param<sql::Text, NotNull>>::encode(&self.0, out)
//!     }
//! }
//! ```

pub mod sql;

mod array;
mod bytea;
mod composite;
pub(crate) mod date_time;
mod fits;
mod format;
mod generated;
mod interval;
mod json;
mod labels;
mod numeric;
#[cfg(feature = "postgres-types")]
mod pg;
mod requested;
mod scalar;
mod text;
pub(crate) mod text_array;
mod unchecked;

#[cfg(test)]
#[cfg(feature = "serde")]
mod json_of_rows;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
pub use rust_decimal::Decimal;
pub use serde_json::Value as JsonValue;
pub use uuid::Uuid;

pub use date_time::{PgDate, PgTime, PgTimestamp, TimeTz};
pub use interval::Interval;
#[cfg(feature = "serde")]
pub use json::Json;
pub use labels::Labelled;
pub use numeric::Numeric;
#[cfg(feature = "postgres-types")]
pub use pg::Pg;
pub use unchecked::{UncheckedColumn, UncheckedParam};

#[doc(hidden)]
pub use composite::{CompositeFields, binary_field, put_composite, put_field};
#[doc(hidden)]
pub use fits::{
    Dollar, FitsColumn, FitsNullableColumn, FitsParameter, IsList, IsOption, ListFits, OptionFits,
};
#[doc(hidden)]
pub use generated::Generated;
#[doc(hidden)]
pub use labels::{LabelsOf, NotLabelled, known_labels, same_labels};
#[doc(hidden)]
pub use requested::format;
pub(crate) use requested::{received_format, sent_format};
#[doc(hidden)]
pub use text::{BPCHAR, decode_label, is_label, is_of_schema};
pub(crate) use unchecked::FIRST_USER_OID;

use format::Format;

use std::borrow::Cow;

/// Marks a parameter or column for which NULL cannot occur, or has no meaning.
#[derive(Debug, Clone, Copy)]
pub enum NotNull {}

/// Marks a parameter or column for which NULL may occur.
#[derive(Debug, Clone, Copy)]
pub enum Nullable {}

/// [`NotNull`] or [`Nullable`].
#[doc(hidden)]
pub trait Nullability {
    const NULLABLE: bool;
}

impl Nullability for NotNull {
    const NULLABLE: bool = false;
}

impl Nullability for Nullable {
    const NULLABLE: bool = true;
}

/// Whether an encoded parameter is NULL; if so, its bytes are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum IsNull {
    /// The parameter is NULL.
    Yes,
    /// The parameter is not NULL; its value is the bytes that were written.
    No,
}

/// A Rust value that fits a parameter of the SQL type `S`. `N` is [`Nullable`] if the parameter may be NULL, and
/// [`NotNull`] if not.
///
/// A Rust type fits if each value of the Rust type is also a value of the SQL type: `&str`, `String` and `Cow<str>` fit
/// text, and `i16` fits `int8`. An `Option` fits only where NULL has a meaning: where the SQL assigns the parameter to
/// a column that may be NULL, tests it with `IS NULL`, or passes it to `COALESCE`, for example.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit a parameter of the SQL type `{S}` ({N})",
    label = "the query needs a value of the SQL type `{S}` here",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "an `Option` fits only where NULL means something there; elsewhere (`column = $x`) NULL would match \
            nothing: unwrap it first, or write `column IS NOT DISTINCT FROM $x`",
    note = "for your own type, derive `dsql_edge::Type`, or implement `dsql_edge::types::Param<{S}, N>`"
)]
pub trait Param<S, N> {
    /// Appends the value to `out` in the format of `S`, without a length.
    ///
    /// # Errors
    /// Returns an error if the value cannot be sent: it is too long, or out of the SQL type's range.
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError>;

    /// The format of the encoded value, if it is not the format of `S`.
    #[doc(hidden)]
    const FORMAT: Option<Format> = None;

    /// Encodes a value for a parameter whose SQL type is `of`: the marker `S` represents a group of SQL types.
    #[doc(hidden)]
    fn encode_by_type(&self, of: TypeOf, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        let _ = of;
        self.encode(out)
    }
}

/// A Rust type that fits a column of the SQL type `S`. `N` is [`NotNull`] if the column cannot be NULL, and
/// [`Nullable`] if it can.
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{S}` ({N}) does not fit `{Self}`",
    label = "the query gives the SQL type `{S}` here",
    note = "a column that may be NULL (`Nullable`) fits only an `Option`; where you know better than the \
            compiler, name the column `\"name!\"`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "for your own type, derive `dsql_edge::Type`, or implement `dsql_edge::types::Column<{S}, NotNull>`"
)]
pub trait Column<S, N>: Sized {
    /// Decodes the value from the bytes of the column, in the format of `S`.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a value of `S`, or if this Rust type cannot hold the value exactly.
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError>;

    /// The value for NULL.
    ///
    /// # Errors
    /// Returns an error if this Rust type does not have a value for NULL. Only an `Option` has one, and `()` for
    /// `void`.
    fn null() -> Result<Self, ConversionError> {
        Err(ConversionError::new("it is NULL, although the column is named with `!`"))
    }

    /// The format that `decode` reads, if it is not the format of `S`.
    #[doc(hidden)]
    const FORMAT: Option<Format> = None;

    /// Whether values are decoded by `decode_by_type`.
    #[doc(hidden)]
    const BY_TYPE: bool = false;

    /// Decodes a value whose SQL type is `of`: the marker `S` represents a group of SQL types.
    #[doc(hidden)]
    fn decode_by_type(bytes: &[u8], of: TypeOf) -> Result<Self, ConversionError> {
        let _ = of;
        Self::decode(bytes)
    }
}

/// An SQL type as a value, for code whose marker type represents a group of SQL types.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct TypeOf {
    /// The OID; 0 if the OID is not known.
    pub oid: u32,
    /// The name in `pg_type`.
    pub name: &'static str,
}

impl<S, N, T: Column<S, NotNull>> Column<S, N> for Option<T> {
    const FORMAT: Option<Format> = T::FORMAT;
    const BY_TYPE: bool = T::BY_TYPE;

    fn decode_by_type(bytes: &[u8], of: TypeOf) -> Result<Self, ConversionError> {
        T::decode_by_type(bytes, of).map(Some)
    }

    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        T::decode(bytes).map(Some)
    }

    fn null() -> Result<Self, ConversionError> {
        Ok(None)
    }
}

impl<S, T: Param<S, NotNull>> Param<S, Nullable> for Option<T> {
    const FORMAT: Option<Format> = T::FORMAT;

    fn encode_by_type(&self, of: TypeOf, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        match self {
            Some(value) => value.encode_by_type(of, out),
            None => Ok(IsNull::Yes),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        match self {
            Some(value) => value.encode(out),
            None => Ok(IsNull::Yes),
        }
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<S, N, T: Param<S, N> + ?Sized> Param<S, N> for $pointer {
            const FORMAT: Option<Format> = T::FORMAT;

            fn encode_by_type(&self, of: TypeOf, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                T::encode_by_type(self, of, out)
            }

            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                T::encode(self, out)
            }
        }
    )*};
}

pointers!(&T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

/// The reason why a value could not be encoded or decoded. The [`Error`](crate::Error) that contains this reason also
/// contains the name of the column or parameter.
///
/// The text of the error never contains the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionError(Cow<'static, str>);

impl ConversionError {
    /// Makes an error with this text, in which "it" is the value: "it is not a valid colour". Do not include the value:
    /// errors are written to logs.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        ConversionError(reason.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn truncated() -> Self {
        ConversionError(Cow::Borrowed("the number of its bytes does not fit its type"))
    }
}

impl core::fmt::Display for ConversionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConversionError {}

/// The first OID whose type can differ between servers (PostgreSQL's `FirstUnpinnedObjectId`).
const FIRST_UNPINNED_OID: u32 = 12_000;

/// Converts the bytes to an array, if there are exactly `N` bytes.
fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ConversionError> {
    bytes.try_into().map_err(|_| ConversionError::truncated())
}

/// Reads all eight bytes as a number. WebAssembly has no instruction that reverses bytes, so the code of this loop is
/// a third as long as the code of `from_be_bytes`.
fn int8(bytes: &[u8]) -> Result<i64, ConversionError> {
    let bytes = exactly::<8>(bytes)?;
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte)))
}

/// Splits the first `N` bytes from the rest.
fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), ConversionError> {
    match bytes.split_first_chunk::<N>() {
        Some((first, rest)) => Ok((*first, rest)),
        None => Err(ConversionError::truncated()),
    }
}
