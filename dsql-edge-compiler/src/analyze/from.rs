//! Analyzes `FROM`: `parse_clause.c` and `parse_relation.c`.
//!
//! Input: the items of `FROM`. Output: range table entries, their namespace, and the join tree that nullability proofs
//! use.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::label::ColumnLabel;
use super::namespace_item::NamespaceItem;
use super::place::Place;
use super::scope::{Scope, column_nodes, var};
use super::tree::{Command, JoinTree, Node, NodeKind, Rte, RteColumn, RteSource};
use crate::builtin::{RelationKind, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, Alias, ColumnDefinition, ExprKind, FromItem, FunctionItem, QualifiedName};
use std::ops::Range;
use std::rc::Rc;

impl Analyzer<'_> {
    /// `transformFromClause`: a LATERAL item can refer to the items before it.
    pub(super) fn range_table(&mut self, scope: &mut Scope<'_>, items: &[FromItem]) -> Vec<JoinTree> {
        let mut trees = Vec::with_capacity(items.len());
        let mut first = 0;
        for item in items {
            // While an item is analyzed, only LATERAL references can refer to the items before it.
            scope.namespace.iter_mut().skip(first).for_each(|item| item.lateral_only = true);
            first = scope.namespace.len();
            trees.push(self.range_table_item(scope, item));
            self.check_aliases(scope, 0..first, item);
        }
        scope.namespace.iter_mut().for_each(|item| item.lateral_only = false);
        trees
    }

    /// `checkNameSpaceConflicts`: compares the entries in `before` with the later entries, which `item` has added.
    pub(super) fn check_aliases(&mut self, scope: &Scope<'_>, before: Range<usize>, item: &FromItem) {
        // If all names are different, the entries are not compared in pairs: a query can have hundreds of joins.
        if !scope.repeats_names {
            return;
        }
        let added = scope.namespace.get(before.end..).unwrap_or(&[]);
        let before = scope.namespace.get(before).unwrap_or(&[]);
        for known in before.iter().filter(|known| known.relation_visible && !known.name.is_empty()) {
            let same = |new: &&NamespaceItem| {
                new.relation_visible
                    && known.name == new.name
                    // Two tables with the same name in different schemas may both be used without an alias.
                    && !(known.schema.is_some() && new.schema.is_some() && known.schema != new.schema)
            };
            if added.iter().any(|new| same(&new)) {
                let message = format!("table name \"{}\" specified more than once", known.name);
                let span = item_span(item);
                let hint = "give one of them another alias";
                self.report(Diagnostic::error(Code::DuplicateAlias, span, message).with_hint(hint));
            }
        }
    }

    /// Adds an item of `FROM` to the range table, and to the end of the namespace.
    pub(super) fn range_table_item(&mut self, scope: &mut Scope<'_>, item: &FromItem) -> JoinTree {
        match item {
            FromItem::Table { name, alias, sample, .. } => {
                let tree = self.table(scope, name, alias.as_ref());
                if let Some(sample) = sample {
                    // The arguments of TABLESAMPLE cannot refer to the sampled table, so the table is removed from the
                    // namespace while they are analyzed.
                    let own = scope.namespace.pop();
                    if let JoinTree::Leaf(at) = &tree
                        && let Some(rte) = scope.rtes.get_mut(*at)
                        && let RteSource::Table { sampled, .. } = &mut rte.source
                    {
                        *sampled = true;
                    }
                    self.check_sampled(scope, &tree, name.span());
                    self.check_sample_method(&sample.method);
                    for arg in sample.args.iter().chain(&sample.repeatable) {
                        let node = self.expr(scope, arg);
                        let target = if node.ty == oid::UNKNOWN { oid::FLOAT4 } else { node.ty };
                        self.coerce(node, target, -1, super::coercion::Context::Implicit);
                    }
                    scope.namespace.extend(own);
                }
                tree
            }
            FromItem::Subquery { lateral, query, alias, .. } => {
                self.subquery_item(scope, *lateral, query, alias.as_ref())
            }
            FromItem::Function(function) => self.function_item(scope, function),
            FromItem::Join(join) => self.join(scope, join),
            FromItem::XmlTable(table) => self.xml_table(scope, table),
        }
    }

    /// Checks that `TABLESAMPLE` follows a table or a materialized view.
    fn check_sampled(&mut self, scope: &Scope<'_>, tree: &JoinTree, place: Span) {
        let JoinTree::Leaf(at) = tree else { return };
        let is_allowed = match scope.rtes.get(*at).map(|rte| &rte.source) {
            Some(RteSource::Subquery { view: Some(view), .. }) => {
                self.catalog.schema.relations.get(*view).is_some_and(|view| view.materialized)
            }
            Some(RteSource::Subquery { view: None, .. } | RteSource::Cte(_)) => false,
            _ => true,
        };
        if !is_allowed {
            let message = "TABLESAMPLE clause can only be applied to tables and materialized views";
            self.report(Diagnostic::error(Code::FeatureNotSupported, place, message));
        }
    }

    /// Checks that the method of `TABLESAMPLE` is a function of PostgreSQL or of the schema.
    fn check_sample_method(&mut self, method: &QualifiedName) {
        let name = method.name();
        let functions = &self.catalog.schema.functions;
        let known = matches!(name, "bernoulli" | "system")
            || functions.iter().any(|it| it.definition.name.name() == name);
        if !known {
            let message = format!("tablesample method {} does not exist", method.display());
            let hint = "PostgreSQL's methods are BERNOULLI and SYSTEM";
            self.report(Diagnostic::error(Code::UnknownObject, method.span(), message).with_hint(hint));
        }
    }

    /// Adds an entry to the range table, and the entry's name to the end of the namespace.
    pub(super) fn leaf(
        &mut self,
        scope: &mut Scope<'_>,
        rte: Rte,
        schema: Option<String>,
        visible: bool,
    ) -> JoinTree {
        let at = scope.rtes.len();
        let item = NamespaceItem {
            name: rte.name.clone(),
            schema,
            columns: column_nodes(&rte, at),
            unlisted: Vec::new(),
            rte: Some(at),
            relation_visible: visible,
            columns_visible: true,
            lateral_only: false,
            lateral_ok: true,
            derived: rte.is_derived(),
            row_type: self.row_types.remove(&(rte.name.clone(), at)),
            scalar: rte.is_scalar_function(),
            joined: false,
        };
        scope.rtes.push(rte);
        scope.push_named(item);
        JoinTree::Leaf(at)
    }

    pub(super) fn table(
        &mut self,
        scope: &mut Scope<'_>,
        name: &QualifiedName,
        alias: Option<&Alias>,
    ) -> JoinTree {
        if name.schema().is_none()
            && let Some(rte) = self.cte_reference(scope, name)
        {
            let rte = self.aliased(rte, alias);
            let unlisted = unlisted(&rte, scope.rtes.len());
            let tree = self.leaf(scope, rte, None, true);
            if let Some(item) = scope.namespace.last_mut() {
                item.unlisted = unlisted;
            }
            return tree;
        }
        let Some((rte, relation)) = self.open_relation(name) else {
            scope.broken_from.set(true);
            let shown = alias.map_or_else(|| name.name().to_owned(), |alias| alias.name.text.clone());
            scope.reported.borrow_mut().push(shown.clone());
            return self.leaf(scope, broken(&shown), None, true);
        };
        let schema = match (alias, relation) {
            (Some(_), _) => None,
            (None, Some(at)) => Some(self.catalog.schema.relations[at].schema.clone()),
            (None, None) => Some(name.schema().unwrap_or("pg_catalog").to_owned()),
        };
        if rte.columns.is_empty() && matches!(rte.source, RteSource::Nullable) {
            scope.broken_from.set(true);
            if let Some(last) = name.parts.last() {
                self.report_broken(name.name(), last);
            }
        }
        if let Some(alias) = alias {
            self.aliases.push((alias.name.text.clone(), rte.name.clone()));
        }
        let rte = self.aliased(rte, alias);
        if let Some(at) = relation {
            self.row_types
                .insert((rte.name.clone(), scope.rtes.len()), super::catalog::Catalog::row_type(at));
        } else if let Some(found) =
            crate::builtin::relation(name.schema().unwrap_or("pg_catalog"), name.name())
        {
            self.row_types.insert((rte.name.clone(), scope.rtes.len()), found.row_type);
            let tree = self.leaf(scope, rte, schema, true);
            let item = scope.namespace.last_mut();
            item.into_iter().for_each(|item| item.derived |= found.kind == RelationKind::View);
            return tree;
        }
        self.leaf(scope, rte, schema, true)
    }

    /// Applies `AS x (a, b)`.
    pub(super) fn aliased(&mut self, mut rte: Rte, alias: Option<&Alias>) -> Rte {
        let Some(alias) = alias else { return rte };
        let known = !rte.columns.is_empty()
            || matches!(&rte.source, RteSource::Subquery { query, .. } if query.command == Command::Select);
        if alias.columns.len() > rte.columns.len() && known {
            let is_xml = matches!(&rte.source, RteSource::Function { .. }) && rte.name == "xmltable";
            let name = if is_xml {
                "XMLTABLE function".to_owned()
            } else {
                format!("table \"{}\"", alias.name.text)
            };
            let message = format!(
                "{name} has {} columns available but {} columns specified",
                rte.columns.len(),
                alias.columns.len()
            );
            self.report(Diagnostic::error(Code::InvalidColumnReference, Span::default(), message));
        }
        rte.name.clone_from(&alias.name.text);
        for (column, name) in rte.columns.iter_mut().zip(&alias.columns) {
            column.name = ColumnLabel::alias(&name.text);
        }
        rte
    }

    pub(super) fn subquery_item(
        &mut self,
        scope: &mut Scope<'_>,
        lateral: bool,
        query: &ast::Query,
        alias: Option<&Alias>,
    ) -> JoinTree {
        let analysed = scope.at_item(Place::FromSubquery, lateral, || self.query(query, Some(scope)));
        let analysed = self.settle_unknown(analysed);
        let columns: Vec<RteColumn> = analysed
            .targets
            .iter()
            .map(|target| RteColumn {
                name: target.name.clone(),
                ty: target.node.ty,
                typmod: target.node.typmod,
            })
            .collect();
        let rte = Rte {
            name: "unnamed_subquery".into(),
            columns,
            source: RteSource::Subquery { query: Rc::new(analysed), view: None },
        };
        let rte = self.aliased(rte, alias);
        self.leaf(scope, rte, None, alias.is_some())
    }

    /// `transformRangeFunction`.
    pub(super) fn function_item(&mut self, scope: &mut Scope<'_>, item: &FunctionItem) -> JoinTree {
        if let Some(first) = item.columns.first().filter(|_| item.rows_from && item.functions.len() > 1) {
            let message = "ROWS FROM() with multiple functions cannot have a column definition list";
            let hint = "Put a separate column definition list for each function inside ROWS FROM().";
            self.report(Diagnostic::error(Code::SyntaxError, first.name.span, message).with_hint(hint));
        }
        let mut columns: Vec<RteColumn> = Vec::new();
        let mut functions = Vec::new();
        let mut scalar_names = Vec::new();
        let mut name = None;
        for (call, definitions) in self.calls_of(item) {
            let sets_before = scope.sets.count();
            // A function is implicitly LATERAL.
            let node = scope.at_item(Place::FromFunction, true, || self.expr(scope, &call));
            if let Some(inner) = scope.sets.after(sets_before)
                && !node.returns_set()
                && !node.is_error()
            {
                self.report_below_from(inner);
            }
            let node = self.unknown_to_text(node);
            let call_name = super::target::column_name(&call);
            name.get_or_insert_with(|| call_name.clone());
            let definitions: &[ColumnDefinition] =
                if definitions.is_empty() && !item.rows_from { &item.columns } else { definitions };
            let (found, never_null, scalar) =
                self.function_columns(&node, &call_name, definitions, call.span);
            if scalar {
                scalar_names.push(columns.len());
            }
            columns.extend(found);
            functions.push((node, never_null));
        }
        if item.ordinality {
            columns.push(RteColumn { name: "ordinality".into(), ty: oid::INT8, typmod: -1 });
        }
        let equally_long = equally_long(item, &functions);
        if !equally_long.is_empty() && !self.equal_lengths.contains(&equally_long) {
            self.equal_lengths.push(equally_long.clone());
        }
        let single_scalar = functions.len() == 1 && scalar_names == [0];
        let broken_call = functions.iter().any(|(node, _)| node.is_error());
        if broken_call {
            scope.broken_from.set(true);
        }
        let mut rte = Rte {
            name: name.unwrap_or_default(),
            columns,
            source: RteSource::Function { functions, ordinality: item.ordinality, equally_long },
        };
        if let Some(alias) = &item.alias {
            rte.name.clone_from(&alias.name.text);
            // `FROM f(…) AS x`: the alias is also the name of the single column of a scalar function.
            if single_scalar && let Some(column) = rte.columns.first_mut() {
                column.name = ColumnLabel::alias(&alias.name.text);
            }
            rte = self.aliased(rte, Some(alias));
        }
        // If a function returns rows of a named type, the whole row of the entry has that type.
        if let RteSource::Function { functions, ordinality: false, .. } = &rte.source
            && let [(call, _)] = functions.as_slice()
            && self.catalog.is_complex(call.ty)
        {
            self.row_types.insert((rte.name.clone(), scope.rtes.len()), self.catalog.base_type(call.ty).0);
        }
        self.leaf(scope, rte, None, true)
    }

    /// Returns the calls of an item. `unnest` of several arrays becomes one call per array, as in `gram.y`.
    pub(super) fn calls_of<'i>(&self, item: &'i FunctionItem) -> Vec<(ast::Expr, &'i [ColumnDefinition])> {
        let mut out = Vec::new();
        for (expr, definitions) in &item.functions {
            match &expr.kind {
                ExprKind::Function(call)
                    if call.name.parts.len() == 1
                        && call.name.name() == "unnest"
                        && call.args.len() > 1
                        && !call.variadic
                        && !call.distinct
                        && call.args.iter().all(|arg| arg.name.is_none())
                        && definitions.is_empty() =>
                {
                    for arg in &call.args {
                        let mut single = (**call).clone();
                        single.args = vec![arg.clone()];
                        out.push((
                            ast::Expr { kind: ExprKind::Function(Box::new(single)), span: expr.span },
                            definitions.as_slice(),
                        ));
                    }
                }
                _ => out.push((expr.clone(), definitions.as_slice())),
            }
        }
        out
    }

    /// Returns the columns that a function in `FROM` returns; for each column, whether it is never NULL; and whether
    /// the function is scalar.
    pub(super) fn function_columns(
        &mut self,
        node: &Node,
        name: &str,
        definitions: &[ColumnDefinition],
        span: Span,
    ) -> (Vec<RteColumn>, Vec<bool>, bool) {
        if node.is_error() {
            let columns = definitions.iter().map(|it| RteColumn {
                name: ColumnLabel::alias(&it.name.text),
                ty: ERROR,
                typmod: -1,
            });
            return (columns.collect(), vec![false; definitions.len()], false);
        }
        if !definitions.is_empty() {
            let has_columns = match &node.kind {
                NodeKind::Call { function, .. } => !function.columns.is_empty(),
                _ => false,
            };
            if node.ty != oid::RECORD || has_columns {
                let message = if node.ty == oid::RECORD {
                    "a column definition list is redundant for a function with OUT parameters"
                } else if self.catalog.is_complex(node.ty) {
                    "a column definition list is redundant for a function returning a named composite type"
                } else {
                    "a column definition list is only allowed for functions returning \"record\""
                };
                self.report(Diagnostic::error(Code::SyntaxError, definitions[0].name.span, message));
            }
            let mut columns = Vec::with_capacity(definitions.len());
            for definition in definitions {
                let (ty, typmod) = self.type_name(&definition.type_name).unwrap_or((ERROR, -1));
                columns.push(RteColumn { name: ColumnLabel::alias(&definition.name.text), ty, typmod });
            }
            let never = vec![false; columns.len()];
            return (columns, never, false);
        }
        // The OUT columns of the called function.
        if let NodeKind::Call { function, .. } = &node.kind
            && node.ty == oid::RECORD
        {
            if !function.columns.is_empty() {
                let never = function.columns.iter().map(|it| it.never_null).collect();
                return (super::record::out_columns(function), never, false);
            }
            let message = "a column definition list is required for functions returning \"record\"";
            self.report(
                Diagnostic::error(Code::SyntaxError, span, message)
                    .with_hint("add `AS x (a int, b text)` with the columns that it returns"),
            );
            return (Vec::new(), Vec::new(), false);
        }
        let base = self.catalog.base_type(node.ty).0;
        if self.catalog.is_complex(base) {
            let columns = self.composite_columns(base);
            let never = vec![false; columns.len()];
            return (columns, never, false);
        }
        // A single OUT argument gives the column its name.
        let named = match &node.kind {
            NodeKind::Call { function, .. } => match function.columns.as_slice() {
                [only] if !only.name.is_empty() => Some(only.name.clone()),
                _ => None,
            },
            _ => None,
        };
        let scalar = named.is_none();
        let never_null =
            matches!(&node.kind, NodeKind::Call { function, .. } if function.null.holds_of_values());
        let name = named.unwrap_or_else(|| name.to_owned());
        (vec![RteColumn { name: name.into(), ty: node.ty, typmod: node.typmod }], vec![never_null], scalar)
    }
}

