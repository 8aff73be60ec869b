//! Resolves names with the tables and columns that are visible at a given point of a query: `ParseState` and
//! `parse_relation.c`.
//!
//! Input: a column or table name. Output: the expression that the name refers to, or PostgreSQL's error, with the
//! nearest name as a suggestion.

use super::analyzer::Analyzer;
use super::label::ColumnLabel;
use super::namespace_item::NamespaceItem;
use super::place::Place;
use super::set_calls::SetReturning;
use super::system_column::{FIRST_SYSTEM_COLUMN, SYSTEM_COLUMNS};
use super::tree::{Cte, Node, NodeKind, Rte, Var};
use crate::builtin::Oid;
use crate::diagnostic::{Code, Diagnostic, quotation, suggestion};
use crate::source::Span;
use crate::syntax::ast::{Name, Window};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

/// One query level.
pub(super) struct Scope<'p> {
    pub(super) parent: Option<&'p Scope<'p>>,
    pub(super) rtes: Vec<Rte>,
    pub(super) namespace: Vec<NamespaceItem>,
    /// The queries of `WITH` at this level.
    pub(super) ctes: Vec<Rc<Cte>>,
    /// The `WINDOW` clause.
    pub(super) windows: Vec<Window>,
    pub(super) place: Cell<Place>,
    /// Whether a LATERAL item is being analyzed, so that lateral-only entries are visible.
    pub(super) lateral: Cell<bool>,
    pub(super) has_aggregates: Cell<bool>,
    pub(super) has_window_calls: Cell<bool>,
    pub(super) sets: SetReturning,
    /// Whether the arguments of an aggregate are being analyzed.
    pub(super) in_aggregate: Cell<bool>,
    /// The windows that are defined in an OVER clause, without duplicates. The analyzer analyzes these windows after
    /// the other clauses.
    pub(super) inline_windows: RefCell<Vec<Window>>,
    /// The names of the items of `FROM` whose table is unknown. That error was already reported, so a reference to such
    /// an item does not cause another error.
    pub(super) reported: RefCell<Vec<String>>,
    /// The output names of the select list with the spans of their expressions; used only for advice.
    pub(super) output_names: Vec<(String, Span)>,
    /// Whether an item of `FROM` has an error. A column that is not found may belong to this item.
    pub(super) broken_from: Cell<bool>,
    /// The names of the entries of the namespace, including the names of entries that an alias of a join hides.
    names: HashSet<String>,
    /// Whether the namespace contains two entries with the same name.
    pub(super) repeats_names: bool,
}

impl<'p> Scope<'p> {
    pub(super) fn new(parent: Option<&'p Scope<'p>>) -> Scope<'p> {
        Scope {
            parent,
            rtes: Vec::new(),
            namespace: Vec::new(),
            ctes: Vec::new(),
            windows: Vec::new(),
            place: Cell::new(Place::Target),
            lateral: Cell::new(false),
            has_aggregates: Cell::new(false),
            has_window_calls: Cell::new(false),
            sets: SetReturning::default(),
            in_aggregate: Cell::new(false),
            inline_windows: RefCell::new(Vec::new()),
            reported: RefCell::new(Vec::new()),
            output_names: Vec::new(),
            broken_from: Cell::new(false),
            names: HashSet::new(),
            repeats_names: false,
        }
    }

    /// Runs `analyse` for an expression in this position of the query, such as WHERE.
    pub(super) fn at<T>(&self, place: Place, analyse: impl FnOnce() -> T) -> T {
        let around = self.place.replace(place);
        let out = analyse();
        self.place.set(around);
        out
    }

    /// Runs `analyse` for an item of `FROM`; if `lateral` is true, the item can refer to the items before it.
    pub(super) fn at_item<T>(&self, place: Place, lateral: bool, analyse: impl FnOnce() -> T) -> T {
        let around = self.lateral.replace(lateral);
        let out = self.at(place, analyse);
        self.lateral.set(around);
        out
    }

    /// Returns the scope of the query that is `level` levels outside the current query.
    pub(super) fn up(&self, level: usize) -> Option<&Scope<'p>> {
        let mut scope = self;
        for _ in 0..level {
            scope = scope.parent?;
        }
        Some(scope)
    }

    fn visible(&self, item: &NamespaceItem) -> bool {
        !item.lateral_only || self.lateral.get()
    }

    /// Whether a column name, as written in the query, refers to an alias in the query.
    pub(super) fn is_alias(&self, parts: &[Name]) -> bool {
        let Some((column, before)) = parts.split_last() else { return false };
        let reached = |item: &&NamespaceItem| match before.last() {
            None => item.columns_visible,
            Some(table) => item.relation_visible && item.name == table.text,
        };
        let mut at = Some(self);
        while let Some(scope) = at {
            let mut columns = scope.namespace.iter().filter(reached).flat_map(|item| &item.columns);
            // It is enough to look at the first column of this name, because two columns of this name are already an
            // error.
            if let Some((name, _)) = columns.find(|(name, _)| *name == column.text) {
                return name.is_alias;
            }
            at = scope.parent;
        }
        false
    }

    /// Adds an entry of `FROM` to the end of the namespace.
    pub(super) fn push_named(&mut self, item: NamespaceItem) {
        self.repeats_names |= !self.names.insert(item.name.clone());
        self.namespace.push(item);
    }

    /// Adds an entry to the range table and, under the entry's name, to the namespace; returns the number of the entry.
    pub(super) fn add(
        &mut self,
        rte: Rte,
        schema: Option<String>,
        relation_visible: bool,
        columns_visible: bool,
    ) -> usize {
        let at = self.rtes.len();
        self.namespace.push(NamespaceItem {
            name: rte.name.clone(),
            schema,
            columns: column_nodes(&rte, at),
            unlisted: Vec::new(),
            rte: Some(at),
            relation_visible,
            columns_visible,
            lateral_only: false,
            lateral_ok: true,
            derived: rte.is_derived(),
            row_type: None,
            scalar: rte.is_scalar_function(),
            joined: false,
        });
        self.rtes.push(rte);
        at
    }
}

