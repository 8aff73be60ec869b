//! Defines expressions.

use super::{Name, QualifiedName, Query};
use crate::source::Span;
use crate::syntax::token::TokenKind;

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// The kind of expression.
    pub kind: ExprKind,
    /// The span of the expression, from its first byte to its last byte.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `a`, `t.a`, `s.t.a`; also a reference to a whole row, because only the analysis can distinguish the two.
    Column(Vec<Name>),
    /// `*`, `t.*`, `s.t.*`.
    Star(Vec<Name>),
    /// A constant.
    Literal(Literal),
    /// `$1`; numbers count from 1.
    Parameter(u32),
    /// `(x).f`, `(x).*`, `$1[2]`, `(x)[1:2]`.
    Indirection { base: Box<Expr>, steps: Vec<Indirection> },
    /// `a + b`, `- a`, `a OPERATOR(s.+) b`.
    Operator { operator: Operator, left: Option<Box<Expr>>, right: Box<Expr> },
    /// `a = ANY (array)`, `a < ALL (SELECT …)`.
    Quantified { operator: Operator, left: Box<Expr>, all: bool, right: Quantified },
    /// `a AND b AND c`.
    And(Vec<Expr>),
    /// `a OR b OR c`.
    Or(Vec<Expr>),
    /// `NOT a`.
    Not(Box<Expr>),
    /// `a IS [NOT] NULL`.
    IsNull { arg: Box<Expr>, negated: bool },
    /// `a IS [NOT] TRUE | FALSE | UNKNOWN`.
    BooleanTest { arg: Box<Expr>, value: Option<bool>, negated: bool },
    /// `a IS [NOT] DISTINCT FROM b`; `location` is that of `IS`.
    IsDistinct { left: Box<Expr>, right: Box<Expr>, negated: bool, location: Span },
    /// `a IS [NOT] JSON …`.
    IsJson { arg: Box<Expr>, negated: bool },
    /// `a IS [NOT] DOCUMENT`.
    IsDocument { arg: Box<Expr>, negated: bool },
    /// `a [NOT] IN (b, c)`, `a IN (SELECT …)`; `location` is that of `IN`.
    In { left: Box<Expr>, right: InList, negated: bool, location: Span },
    /// `a [NOT] LIKE b [ESCAPE c]`.
    Like {
        left: Box<Expr>,
        right: Box<Expr>,
        escape: Option<Box<Expr>>,
        kind: LikeKind,
        negated: bool,
        location: Span,
    },
    /// `a [NOT] BETWEEN [SYMMETRIC] b AND c`.
    Between {
        arg: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
        symmetric: bool,
        location: Span,
    },
    /// `CASE`.
    Case { operand: Option<Box<Expr>>, arms: Vec<When>, otherwise: Option<Box<Expr>> },
    /// `COALESCE (…)`.
    Coalesce(Vec<Expr>),
    /// `GREATEST (…)`, `LEAST (…)`.
    MinMax { greatest: bool, args: Vec<Expr> },
    /// `NULLIF (a, b)`; `location` is that of the keyword.
    NullIf { left: Box<Expr>, right: Box<Expr>, location: Span },
    /// `ROW (…)`, `(a, b)`.
    Row(Vec<Expr>),
    /// `ARRAY[…]`; nested brackets are arrays too.
    Array(Vec<Expr>),
    /// `ARRAY (SELECT …)`.
    ArraySubquery(Box<Query>),
    /// `EXISTS (SELECT …)`.
    Exists(Box<Query>),
    /// `(SELECT …)`.
    Subquery(Box<Query>),
    /// A function call.
    Function(Box<FunctionCall>),
    /// `a::t`, `CAST (a AS t)`, `t 'literal'`; `location` is that of PostgreSQL's `TypeCast`.
    Cast { arg: Box<Expr>, target: Box<TypeName>, location: Span },
    /// `a COLLATE c`.
    Collate { arg: Box<Expr>, collation: QualifiedName, location: Span },
    /// `CURRENT_DATE`, `LOCALTIMESTAMP(3)`, `CURRENT_USER` …
    ValueFunction { function: ValueFunction, precision: Option<i32> },
    /// `GROUPING (…)`.
    Grouping(Vec<Expr>),
    /// `DEFAULT`.
    Default,
    /// `CURRENT OF cursor`.
    CurrentOf(Name),
    /// `XMLELEMENT`, `JSON_OBJECT` and related functions.
    SqlFunction(Box<SqlFunction>),
}

