//! Performs parse analysis: names, types and nullability of one statement, by PostgreSQL's rules.
//!
//! Input: a statement's syntax tree and the schema. Output: a [`TypedQuery`], or all errors, in the order in which
//! PostgreSQL would find them. Modules that do the work of a file of PostgreSQL have a similar name
//! (`src/backend/parser/README`): `operator` does the work of `parse_oper.c`, and so on. A doc comment that is only the
//! name of a PostgreSQL function means: this function does the work of that PostgreSQL function.

mod access;
mod advice;
mod aggregate;
mod analyzer;
mod array;
mod assignment;
mod assignment_part;
mod batches;
mod call;
mod candidates;
mod cardinality;
mod catalog;
mod clause;
mod coerce;
mod coercion;
mod collated;
mod collation;
mod columns_read;
mod comparison;
mod composite;
mod conditional;
mod conflict;
mod constant;
mod cte;
mod definition;
mod dml;
mod element;
mod equal;
mod every_expression;
mod excluded;
mod expr;
mod fails_at_run_time;
mod foreign_key;
mod from;
mod function;
mod grouping;
mod idempotency;
#[cfg(test)]
mod idempotency_tests;
mod immutable;
mod implicit;
mod join;
mod label;
mod labels;
mod limits;
mod locking;
mod merge;
mod namespace_item;
mod node_set;
mod not_in;
mod nullability;
mod operator;
mod operator_advice;
mod output;
mod overload;
mod own;
mod param;
mod parameter;
mod place;
mod polymorphic;
mod predicate;
mod projection;
mod query;
mod quoted_parameter;
mod range_function;
mod record;
mod recursion;
mod relation;
mod scope;
mod set_calls;
mod set_operation;
mod set_returning;
mod snapshot;
mod sql_json;
mod star;
mod subquery;
mod system_column;
mod target;
mod target_table;
mod too_long;
mod tree;
mod typmod;
mod utility;
mod window;
mod written_table;
mod xml;

pub(crate) use batches::{Batching, KeyColumn};
pub use composite::{CompositeField, composite, composites};
pub use definition::errors_of_definition;

use crate::builtin::oid;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Statement, StatementKind};
use crate::typed::{Idempotency, TypedQuery};
use analyzer::Analyzer;
pub(crate) use call::keeps_transaction;
use catalog::Catalog;
use tree::{Command, Node, NodeKind, Query, TargetEntry};

/// Analyzes one statement. The returned query also contains the warnings.
///
/// # Errors
///
/// If the statement has an error, returns all errors and warnings, in PostgreSQL's order.
pub fn analyze(statement: ParsedStatement<'_>, schema: &Schema) -> Result<TypedQuery, Diagnostics> {
    let (analyzer, query) = analyzed(statement, schema);
    if analyzer.diagnostics.has_errors() {
        return Err(analyzer.diagnostics);
    }
    Ok(output::typed_query(analyzer, &query, statement))
}

/// Finds the key by which a statement without errors can run in batches.
///
/// # Errors
///
/// Returns the reason why the result of the batches could differ from the result of the statement.
pub(crate) fn batching(statement: ParsedStatement<'_>, schema: &Schema) -> Result<Batching, Diagnostic> {
    let (analyzer, query) = analyzed(statement, schema);
    batches::batching(&analyzer, statement, &query, analyzer.target.as_ref())
}

/// Analyzes a statement that may have errors: the result contains the columns and parameters that could be resolved.
pub fn analyze_partly(statement: ParsedStatement<'_>, schema: &Schema) -> TypedQuery {
    let (analyzer, query) = analyzed(statement, schema);
    let known: Vec<bool> = query.targets.iter().map(|target| !target.node.is_error()).collect();
    let mut typed = output::typed_query(analyzer, &query, statement);
    let mut known = known.into_iter();
    typed.columns.retain(|_| known.next().unwrap_or(false));
    typed
}

fn analyzed<'s>(statement: ParsedStatement<'_>, schema: &'s Schema) -> (Analyzer<'s>, Query) {
    let mut analyzer = Analyzer::new(Catalog::now(schema));
    let query = match &statement.kind {
        StatementKind::Utility("EXPLAIN") => analyzer.explain(statement),
        StatementKind::Utility("SHOW") => analyzer.show(statement),
        StatementKind::Utility("CALL") => analyzer.call(statement),
        _ => analyzer.statement(statement.tree),
    };
    // An INSERT inside WITH does not provide the idempotency key, because in a second run the other parts of the
    // statement could still have an effect.
    if !matches!(statement.kind, StatementKind::Insert(_)) {
        analyzer.idempotency = Idempotency::NotAnInsert;
    }
    let query = analyzer.finish_targets(query);
    analyzer.elements_asked_for_null(&query);
    analyzer.warn_excluded(&query);
    analyzer.warn_failures(&query);
    analyzer.warn_not_in(&query);
    analyzer.check_parameters(&query);
    let later = std::mem::take(&mut analyzer.later);
    later.into_iter().for_each(|diagnostic| analyzer.report(diagnostic));
    if !analyzer.diagnostics.has_errors() {
        quoted_parameter::warnings(statement).into_iter().for_each(|warning| analyzer.report(warning));
    }
    (analyzer, query)
}

impl Analyzer<'_> {
    /// Analyzes a statement that is not EXPLAIN, SHOW or CALL.
    fn statement(&mut self, statement: &Statement) -> Query {
        match &statement.kind {
            StatementKind::Query(query) => match query.without_into() {
                // `SELECT … INTO t` is `CREATE TABLE t AS SELECT …`, which returns no columns.
                Some((_, plain)) => {
                    let query = self.query(&plain, None);
                    Query { command: Command::Utility, targets: Vec::new(), ..query }
                }
                None => self.query(query, None),
            },
            StatementKind::Insert(insert) => self.insert(insert, None),
            StatementKind::Update(update) => self.update(update, None),
            StatementKind::Delete(delete) => self.delete(delete, None),
            StatementKind::Merge(merge) => self.merge(merge, None),
            StatementKind::Utility(name @ ("EXECUTE" | "FETCH" | "COPY")) => {
                let what = format!("{name}, whose columns are not known before it runs,");
                self.report(Diagnostic::unsupported(statement.span, what));
                Query::default()
            }
            StatementKind::CreateIndex(index) if index.asynchronous => job(statement.span),
            StatementKind::AlterTable(alter) if alter.asynchronous => job(statement.span),
            // DDL and utility statements return nothing and take no parameters.
            _ => Query { command: Command::Utility, ..Query::default() },
        }
    }
}

/// Returns the description of DSQL's answer to `CREATE INDEX ASYNC` and `ALTER TABLE ASYNC`: one row with the job's id.
fn job(span: Span) -> Query {
    let node = Node::new(oid::TEXT, NodeKind::NeverNull, span);
    let target = TargetEntry { node, name: "job_id".into(), span };
    Query { command: Command::Utility, targets: vec![target], single_row: true, ..Query::default() }
}
