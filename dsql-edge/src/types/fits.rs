//! Names the parameter or the column in rustc's error if a Rust type does not fit it.
//!
//! Input: a type that [`Param`] or [`Column`] accepts or does not accept, and a name. Output: rustc's error.
//!
//! A macro on stable Rust cannot underline a part of a string literal, so an error about `$limit` underlines the whole
//! SQL. The only text that the macro can put into an error about a type is the name of another type. So the macro
//! declares an empty type `limit` for the parameter `$limit`, and a type parameter `title` for the column `title`, and
//! requires the traits of this file, whose messages contain that name. Each trait is implemented for all types that
//! fit; `do_not_recommend` lets rustc report the trait of this file instead of `Param` or `Column`. The traits have no
//! methods, so they add nothing to a program.

use super::{Column, NotNull, Nullable, Param};

/// A type that fits the parameter whose name the type `P` has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit the parameter `{P}` of the SQL type `{S}`",
    label = "the parameter `{P}` needs a value of the SQL type `{S}`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "for your own type, derive `dsql_edge::Type`, or implement `dsql_edge::types::Param<{S}, N>`"
)]
pub trait FitsParameter<P, S, N>: Param<S, N> {}

#[diagnostic::do_not_recommend]
impl<P, S, N, T: Param<S, N> + ?Sized> FitsParameter<P, S, N> for T {}

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

/// A type whose `Option` fits a parameter for which NULL has no meaning. There is none.
#[diagnostic::on_unimplemented(
    message = "`{O}` does not fit the parameter `{P}`: NULL has no meaning there",
    label = "the parameter `{P}` needs a value of the SQL type `{S}`, not an `Option`",
    note = "`column = NULL` matches nothing: unwrap the value first, or write `column IS NOT DISTINCT FROM $parameter`"
)]
pub trait OptionFits<O: ?Sized, P, S> {}

/// A list of Rust values, or a reference to one.
pub trait IsList {}

impl<T> IsList for Vec<T> {}
impl<T> IsList for [T] {}
impl<T, const N: usize> IsList for [T; N] {}
impl<T: IsList + ?Sized> IsList for &T {}

/// A list that fits a parameter whose SQL type is not an array.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit the parameter `{P}` of the SQL type `{S}`: it is a list",
    label = "the parameter `{P}` needs one value of the SQL type `{S}`",
    note = "to compare with each element of a list, write `column = ANY ($parameter)` in place of `column IN ($parameter)`",
    note = "to run the statement for each element, write `for value in values` after the SQL"
)]
pub trait ListFits<P, S>: Param<S, NotNull> {}

#[diagnostic::do_not_recommend]
impl<P, S, T: Param<S, NotNull> + ?Sized> ListFits<P, S> for T {}

/// A type that fits the column whose name the type `C` has. The column is never NULL.
#[diagnostic::on_unimplemented(
    message = "the column `{C}` of the SQL type `{S}` does not fit `{Self}`",
    label = "the column `{C}` has the SQL type `{S}`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type",
    note = "for your own type, derive `dsql_edge::Type`, or implement `dsql_edge::types::Column<{S}, NotNull>`"
)]
pub trait FitsColumn<C, S>: Column<S, NotNull> {}

#[diagnostic::do_not_recommend]
impl<C, S, T: Column<S, NotNull>> FitsColumn<C, S> for T {}

/// A type that fits the column whose name the type `C` has. The column can be NULL.
#[diagnostic::on_unimplemented(
    message = "the column `{C}` of the SQL type `{S}`, which may be NULL, does not fit `{Self}`",
    label = "the column `{C}` has the SQL type `{S}`, and may be NULL",
    note = "the field is an `Option` of a Rust type that fits `{S}`; where you know better than the compiler, name the \
            column `AS \"{C}!\"`",
    note = "the documentation of `dsql_edge::types` lists the Rust types that fit each SQL type"
)]
pub trait FitsNullableColumn<C, S>: Column<S, Nullable> {}

#[diagnostic::do_not_recommend]
impl<C, S, T: Column<S, Nullable>> FitsNullableColumn<C, S> for T {}

/// The name of a parameter that is written as a number.
#[derive(Debug)]
pub enum Number<const NUMBER: usize> {}
