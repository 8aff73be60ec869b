//! `WITH`: `parse_cte.c`.
//!
//! In: the queries of `WITH`. Out: entries that `FROM` can name; recursive ones with the columns of
//! their non-recursive term.

use super::Analyzer;
use super::scope::Scope;
use super::tree::{Command, Cte, Query, Rte, RteColumn, RteSource};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{self, QualifiedName, QueryBody, StatementKind, With};
use std::rc::Rc;

impl Analyzer<'_> {
    /// `transformWithClause`.
    pub(super) fn with_clause(&mut self, scope: &mut Scope<'_>, with: &With) {
        for (at, cte) in with.ctes.iter().enumerate() {
            if with.ctes[..at].iter().any(|known| known.name.text == cte.name.text) {
                let message = format!("WITH query name \"{}\" specified more than once", cte.name.text);
                self.report(Diagnostic::error(Code::DuplicateAlias, cte.name.span, message));
                continue;
            }
            if with.recursive {
                self.check_forward(&with.ctes[at + 1..], cte);
            }
            let added = self.search_and_cycle(scope, cte);
            let entry = Rc::new(Cte {
                name: cte.name.text.clone(),
                recursive: with.recursive && mentions(&cte.statement, &cte.name.text),
                ..Cte::default()
            });
            if entry.recursive {
                scope.ctes.push(entry.clone());
            }
            let query = self.cte_statement(scope, cte, &entry);
            let columns = query.targets.iter().map(|target| RteColumn {
                name: target.name.clone(),
                ty: target.node.ty,
                typmod: target.node.typmod,
            });
            self.name_columns(cte, &entry, columns.collect(), added);
            *entry.query.borrow_mut() = Some(Rc::new(query));
            if !entry.recursive {
                scope.ctes.push(entry);
            }
        }
    }

    /// A reference to a query that stands later in the list, which only `RECURSIVE` allows.
    fn check_forward(&mut self, later: &[ast::Cte], cte: &ast::Cte) {
        for other in later {
            if mentions(&cte.statement, &other.name.text) {
                let what =
                    format!("a reference to the WITH query \"{}\" before its definition", other.name.text);
                self.report(Diagnostic::unsupported(cte.name.span, what));
            }
        }
    }

    fn cte_statement(&mut self, scope: &Scope<'_>, cte: &ast::Cte, entry: &Rc<Cte>) -> Query {
        let parent = Some(scope);
        let query = match &cte.statement.kind {
            StatementKind::Query(query) => {
                let recursive = entry.recursive.then_some(entry);
                if entry.recursive {
                    self.aliases_of_recursion.push((entry.name.clone(), cte.columns.clone()));
                    let union = matches!(
                        &query.body,
                        QueryBody::SetOperation { operator: ast::SetOperator::Union, .. }
                    );
                    if !union {
                        let message = format!(
                            "recursive query \"{}\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                            entry.name
                        );
                        self.report(Diagnostic::error(Code::InvalidRecursion, cte.name.span, message));
                        return Query::default();
                    }
                }
                self.query_or_recursive(query, parent, recursive)
            }
            StatementKind::Insert(insert) => self.insert(insert, parent),
            StatementKind::Update(update) => self.update(update, parent),
            StatementKind::Delete(delete) => self.delete(delete, parent),
            _ => {
                let message = "MERGE not supported in WITH query";
                self.report(Diagnostic::error(Code::FeatureNotSupported, cte.name.span, message));
                return Query::default();
            }
        };
        if query.command != Command::Select {
            self.writes = true;
        }
        if scope.parent.is_some() && query.command != Command::Select {
            let message = "WITH clause containing a data-modifying statement must be at the top level";
            self.report(Diagnostic::error(Code::FeatureNotSupported, cte.name.span, message));
        }
        self.settle_unknown(query)
    }

    /// Called by the recursive query when its non-recursive term is known.
    pub(super) fn set_cte_columns(&mut self, entry: &Rc<Cte>, mut columns: Vec<RteColumn>) {
        let names = self
            .aliases_of_recursion
            .iter()
            .rev()
            .find(|(name, _)| *name == entry.name)
            .map(|(_, names)| names);
        for (column, name) in columns.iter_mut().zip(names.into_iter().flatten()) {
            column.name.clone_from(&name.text);
        }
        *entry.columns.borrow_mut() = columns;
    }

    /// `analyzeCTETargetList`.
    fn name_columns(
        &mut self,
        cte: &ast::Cte,
        entry: &Rc<Cte>,
        mut columns: Vec<RteColumn>,
        added: Vec<RteColumn>,
    ) {
        if cte.columns.len() > columns.len() && !columns.is_empty() {
            let message = format!(
                "WITH query \"{}\" has {} columns available but {} columns specified",
                cte.name.text,
                columns.len(),
                cte.columns.len()
            );
            self.report(Diagnostic::error(Code::InvalidColumnReference, cte.name.span, message));
        }
        for (column, name) in columns.iter_mut().zip(&cte.columns) {
            column.name.clone_from(&name.text);
        }
        columns.extend(added);
        *entry.columns.borrow_mut() = columns;
    }

    /// The columns that `SEARCH` and `CYCLE` add.
    fn search_and_cycle(&mut self, scope: &Scope<'_>, cte: &ast::Cte) -> Vec<RteColumn> {
        let column = |name: &str, ty: Oid| RteColumn { name: name.to_owned(), ty, typmod: -1 };
        let mut added = Vec::new();
        if let Some(search) = &cte.search {
            let ty = if search.breadth { oid::RECORD } else { oid::RECORDARRAY };
            added.push(column(&search.sequence.text, ty));
        }
        if let Some(cycle) = &cte.cycle {
            let ty = match &cycle.values {
                Some((to, otherwise)) => {
                    let to = self.expr(scope, to);
                    let otherwise = self.expr(scope, otherwise);
                    let common = self.common_type(&[&to, &otherwise], "CYCLE");
                    self.coerce_to_common(to, common, "CYCLE");
                    self.coerce_to_common(otherwise, common, "CYCLE");
                    common
                }
                None => oid::BOOL,
            };
            added.push(column(&cycle.mark.text, ty));
            added.push(column(&cycle.path.text, oid::RECORDARRAY));
        }
        added
    }

    /// A name in `FROM` that is a query of `WITH`, here or further out.
    pub(super) fn cte_reference(&mut self, scope: &Scope<'_>, name: &QualifiedName) -> Option<Rte> {
        let mut at = Some(scope);
        while let Some(current) = at {
            if let Some(cte) = current.ctes.iter().rev().find(|cte| cte.name == name.name()) {
                let columns = cte.columns.borrow().clone();
                let defined = cte.query.borrow().is_some();
                if !defined && columns.is_empty() {
                    let message = format!(
                        "recursive reference to query \"{}\" must not appear within its non-recursive term",
                        cte.name
                    );
                    self.report(Diagnostic::error(Code::InvalidRecursion, name.span(), message));
                    return Some(Rte { name: cte.name.clone(), columns, source: RteSource::Nullable });
                }
                if let Some(query) = cte.query.borrow().as_ref()
                    && query.command != Command::Select
                    && query.targets.is_empty()
                {
                    let message = format!("WITH query \"{}\" does not have a RETURNING clause", cte.name);
                    self.report(Diagnostic::error(Code::FeatureNotSupported, name.span(), message));
                }
                return Some(Rte { name: cte.name.clone(), columns, source: RteSource::Cte(cte.clone()) });
            }
            at = current.parent;
        }
        None
    }
}