/// A call of an XML or SQL/JSON function, whose arguments have a special grammar.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SqlFunction {
    /// The name that PostgreSQL gives to a result column without an alias, such as `xmlelement`.
    pub name: &'static str,
    /// The values; for objects, keys and values alternate.
    pub args: Vec<Expr>,
    /// `RETURNING type`, `AS type`.
    pub returning: Option<TypeName>,
    /// `ORDER BY` of an aggregate.
    pub order_by: Vec<SortBy>,
    /// `FILTER` of an aggregate.
    pub filter: Option<Expr>,
    /// `OVER` of an aggregate.
    pub over: Option<Window>,
    /// For each XML attribute, and for each element of `XMLFOREST`, the name after `AS`, and the span of the value. In
    /// `args`, the values of the attributes and elements come first.
    pub labels: Vec<(Option<Name>, Span)>,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `'…'`
    String(String),
    /// An integer of 32 bits.
    Integer(i32),
    /// Any other number, as in [`TokenKind::Numeric`]; a minus before the number is part of it.
    Numeric(String),
    /// `B'…'`
    Bit(String),
    /// `X'…'`
    Hex(String),
    /// `TRUE`, `FALSE`
    Boolean(bool),
    /// `NULL`
    Null,
}

/// One step of an indirection.
#[derive(Clone, Debug, PartialEq)]
pub enum Indirection {
    /// `.field`
    Field(Name),
    /// `.*`
    Star(Span),
    /// `[i]`
    Index(Box<Expr>),
    /// `[low:high]`
    Slice(Option<Box<Expr>>, Option<Box<Expr>>),
}

/// An operator as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// `OPERATOR(schema.op)`.
    pub schema: Option<Name>,
    /// `+`, `->>`, `<>` …; `!=` is `<>`.
    pub name: String,
    /// The place of the operator: PostgreSQL's position for its errors.
    pub location: Span,
}

/// The right side of `ANY` and `ALL`.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantified {
    /// An array.
    Array(Box<Expr>),
    /// A subquery.
    Subquery(Box<Query>),
}

/// `WHEN condition THEN result`; `location` is that of `WHEN`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct When {
    pub condition: Expr,
    pub result: Expr,
    pub location: Span,
}

/// The right side of `IN`.
#[derive(Clone, Debug, PartialEq)]
pub enum InList {
    /// Expressions.
    List(Vec<Expr>),
    /// A subquery.
    Subquery(Box<Query>),
}

/// The pattern operators that are keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeKind {
    /// `LIKE`, operator `~~`
    Like,
    /// `ILIKE`, operator `~~*`
    ILike,
    /// `SIMILAR TO`, operator `~`
    Similar,
}

/// A call of a function, an aggregate or a window function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// The name.
    pub name: QualifiedName,
    /// The arguments.
    pub args: Vec<FunctionArg>,
    /// `VARIADIC` before the last argument.
    pub variadic: bool,
    /// `f(*)`.
    pub star: bool,
    /// `f(DISTINCT …)`.
    pub distinct: bool,
    /// `f(… ORDER BY …)` or `WITHIN GROUP (ORDER BY …)`.
    pub order_by: Vec<SortBy>,
    /// `WITHIN GROUP`.
    pub within_group: bool,
    /// `FILTER (WHERE …)`.
    pub filter: Option<Expr>,
    /// `OVER …`.
    pub over: Option<Window>,
    /// The name as written: PostgreSQL's position for its errors.
    pub location: Span,
}

impl FunctionCall {
    /// Makes a call that has only positional arguments, and no clauses such as FILTER.
    pub fn plain(name: QualifiedName, args: Vec<Expr>, location: Span) -> FunctionCall {
        FunctionCall {
            name,
            args: args.into_iter().map(|value| FunctionArg { name: None, value }).collect(),
            variadic: false,
            star: false,
            distinct: false,
            order_by: Vec::new(),
            within_group: false,
            filter: None,
            over: None,
            location,
        }
    }

