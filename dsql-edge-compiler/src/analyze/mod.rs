//! Parse analysis: names, types and nullability of one statement, by PostgreSQL's rules.
//!
//! Input: a statement's syntax tree and the schema. Output: a [`TypedQuery`], or everything that is wrong, in the order
//! in which PostgreSQL would meet it. The files carry PostgreSQL's own nouns (`src/backend/parser/README`): what
//! `parse_oper.c` does is in `operator`, and so on.

mod access;
mod advice;
mod aggregate;
mod array;
mod assignment;
mod candidates;
mod cardinality;
mod catalog;
mod clause;
mod coerce;
mod coercion;
mod collated;
mod collation;
mod comparison;
mod conditional;
mod conflict;
mod constant;
mod cte;
mod dml;
mod element;
mod equal;
mod expr;
mod from;
mod function;
mod grouping;
mod idempotency;
mod implicit;
mod join;
mod label;
mod merge;
mod nullability;
mod operator;
mod operator_advice;
mod output;
mod overload;
mod own;
mod param;
mod place;
mod polymorphic;
mod predicate;
mod query;
mod relation;
mod scope;
mod set_returning;
mod sql_json;
mod star;
mod subquery;
mod target;
mod target_table;
mod tree;
mod window;
mod xml;

use crate::builtin::{Oid, oid};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Statement, StatementKind};
use crate::typed::{IdempotencyKey, SessionEffect, TypedQuery};
use catalog::Catalog;
use param::Parameter;
use std::collections::HashMap;
use std::rc::Rc;
use tree::{Command, Node, NodeKind, Query, RteColumn, TargetEntry};

/// Analyses one statement; what was found beside errors (warnings) is in the query.
///
/// # Errors
///
/// All diagnostics, errors and warnings, in PostgreSQL's order.
pub fn analyze(statement: ParsedStatement<'_>, schema: &Schema) -> Result<TypedQuery, Diagnostics> {
    let (analyzer, query) = analyzed(statement.tree, schema);
    if analyzer.diagnostics.has_errors() {
        return Err(analyzer.diagnostics);
    }
    Ok(output::typed_query(analyzer, &query, statement))
}

/// What is known of a statement that is wrong: the columns and parameters that resolved all the same.
pub fn analyze_partly(statement: ParsedStatement<'_>, schema: &Schema) -> TypedQuery {
    let (analyzer, query) = analyzed(statement.tree, schema);
    let known: Vec<bool> = query.targets.iter().map(|target| !target.node.is_error()).collect();
    let mut typed = output::typed_query(analyzer, &query, statement);
    let mut known = known.into_iter();
    typed.columns.retain(|_| known.next().unwrap_or(false));
    typed
}

fn analyzed<'s>(statement: &Statement, schema: &'s Schema) -> (Analyzer<'s>, Query) {
    let mut analyzer = Analyzer::new(schema);
    let query = match &statement.kind {
        StatementKind::Query(query) => match query.without_into() {
            // `SELECT … INTO t` is `CREATE TABLE t AS SELECT …`.
            Some((_, plain)) => {
                let query = analyzer.query(&plain, None);
                Query { command: Command::Utility, targets: Vec::new(), ..query }
            }
            None => analyzer.query(query, None),
        },
        StatementKind::Insert(insert) => analyzer.insert(insert, None),
        StatementKind::Update(update) => analyzer.update(update, None),
        StatementKind::Delete(delete) => analyzer.delete(delete, None),
        StatementKind::Merge(merge) => analyzer.merge(merge, None),
        StatementKind::Utility(name @ ("EXPLAIN" | "SHOW" | "EXECUTE" | "FETCH" | "CALL" | "COPY")) => {
            let what = format!("{name}, whose columns are not known before it runs,");
            analyzer.report(Diagnostic::unsupported(statement.span, what));
            Query::default()
        }
        StatementKind::CreateIndex(index) if index.asynchronous => job(statement.span),
        StatementKind::AlterTable(alter) if alter.asynchronous => job(statement.span),
        // DDL and utility statements return nothing and take no parameters.
        _ => Query { command: Command::Utility, ..Query::default() },
    };
    // An INSERT in a WITH is only a part of what a second run does.
    analyzer.key.take_if(|_| !matches!(statement.kind, StatementKind::Insert(_)));
    let query = analyzer.finish_targets(query);
    analyzer.elements_asked_for_null(&query);
    analyzer.check_parameters(&query);
    let later = std::mem::take(&mut analyzer.later);
    later.into_iter().for_each(|diagnostic| analyzer.report(diagnostic));
    (analyzer, query)
}

