//! SQL types ⇄ Rust types.
//!
//! Input: a Rust value ([`Param`]) or the bytes of a column ([`Column`]). Output: the bytes of a
//! parameter, or a Rust value. Decoders are total: whatever the bytes, they return a value or a
//! [`ConversionError`], and take no more memory than the bytes they were given. Nothing is rounded,
//! truncated or replaced in silence.
//!
//! | SQL | Rust | exact alternative, where the first cannot hold all values |
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
//! | `json` `jsonb` | [`JsonValue`] | `String` |
//! | `oid` | `u32` | |
//! | `"char"` | `String` | `i8` |
//! | arrays | `Vec<T>`, `Vec<Option<T>>` | |
//!
//! A column that may be NULL is an `Option`.
//!
//! # A type of your own
//!
//! Implement [`Column`] and [`Param`] by handing on to a type that is there, and name it with an override,
//! `"author_id: UserId"`:
//!
//! ```
//! use dsql_edge::types::{Column, ConversionError, IsNull, NotNull, Param, Uuid, sql};
//!
//! pub struct UserId(pub Uuid);
//!
//! impl Column<sql::Uuid, NotNull> for UserId {
//!     fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
//!         Uuid::decode(bytes).map(UserId)
//!     }
//! }
//!
//! impl<N> Param<sql::Uuid, N> for UserId {
//!     fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
//!         <Uuid as Param<sql::Uuid, NotNull>>::encode(&self.0, out)
//!     }
//! }
//! ```

pub mod sql;

mod array;
mod bytea;
pub(crate) mod date_time;
mod interval;
mod json;
mod numeric;
mod scalar;
mod text;
mod unchecked;

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
pub use numeric::Numeric;
pub use unchecked::{UncheckedColumn, UncheckedParam};

pub(crate) use unchecked::FIRST_USER_OID;

use std::borrow::Cow;

/// Marks a place where NULL cannot be, or means nothing.
#[derive(Debug, Clone, Copy)]
pub enum NotNull {}

/// Marks a place where NULL may be.
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

/// Whether a parameter turned out to be NULL; then its bytes are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum IsNull {
    /// The parameter is NULL.
    Yes,
    /// The bytes written are the parameter.
    No,
}

/// A Rust value that fits a parameter of the SQL type `S` where NULL is allowed or not (`N`: [`NotNull`] or
/// [`Nullable`]).
///
/// A type fits if all its values do: `&str`, `String` and `Cow<str>` where text is wanted, and every integer
/// type whose values all are values of the SQL type. An `Option` fits only where NULL means something: assigned to
/// a column that may be NULL, compared with `IS NULL`, an argument of `COALESCE` and the like.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit a parameter of the SQL type `{S}` ({N})",
    label = "the query needs a value of the SQL type `{S}` here",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "an `Option` fits only where NULL means something there; elsewhere (`column = $x`) NULL would match \
            nothing: unwrap it first, or write `column IS NOT DISTINCT FROM $x`",
    note = "for a type of your own implement `dsql_edge::types::Param<{S}, N>`"
)]
pub trait Param<S, N> {
    /// Appends the value to `out` in the format that `S` has, without a length.
    ///
    /// # Errors
    /// When the value cannot be sent: it is too long, or out of the SQL type's range.
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError>;
}

/// A Rust type that a column of the SQL type `S` fits (`N`: [`NotNull`] when the column cannot be NULL,
/// [`Nullable`] when it may).
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{S}` ({N}) does not fit `{Self}`",
    label = "the query gives the SQL type `{S}` here",
    note = "a column that may be NULL (`Nullable`) fits only an `Option`; where you know better than the \
            compiler, name the column `\"name!\"`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "for a type of your own implement `dsql_edge::types::Column<{S}, NotNull>`"
)]
pub trait Column<S, N>: Sized {
    /// The value from the bytes of the column, in the format that `S` has.
    ///
    /// # Errors
    /// If the bytes are not a value of `S`, or one that this Rust type cannot hold exactly.
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError>;

    /// The value for NULL.
    ///
    /// # Errors
    /// Unless the type is an `Option`.
    fn null() -> Result<Self, ConversionError> {
        Err(ConversionError::new("it is NULL, and the query rules that out with `!` in the column's name"))
    }
}

impl<S, N, T: Column<S, NotNull>> Column<S, N> for Option<T> {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        T::decode(bytes).map(Some)
    }

    fn null() -> Result<Self, ConversionError> {
        Ok(None)
    }
}

impl<S, T: Param<S, NotNull>> Param<S, Nullable> for Option<T> {
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
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                T::encode(self, out)
            }
        }
    )*};
}

pointers!(&T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

/// Why a value could not be encoded or decoded. The column or parameter is named by the
/// [`Error`](crate::Error) that carries it.
///
/// The text never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionError(Cow<'static, str>);

impl ConversionError {
    /// An error with this text, a sentence without its subject: "it is not a valid colour". Leave the value
    /// out: errors end up in logs.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        ConversionError(reason.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn truncated() -> Self {
        ConversionError(Cow::Borrowed("its bytes are not as long as the type's format wants them"))
    }
}

impl core::fmt::Display for ConversionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConversionError {}

/// All the bytes, if they are as many as the type has.
fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ConversionError> {
    bytes.try_into().map_err(|_| ConversionError::truncated())
}

/// All the bytes, eight, as a number. WebAssembly cannot turn bytes around: a loop is a third of `from_be_bytes`.
fn int8(bytes: &[u8]) -> Result<i64, ConversionError> {
    let bytes = exactly::<8>(bytes)?;
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte)))
}

/// The first `N` bytes, and the rest.
fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), ConversionError> {
    match bytes.split_first_chunk::<N>() {
        Some((first, rest)) => Ok((*first, rest)),
        None => Err(ConversionError::truncated()),
    }
}
