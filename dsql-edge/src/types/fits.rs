//! If a Rust type does not fit a parameter or a column, makes rustc's error contain the name of this parameter or
//! column.
//!
//! Input: a Rust type, and the name of a parameter or of a column. Output: rustc's error.
//!
//! A macro on stable Rust cannot underline a part of a string literal, so an error about `$limit` underlines the whole
//! SQL. The only text that the macro can put into an error about a type is the name of another type. So the macro
//! declares an empty type `limit` for the parameter `$limit`, and a type parameter `title` for the column `title`. The
//! macro then requires the traits of this file, and the error messages of these traits contain the name of that type.
//! Each trait is implemented for all types that fit. The traits' parameter `R` is the Rust type that `sql!` generates
//! for `S`. `do_not_recommend` lets rustc report the trait of this file instead of `Param` or `Column`. The traits have
//! no methods, so they add nothing to a program.

use super::{Column, NotNull, Nullable, Param};

/// A type that fits a parameter. The name of the type `P` is the name of the parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit the parameter `{P}`, which takes `{R}`",
    label = "the parameter `{P}` takes `{R}`, or another Rust type that fits the SQL type `{S}`",
    note = "the query determines the SQL type: a cast changes it (`$parameter::integer`), and a parameter that nothing gives a \
            type is text (`SELECT $parameter`); for a string that the server converts, write `$parameter::text::bigint`",
    note = "convert a `usize` by `i64::try_from(n)` and a `NaiveDateTime` by `time.and_utc()`; for an `f64`, write \
            `$parameter::float8` in place of `numeric`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "for your own type, derive `dsql_edge::Type`, or implement `dsql_edge::types::Param<{S}, N>`; for `json` and \
            `jsonb`, pass a `dsql_edge::types::Json<T>` (feature `serde`), whose `T` must implement `serde::Serialize`"
)]
pub trait FitsParameter<P, S, N, R>: Param<S, N> {}

#[diagnostic::do_not_recommend]
impl<P, S, N, R, T: Param<S, N> + ?Sized> FitsParameter<P, S, N, R> for T {}

/// An `Option`, or a reference to one.
#[diagnostic::on_unimplemented(
    message = "the type of this parameter is not known where the query is written",
    label = "write the type of the value, as in `let value: {Self} = …`"
)]
pub trait IsOption {
    /// The type of its value.
    type Inner;
}

#[diagnostic::do_not_recommend]
impl<T> IsOption for Option<T> {
    type Inner = T;
}

#[diagnostic::do_not_recommend]
impl<T: IsOption + ?Sized> IsOption for &T {
    type Inner = T::Inner;
}

/// Required where an `Option` is bound to a parameter for which NULL has no meaning. No type implements this trait, so
/// rustc always reports the trait's message.
#[diagnostic::on_unimplemented(
    message = "`{O}` does not fit the parameter `{P}`: NULL has no meaning there",
    label = "the parameter `{P}` takes `{R}`, or another Rust type that fits the SQL type `{S}`, but not an `Option`",
    note = "a comparison with NULL (`column = NULL`) matches nothing: unwrap the value first, or write \
            `column IS NOT DISTINCT FROM $parameter`",
    note = "if the statement assigns the parameter to a column, the column is NOT NULL: unwrap the value first, or write \
            `column = coalesce($parameter, column)` to keep the old value"
)]
pub trait OptionFits<O: ?Sized, P, S, R> {}

/// A list of Rust values, or a reference to one.
pub trait IsList {}

impl<T> IsList for Vec<T> {}
impl<T> IsList for [T] {}
impl<T, const N: usize> IsList for [T; N] {}
impl<T: IsList + ?Sized> IsList for &T {}

/// A list that fits a parameter whose SQL type is not an array.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit the parameter `{P}`, which takes one `{R}`: it is a list",
    label = "the parameter `{P}` takes one `{R}`, or a value of another Rust type that fits the SQL type `{S}`",
    note = "to compare with each element of a list, write `column = ANY ($parameter)` in place of `column IN ($parameter)`",
    note = "to run the statement for each element, write `for value in values` after the SQL"
)]
pub trait ListFits<P, S, R>: Param<S, NotNull> {}

#[diagnostic::do_not_recommend]
impl<P, S, R, T: Param<S, NotNull> + ?Sized> ListFits<P, S, R> for T {}

/// A type that fits a column. The name of the type `C` is the name of the column. The column is never NULL.
#[diagnostic::on_unimplemented(
    message = "the column `{C}`, which is `{R}`, does not fit `{Self}`",
    label = "the column `{C}` is `{R}`, or another Rust type that fits the SQL type `{S}`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "for your own type, derive `dsql_edge::Type`, or implement `dsql_edge::types::Column<{S}, NotNull>`; for \
            `json` and `jsonb`, write `dsql_edge::types::Json<T>` (feature `serde`), whose `T` must implement \
            `serde::Deserialize`"
)]
pub trait FitsColumn<C, S, R>: Column<S, NotNull> {}

#[diagnostic::do_not_recommend]
impl<C, S, R, T: Column<S, NotNull>> FitsColumn<C, S, R> for T {}

/// A type that fits a column. The name of the type `C` is the name of the column. The column can be NULL.
#[diagnostic::on_unimplemented(
    message = "the column `{C}`, which may be NULL and is `Option<{R}>`, does not fit `{Self}`",
    label = "the column `{C}` is `Option<{R}>`, or an `Option` of another Rust type that fits the SQL type `{S}`",
    note = "where you know better than the compiler, name the column `AS \"{C}!\"`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type; for `json` and \
            `jsonb`, write `dsql_edge::types::Json<T>` (feature `serde`), whose `T` must implement `serde::Deserialize`"
)]
pub trait FitsNullableColumn<C, S, R>: Column<S, Nullable> {}

#[diagnostic::do_not_recommend]
impl<C, S, R, T: Column<S, Nullable>> FitsNullableColumn<C, S, R> for T {}

/// The name of a parameter that is written as a number: `Dollar<1>` is `$1`. rustc prints a type without its path only
/// if no other crate has a type of this name.
#[derive(Debug)]
pub enum Dollar<const NUMBER: usize> {}
