//! The questions about types and queries that the fold asks, and that only the analyzer can answer.
//!
//! PostgreSQL fixes the columns of `CREATE TABLE … AS` and the meaning of a type's name when the statement runs. The fold
//! must not import the analyzer, so that `analyze` passes these functions with the statements.

use super::{Moment, Schema};
use crate::syntax::ast::{Query, TypeName};

/// The analyzer's answers.
#[derive(Clone, Copy)]
pub(crate) struct Resolver {
    /// Whether PostgreSQL itself has a type of this name: no other type is found by the name alone.
    pub(crate) is_builtin_type: fn(&str) -> bool,
    /// The columns of a query of that moment, if it can be analysed; the types of its parameters are given.
    pub(crate) columns_of_query: fn(&Schema, &Query, &Moment, &[TypeName]) -> Option<ResolvedColumns>,
    /// The columns of a view or a sequence, by its place.
    pub(crate) columns_of_relation: fn(&Schema, usize) -> Option<ResolvedColumns>,
}

/// The columns of a query, in order.
pub(crate) type ResolvedColumns = Vec<ResolvedColumn>;

/// A column of a query, as a table of it has it.
pub(crate) struct ResolvedColumn {
    pub(crate) name: String,
    pub(crate) type_name: TypeName,
    /// The collation, if it is not the type's own.
    pub(crate) collation: Option<String>,
}
