//! The names in the code that `sql!` generates, in addition to [`types`](crate::types). This module
//! is not for users: it may change in any release.

pub use crate::argument::{argument, scalar};
pub use crate::arguments::Arguments;
pub use crate::batches::Batches;
pub use crate::error::Error;
pub use crate::many_rows::{ManyRows, Rows, arrays, rows};
pub use crate::optional::{Optional, given};
pub use crate::query::{
    BulkCommand, BulkQuery, Command, KeyInsert, Query, SessionCommand, SessionQuery, SingleColumn,
};
pub use crate::row::DataRow;
pub use crate::statement::{ColumnDesc, Effect, KeyConstraints, SessionEffect, Statement};
pub use crate::types::{
    BPCHAR, CompositeFields, Dollar, LabelsOf, NotLabelled, NotNull, Nullable, TypeOf, binary_field,
    decode_label, format, is_label, is_of_schema, known_labels, put_composite, put_field, same_labels,
};

#[cfg(feature = "serde")]
pub use crate::serialize::SerializedRow;
#[cfg(feature = "serde")]
pub use serde;

#[cfg(all(feature = "test", not(target_arch = "wasm32")))]
pub use crate::testing;

#[doc(inline)]
pub use crate::__dsql_edge_row as row;

/// Implements the listed traits for a row:
/// `[Debug Clone PartialEq Serialize] { [<params>] Row [<args>] [[T] …] { field: "name" "serialized name", … } }`.
///
/// Each `[T]` is a type to which every impl adds its trait as a bound; `[for<'t> T]` is allowed. This macro exists so
/// that `sql!` generates fewer tokens.
#[doc(hidden)]
#[macro_export]
macro_rules! __dsql_edge_row {
    ([$($of:ident)*] $row:tt) => { $($crate::__dsql_edge_row! { $of $row })* };
    (Debug {
        [$($params:tt)*] $row:ident [$($args:tt)*] [$([$($bound:tt)*])*]
        { $($field:ident : $name:literal $serialized:literal),* }
    }) => {
        impl $($params)* ::core::fmt::Debug for $row $($args)* where $($($bound)*: ::core::fmt::Debug),* {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(::core::stringify!($row))$(.field($name, &self.$field))*.finish()
            }
        }
    };
    (Clone {
        [$($params:tt)*] $row:ident [$($args:tt)*] [$([$($bound:tt)*])*]
        { $($field:ident : $name:literal $serialized:literal),* }
    }) => {
        impl $($params)* ::core::clone::Clone for $row $($args)* where $($($bound)*: ::core::clone::Clone),* {
            fn clone(&self) -> Self {
                $row { $($field: ::core::clone::Clone::clone(&self.$field)),* }
            }
        }
    };
    (PartialEq {
        [$($params:tt)*] $row:ident [$($args:tt)*] [$([$($bound:tt)*])*]
        { $($field:ident : $name:literal $serialized:literal),* }
    }) => {
        // Without `automatically_derived`, clippy would warn if the user also derives Hash.
        #[automatically_derived]
        impl $($params)* ::core::cmp::PartialEq for $row $($args)* where $($($bound)*: ::core::cmp::PartialEq),* {
            #[allow(unused_variables, reason = "a row can have no columns")]
            fn eq(&self, other: &Self) -> bool {
                true $(&& self.$field == other.$field)*
            }
        }
    };
    (Serialize $row:tt) => { $crate::__dsql_edge_serialize! { $row } };
}

/// Implements `Serialize` for a row, if the feature `serde` is on.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __dsql_edge_serialize {
    ({
        [$($params:tt)*] $row:ident [$($args:tt)*] [$([$($bound:tt)*])*]
        { $($field:ident : $name:literal $serialized:literal),* }
    }) => {
        impl $($params)* $crate::private::serde::Serialize for $row $($args)*
        where $($($bound)*: $crate::private::serde::Serialize),*
        {
            fn serialize<__Serializer: $crate::private::serde::Serializer>(
                &self,
                serializer: __Serializer,
            ) -> ::core::result::Result<__Serializer::Ok, __Serializer::Error> {
                #[allow(unused_mut)]
                let mut row = $crate::private::SerializedRow::new(
                    serializer,
                    ::core::stringify!($row),
                    <[&str]>::len(&[$($serialized),*]),
                );
                $(row.field($serialized, &self.$field);)*
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
    ($row:tt) => {};
}
