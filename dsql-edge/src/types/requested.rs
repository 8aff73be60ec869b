//! Chooses the formats in which values are sent and requested: the format of the SQL type, or of the Rust type.
//!
//! All of these functions run inside rustc, so a program contains only their results.

use super::sql::{Format, SqlType};
use super::{Column, Param};

/// The format of a parameter's encoded value.
pub(crate) const fn sent_format<S: SqlType, N, T: Param<S, N> + ?Sized>() -> Format {
    match T::FORMAT {
        Some(format) => format,
        None => S::FORMAT,
    }
}

/// The code of the format in which a column is requested.
#[doc(hidden)]
#[must_use]
pub const fn format<S: SqlType, N, T: Column<S, N>>() -> i16 {
    received_format::<S, N, T>().code()
}

/// The format in which a column is requested.
pub(crate) const fn received_format<S: SqlType, N, T: Column<S, N>>() -> Format {
    match T::FORMAT {
        Some(format) => format,
        None => S::FORMAT,
    }
}
