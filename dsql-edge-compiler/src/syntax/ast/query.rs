//! Defines queries: `SELECT`, `VALUES`, set operations, `FROM`.

use super::{Expr, Name, QualifiedName, SortBy, Statement, TypeName, Window};
use crate::source::Span;

/// A query with the clauses that may follow a set operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// `WITH`.
    pub with: Option<With>,
    /// The source of the rows.
    pub body: QueryBody,
    /// `ORDER BY`.
    pub order_by: Vec<SortBy>,
    /// `LIMIT` or `FETCH FIRST`.
    pub limit: Option<Limit>,
    /// `OFFSET`.
    pub offset: Option<Expr>,
    /// `FOR UPDATE` and the other locking clauses.
    pub locking: Vec<Locking>,
    /// The span of the query, from `WITH` or `SELECT` to the end, without the parentheses around the query.
    pub span: Span,
}

impl Query {
    /// If the leftmost SELECT of the query has `INTO`, returns the table after `INTO`, and the query without `INTO`.
    pub fn without_into(&self) -> Option<(&QualifiedName, Query)> {
        fn leftmost(query: &Query) -> Option<&QualifiedName> {
            match &query.body {
                QueryBody::Select(select) => select.into.as_ref(),
                QueryBody::SetOperation { left, .. } => leftmost(left),
                QueryBody::Values(_) => None,
            }
        }
        fn take(query: &mut Query) {
            match &mut query.body {
                QueryBody::Select(select) => select.into = None,
                QueryBody::SetOperation { left, .. } => take(left),
                QueryBody::Values(_) => {}
            }
        }
        let into = leftmost(self)?;
        let mut plain = self.clone();
        take(&mut plain);
        Some((into, plain))
    }
}

/// The part of a query that produces its rows.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryBody {
    /// `SELECT`.
    Select(Box<Select>),
    /// `VALUES (…), (…)`.
    Values(Vec<Vec<Expr>>),
    /// `… UNION …`; the location is that of the keyword.
    SetOperation { operator: SetOperator, all: bool, left: Box<Query>, right: Box<Query>, location: Span },
}

/// The set operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

impl SetOperator {
    /// Returns the keyword.
    pub fn name(self) -> &'static str {
        match self {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except => "EXCEPT",
        }
    }
}

/// `LIMIT`.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// `LIMIT ALL`.
    All,
    /// `LIMIT n`, `FETCH FIRST n ROWS ONLY`.
    Count(Expr),
    /// `FETCH FIRST n ROWS WITH TIES`.
    WithTies(Expr),
}

/// One locking clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Locking {
    /// The strength of the lock.
    pub strength: LockStrength,
    /// `OF t, …`.
    pub tables: Vec<QualifiedName>,
    /// `SKIP LOCKED`.
    pub skip_locked: bool,
    /// The span of the clause.
    pub span: Span,
}

/// `FOR …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LockStrength {
    Update,
    NoKeyUpdate,
    Share,
    KeyShare,
}

impl LockStrength {
    /// Returns the lock clause as PostgreSQL's messages print it.
    pub fn name(self) -> &'static str {
        match self {
            LockStrength::Update => "FOR UPDATE",
            LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
            LockStrength::Share => "FOR SHARE",
            LockStrength::KeyShare => "FOR KEY SHARE",
        }
    }
}

/// A plain `SELECT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// `DISTINCT`.
    pub distinct: Option<Distinct>,
    /// The target list.
    pub targets: Vec<Target>,
    /// `INTO table`.
    pub into: Option<QualifiedName>,
    /// `FROM`.
    pub from: Vec<FromItem>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `GROUP BY`.
    pub group_by: Vec<GroupingElement>,
    /// `GROUP BY DISTINCT`.
    pub group_distinct: bool,
    /// `HAVING`.
    pub having: Option<Expr>,
    /// `WINDOW`.
    pub windows: Vec<Window>,
    /// The span of the SELECT, from `SELECT` to the end of its own clauses.
    pub span: Span,
}

/// `DISTINCT [ON (…)]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Distinct {
    /// `DISTINCT`.
    All(Span),
    /// `DISTINCT ON (…)`.
    On(Vec<Expr>),
}

/// One entry of a target list.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The expression; `*` is [`super::ExprKind::Star`].
    pub expr: Expr,
    /// `AS label`.
    pub label: Option<Name>,
}

/// One element of `GROUP BY`.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupingElement {
    /// An expression.
    Expr(Expr),
    /// `()`.
    Empty(Span),
    /// `ROLLUP (…)`.
    Rollup(Vec<Expr>, Span),
    /// `CUBE (…)`.
    Cube(Vec<Expr>, Span),
    /// `GROUPING SETS (…)`.
    Sets(Vec<GroupingElement>, Span),
}

