//! Runs several queries in one round trip, and collects their rows.
//!
//! Input: queries and commands, alone, in a tuple or in a `Vec`. Output: a tuple or a `Vec` with the result of each
//! query and command, like the input. Rows are collected only here: each `fetch_*` is a pipeline of one query.

use crate::client::flight::{Prepared, Sink};
use crate::error::{Error, Kind};
use crate::query::{Command, KeyInsert, Query, Request, SingleColumn};
use crate::row::DataRow;
use crate::statement::StatementRef;

/// Queries that can be sent in one round trip with [`Dsql::pipeline`](crate::Dsql::pipeline). A query returns a `Vec`
/// of its rows, or the result of [`Query::one`], [`Query::optional`], [`Query::value`], [`Query::optional_value`] or
/// [`Query::values`]; a command returns the number of affected rows. A tuple of up to twelve queries and commands
/// returns a tuple, and a `Vec` returns a `Vec`.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn counts(dsql: &Dsql, names: &[String]) -> Result<Vec<u64>, Error> {
/// let counted = names
///     .iter()
///     .map(|name| sql!("UPDATE tag_master SET usage_count = usage_count + 1 WHERE tag_name = $name"))
///     .collect::<Vec<_>>();
/// dsql.pipeline(counted).await
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be pipelined",
    label = "queries and commands can be pipelined, and tuples and `Vec`s of them",
    note = "give the query itself, without `.fetch_all(…)`: `.pipeline((sql!(\"…\"), sql!(\"…\").one()))`",
    note = "a statement that changes its session runs alone: `.execute(&mut session)`"
)]
pub trait Pipelined: sealed::Sealed + Send {
    /// The result.
    type Output: Send;
    #[doc(hidden)]
    type Collector: Collector<Output = Self::Output>;

    #[doc(hidden)]
    fn split(self, members: &mut Members) -> Self::Collector;
}

/// Takes the rows of a pipeline, and returns its result.
#[doc(hidden)]
#[allow(unnameable_types, reason = "named in a public trait that only this crate implements")]
pub trait Collector: Send {
    type Output;

    /// Adds one sink for each query, in order.
    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>);

    fn finish(self) -> Result<Self::Output, Error>;
}

/// A query in a pipeline whose result is not a `Vec` of its rows. The methods [`Query::one`], [`Query::optional`],
/// [`Query::value`], [`Query::optional_value`] and [`Query::values`] make this type.
#[must_use = "a query does nothing until it is pipelined"]
pub struct PipelineMember<C> {
    request: Request,
    collector: C,
}

impl<R: Send + 'static> Query<R> {
    /// In a pipeline, returns the one row, like [`fetch_one`](Query::fetch_one).
    pub fn one(self) -> PipelineMember<One<R>> {
        let collector = One(self.at_most_one());
        PipelineMember { request: self.request, collector }
    }

    /// In a pipeline, returns the one row, or `None`, like [`fetch_optional`](Query::fetch_optional).
    pub fn optional(self) -> PipelineMember<AtMostOne<R>> {
        let collector = self.at_most_one();
        PipelineMember { request: self.request, collector }
    }

    /// In a pipeline, returns the value of the one column of the one row, like [`fetch_value`](Query::fetch_value).
    pub fn value<V: Send>(self) -> PipelineMember<Value<R>>
    where
        R: SingleColumn<Value = V>,
    {
        let collector = Value(One(self.at_most_one()));
        PipelineMember { request: self.request, collector }
    }

    /// In a pipeline, returns the value of the one column of the one row, or `None`, like
    /// [`fetch_optional_value`](Query::fetch_optional_value).
    pub fn optional_value<V: Send>(self) -> PipelineMember<OptionalValue<R>>
    where
        R: SingleColumn<Value = V>,
    {
        let collector = OptionalValue(self.at_most_one());
        PipelineMember { request: self.request, collector }
    }

    /// In a pipeline, returns the value of the one column of each row, like [`fetch_values`](Query::fetch_values).
    pub fn values<V: Send>(self) -> PipelineMember<Values<R>>
    where
        R: SingleColumn<Value = V>,
    {
        let collector = Values(All::new(self.decode));
        PipelineMember { request: self.request, collector }
    }

    fn at_most_one(&self) -> AtMostOne<R> {
        AtMostOne { decode: self.decode, statement: self.request.statement.clone(), row: None }
    }
}

