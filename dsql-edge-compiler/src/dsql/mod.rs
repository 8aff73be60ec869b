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
mod named_functions;
mod query;
mod relations;
mod rule;
mod settings;
mod statement;
mod statements;
pub mod transaction;
mod types;
mod words;

pub use allowed::{Allowed, allowed};
pub use relations::used_tables;
pub use rule::{Finding, Fix, Known, Meaning, Rule};
pub use settings::SETTABLE;
pub use statement::{findings, findings_within};
pub use transaction::Transactions;
pub(crate) use words::Words;

use crate::schema::Schema;
use crate::syntax::ast::{Statement, TypeName};

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

/// Casts to types that a schema does not have of which all is known: the analyzer's to find, where there is one.
pub fn unknown_casts(statement: &Statement, schema: &Schema) -> Vec<Finding> {
    let mut out = Vec::new();
    query::unknown_casts(statement, schema, &mut out);
    out
}

/// The rules that a text breaks, statement by statement, each as in a session of its own.
#[cfg(test)]
fn refused(sql: &str) -> Vec<String> {
    let source = crate::Source::numbered(sql);
    let parsed = crate::syntax::Parsed::script(&source).unwrap();
    let found = parsed.iter().flat_map(|statement| findings(statement, None));
    found.map(|finding| finding.rule.id.to_owned()).collect()
}
