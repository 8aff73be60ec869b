//! Defines `INSERT`, `UPDATE`, `DELETE` and `MERGE`.

use super::{Alias, Expr, ExprKind, FromItem, Indirection, Name, QualifiedName, Query, Target, With};
use crate::source::Span;

/// The table that a statement writes to.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetTable {
    /// Its name.
    pub name: QualifiedName,
    /// `AS x`.
    pub alias: Option<Alias>,
}

/// `INSERT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// `WITH`.
    pub with: Option<With>,
    /// The table.
    pub table: TargetTable,
    /// The column list.
    pub columns: Vec<TargetColumn>,
    /// `OVERRIDING SYSTEM VALUE` is `true`, `OVERRIDING USER VALUE` is `false`.
    pub overriding: Option<bool>,
    /// The rows; `None` is `DEFAULT VALUES`.
    pub source: Option<Query>,
    /// `ON CONFLICT`.
    pub on_conflict: Option<OnConflict>,
    /// `RETURNING`.
    pub returning: Vec<Target>,
}

/// `a`, `a.f` or `a[1]` on the left of an assignment.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetColumn {
    /// The column.
    pub name: Name,
    /// The fields and subscripts after the column's name.
    pub indirection: Vec<Indirection>,
}

/// `ON CONFLICT`.
#[derive(Clone, Debug, PartialEq)]
pub struct OnConflict {
    /// The arbiter.
    pub target: ConflictTarget,
    /// `DO UPDATE SET … [WHERE …]`; `None` is `DO NOTHING`.
    pub update: Option<(Vec<Assignment>, Option<Expr>)>,
    /// The span of the clause.
    pub span: Span,
}

/// The arbiter of `ON CONFLICT`.
#[derive(Clone, Debug, PartialEq)]
pub enum ConflictTarget {
    /// `ON CONFLICT` does not have a target: all unique indexes and exclusion constraints are arbiters.
    Any,
    /// `(a, lower(b)) [WHERE …]`; the span is that of the opening parenthesis.
    Index(Vec<IndexElement>, Option<Expr>, Span),
    /// `ON CONSTRAINT name`.
    Constraint(Name),
}

/// A key of an index, of an `ON CONFLICT` target, or of an exclusion constraint; also a column of `INCLUDE`.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexElement {
    /// A column or an expression.
    pub expr: Expr,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// The operator class.
    pub operator_class: Option<QualifiedName>,
    /// `DESC` is true, `ASC` is false.
    pub descending: Option<bool>,
    /// `NULLS FIRST` is true, `NULLS LAST` is false.
    pub nulls_first: Option<bool>,
}

impl IndexElement {
    /// Returns a column without options.
    pub fn column(name: Name) -> IndexElement {
        let span = name.span;
        let expr = Expr { kind: ExprKind::Column(vec![name]), span };
        IndexElement { expr, collation: None, operator_class: None, descending: None, nulls_first: None }
    }
}

/// `SET …`.
#[derive(Clone, Debug, PartialEq)]
pub enum Assignment {
    /// `a = x`.
    Single(TargetColumn, Expr),
    /// `(a, b) = (x, y)`, `(a, b) = (SELECT …)`.
    Multiple(Vec<TargetColumn>, Expr),
}

/// `UPDATE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// `WITH`.
    pub with: Option<With>,
    /// The table.
    pub table: TargetTable,
    /// `SET`.
    pub assignments: Vec<Assignment>,
    /// `FROM`.
    pub from: Vec<FromItem>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `RETURNING`.
    pub returning: Vec<Target>,
}

/// `DELETE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// `WITH`.
    pub with: Option<With>,
    /// The table.
    pub table: TargetTable,
    /// `USING`.
    pub using: Vec<FromItem>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `RETURNING`.
    pub returning: Vec<Target>,
}

/// `MERGE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    /// `WITH`.
    pub with: Option<With>,
    /// The table.
    pub table: TargetTable,
    /// `USING`.
    pub source: FromItem,
    /// `ON`.
    pub on: Expr,
    /// `WHEN …`.
    pub clauses: Vec<MergeClause>,
    /// The span of the keyword `MERGE`.
    pub span: Span,
}

/// One `WHEN`.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeClause {
    /// `MATCHED`.
    pub matched: bool,
    /// `AND …`.
    pub condition: Option<Expr>,
    /// `THEN …`.
    pub action: MergeAction,
}

/// The action of a `WHEN`.
#[derive(Clone, Debug, PartialEq)]
pub enum MergeAction {
    /// `UPDATE SET …`
    Update(Vec<Assignment>),
    /// `DELETE`
    Delete,
    /// `INSERT (…) VALUES (…)`
    Insert {
        columns: Vec<TargetColumn>,
        /// As in [`Insert`].
        overriding: Option<bool>,
        /// `None` for `DEFAULT VALUES`.
        values: Option<Vec<Expr>>,
    },
    /// `DO NOTHING`
    Nothing,
}