/// Whether a statement names a relation, in its own `FROM` or below. A local `WITH` of the same name
/// may make this true without need; then the query is merely treated as recursive.
fn mentions(statement: &ast::Statement, name: &str) -> bool {
    match &statement.kind {
        StatementKind::Query(query) => query_mentions(query, name),
        _ => false,
    }
}

fn query_mentions(query: &ast::Query, name: &str) -> bool {
    let with = query.with.iter().flat_map(|with| &with.ctes).any(|cte| mentions(&cte.statement, name));
    with || match &query.body {
        QueryBody::Select(select) => {
            select.from.iter().any(|item| item_mentions(item, name))
                || select.filter.iter().chain(&select.having).any(|expr| expr_mentions(expr, name))
                || select.targets.iter().any(|target| expr_mentions(&target.expr, name))
        }
        QueryBody::Values(rows) => rows.iter().flatten().any(|expr| expr_mentions(expr, name)),
        QueryBody::SetOperation { left, right, .. } => {
            query_mentions(left, name) || query_mentions(right, name)
        }
    }
}

fn item_mentions(item: &ast::FromItem, name: &str) -> bool {
    match item {
        ast::FromItem::Table { name: table, .. } => table.schema().is_none() && table.name() == name,
        ast::FromItem::Subquery { query, .. } => query_mentions(query, name),
        ast::FromItem::Join(join) => item_mentions(&join.left, name) || item_mentions(&join.right, name),
        ast::FromItem::Function(_) | ast::FromItem::XmlTable(_) => false,
    }
}

fn expr_mentions(expr: &ast::Expr, name: &str) -> bool {
    let mut found = false;
    ast::walk_queries(expr, &mut |query| found = found || query_mentions(query, name));
    found
}
