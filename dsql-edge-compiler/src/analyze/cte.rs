//! Analyzes `WITH`: `parse_cte.c`.
//!
//! Input: the queries of `WITH`. Output: entries to which `FROM` can refer by name; a recursive entry has the columns
//! of its non-recursive term.

use super::analyzer::Analyzer;
use super::label::ColumnLabel;
use super::recursion::{misplaced, refers};
use super::scope::Scope;
use super::tree::{Command, Cte, Query, Rte, RteColumn, RteSource};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{self, Name, QualifiedName, QueryBody, StatementKind, With};
use std::rc::Rc;

impl Analyzer<'_> {
    /// `transformWithClause`.
    pub(super) fn with_clause(&mut self, scope: &mut Scope<'_>, with: &With) {
        if with.recursive {
            let recursive = with.ctes.iter().filter(|cte| refers(&cte.statement, &cte.name.text));
            recursive.filter_map(misplaced).for_each(|error| self.report(error));
        }
        let order = self.definition_order(scope, with);
        for (at, cte) in order.into_iter().filter_map(|at| Some((at, with.ctes.get(at)?))) {
            if with.ctes[..at].iter().any(|known| known.name.text == cte.name.text) {
                let message = format!("WITH query name \"{}\" specified more than once", cte.name.text);
                self.report(Diagnostic::error(Code::DuplicateAlias, cte.name.span, message));
                continue;
            }
            let added = self.search_and_cycle(scope, cte);
            let entry = Rc::new(Cte {
                name: cte.name.text.clone(),
                recursive: with.recursive && refers(&cte.statement, &cte.name.text),
                added: added.clone(),
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

    /// Returns the order in which the queries of a WITH are analyzed. Without `RECURSIVE`, this is the order as
    /// written. With `RECURSIVE`, a query is analyzed after all queries to which it refers (`makeDependencyGraph`).
    fn definition_order(&mut self, scope: &mut Scope<'_>, with: &With) -> Vec<usize> {
        let mut pending: Vec<usize> = (0..with.ctes.len()).collect();
        if !with.recursive {
            return pending;
        }
        let mut order = Vec::with_capacity(pending.len());
        while !pending.is_empty() {
            let free = |at: &usize| {
                let others =
                    pending.iter().filter(|other| *other != at).filter_map(|other| with.ctes.get(*other));
                let statement = with.ctes.get(*at).map(|cte| &cte.statement);
                statement.is_some_and(|it| !others.into_iter().any(|other| refers(it, &other.name.text)))
            };
            let Some(next) = pending.iter().position(free) else {
                let span = pending.first().and_then(|at| with.ctes.get(*at)).map(|cte| cte.name.span);
                let message = "mutual recursion between WITH items is not implemented";
                self.report(Diagnostic::error(Code::FeatureNotSupported, span.unwrap_or_default(), message));
                // The remaining queries cannot be ordered. They are declared without columns, so that references to
                // them cause no further errors.
                for cte in pending.iter().filter_map(|at| with.ctes.get(*at)) {
                    let entry = Cte { name: cte.name.text.clone(), ..Cte::default() };
                    *entry.query.borrow_mut() = Some(Rc::new(Query::default()));
                    scope.ctes.push(Rc::new(entry));
                }
                scope.broken_from.set(true);
                return order;
            };
            order.push(pending.remove(next));
        }
        order
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
            self.changes_rows = true;
        }
        if scope.parent.is_some() && query.command != Command::Select {
            let message = "WITH clause containing a data-modifying statement must be at the top level";
            self.report(Diagnostic::error(Code::FeatureNotSupported, cte.name.span, message));
        }
        self.settle_unknown(query)
    }

    /// Sets the columns of a recursive query as soon as its non-recursive term is analyzed.
    pub(super) fn set_cte_columns(&mut self, entry: &Rc<Cte>, mut columns: Vec<RteColumn>) {
        let names = self
            .aliases_of_recursion
            .iter()
            .rev()
            .find(|(name, _)| *name == entry.name)
            .map(|(_, names)| names);
        for (column, name) in columns.iter_mut().zip(names.into_iter().flatten()) {
            column.name = ColumnLabel::alias(&name.text);
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
        if cte.columns.len() > columns.len() && (!columns.is_empty() || !self.diagnostics.has_errors()) {
            let message = format!(
                "WITH query \"{}\" has {} columns available but {} columns specified",
                cte.name.text,
                columns.len(),
                cte.columns.len()
            );
            self.report(Diagnostic::error(Code::InvalidColumnReference, cte.name.span, message));
        }
        for (column, name) in columns.iter_mut().zip(&cte.columns) {
            column.name = ColumnLabel::alias(&name.text);
        }
        self.check_search_and_cycle(cte, &columns);
        columns.extend(added);
        *entry.columns.borrow_mut() = columns;
    }

    /// Checks the names in `SEARCH` and `CYCLE` as `analyzeCTE` does, and reports the first error.
    fn check_search_and_cycle(&mut self, cte: &ast::Cte, columns: &[RteColumn]) {
        let names = AddedNames { columns };
        let of_search = cte.search.as_ref().and_then(|search| {
            let error = names
                .keys("search", &search.columns)
                .or_else(|| names.added("search sequence", &search.sequence))?;
            Some((search.span, error))
        });
        let of_cycle = cte.cycle.as_ref().and_then(|cycle| {
            let (mark, path) = (("cycle mark", &cycle.mark), ("cycle path", &cycle.path));
            let error = names
                .keys("cycle", &cycle.columns)
                .or_else(|| names.added(mark.0, mark.1))
                .or_else(|| names.added(path.0, path.1))
                .or_else(|| same(mark, path))?;
            Some((cycle.span, error))
        });
        let of_both = cte.search.as_ref().zip(cte.cycle.as_ref()).and_then(|(search, cycle)| {
            let sequence = ("search sequence", &search.sequence);
            let error = same(sequence, ("cycle mark", &cycle.mark))
                .or_else(|| same(sequence, ("cycle path", &cycle.path)))?;
            Some((search.span, error))
        });
        if let Some((span, (code, message))) = of_search.or(of_cycle).or(of_both) {
            self.report(Diagnostic::error(code, span, message));
        }
    }

    /// Returns the columns that `SEARCH` and `CYCLE` add.
    fn search_and_cycle(&mut self, scope: &Scope<'_>, cte: &ast::Cte) -> Vec<RteColumn> {
        let column = |name: &str, ty: Oid| RteColumn { name: ColumnLabel::alias(name), ty, typmod: -1 };
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

    /// If a name in `FROM` refers to a `WITH` query of this level or an outer level, returns the entry of that query.
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

/// Checks names of `SEARCH` and `CYCLE` against the columns of the query.
struct AddedNames<'c> {
    columns: &'c [RteColumn],
}

impl AddedNames<'_> {
    fn has(&self, name: &Name) -> bool {
        self.columns.iter().any(|column| column.name == name.text)
    }

    /// Each key must be a column, and must be listed only once.
    fn keys(&self, what: &str, keys: &[Name]) -> Option<(Code, String)> {
        keys.iter().enumerate().find_map(|(at, key)| {
            let name = &key.text;
            if !self.has(key) {
                let message = format!("{what} column \"{name}\" not in WITH query column list");
                Some((Code::SyntaxError, message))
            } else if keys.iter().take(at).any(|known| known.text == *name) {
                Some((Code::DuplicateColumn, format!("{what} column \"{name}\" specified more than once")))
            } else {
                None
            }
        })
    }

    /// Reports a column of `SEARCH` or `CYCLE` whose name the query already has.
    fn added(&self, what: &str, name: &Name) -> Option<(Code, String)> {
        self.has(name).then(|| {
            let message =
                format!("{what} column name \"{}\" already used in WITH query column list", name.text);
            (Code::SyntaxError, message)
        })
    }
}

/// Two added columns must have different names.
fn same(a: (&str, &Name), b: (&str, &Name)) -> Option<(Code, String)> {
    (a.1.text == b.1.text)
        .then(|| (Code::SyntaxError, format!("{} column name and {} column name are the same", a.0, b.0)))
}
