//! Defines the analyzed query: every name is resolved, every expression typed.
//!
//! The tree is PostgreSQL's `Query` (`parsenodes.h`), with only the parts that types, nullability and cardinality need.
//! The analyzer builds the tree, `nullability` and `cardinality` read it. Only modules of `analyze` use the tree.

use super::collated::Collated;
use super::label::ColumnLabel;
use crate::builtin::{NullContract, Oid, oid};
use crate::source::Span;
use crate::syntax::token::TokenKind;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A typed expression.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) ty: Oid,
    pub(super) typmod: i32,
    pub(super) kind: NodeKind,
    pub(super) span: Span,
}

/// A reference to a column: the number of query levels up, the range table entry, the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Var {
    pub(super) level: usize,
    pub(super) rte: usize,
    pub(super) column: usize,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// An expression with an error that is already reported; every context accepts this node.
    Error,
    Var(Var),
    /// The whole row of an entry; `columns` has the type and the modifier of each column.
    WholeRow {
        level: usize,
        rte: usize,
        columns: Rc<[(Oid, i32)]>,
    },
    /// A constant; `None` is NULL.
    Constant(Option<String>),
    Parameter(usize),
    /// A function or an operator.
    Call {
        function: Rc<Callee>,
        args: Vec<Node>,
    },
    Aggregate(Box<Aggregate>),
    WindowCall(Box<WindowCall>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull {
        arg: Box<Node>,
        negated: bool,
    },
    /// `IS TRUE` and related tests; `None` is UNKNOWN.
    BooleanTest {
        arg: Box<Node>,
        value: Option<bool>,
        negated: bool,
    },
    Distinct {
        left: Box<Node>,
        right: Box<Node>,
    },
    /// `x op ANY (array)`.
    ArrayComparison {
        function: Rc<Callee>,
        left: Box<Node>,
        right: Box<Node>,
        all: bool,
    },
    /// `x IN (…)`: a list of comparisons. Also `row < row` and similar, one comparison for each pair of fields.
    InList {
        comparisons: Vec<Node>,
        negated: bool,
    },
    Case {
        arms: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    Coalesce(Vec<Node>),
    MinMax(Vec<Node>),
    NullIf {
        left: Box<Node>,
        right: Box<Node>,
    },
    Row(Vec<Node>),
    Array(Vec<Node>),
    /// A subscript or slice; the first part is the array or `jsonb` value, the other parts are the subscripts.
    Subscript(Vec<Node>),
    /// The whole row of a join with an alias; the row is NULL if an outer join around this join nulls the row.
    JoinedRow {
        names: Vec<ColumnLabel>,
        columns: Vec<Node>,
    },
    /// An expression that is never NULL, even if its parts are: SQL/JSON constructors, XMLELEMENT, IS DISTINCT FROM of
    /// rows.
    NeverNullOf(Vec<Node>),
    /// `GROUPING (…)`: never NULL.
    Grouping(Vec<Node>),
    /// A field of a composite value.
    Field(Box<Node>, usize),
    /// A cast, with the function that converts the value, if the cast calls one.
    Cast {
        arg: Box<Node>,
        function: Option<Rc<Callee>>,
    },
    /// `COLLATE`: the collation's name, and the span of the clause.
    Collate(Box<Node>, Rc<(String, Span)>),
    /// `(SELECT …)`.
    ScalarSubquery(Box<Query>),
    Exists(Box<Query>),
    ArraySubquery(Box<Query>),
    /// `left op ANY | ALL (SELECT …)`; `functions` has the comparison for each pair of columns.
    Quantified {
        left: Vec<Node>,
        functions: Vec<Rc<Callee>>,
        query: Box<Query>,
        all: bool,
    },
    /// An expression that is never NULL, such as `CURRENT_DATE`.
    NeverNull,
    /// An expression that may be NULL and is not analyzed further.
    Opaque(Vec<Node>),
    /// `DEFAULT` in `INSERT` or `UPDATE`.
    Default,
}

/// The called function, and the properties of its result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Callee {
    pub(super) name: String,
    pub(super) strict: bool,
    pub(super) null: NullContract,
    pub(super) set: bool,
    pub(super) volatile: bool,
    pub(super) immutable: bool,
    /// The OUT parameters and TABLE columns.
    pub(super) columns: Vec<OutColumn>,
}