/// Returns the parameters of `UNNEST ($1, $2)`. The runtime rejects arrays of different lengths, because PostgreSQL
/// would pad the shorter array with NULLs.
fn equally_long(item: &FunctionItem, functions: &[(Node, Vec<bool>)]) -> Vec<usize> {
    if item.functions.len() != 1 || functions.len() < 2 {
        return Vec::new();
    }
    let number = |(call, _): &(Node, Vec<bool>)| match &call.kind {
        NodeKind::Call { args, .. } => super::element::parameter_of(args.first()?),
        _ => None,
    };
    functions.iter().map(number).collect::<Option<Vec<usize>>>().unwrap_or_default()
}

/// Returns an entry with unknown columns, used after an error.
fn broken(name: &str) -> Rte {
    Rte { name: name.to_owned(), columns: Vec::new(), source: RteSource::Nullable }
}

/// Returns the columns that SEARCH and CYCLE add to a recursive query, if the entry is the reference of this query to
/// itself (`p_dontexpand`).
fn unlisted(rte: &Rte, at: usize) -> Vec<(ColumnLabel, Node)> {
    let RteSource::Cte(cte) = &rte.source else { return Vec::new() };
    if cte.query.borrow().is_some() {
        return Vec::new();
    }
    let numbered = (rte.columns.len()..).zip(&cte.added);
    numbered.map(|(column, it)| (it.name.clone(), var(at, column, it.ty, it.typmod))).collect()
}

fn item_span(item: &FromItem) -> Span {
    match item {
        FromItem::Table { name, alias, .. } => {
            alias.as_ref().map_or_else(|| name.span(), |alias| alias.name.span)
        }
        FromItem::Subquery { alias, span, .. } => alias.as_ref().map_or(*span, |alias| alias.name.span),
        FromItem::Function(item) => item.alias.as_ref().map_or(item.span, |alias| alias.name.span),
        FromItem::Join(join) => join.span,
        FromItem::XmlTable(table) => table.alias.as_ref().map_or(table.span, |alias| alias.name.span),
    }
}
