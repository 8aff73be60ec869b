//! Defines the functions of the analyzer that the fold calls, to resolve types and queries.
//!
//! PostgreSQL determines the columns of `CREATE TABLE … AS` and the type that a name refers to when the statement runs.
//! The fold must not import the analyzer, so `analyze` passes these functions together with the statements.

use super::{Moment, Schema};
use crate::syntax::ast::{Query, TypeName};

/// The functions of the analyzer.
#[derive(Clone, Copy)]
pub(crate) struct Resolver {
    /// Whether PostgreSQL has a built-in type of this name: if it has one, the unqualified name always refers to the
    /// built-in type.
    pub(crate) is_builtin_type: fn(&str) -> bool,
    /// The columns of a query. A name in the query refers to the object that had this name at the moment in the third
    /// argument. `None` if the query cannot be analyzed. The last argument contains the types of the query's
    /// parameters.
    pub(crate) columns_of_query: fn(&Schema, &Query, &Moment, &[TypeName]) -> Option<ResolvedColumns>,
    /// The columns of the view or sequence that has the given index.
    pub(crate) columns_of_relation: fn(&Schema, usize) -> Option<ResolvedColumns>,
    /// The columns of tables that the query of a view reads, each as the index of the table and the name of the column.
    pub(crate) columns_read: fn(&Schema, usize) -> Vec<(usize, String)>,
    /// The names of two types, if a foreign key cannot compare a column of the first type with a column of the second.
    pub(crate) incompatible_types: fn(&Schema, &TypeName, &TypeName) -> Option<[String; 2]>,
}

/// The columns of a query or of a relation, in order.
pub(crate) type ResolvedColumns = Vec<ResolvedColumn>;

/// A column of a query, a view or a sequence: its name, type and collation.
pub(crate) struct ResolvedColumn {
    pub(crate) name: String,
    pub(crate) type_name: TypeName,
    /// The collation, if it differs from the collation of the type.
    pub(crate) collation: Option<String>,
}