/// An OUT parameter or a TABLE column of a function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutColumn {
    /// Empty if the column has no name.
    pub(super) name: String,
    pub(super) ty: Oid,
    pub(super) never_null: bool,
}

/// An aggregate call.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) name: String,
    /// The query that the aggregate belongs to, as a number of levels up: 0 is the query that contains the call.
    pub(super) level: usize,
    pub(super) args: Vec<Node>,
    /// The number of direct arguments, which are evaluated once per group: those before `WITHIN GROUP`.
    pub(super) direct: usize,
    pub(super) filter: Option<Node>,
    pub(super) order_by: Vec<Node>,
    pub(super) null: NullContract,
}

/// A call of a window function, or of an aggregate with `OVER`.
#[derive(Clone, Debug)]
pub(super) struct WindowCall {
    pub(super) name: String,
    pub(super) args: Vec<Node>,
    pub(super) filter: Option<Node>,
    /// The definition of the window as written, or its name. `Query::other` contains the keys of the window.
    pub(super) window: Vec<TokenKind>,
    pub(super) null: NullContract,
    /// Whether the frame always contains the current row.
    pub(super) frame_has_row: bool,
}

/// A query.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) command: Command,
    pub(super) rtes: Vec<Rte>,
    /// The items of `FROM`; several items form a cross join.
    pub(super) from: Vec<JoinTree>,
    pub(super) filter: Option<Node>,
    pub(super) targets: Vec<TargetEntry>,
    pub(super) group_by: Vec<Node>,
    /// The keys that every grouping set contains.
    pub(super) common_keys: Vec<Node>,
    /// Whether there is a `GROUP BY`, even with only an empty grouping set.
    pub(super) grouped: bool,
    /// Whether `GROUP BY` is not a plain list but has grouping sets: grouped columns may be NULL.
    pub(super) grouping_sets: bool,
    /// Whether a grouping set is empty: an empty set adds one row to the result, even if the query reads no rows.
    pub(super) empty_grouping_set: bool,
    pub(super) having: Option<Node>,
    pub(super) has_aggregates: bool,
    /// Whether the target list has a set-returning function.
    pub(super) has_target_srf: bool,
    pub(super) distinct: bool,
    pub(super) limit: LimitKind,
    pub(super) offset: bool,
    pub(super) body: Body,
    /// The sort keys, `DISTINCT ON`, window definitions, `LIMIT`, `OFFSET`; for INSERT, the parts of `ON CONFLICT`.
    pub(super) other: Vec<Node>,
    /// The values for a part of a column, or for a column that another row of the INSERT sets to DEFAULT.
    pub(super) partly_assigned: Vec<Node>,
    pub(super) ctes: Vec<Rc<Cte>>,
    /// The collation of each column of the result; empty if the statement uses only the default collation.
    pub(super) collations: Vec<Collated>,
    /// Whether the query has `FOR UPDATE` or another lock: a locked row may be newer than the rows joined with it.
    pub(super) locked: bool,
    /// The columns to which the statement assigns values.
    pub(super) assigned: Vec<Written>,
    /// For `INSERT … SELECT`, the query and the columns that the query fills.
    pub(super) source: Option<(Rc<Query>, Vec<usize>)>,
    /// For INSERT: whether the source is one row, and the table has no rules. For a utility statement: whether it
    /// returns one row.
    pub(super) single_row: bool,
    /// For INSERT: whether each row of the source becomes a row of the result or causes an error. For a utility
    /// statement: whether it always returns a row.
    pub(super) certain_row: bool,
    /// For a statement that writes, the entry of its table.
    pub(super) result_rte: Option<usize>,
    pub(super) proofs: Proofs,
}

/// The cached proofs of a finished query. Without a cache, n views that each read the next view twice need 2^n proofs.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    pub(super) has_a_row: OnceCell<bool>,
    pub(super) at_most_one: OnceCell<bool>,
    /// For a view, whether each column can be NULL.
    pub(super) nullable: OnceCell<Vec<bool>>,
    /// A cache: for each column, whether an element of its arrays can be NULL.
    pub(super) elements: RefCell<BTreeMap<usize, bool>>,
}