/// `WITH`.
#[derive(Clone, Debug, PartialEq)]
pub struct With {
    /// `RECURSIVE`.
    pub recursive: bool,
    /// The queries.
    pub ctes: Vec<Cte>,
    /// The span of the clause, from `WITH` to the end of the last query, including its `SEARCH` and `CYCLE`.
    pub span: Span,
}

/// One query of `WITH`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cte {
    /// Its name.
    pub name: Name,
    /// `name (a, b)`.
    pub columns: Vec<Name>,
    /// `[NOT] MATERIALIZED`.
    pub materialized: Option<bool>,
    /// A query, or a statement with `RETURNING`.
    pub statement: Box<Statement>,
    /// `SEARCH … SET column`.
    pub search: Option<Search>,
    /// `CYCLE … SET …`.
    pub cycle: Option<Box<Cycle>>,
}

/// `SEARCH DEPTH | BREADTH FIRST BY a, b SET column`.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// `BREADTH`.
    pub breadth: bool,
    /// The keys.
    pub columns: Vec<Name>,
    /// The added column.
    pub sequence: Name,
    /// The span of the keyword.
    pub span: Span,
}

/// `CYCLE a, b SET mark [TO x DEFAULT y] USING path`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// The keys.
    pub columns: Vec<Name>,
    /// The added mark column.
    pub mark: Name,
    /// `TO x DEFAULT y`.
    pub values: Option<(Expr, Expr)>,
    /// The added path column.
    pub path: Name,
    /// The span of the keyword.
    pub span: Span,
}

/// An item of `FROM`.
#[derive(Clone, Debug, PartialEq)]
pub enum FromItem {
    /// A table, view, or query of `WITH`.
    Table { name: QualifiedName, alias: Option<Alias>, sample: Option<Box<TableSample>>, span: Span },
    /// `(SELECT …) AS x`.
    Subquery { lateral: bool, query: Box<Query>, alias: Option<Alias>, span: Span },
    /// `f(…)`, `ROWS FROM (…)`.
    Function(Box<FunctionItem>),
    /// `a JOIN b`.
    Join(Box<Join>),
    /// `XMLTABLE (…)`.
    XmlTable(Box<XmlTable>),
}

/// `XMLTABLE`.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlTable {
    /// `LATERAL`.
    pub lateral: bool,
    /// The URIs of `XMLNAMESPACES`.
    pub namespaces: Vec<Expr>,
    /// The path of the rows.
    pub row: Expr,
    /// `PASSING`.
    pub document: Expr,
    /// `COLUMNS`.
    pub columns: Vec<XmlColumn>,
    /// `AS x`.
    pub alias: Option<Alias>,
    /// The place of the item.
    pub span: Span,
}

/// A column of `XMLTABLE`.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlColumn {
    /// Its name.
    pub name: Name,
    /// The type of the column; `None` for `FOR ORDINALITY`.
    pub type_name: Option<TypeName>,
    /// `PATH`.
    pub path: Option<Expr>,
    /// `DEFAULT`.
    pub default: Option<Expr>,
    /// `NOT NULL`.
    pub not_null: bool,
}

/// A function in `FROM`.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionItem {
    /// `LATERAL`.
    pub lateral: bool,
    /// Whether the item is written as `ROWS FROM`.
    pub rows_from: bool,
    /// The calls, each with its column definition list `AS (a int, …)`.
    pub functions: Vec<(Expr, Vec<ColumnDefinition>)>,
    /// `WITH ORDINALITY`.
    pub ordinality: bool,
    /// `AS x (a, b)`.
    pub alias: Option<Alias>,
    /// `AS x (a int, b text)`.
    pub columns: Vec<ColumnDefinition>,
    /// The span of the item.
    pub span: Span,
}

/// `a int`, in a column definition list.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    /// The name.
    pub name: Name,
    /// The type.
    pub type_name: TypeName,
}

/// A join.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// The kind of join.
    pub kind: JoinKind,
    /// `NATURAL`.
    pub natural: bool,
    /// The left side.
    pub left: FromItem,
    /// The right side.
    pub right: FromItem,
    /// `ON` or `USING`.
    pub constraint: JoinConstraint,
    /// `(a JOIN b …) AS x`.
    pub alias: Option<Alias>,
    /// The span of the join.
    pub span: Span,
}

/// The kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JoinKind {
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

/// The condition of a join.
#[derive(Clone, Debug, PartialEq)]
pub enum JoinConstraint {
    /// `CROSS` and `NATURAL`.
    None,
    /// `ON`.
    On(Expr),
    /// `USING (…) [AS x]`.
    Using(Vec<Name>, Option<Name>),
}

/// `AS x (a, b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: Name,
    /// The column names.
    pub columns: Vec<Name>,
}

/// `TABLESAMPLE method (…) [REPEATABLE (…)]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSample {
    /// The method.
    pub method: QualifiedName,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// `REPEATABLE`.
    pub repeatable: Option<Expr>,
    /// The span of the clause.
    pub span: Span,
}