/// Returns the columns of an entry as expressions at its own level.
pub(super) fn column_nodes(rte: &Rte, at: usize) -> Vec<(ColumnLabel, Node)> {
    rte.columns
        .iter()
        .enumerate()
        .map(|(column, it)| (it.name.clone(), var(at, column, it.ty, it.typmod)))
        .collect()
}

pub(super) fn var(rte: usize, column: usize, ty: Oid, typmod: i32) -> Node {
    Node { ty, typmod, kind: NodeKind::Var(Var { level: 0, rte, column }), span: Span::default() }
}

/// Returns an expression of a scope, as seen from `levels` levels below.
pub(super) fn raised(node: &Node, levels: usize) -> Node {
    let mut node = node.clone();
    if levels > 0 {
        raise(&mut node, levels);
    }
    node
}

fn raise(node: &mut Node, levels: usize) {
    match &mut node.kind {
        NodeKind::Var(var) => var.level += levels,
        NodeKind::WholeRow { level, .. } => *level += levels,
        // Each column of a join is a plain column, a cast of a plain column, or COALESCE of two such expressions.
        NodeKind::Coalesce(args) | NodeKind::Row(args) | NodeKind::JoinedRow { columns: args, .. } => {
            args.iter_mut().for_each(|arg| raise(arg, levels))
        }
        NodeKind::Cast { arg, .. } => raise(arg, levels),
        _ => {}
    }
}

/// The possible results of a search for a column by its name.
enum Found {
    None,
    One(Node),
    Ambiguous,
    /// The column exists, but may not be referenced from here.
    Forbidden(String),
}