/// A column to which the statement writes.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) column: usize,
    /// The possible new values of the column, one for each row of VALUES; empty if the new value is not known.
    pub(super) values: Vec<Node>,
}

/// The command of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Command {
    #[default]
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Utility,
}

/// The part of a query that produces its rows, apart from `FROM`.
#[derive(Clone, Debug, Default)]
pub(super) enum Body {
    #[default]
    Plain,
    Values(Vec<Vec<Node>>),
    SetOperation {
        operator: crate::syntax::ast::SetOperator,
        left: Rc<Query>,
        right: Rc<Query>,
    },
}

/// The known facts about `LIMIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum LimitKind {
    #[default]
    None,
    /// A constant.
    Constant(i64),
    /// A parameter or an expression.
    Unknown,
}

/// A column of the result.
#[derive(Clone, Debug)]
pub(super) struct TargetEntry {
    pub(super) node: Node,
    pub(super) name: ColumnLabel,
    /// The whole entry as written, for messages.
    pub(super) span: Span,
}

/// A range table entry.
#[derive(Clone, Debug)]
pub(super) struct Rte {
    pub(super) name: String,
    pub(super) columns: Vec<RteColumn>,
    pub(super) source: RteSource,
}

impl Rte {
    /// Whether the entry is a function, a query or a view.
    pub(super) fn is_derived(&self) -> bool {
        matches!(&self.source, RteSource::Function { .. } | RteSource::Subquery { .. } | RteSource::Cte(_))
    }

    /// Whether the entry is a single function that returns one column, and the column is not a row.
    pub(super) fn is_scalar_function(&self) -> bool {
        let RteSource::Function { functions, ordinality: false, .. } = &self.source else { return false };
        // If the query has a column definition list, the result is a row even if the list has only one column.
        let is_record = functions.iter().any(|(call, _)| call.ty == oid::RECORD);
        functions.len() == 1 && self.columns.len() == 1 && !is_record
    }
}

/// A column of a range table entry.
#[derive(Clone, Debug)]
pub(super) struct RteColumn {
    pub(super) name: ColumnLabel,
    pub(super) ty: Oid,
    pub(super) typmod: i32,
}

/// The source of a range table entry's rows.
#[derive(Clone, Debug)]
pub(super) enum RteSource {
    /// A table: its number in the schema (`None` for a system table, a sequence, `excluded` and a view that is written
    /// to), which columns are NOT NULL, and its unique keys as column numbers.
    Table {
        relation: Option<usize>,
        /// The relation that defines the columns; also set for `excluded` and for a view that is written to.
        columns_of: Option<usize>,
        not_null: Vec<bool>,
        keys: Vec<Vec<usize>>,
        references: Vec<Reference>,
        /// Whether `TABLESAMPLE` or row level security may exclude rows.
        sampled: bool,
    },
    /// A subquery, or a view with its number in the schema. The query of a view has no outer query.
    Subquery { query: Rc<Query>, view: Option<usize> },
    /// A query of `WITH`.
    Cte(Rc<Cte>),
    /// Functions: for each, the call and, for each column, whether the column is never NULL.
    Function {
        functions: Vec<(Node, Vec<bool>)>,
        ordinality: bool,
        /// The numbers of the parameters that are arrays of one `UNNEST`; these arrays must have equal lengths.
        equally_long: Vec<usize>,
    },
    /// A relation whose constraints are not known, such as a table of `CREATE TABLE AS` or an entry with an error: each
    /// column may be NULL.
    Nullable,
}

/// A foreign key that holds: for each row whose `columns` are not NULL, the other table has a matching row.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) columns: Vec<usize>,
    /// The number of the other table in the schema.
    pub(super) relation: usize,
    pub(super) referenced: Vec<usize>,
}

