//! Binds a value to a parameter. If the type of the value does not fit, rustc's error contains the name of the
//! parameter.
//!
//! Input: a value, a type that has the parameter's name, and the parameter's SQL type. Output: the bound value.
//! [`Arguments`] and [`ManyRows`] encode the value with code that does not depend on the name.
//!
//! An `Option` or a list that does not fit has a different error from other types. A trait of stable Rust cannot
//! exclude types ("not an `Option`"), so method lookup selects the implementation: `NotNullArgument` has the methods
//! for an `Option` and dereferences to `ScalarArgument`, which has the methods for a list and dereferences to
//! [`Argument`], which has the methods for every other type. Method lookup needs a known type, so a type that only a
//! later line would determine (`let id = text.parse()?`) must be written down.

use core::marker::PhantomData;
use core::ops::Deref;

use crate::arguments::Arguments;
use crate::many_rows::ManyRows;
use crate::types::{FitsParameter, Generated, IsList, IsOption, ListFits, NotNull, OptionFits, TypeOf};

/// A value for the parameter `P` of the SQL type `S` and the nullability `N`.
#[derive(Debug)]
pub struct Argument<'v, P, S, N, T: ?Sized> {
    value: &'v T,
    /// The description of the parameter for errors at run time, such as `parameter $limit of type int8`.
    described: &'static str,
    parameter: PhantomData<fn(P, S, N)>,
}

/// A value for a parameter that is not an array.
#[derive(Debug)]
pub struct ScalarArgument<'v, P, S, T: ?Sized>(Argument<'v, P, S, NotNull, T>);

/// A value for a parameter that is not an array and not NULL.
#[derive(Debug)]
pub struct NotNullArgument<'v, P, S, T: ?Sized>(ScalarArgument<'v, P, S, T>);

/// A value for the parameter `P`.
#[inline(always)]
pub fn argument<'v, P, S, N, T: ?Sized>(value: &'v T, described: &'static str) -> Argument<'v, P, S, N, T> {
    Argument { value, described, parameter: PhantomData }
}

/// A value for the parameter `P`, which is not an array and not NULL.
#[inline(always)]
pub fn scalar<'v, P, S, T: ?Sized>(value: &'v T, described: &'static str) -> NotNullArgument<'v, P, S, T> {
    NotNullArgument(ScalarArgument(argument(value, described)))
}

impl<'v, P, S, T: ?Sized> Deref for NotNullArgument<'v, P, S, T> {
    type Target = ScalarArgument<'v, P, S, T>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'v, P, S, T: ?Sized> Deref for ScalarArgument<'v, P, S, T> {
    type Target = Argument<'v, P, S, NotNull, T>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

// The methods have the bounds, not the impls: with bounds on an impl, rustc would report that the method does not
// exist.
impl<P, S: Generated, N, T: ?Sized> Argument<'_, P, S, N, T> {
    /// Binds the next argument.
    #[inline(always)]
    pub fn bind(&self, arguments: &mut Arguments)
    where
        T: FitsParameter<P, S, N, S::Rust>,
    {
        arguments.bind_described::<S, N, T>(self.value, self.described);
    }

    /// Binds the next argument. The marker `S` does not determine the SQL type of the parameter; the argument `of`
    /// does.
    #[inline(always)]
    pub fn bind_by_type(&self, arguments: &mut Arguments, of: TypeOf)
    where
        T: FitsParameter<P, S, N, S::Rust>,
    {
        arguments.bind_by_type::<S, N, T>(self.value, of, self.described);
    }

    /// Appends the next row's value for the parameter at this index, from 0.
    #[inline(always)]
    pub fn append(&self, rows: &mut ManyRows, index: usize)
    where
        T: FitsParameter<P, S, N, S::Rust>,
    {
        rows.bind::<S, N, T>(index, self.value, self.described);
    }
}

impl<P, S: Generated, T: IsOption + ?Sized> NotNullArgument<'_, P, S, T> {
    /// Never compiles: a NULL (`None`) is not allowed for this parameter. For an `Option`, rustc reports the
    /// unsatisfied bound `OptionFits`.
    pub fn bind(&self, _arguments: &mut Arguments)
    where
        T::Inner: OptionFits<T, P, S, S::Rust>,
    {
    }

    /// Never compiles, like `bind`.
    pub fn append(&self, _rows: &mut ManyRows, _index: usize)
    where
        T::Inner: OptionFits<T, P, S, S::Rust>,
    {
    }
}

impl<P, S: Generated, T: IsList + ?Sized> ScalarArgument<'_, P, S, T> {
    /// Binds the next argument: a list of bytes.
    #[inline(always)]
    pub fn bind(&self, arguments: &mut Arguments)
    where
        T: ListFits<P, S, S::Rust>,
    {
        self.0.bind(arguments);
    }

    /// Appends the next row's value for the parameter at this index, from 0.
    #[inline(always)]
    pub fn append(&self, rows: &mut ManyRows, index: usize)
    where
        T: ListFits<P, S, S::Rust>,
    {
        self.0.append(rows, index);
    }
}