/// The statements of a pipeline, in order.
#[doc(hidden)]
#[derive(Default)]
#[allow(unnameable_types, reason = "named in a public trait that only this crate implements")]
pub struct Members {
    prepared: Vec<Prepared>,
    /// The first argument that could not be encoded.
    error: Option<Error>,
}

impl Members {
    pub(super) fn push(&mut self, request: Request) {
        match Prepared::new(request) {
            Ok(prepared) => self.prepared.push(prepared),
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
    }

    /// All statements, or the error of the first statement that cannot be sent.
    pub(super) fn prepared(&mut self) -> Result<&[Prepared], Error> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(&self.prepared),
        }
    }
}

/// Collects all rows.
#[doc(hidden)]
#[allow(unnameable_types, reason = "named in a public trait that only this crate implements")]
pub struct All<R> {
    decode: fn(&DataRow<'_>) -> Result<R, Error>,
    pub(super) rows: Vec<R>,
}

/// Collects at most one row.
#[doc(hidden)]
#[allow(unnameable_types, reason = "as `All`")]
pub struct AtMostOne<R> {
    decode: fn(&DataRow<'_>) -> Result<R, Error>,
    statement: StatementRef,
    row: Option<R>,
}

/// Collects exactly one row.
#[doc(hidden)]
#[allow(unnameable_types, reason = "as `All`")]
pub struct One<R>(AtMostOne<R>);

/// Collects the column of exactly one row.
#[doc(hidden)]
#[allow(unnameable_types, reason = "as `All`")]
pub struct Value<R>(One<R>);

/// Collects the column of at most one row.
#[doc(hidden)]
#[allow(unnameable_types, reason = "as `All`")]
pub struct OptionalValue<R>(AtMostOne<R>);

/// Collects the column of all rows.
#[doc(hidden)]
#[allow(unnameable_types, reason = "as `All`")]
pub struct Values<R>(All<R>);

/// Collects the server's count of the rows; the rows themselves are not decoded.
#[doc(hidden)]
#[allow(unnameable_types, reason = "as `All`")]
#[derive(Default)]
pub struct Counted(u64);

impl<R> All<R> {
    pub(super) fn new(decode: fn(&DataRow<'_>) -> Result<R, Error>) -> Self {
        All { decode, rows: Vec::new() }
    }
}

impl<R: Send> Sink for All<R> {
    fn row(&mut self, row: &DataRow<'_>) -> Result<(), Error> {
        self.rows.push((self.decode)(row)?);
        Ok(())
    }

    fn done(&mut self, _: u64) {}

    fn restart(&mut self) -> bool {
        self.rows.clear();
        true
    }
}

impl<R: Send> Sink for AtMostOne<R> {
    fn row(&mut self, row: &DataRow<'_>) -> Result<(), Error> {
        if self.row.is_some() {
            return Err(Error::new(Kind::TooManyRows));
        }
        self.row = Some((self.decode)(row)?);
        Ok(())
    }

    fn done(&mut self, _: u64) {}

    fn restart(&mut self) -> bool {
        self.row = None;
        true
    }
}

impl Sink for Counted {
    fn row(&mut self, _: &DataRow<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn done(&mut self, affected: u64) {
        self.0 = affected;
    }

    fn restart(&mut self) -> bool {
        self.0 = 0;
        true
    }

    fn keeps(&self) -> bool {
        false
    }
}

impl<R: Send> Collector for All<R> {
    type Output = Vec<R>;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        out.push(self);
    }

    fn finish(self) -> Result<Vec<R>, Error> {
        Ok(self.rows)
    }
}

impl<R: Send> Collector for AtMostOne<R> {
    type Output = Option<R>;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        out.push(self);
    }

    fn finish(self) -> Result<Option<R>, Error> {
        Ok(self.row)
    }
}

impl<R: Send> Collector for One<R> {
    type Output = R;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        out.push(&mut self.0);
    }