/// A query of `WITH`.
#[derive(Debug, Default)]
pub(super) struct Cte {
    pub(super) name: String,
    pub(super) query: RefCell<Option<Rc<Query>>>,
    pub(super) columns: RefCell<Vec<RteColumn>>,
    /// The columns that SEARCH and CYCLE add.
    pub(super) added: Vec<RteColumn>,
    /// For a recursive query, the collations of the columns of its non-recursive term.
    pub(super) collations: RefCell<Vec<Collated>>,
    /// Whether each column is nullable, if this is already computed. While the fixed point of a recursive query is
    /// computed, the assumption of the current iteration.
    pub(super) assumed: RefCell<Option<Vec<bool>>>,
    /// The columns for which `element_accepts_null` was called. In a recursive query, the search would not end without
    /// this list.
    pub(super) asked: RefCell<Vec<usize>>,
    /// Whether the query refers to itself.
    pub(super) recursive: bool,
}

/// The shape of `FROM`.
#[derive(Clone, Debug)]
pub(super) enum JoinTree {
    Leaf(usize),
    Join { kind: crate::syntax::ast::JoinKind, left: Box<JoinTree>, right: Box<JoinTree>, on: Option<Node> },
}

impl JoinTree {
    /// Collects the range table entries in this tree.
    pub(super) fn rtes(&self, out: &mut Vec<usize>) {
        match self {
            JoinTree::Leaf(rte) => out.push(*rte),
            JoinTree::Join { left, right, .. } => {
                left.rtes(out);
                right.rtes(out);
            }
        }
    }
}

impl Node {
    pub(super) fn error(span: Span) -> Node {
        Node { ty: super::catalog::ERROR, typmod: -1, kind: NodeKind::Error, span }
    }

    pub(super) fn new(ty: Oid, kind: NodeKind, span: Span) -> Node {
        Node { ty, typmod: -1, kind, span }
    }

    pub(super) fn is_error(&self) -> bool {
        self.ty == super::catalog::ERROR
    }

    /// Whether the expression is itself a call of a set-returning function.
    pub(super) fn returns_set(&self) -> bool {
        matches!(&self.kind, NodeKind::Call { function, .. } if function.set)
    }

    /// Returns the expression as a column in an outer query. A constant or parameter of type `unknown` can still get a
    /// type in the outer query; any other expression of type `unknown` cannot.
    pub(super) fn into_column(self) -> Node {
        match self.kind {
            NodeKind::Collate(..) if self.ty == oid::UNKNOWN => {
                let span = self.span;
                Node::new(oid::UNKNOWN, NodeKind::Opaque(vec![self]), span)
            }
            _ => self,
        }
    }

    /// Returns the column, if the expression is a column of this level, also inside a cast that does not change the
    /// value, such as `varchar` to `text`.
    pub(super) fn plain_column(&self) -> Option<Var> {
        match &self.kind {
            NodeKind::Var(var) if var.level == 0 => Some(*var),
            NodeKind::Cast { arg, function: None } => arg.plain_column(),
            _ => None,
        }
    }

