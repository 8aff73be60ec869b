//! Derives the effects of a statement of `sql_unchecked!`.
//!
//! Input: the text of the statement, and the snapshot, if there is one. Output: whether the statement writes, and
//! whether it changes its session.
//!
//! A statement whose answer is lost is retried if the statement only reads. So the compiler must prove that the
//! statement only reads. Without this proof, a SELECT counts as a statement that may write, and any other statement as
//! a write. A leading SELECT is not a proof: a function may write, and a view or a domain may call such a function. The
//! compiler derives the proof in the same way as for `sql!`: it compiles the statement with the snapshot. The types of
//! the parameters are not known at build time, and with other types, a call may refer to another function of the same
//! name, and an operator to another operator. So nothing is proved for a statement that calls a function if the schema
//! also defines a function of the same name, and nothing is proved for any statement if the schema defines operators.

use crate::source::Source;
use crate::syntax::ast::{Expr, ExprKind, Statement, StatementKind};
use crate::syntax::visit::{self, Visit};
use crate::typed::{Effect, SessionEffect};
use crate::{Schema, compile};

/// Returns the effects of the statement on the database and on its session, as far as they are proved.
pub fn unchecked_effects(
    statement: &Statement,
    source: &Source,
    schema: Option<&Schema>,
) -> (Effect, SessionEffect) {
    let known = schema.filter(|schema| schema.operators.is_empty() && !names_own_function(statement, schema));
    let compiled = known.and_then(|schema| compile(source, schema).ok());
    // If the snapshot has a `search_path`, nothing is proved, because only `sql!` checks that the connection has the
    // same path.
    match compiled.filter(|query| query.search_path.is_empty()) {
        // Never `Changes`: `sql_unchecked!` emits one type for all statements, so it cannot restrict a statement to a
        // `Session`.
        Some(query) => (query.effect, query.session.min(SessionEffect::MayChange)),
        None if matches!(statement.kind, StatementKind::Query(_)) => {
            (Effect::MayWrite, SessionEffect::MayChange)
        }
        None => (Effect::Write, SessionEffect::MayChange),
    }
}

fn names_own_function(statement: &Statement, schema: &Schema) -> bool {
    let mut names = OwnFunctions { schema, found: false };
    visit::statement(statement, &mut names);
    names.found
}

struct OwnFunctions<'s> {
    schema: &'s Schema,
    found: bool,
}

impl Visit<'_> for OwnFunctions<'_> {
    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Function(call) = &expr.kind {
            let own = |name: &str| self.schema.functions.iter().any(|it| it.definition.name.name() == name);
            self.found |= own(call.name.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Parsed;

    const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, a text);
        CREATE FUNCTION app(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE VIEW calling AS SELECT app(id) AS a FROM t;";

    fn effects(sql: &str, schema: Option<&Schema>) -> (Effect, SessionEffect) {
        let source = Source::of_macro(sql);
        let parsed = Parsed::script(&source).unwrap();
        unchecked_effects(parsed.only().unwrap().tree, &source, schema)
    }

    #[test]
    fn unchecked_statement_reads_only_if_the_snapshot_proves_it() {
        let schema = Schema::parse(SCHEMA).unwrap();
        for (sql, effect, session) in [
            ("SELECT id, upper(a) FROM t WHERE id = $1", Effect::Read, SessionEffect::Keeps),
            ("SELECT id FROM t ORDER BY id FOR UPDATE", Effect::MayWrite, SessionEffect::Keeps),
            ("SELECT app($1)", Effect::MayWrite, SessionEffect::MayChange),
            // With another parameter type, `lower` is the schema's function.
            ("SELECT lower($1)", Effect::MayWrite, SessionEffect::MayChange),
            ("SELECT a FROM calling", Effect::MayWrite, SessionEffect::MayChange),
            ("SELECT a FROM elsewhere", Effect::MayWrite, SessionEffect::MayChange),
            ("INSERT INTO t (id) VALUES ($1)", Effect::Write, SessionEffect::Keeps),
            ("DELETE FROM elsewhere", Effect::Write, SessionEffect::MayChange),
            ("SET timezone = 'UTC'", Effect::Write, SessionEffect::MayChange),
            ("SHOW timezone", Effect::Read, SessionEffect::Keeps),
        ] {
            assert_eq!(effects(sql, Some(&schema)), (effect, session), "{sql}");
        }
        let elsewhere = Schema::parse(&format!("-- dsql-edge: search_path app, public\n{SCHEMA}")).unwrap();
        assert_eq!(effects("SELECT id FROM t", Some(&elsewhere)).0, Effect::MayWrite);
        assert_eq!(effects("SELECT 1", None), (Effect::MayWrite, SessionEffect::MayChange));
    }
}