impl Analyzer<'_> {
    /// Resolves an unqualified column: `colNameToVar`.
    pub(super) fn column(&mut self, scope: &Scope<'_>, name: &Name) -> Option<Node> {
        let mut level = 0;
        let mut at = Some(scope);
        while let Some(current) = at {
            let found = search(current, &name.text);
            let system = self.unqualified_system_columns(current, level, name);
            match found {
                Found::None => {}
                // A column of a function can have the name of a system column, such as `ctid`. If a table is visible
                // too, the name is ambiguous, because every table has a system column of this name.
                Found::One(node) if system.is_empty() => {
                    self.check_column_type(&node, &name.text, name.span);
                    return Some(Node { span: name.span, ..raised(&node, level) });
                }
                Found::One(_) | Found::Ambiguous => {
                    let tables: Vec<&str> = current
                        .namespace
                        .iter()
                        .filter(|item| {
                            item.columns_visible
                                && item.columns.iter().any(|(column, _)| *column == name.text)
                        })
                        .map(|item| item.name.as_str())
                        .filter(|name| !name.is_empty())
                        .collect();
                    let mut diagnostic = Diagnostic::error(
                        Code::AmbiguousColumn,
                        name.span,
                        format!("column reference \"{}\" is ambiguous", name.text),
                    );
                    if let [first, others @ ..] = tables.as_slice()
                        && others.contains(first)
                    {
                        let advice =
                            format!("give each {first} an alias, and write the alias before the column");
                        diagnostic = diagnostic.with_hint(advice);
                    } else if tables.len() > 1 {
                        let choices: Vec<String> =
                            tables.iter().map(|table| format!("{table}.{}", name.text)).collect();
                        diagnostic = diagnostic.with_hint(format!("write {}", choices.join(" or ")));
                    }
                    self.report(diagnostic);
                    return Some(Node::error(name.span));
                }
                Found::Forbidden(table) => {
                    self.report_lateral(&table, name.span);
                    return Some(Node::error(name.span));
                }
            }
            match system.as_slice() {
                [] => {}
                [(item, _), ..] if item.lateral_only && !item.lateral_ok => {
                    self.report_lateral(&item.name, name.span);
                    return Some(Node::error(name.span));
                }
                [(_, node)] => return Some(self.system_column_allowed(scope, node.clone(), &name.text)),
                _ => {
                    let message = format!("column reference \"{}\" is ambiguous", name.text);
                    self.report(Diagnostic::error(Code::AmbiguousColumn, name.span, message));
                    return Some(Node::error(name.span));
                }
            }
            level += 1;
            at = current.parent;
        }
        None
    }

    /// If the snapshot does not define the type of a column, each use of the column is an error.
    pub(super) fn check_column_type(&mut self, node: &Node, name: &str, span: Span) {
        if !node.is_error() {
            return;
        }
        let Some((table, column, ty)) =
            self.broken_columns.iter().find(|(_, column, _)| column == name).cloned()
        else {
            return;
        };
        let origin = self.catalog.schema.origin;
        let message = format!(
            "column \"{column}\" of table \"{table}\" has the type \"{ty}\", which {} does not define",
            origin.name()
        );
        let hint = origin.add("its CREATE TYPE or CREATE DOMAIN");
        self.report(Diagnostic::error(Code::UnknownType, span, message).with_hint(hint));
    }

    fn unqualified_system_columns<'s>(
        &self,
        scope: &'s Scope<'_>,
        level: usize,
        name: &Name,
    ) -> Vec<(&'s NamespaceItem, Node)> {
        let items = scope.namespace.iter();
        items
            .filter(|item| item.columns_visible && !item.joined && scope.visible(item))
            .filter(|item| item.columns.iter().all(|(column, _)| *column != name.text))
            .filter_map(|item| Some((item, self.system_column(item, level, name, name.span)?)))
            .collect()
    }

    fn report_lateral(&mut self, table: &str, span: Span) {
        let message = format!("invalid reference to FROM-clause entry for table \"{table}\"");
        self.report(
            Diagnostic::error(Code::InvalidColumnReference, span, message)
                .with_detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."),
        );
    }

    /// `errorMissingColumn` for an unqualified name.
    pub(super) fn missing_column(&mut self, scope: &Scope<'_>, name: &Name) -> Node {
        let mut names: Vec<(String, String)> = Vec::new();
        let mut at = Some(scope);
        let mut broken = false;
        while let Some(current) = at {
            broken |= current.broken_from.get();
            for item in current.namespace.iter().filter(|item| item.rte.is_some()) {
                names.extend(item.columns.iter().map(|(column, _)| (item.name.clone(), column.to_string())));
            }
            at = current.parent;
        }
        // A table that could not be resolved may have the column, so the same mistake does not cause a second error.
        if broken {
            return Node::error(name.span);
        }
        let mut diagnostic = Diagnostic::error(
            Code::UnknownColumn,
            name.span,
            format!("column \"{}\" does not exist", name.text),
        );
        let hidden = names.iter().find(|(_, column)| *column == name.text);
        let nearest = suggestion::nearest(&name.text, names.iter().map(|(_, column)| column.as_str()));
        let output = scope.output_names.iter().find(|(output, _)| *output == name.text);
        if let Some((output, span)) = output {
            let meant = quotation::written(*span);
            diagnostic = diagnostic.with_hint(format!(
                "{output} is a name of the select list, which cannot be used here: write {meant}"
            ));
        } else if let Some((table, column)) = hidden {
            diagnostic = diagnostic.with_hint(format!("there is a column \"{column}\" in table \"{table}\", but it cannot be referenced from this part of the query"));
        } else if let Some(nearest) = nearest {
            let owners: Vec<&str> = names
                .iter()
                .filter(|(_, column)| column == nearest)
                .map(|(table, _)| table.as_str())
                .collect();
            let name = match owners.as_slice() {
                [_] => super::catalog::quote_identifier(nearest),
                [first, ..] => format!("{first}.{}", super::catalog::quote_identifier(nearest)),
                [] => nearest.to_owned(),
            };
            diagnostic = diagnostic.with_hint(format!("did you mean {name}?"));
        } else if let Some(advice) = self.column_advice(&name.text, name.span) {
            diagnostic = diagnostic.with_hint(advice);
        } else if !names.is_empty() && names.len() <= 24 {
            let mut columns: Vec<&str> = names.iter().map(|(_, column)| column.as_str()).collect();
            columns.dedup();
            diagnostic = diagnostic.with_hint(format!("the columns here are {}", columns.join(", ")));
        }
        self.report(diagnostic);
        Node::error(name.span)
    }

    /// `table.column`, `schema.table.column`.
    pub(super) fn qualified_column(
        &mut self,
        scope: &Scope<'_>,
        schema: Option<&Name>,
        table: &Name,
        column: &Name,
    ) -> Node {
        let span = schema.unwrap_or(table).span.to(column.span);
        let Some((level, item)) = self.find_relation(scope, schema, table, span) else {
            return Node::error(span);
        };
        let matches: Vec<&Node> = item.columns_named(&column.text).collect();
        match matches.as_slice() {
            [node] => {
                self.check_column_type(node, &column.text, span);
                Node { span, ..raised(node, level) }
            }
            [] => {
                let name = format!("{}.{}", table.text, column.text);
                let node = self.system_column(&item, level, column, span);
                if let Some(node) = node {
                    return self.system_column_allowed(scope, node, &column.text);
                }
                let row = self.whole_row(&item, level, span);
                if let Some(call) = self.function_of_row(scope, &row, column, span) {
                    return call;
                }
                if scope.up(level).is_some_and(|owner| owner.broken_from.get()) && item.columns.is_empty() {
                    return Node::error(span);
                }
                let mut diagnostic =
                    Diagnostic::error(Code::UnknownColumn, span, format!("column {name} does not exist"));
                let names: Vec<&str> = item.columns.iter().map(|(name, _)| name.as_str()).collect();
                if let Some(nearest) = suggestion::nearest(&column.text, names.iter().copied()) {
                    diagnostic = diagnostic.with_hint(format!(
                        "did you mean {}.{}?",
                        table.text,
                        super::catalog::quote_identifier(nearest)
                    ));
                } else if !names.is_empty() && names.len() <= 24 {
                    diagnostic = diagnostic.with_hint(format!(
                        "the columns of {} are {}",
                        table.text,
                        names.join(", ")
                    ));
                }
                self.report(diagnostic);
                Node::error(span)
            }
            _ => {
                let message = format!("column reference \"{}\" is ambiguous", column.text);
                self.report(Diagnostic::error(Code::AmbiguousColumn, span, message));
                Node::error(span)
            }
        }
    }

    /// `ctid`, `xmin` and the other system columns of a table.
    pub(super) fn system_column(
        &self,
        item: &NamespaceItem,
        level: usize,
        column: &Name,
        span: Span,
    ) -> Option<Node> {
        let at = SYSTEM_COLUMNS.iter().position(|(name, _)| *name == column.text)?;
        let (_, ty) = *SYSTEM_COLUMNS.get(at)?;
        let rte = item.rte.filter(|_| !item.derived).filter(|_| item.row_type.is_some())?;
        let kind = NodeKind::Var(Var { level, rte, column: FIRST_SYSTEM_COLUMN - at });
        Some(Node::new(ty, kind, span))
    }

    /// Returns a system column; reports an error in the condition of a WHEN clause of MERGE, where only `tableoid` is
    /// allowed.
    fn system_column_allowed(&mut self, scope: &Scope<'_>, node: Node, name: &str) -> Node {
        if scope.place.get() != Place::MergeWhen || name == "tableoid" {
            return node;
        }
        let message = format!("cannot use system column \"{name}\" in MERGE WHEN condition");
        self.report(Diagnostic::error(Code::InvalidColumnReference, node.span, message));
        Node::error(node.span)
    }

    /// Finds a relation by alias, at this level or above: `refnameNamespaceItem`. Reports an error if no relation has
    /// the alias.
    pub(super) fn find_relation(
        &mut self,
        scope: &Scope<'_>,
        schema: Option<&Name>,
        table: &Name,
        span: Span,
    ) -> Option<(usize, NamespaceItem)> {
        let mut level = 0;
        let mut at = Some(scope);
        while let Some(current) = at {
            let found: Vec<&NamespaceItem> = current
                .namespace
                .iter()
                .filter(|item| item.relation_visible && item.name == table.text && current.visible(item))
                .filter(|item| schema.is_none_or(|schema| item.schema.as_deref() == Some(&schema.text)))
                .collect();
            match found.as_slice() {
                [] => {}
                [item] => {
                    if item.lateral_only && !item.lateral_ok {
                        self.report_lateral(&table.text, span);
                        return None;
                    }
                    return Some((level, (*item).clone()));
                }
                [first, ..] if first.lateral_only && !first.lateral_ok => {
                    self.report_lateral(&table.text, span);
                    return None;
                }
                _ => {
                    let message = format!("table reference \"{}\" is ambiguous", table.text);
                    self.report(Diagnostic::error(Code::AmbiguousTable, span, message));
                    return None;
                }
            }
            level += 1;
            at = current.parent;
        }
        self.missing_relation(scope, table, span);
        None
    }

    /// `errorMissingRTE`.
    fn missing_relation(&mut self, scope: &Scope<'_>, table: &Name, span: Span) {
        let mut names = Vec::new();
        let mut hidden = false;
        let mut at = Some(scope);
        while let Some(current) = at {
            for item in &current.namespace {
                hidden |= item.name == table.text;
                names.push((item.name.clone(), item.schema.clone()));
            }
            // The range table may contain an entry that the namespace does not contain: an alias hides the entry, or
            // this clause cannot refer to the entry.
            hidden |= current.rtes.iter().any(|rte| rte.name == table.text);
            if current.broken_from.get() && current.reported.borrow().contains(&table.text) {
                return;
            }
            at = current.parent;
        }
        let aliased =
            self.aliases.iter().find(|(_, real)| *real == table.text).map(|(alias, _)| alias.clone());
        let nearest =
            suggestion::nearest(&table.text, names.iter().map(|(name, _)| name.as_str())).map(str::to_owned);
        let mut diagnostic = if hidden || aliased.is_some() {
            // PostgreSQL's message does not contain the schema.
            let message = format!("invalid reference to FROM-clause entry for table \"{}\"", table.text);
            Diagnostic::error(Code::MissingFrom, span, message)
        } else {
            let message = format!("missing FROM-clause entry for table \"{}\"", table.text);
            Diagnostic::error(Code::MissingFrom, span, message)
        };
        if let Some(alias) = aliased {
            diagnostic =
                diagnostic.with_hint(format!("Perhaps you meant to reference the table alias \"{alias}\"."));
        } else if hidden {
            diagnostic = diagnostic.with_detail(format!(
                "There is an entry for table \"{}\", but it cannot be referenced from this part of the query.",
                table.text
            ));
            // `FROM a, b JOIN c ON a.x = c.x`
            if scope.place.get() == Place::JoinOn && scope.namespace.iter().any(|it| it.name == table.text) {
                let table = &table.text;
                diagnostic = diagnostic.with_hint(format!(
                    "JOIN precedes a comma, so this ON cannot use {table}: write CROSS JOIN in place of the comma"
                ));
            }
        } else if let Some(nearest) = nearest {
            diagnostic = diagnostic.with_hint(format!("did you mean {nearest}?"));
        } else {
            let in_reach: Vec<String> =
                names.iter().map(|(name, _)| name.clone()).filter(|it| !it.is_empty()).collect();
            diagnostic.hint = self.missing_from_advice(scope, &table.text, &in_reach);
        }
        self.report(diagnostic);
    }
}

/// Does the work of `scanNSItemForColumn` for all items of one query level.
fn search(scope: &Scope<'_>, name: &str) -> Found {
    let mut found = Found::None;
    for item in scope.namespace.iter().filter(|item| item.columns_visible && scope.visible(item)) {
        for node in item.columns_named(name) {
            if item.lateral_only && !item.lateral_ok {
                // PostgreSQL first searches for the name among all columns of the join.
                let others = scope.namespace.iter().filter(|other| {
                    core::ptr::eq(*other, item)
                        || item.joined && other.joined && other.lateral_only && other.columns_visible
                });
                let count = others.flat_map(|other| other.columns_named(name)).count();
                let unnamed = item.joined || item.name.is_empty();
                let name = if unnamed { "unnamed_join" } else { &item.name };
                return if count > 1 { Found::Ambiguous } else { Found::Forbidden(name.to_owned()) };
            }
            found = match found {
                Found::None => Found::One(node.clone()),
                _ => return Found::Ambiguous,
            };
        }
    }
    found
}
