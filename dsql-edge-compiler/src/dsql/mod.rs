//! What DSQL refuses or limits: one set of tables for `sql!`, the linter, migrations and the local server.
//!
//! Input: a statement's tree and its text, and the schema where it is known. Output: [`Finding`]s, with DSQL's own
//! words and SQLSTATE, the place, and what to write instead. Pure: no connection, no clock.
//!
//! The tables are `statements` (refused by their command words), `clauses`, `types`, `functions`, `settings`,
//! [`limits`] and [`transaction`]; `allowed` has what DSQL has come to take, and when. Where sources conflict,
//! what a cluster was recorded to answer (September 2026) wins.

mod allowed;
mod alter;
mod clauses;
mod ddl;
mod functions;
mod inside;
pub mod limits;
mod query;
mod relations;
mod rule;
mod settings;
mod statements;
pub mod transaction;
mod types;
mod words;

pub use allowed::{Allowed, allowed};
pub use relations::used_tables;
pub use rule::{Finding, Fix, Known, Meaning, Rule};
pub use settings::SETTABLE;
pub use transaction::Transactions;
pub(crate) use words::Words;

use crate::schema::Schema;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Statement, StatementKind, TypeName};

/// Every rule, table by table.
pub fn tables() -> [(&'static str, &'static [&'static Rule]); 7] {
    [
        ("statements", statements::STATEMENTS),
        ("clauses of schema statements", clauses::DDL),
        ("clauses of queries", clauses::QUERIES),
        ("types", types::TYPES),
        ("settings", settings::SETTINGS),
        ("limits", limits::LIMITS),
        ("transactions", transaction::TRANSACTIONS),
    ]
}

/// The types that columns may have, as messages name them, and whether a key or an index may hold them.
pub fn column_types() -> impl Iterator<Item = (&'static str, bool)> {
    types::of_columns()
}

/// Whether a key may hold columns of a type; false for a type that the schema creates.
pub fn is_in_keys(ty: &TypeName) -> bool {
    types::is_in_keys(ty)
}

/// The functions that DSQL does not have, and what to do instead.
pub fn refused_functions() -> &'static [(&'static str, &'static str)] {
    functions::refused()
}

/// The rules that a statement breaks by itself, in DSQL's order.
pub fn findings(statement: ParsedStatement<'_>, schema: Option<&Schema>) -> Vec<Finding> {
    findings_inside(statement, schema, 0)
}

/// The same for a statement in the bodies of `level` functions.
fn findings_inside(statement: ParsedStatement<'_>, schema: Option<&Schema>, level: usize) -> Vec<Finding> {
    let mut out = Vec::new();
    match &statement.kind {
        // The most frequent by far: their words are not looked at.
        StatementKind::Query(query) => out.extend(query::into(query)),
        StatementKind::Update(_) | StatementKind::Delete(_) => {}
        StatementKind::Insert(insert) => limits::inserted(insert, &mut out),
        StatementKind::Merge(merge) => {
            return vec![Finding { whole: true, ..statements::merge.at(merge.span) }];
        }
        _ => {
            let words = Words::of(statement);
            if let Some(finding) = statements::refused(&words) {
                return vec![Finding { whole: true, ..finding }];
            }
            by_kind(statement, &words, schema, &mut out);
            if let StatementKind::CreateFunction(function) = &statement.kind {
                inside::body(function, statement, level, &mut out);
            }
        }
    }
    query::queries(statement.tree, schema, &mut out);
    if let Some(whole) = out.iter().position(|finding| finding.whole) {
        return vec![out.swap_remove(whole)];
    }
    out
}

/// The same, and types of columns that a schema does not have of which all is known.
pub fn findings_within(statement: ParsedStatement<'_>, schema: &Schema) -> Vec<Finding> {
    let mut out = findings(statement, Some(schema));
    if !out.iter().any(|finding| finding.whole) {
        ddl::unknown_types(&statement.kind, schema, &mut out);
    }
    out
}

/// Casts to types that a schema does not have of which all is known: the analyzer's to find, where there is one.
pub fn unknown_casts(statement: &Statement, schema: &Schema) -> Vec<Finding> {
    let mut out = Vec::new();
    query::unknown_casts(statement, schema, &mut out);
    out
}

fn by_kind(
    statement: ParsedStatement<'_>,
    words: &Words<'_>,
    schema: Option<&Schema>,
    out: &mut Vec<Finding>,
) {
    let whole = |finding| Finding { whole: true, ..finding };
    match &statement.kind {
        StatementKind::CreateTable(table) => ddl::table(table, words, out),
        StatementKind::CreateTableAs(table) => out.push(whole(ddl::table_as(table, words))),
        StatementKind::CreateView(view) => ddl::view(view, words, out),
        StatementKind::CreateIndex(index) => ddl::index(index, words, out),
        StatementKind::CreateSequence(sequence) => ddl::sequence(sequence, statement.span, words, out),
        StatementKind::CreateType(new) => out.push(whole(ddl::new_type(new, words))),
        StatementKind::CreateFunction(function) => ddl::function(function, words, out),
        StatementKind::CreateDomain(domain) => {
            out.extend(ddl::temporary_object("CREATE DOMAIN", &domain.name));
            out.extend(types::domain(&domain.type_name));
        }
        StatementKind::CreateSchema(created) => {
            for element in &created.elements {
                out.extend(findings(ParsedStatement { tree: element, ..statement }, schema));
            }
        }
        StatementKind::AlterTable(table) => alter::alter(table, statement.span, words, schema, out),
        StatementKind::Set(set) => out.extend(settings::set(set, words)),
        StatementKind::Utility("EXPLAIN") => {
            if let Some(inner) = inside::explained(statement) {
                out.extend(inner.iter().flat_map(|inner| findings(inner, schema)));
            }
        }
        StatementKind::Utility("COPY") => {
            if let Some(inner) = inside::run(statement) {
                out.extend(inner.iter().flat_map(|inner| findings(inner, schema)));
            }
        }
        StatementKind::Utility("CALL") => out.extend(functions::procedure(words)),
        StatementKind::Utility(_) => out.extend(settings::passed_over(words)),
        _ => {}
    }
}

/// The rules that a text breaks, statement by statement, each as in a session of its own.
#[cfg(test)]
fn refused(sql: &str) -> Vec<String> {
    let source = crate::Source::numbered(sql);
    let parsed = crate::syntax::Parsed::script(&source).unwrap();
    let found = parsed.iter().flat_map(|statement| findings(statement, None));
    found.map(|finding| finding.rule.id.to_owned()).collect()
}
