//! Checks the rules of DSQL for `sql!`, the linter, migrations and the local server. The tables of this module list
//! everything that DSQL is known to reject or limit.
//!
//! Input: a statement's tree and its text, and the schema, if known. Output: [`Finding`]s, with DSQL's message and
//! SQLSTATE, the span, and an alternative. The module uses no connection and no clock.
//!
//! The tables are `statements` (rejected by their command words), `clauses`, `types`, `keys`, `functions`,
//! `denied_functions`, `settings`, [`limits`] and [`transaction`]; `allowed` lists the features that DSQL has added,
//! with dates. If sources conflict, the recorded answers of a cluster (September 2026) take precedence.

mod allowed;
mod alter;
mod clauses;
mod ddl;
mod denied_functions;
mod functions;
mod index;
mod index_functions;
mod inside;
mod keys;
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
pub(crate) use inside::{Unread, called, explained, run};
pub use relations::used_tables;
pub use rule::{Finding, Fix, Known, Meaning, Rule};
pub use settings::{PLANNER, SETTABLE};
pub use statement::{findings, findings_within};
pub use transaction::Transactions;
pub(crate) use words::Words;

use crate::schema::Schema;
use crate::syntax::ast::{Statement, TypeName};

/// Returns every rule, table by table.
pub fn tables() -> [(&'static str, &'static [&'static Rule]); 8] {
    [
        ("statements", statements::STATEMENTS),
        ("clauses of schema statements", clauses::DDL),
        ("clauses of queries", clauses::QUERIES),
        ("types", types::TYPES),
        ("columns of keys", keys::KEYS),
        ("settings", settings::SETTINGS),
        ("limits", limits::LIMITS),
        ("transactions", transaction::TRANSACTIONS),
    ]
}

/// Returns the types that columns may have, as messages name them, and whether a key or an index may contain them.
pub fn column_types() -> impl Iterator<Item = (&'static str, bool)> {
    types::of_columns()
}

/// Whether a key may contain columns of a type; `false` for a type that the schema creates.
pub fn is_in_keys(ty: &TypeName) -> bool {
    types::is_in_keys(ty)
}

/// Returns the functions that DSQL does not have, and the alternatives.
pub fn refused_functions() -> &'static [(&'static str, &'static str)] {
    functions::refused()
}

/// Returns the functions that do more than compute a value from rows, and for which no answer of a cluster is known,
/// each with its alternative.
pub fn denied_functions() -> impl Iterator<Item = (&'static str, &'static str)> {
    denied_functions::all()
}

/// Finds casts to types that do not exist in a completely known schema. The analyzer itself reports such casts in the
/// statements that it analyzes, so this function is for other statements.
pub fn unknown_casts(statement: &Statement, schema: &Schema) -> Vec<Finding> {
    let mut out = Vec::new();
    query::unknown_casts(statement, schema, &mut out);
    out
}

/// Returns the ids of the rules that the statements in `sql` break; each statement is checked as if it were the first
/// in its session.
#[cfg(test)]
fn refused(sql: &str) -> Vec<String> {
    let source = crate::Source::numbered(sql);
    let parsed = crate::syntax::Parsed::script(&source).unwrap();
    let found = parsed.iter().flat_map(|statement| findings(statement, None));
    found.map(|finding| finding.rule.id.to_owned()).collect()
}