    /// Makes the call of a function in `pg_catalog`, as PostgreSQL's grammar does for special syntax: `SystemFuncName`.
    pub fn of_system(name: &str, args: Vec<Expr>, location: Span) -> FunctionCall {
        let part = |text: &str| Name { text: text.to_owned(), span: location };
        FunctionCall::plain(QualifiedName { parts: vec![part("pg_catalog"), part(name)] }, args, location)
    }
}

/// An argument, with or without a name.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionArg {
    /// `name =>`.
    pub name: Option<Name>,
    /// Its value.
    pub value: Expr,
}

/// `OVER name`, `OVER (…)`, or an entry of the `WINDOW` clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// In the `WINDOW` clause, the name of the defined window. In `OVER name`, the name of the used window; the other
    /// fields, except `span` and `tokens`, are empty then.
    pub name: Option<Name>,
    /// `OVER (base …)`.
    pub base: Option<Name>,
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<SortBy>,
    /// `ROWS | RANGE | GROUPS …`.
    pub frame: Option<Frame>,
    /// The span of the window: from `(` to `)`, or the span of its name.
    pub span: Span,
    /// The tokens of the definition: definitions with the same tokens are the same window.
    pub tokens: Vec<TokenKind>,
}

/// A window frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// `RANGE`, `ROWS` or `GROUPS`.
    pub mode: FrameMode,
    /// The start of the frame.
    pub start: FrameBound,
    /// The end of the frame, if written.
    pub end: Option<FrameBound>,
    /// `EXCLUDE …`, except `EXCLUDE NO OTHERS`.
    pub excludes: bool,
    /// The span of the whole clause.
    pub span: Span,
}

/// The unit of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FrameMode {
    Range,
    Rows,
    Groups,
}

/// One end of a frame.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

/// One sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct SortBy {
    /// The key.
    pub expr: Expr,
    /// `DESC`.
    pub descending: bool,
    /// `true` for `NULLS FIRST`, `false` for `NULLS LAST`, `None` if neither is written.
    pub nulls_first: Option<bool>,
    /// `USING op`.
    pub using: Option<Operator>,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeName {
    /// The name; for types in the grammar (`int`, `character varying`), `pg_catalog.…`.
    pub name: QualifiedName,
    /// Whether the grammar added `pg_catalog`.
    pub system: bool,
    /// The type modifiers, such as `10` and `2` in `numeric(10, 2)`. Some come from the grammar: the length 1 of
    /// `character`, and the mask of an interval's fields.
    pub modifiers: Vec<Expr>,
    /// The number of `[]`.
    pub array_dimensions: usize,
    /// `SETOF`.
    pub set_of: bool,
    /// `table.column%TYPE`.
    pub percent_type: bool,
    /// Its place.
    pub span: Span,
}

/// Functions that are written as a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ValueFunction {
    CurrentDate,
    CurrentTime,
    CurrentTimestamp,
    LocalTime,
    LocalTimestamp,
    CurrentRole,
    CurrentUser,
    User,
    SessionUser,
    SystemUser,
    CurrentCatalog,
    CurrentSchema,
}

impl ValueFunction {
    /// Returns the name that PostgreSQL gives to a result column without an alias, if the function is the column's
    /// expression.
    pub fn name(self) -> &'static str {
        match self {
            ValueFunction::CurrentDate => "current_date",
            ValueFunction::CurrentTime => "current_time",
            ValueFunction::CurrentTimestamp => "current_timestamp",
            ValueFunction::LocalTime => "localtime",
            ValueFunction::LocalTimestamp => "localtimestamp",
            ValueFunction::CurrentRole => "current_role",
            ValueFunction::CurrentUser => "current_user",
            ValueFunction::User => "user",
            ValueFunction::SessionUser => "session_user",
            ValueFunction::SystemUser => "system_user",
            ValueFunction::CurrentCatalog => "current_catalog",
            ValueFunction::CurrentSchema => "current_schema",
        }
    }
}