    fn finish(self) -> Result<R, Error> {
        let AtMostOne { statement, row, .. } = self.0;
        row.ok_or_else(|| Error::new(Kind::NoRows).at(&statement))
    }
}

impl<R: SingleColumn<Value: Send> + Send> Collector for Value<R> {
    type Output = R::Value;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        self.0.sinks(out);
    }

    fn finish(self) -> Result<R::Value, Error> {
        self.0.finish().map(R::into_value)
    }
}

impl<R: SingleColumn<Value: Send> + Send> Collector for OptionalValue<R> {
    type Output = Option<R::Value>;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        self.0.sinks(out);
    }

    fn finish(self) -> Result<Option<R::Value>, Error> {
        Ok(self.0.row.map(R::into_value))
    }
}

impl<R: SingleColumn<Value: Send> + Send> Collector for Values<R> {
    type Output = Vec<R::Value>;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        self.0.sinks(out);
    }

    fn finish(self) -> Result<Vec<R::Value>, Error> {
        Ok(self.0.rows.into_iter().map(R::into_value).collect())
    }
}

impl Collector for Counted {
    type Output = u64;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        out.push(self);
    }

    fn finish(self) -> Result<u64, Error> {
        Ok(self.0)
    }
}

impl<C: Collector> Collector for Vec<C> {
    type Output = Vec<C::Output>;

    fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
        self.iter_mut().for_each(|collector| collector.sinks(out));
    }

    fn finish(self) -> Result<Self::Output, Error> {
        self.into_iter().map(C::finish).collect()
    }
}

impl<R: Send + 'static> Pipelined for Query<R> {
    type Output = Vec<R>;
    type Collector = All<R>;

    fn split(self, members: &mut Members) -> All<R> {
        members.push(self.request);
        All::new(self.decode)
    }
}

impl Pipelined for Command {
    type Output = u64;
    type Collector = Counted;

    fn split(self, members: &mut Members) -> Counted {
        members.push(self.request);
        Counted::default()
    }
}

impl Pipelined for KeyInsert {
    type Output = u64;
    type Collector = Counted;

    fn split(self, members: &mut Members) -> Counted {
        Command::from(self).split(members)
    }
}

impl<C: Collector<Output: Send>> Pipelined for PipelineMember<C> {
    type Output = C::Output;
    type Collector = C;

    fn split(self, members: &mut Members) -> C {
        members.push(self.request);
        self.collector
    }
}

impl<P: Pipelined> Pipelined for Vec<P> {
    type Output = Vec<P::Output>;
    type Collector = Vec<P::Collector>;

    fn split(self, members: &mut Members) -> Self::Collector {
        self.into_iter().map(|member| member.split(members)).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Collector),+> Collector for ($($name,)+) {
            type Output = ($($name::Output,)+);

            #[allow(non_snake_case)]
            fn sinks<'c>(&'c mut self, out: &mut Vec<&'c mut dyn Sink>) {
                let ($($name,)+) = self;
                $($name.sinks(out);)+
            }

            #[allow(non_snake_case)]
            fn finish(self) -> Result<Self::Output, Error> {
                let ($($name,)+) = self;
                Ok(($($name.finish()?,)+))
            }
        }

        impl<$($name: Pipelined),+> Pipelined for ($($name,)+) {
            type Output = ($($name::Output,)+);
            type Collector = ($($name::Collector,)+);

            #[allow(non_snake_case)]
            fn split(self, members: &mut Members) -> Self::Collector {
                let ($($name,)+) = self;
                ($($name.split(members),)+)
            }
        }

        impl<$($name: sealed::Sealed),+> sealed::Sealed for ($($name,)+) {}
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

mod sealed {
    use super::{Command, KeyInsert, PipelineMember, Query};
    use crate::query::{BulkCommand, BulkQuery};

    #[allow(unnameable_types, reason = "it seals a trait")]
    pub trait Sealed {}

    impl<R> Sealed for Query<R> {}
    impl Sealed for Command {}
    impl Sealed for KeyInsert {}
    impl<C> Sealed for PipelineMember<C> {}
    impl Sealed for BulkCommand<'_> {}
    impl<R> Sealed for BulkQuery<'_, R> {}
    impl<P: Sealed> Sealed for Vec<P> {}
}

impl<C> core::fmt::Debug for PipelineMember<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("PipelineMember").field(&self.request.statement.sql()).finish()
    }
}