    /// Calls `visit` on each direct part, except queries.
    pub(super) fn children<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        match &self.kind {
            NodeKind::Error
            | NodeKind::Var(_)
            | NodeKind::WholeRow { .. }
            | NodeKind::Constant(_)
            | NodeKind::Parameter(_)
            | NodeKind::NeverNull
            | NodeKind::Default
            | NodeKind::ScalarSubquery(_)
            | NodeKind::Exists(_)
            | NodeKind::ArraySubquery(_) => {}
            NodeKind::Call { args, .. }
            | NodeKind::And(args)
            | NodeKind::Or(args)
            | NodeKind::InList { comparisons: args, .. }
            | NodeKind::Coalesce(args)
            | NodeKind::MinMax(args)
            | NodeKind::Row(args)
            | NodeKind::JoinedRow { columns: args, .. }
            | NodeKind::NeverNullOf(args)
            | NodeKind::Grouping(args)
            | NodeKind::Array(args)
            | NodeKind::Opaque(args)
            | NodeKind::Quantified { left: args, .. } => args.iter().for_each(visit),
            // The subscripted expression comes last, as in `expression_tree_walker`.
            NodeKind::Subscript(parts) => {
                let (base, subscripts) = parts.split_at(parts.len().min(1));
                subscripts.iter().chain(base).for_each(visit);
            }
            NodeKind::Aggregate(call) => {
                call.args.iter().chain(&call.filter).chain(&call.order_by).for_each(visit);
            }
            NodeKind::WindowCall(call) => {
                call.args.iter().chain(&call.filter).for_each(visit);
            }
            NodeKind::Not(arg)
            | NodeKind::IsNull { arg, .. }
            | NodeKind::BooleanTest { arg, .. }
            | NodeKind::Field(arg, _)
            | NodeKind::Cast { arg, .. }
            | NodeKind::Collate(arg, _) => visit(arg),
            NodeKind::Distinct { left, right, .. }
            | NodeKind::ArrayComparison { left, right, .. }
            | NodeKind::NullIf { left, right } => {
                visit(left);
                visit(right);
            }
            NodeKind::Case { arms, otherwise } => {
                for (condition, result) in arms {
                    visit(condition);
                    visit(result);
                }
                if let Some(otherwise) = otherwise {
                    visit(otherwise);
                }
            }
        }
    }

    /// Returns the query of a subquery expression.
    pub(super) fn subquery(&self) -> Option<&Query> {
        match &self.kind {
            NodeKind::ScalarSubquery(query)
            | NodeKind::Exists(query)
            | NodeKind::ArraySubquery(query)
            | NodeKind::Quantified { query, .. } => Some(query),
            _ => None,
        }
    }

    /// Returns the number of the node's parts, including those of queries.
    pub(super) fn size(&self) -> usize {
        let mut size = 1;
        self.children(&mut |child| size += child.size());
        size + self.subquery().map_or(0, Query::size)
    }

    /// Whether this is the constant NULL, with or without casts around it.
    pub(super) fn is_null_constant(&self) -> bool {
        match &self.kind {
            NodeKind::Constant(value) => value.is_none(),
            NodeKind::Cast { arg, .. } => arg.is_null_constant(),
            _ => false,
        }
    }

    /// Whether `test` holds for this node or any part of it, except queries.
    pub(super) fn any(&self, test: &dyn Fn(&Node) -> bool) -> bool {
        if test(self) {
            return true;
        }
        let mut found = false;
        self.children(&mut |child| found = found || child.any(test));
        found
    }
}

impl Query {
    /// Calls `visit` on every expression of this query's own level, including those of its `FROM`.
    pub(super) fn expressions<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        fn joins<'n>(tree: &'n JoinTree, visit: &mut dyn FnMut(&'n Node)) {
            if let JoinTree::Join { left, right, on, .. } = tree {
                joins(left, visit);
                joins(right, visit);
                if let Some(on) = on {
                    visit(on);
                }
            }
        }
        // In PostgreSQL's order: `query_tree_walker`.
        self.targets.iter().for_each(|target| visit(&target.node));
        self.other.iter().for_each(&mut *visit);
        self.group_by.iter().for_each(&mut *visit);
        self.from.iter().for_each(|tree| joins(tree, visit));
        self.filter.iter().for_each(&mut *visit);
        self.having.iter().for_each(&mut *visit);
        self.assigned.iter().flat_map(|written| &written.values).for_each(&mut *visit);
        self.partly_assigned.iter().for_each(&mut *visit);
        for rte in &self.rtes {
            if let RteSource::Function { functions, .. } = &rte.source {
                functions.iter().for_each(|(call, _)| visit(call));
            }
        }
        if let Body::Values(rows) = &self.body {
            rows.iter().flatten().for_each(&mut *visit);
        }
    }

    /// Returns the number of nodes in the query's expressions, including those of nested queries.
    fn size(&self) -> usize {
        let mut size = 1;
        self.expressions(&mut |node| size += node.size());
        size + self.subqueries().iter().map(|query| query.size()).sum::<usize>()
    }

    /// Returns the queries nested directly in `FROM`, set operations and `WITH`, without the queries of views and those
    /// in expressions.
    pub(super) fn subqueries(&self) -> Vec<Rc<Query>> {
        let of_rte = |rte: &Rte| match &rte.source {
            RteSource::Subquery { query, view: None, .. } => Some(query.clone()),
            _ => None,
        };
        let mut out: Vec<Rc<Query>> = self.rtes.iter().filter_map(of_rte).collect();
        out.extend(self.ctes.iter().filter_map(|cte| cte.query.borrow().clone()));
        if let Body::SetOperation { left, right, .. } = &self.body {
            out.extend([left.clone(), right.clone()]);
        }
        out
    }
}