/// DSQL answers `CREATE INDEX ASYNC` and `ALTER TABLE ASYNC` with the job's id.
fn job(span: Span) -> Query {
    let node = Node::new(oid::TEXT, NodeKind::NeverNull, span);
    let target = TargetEntry { node, name: "job_id".into(), span };
    Query { command: Command::Utility, targets: vec![target], single_row: true, ..Query::default() }
}

/// The state of one analysis.
struct Analyzer<'a> {
    catalog: Catalog<'a>,
    diagnostics: Diagnostics,
    parameters: Vec<Parameter>,
    /// Views that were read, by the number of their relation.
    views: HashMap<usize, Option<Rc<Query>>>,
    /// Aliases and the tables behind them, for hints.
    aliases: Vec<(String, String)>,
    /// Column names of recursive queries that are being analysed.
    aliases_of_recursion: Vec<(String, Vec<crate::syntax::ast::Name>)>,
    /// The row type of the entry that is being opened, by name and number.
    row_types: HashMap<(String, usize), Oid>,
    /// Views that could not be analysed, and why.
    broken_views: Vec<(String, String)>,
    /// Columns whose type the snapshot does not define: table, column, type.
    broken_columns: Vec<(String, String, String)>,
    /// Names of the tables that the statement reads or writes.
    table_names: Vec<String>,
    /// Arrays of one `UNNEST`, by the numbers of their parameters: they must be equally long.
    equal_lengths: Vec<Vec<usize>>,
    /// Errors that PostgreSQL finds after parse analysis.
    later: Vec<Diagnostic>,
    /// What stars are sent as.
    edits: Vec<star::Edit>,
    /// A volatile function or a nested write was seen.
    writes: bool,
    /// A nested INSERT, UPDATE or DELETE was seen.
    changes_rows: bool,
    /// What the functions that it calls leave behind in the session.
    session: SessionEffect,
    /// What makes the statement an idempotency key.
    key: Option<IdempotencyKey>,
    collations: collated::Collations,
    /// Composite types whose fields are being compared.
    comparing: Vec<Oid>,
}

impl<'a> Analyzer<'a> {
    fn new(schema: &'a Schema) -> Analyzer<'a> {
        Analyzer {
            catalog: Catalog { schema },
            diagnostics: Diagnostics::new(),
            parameters: Vec::new(),
            views: HashMap::new(),
            aliases: Vec::new(),
            aliases_of_recursion: Vec::new(),
            row_types: HashMap::new(),
            broken_views: Vec::new(),
            broken_columns: Vec::new(),
            table_names: Vec::new(),
            equal_lengths: Vec::new(),
            later: Vec::new(),
            edits: Vec::new(),
            writes: false,
            changes_rows: false,
            session: SessionEffect::Keeps,
            key: None,
            collations: collated::Collations::default(),
            comparing: Vec::new(),
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A function is called that the schema defines: its body is not known.
    fn calls_unknown(&mut self) {
        self.writes = true;
        self.session = self.session.max(SessionEffect::MayChange);
    }

    /// The columns of a composite type.
    fn composite_columns(&mut self, type_oid: Oid) -> Vec<RteColumn> {
        relation::composite_columns(self, type_oid)
    }
}
