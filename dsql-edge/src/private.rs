//! The names in the code that `sql!` generates, in addition to [`types`](crate::types). This module
//! is not for users: it may change in any release.

pub use crate::arguments::Arguments;
pub use crate::error::Error;
pub use crate::many_rows::{ManyRows, Rows, arrays, rows};
pub use crate::optional::{Optional, given};
pub use crate::query::{
    BulkCommand, BulkQuery, Command, KeyInsert, Query, SessionCommand, SessionQuery, SingleColumn,
};
pub use crate::row::DataRow;
pub use crate::statement::{ColumnDesc, Effect, KeyConstraints, SessionEffect, Statement};
pub use crate::types::{NotNull, Nullable};

#[cfg(feature = "serde")]
pub use crate::serialize::SerializedRow;
#[cfg(feature = "serde")]
pub use serde;

#[doc(inline)]
pub use crate::__dsql_edge_serialize as serialize;

/// Implements `Serialize` for a row, if the feature `serde` is on:
/// `[<params>] Row [<args>] [where …] { field: "name" }`.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __dsql_edge_serialize {
    ([$($params:tt)*] $row:ident [$($args:tt)*] [$($bounds:tt)*] { $($field:ident : $name:literal),* $(,)? }) => {
        impl $($params)* $crate::private::serde::Serialize for $row $($args)* $($bounds)* {
            fn serialize<__Serializer: $crate::private::serde::Serializer>(
                &self,
                serializer: __Serializer,
            ) -> ::core::result::Result<__Serializer::Ok, __Serializer::Error> {
                #[allow(unused_mut)]
                let mut row = $crate::private::SerializedRow::new(
                    serializer,
                    ::core::stringify!($row),
                    <[&str]>::len(&[$($name),*]),
                );
                $(row.field($name, &self.$field);)*
                row.end()
            }
        }
    };
}

/// Expands to nothing, because the feature `serde` is off.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __dsql_edge_serialize {
    ($($row:tt)*) => {};
}
