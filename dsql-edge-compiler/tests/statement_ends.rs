//! Tests that a script is split where PostgreSQL splits it: the semicolons of a `BEGIN ATOMIC` body do not end the
//! statement.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dsql_edge_compiler::Source;
use dsql_edge_compiler::syntax::Parsed;

#[test]
fn keyword_as_a_name_does_not_open_or_close_a_body() {
    for body in [
        "SELECT 1; SELECT 2",
        "SELECT 1 AS end; SELECT 2",
        "SELECT 1 AS case; SELECT 2",
        "SELECT t.end FROM t; SELECT t.case FROM t",
        "SELECT CASE WHEN true THEN 1 END AS end; SELECT 2",
        "SELECT CASE WHEN true THEN CASE WHEN true THEN 1 END END; SELECT 2",
    ] {
        let text = format!("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC {body}; END; TRUNCATE a;");
        let source = Source::script(text.as_str());
        let parsed = Parsed::script(&source).unwrap();
        assert_eq!(parsed.statements.len(), 2, "{text}");
    }
}

#[test]
fn keyword_outside_a_body_does_not_hide_a_semicolon() {
    for statement in ["ALTER ROLE atomic CREATEDB", "ALTER TABLE t RENAME CONSTRAINT atomic TO begin"] {
        let source = Source::script(format!("{statement}; TRUNCATE a;"));
        let parsed = Parsed::script(&source).unwrap();
        assert_eq!(parsed.statements.len(), 2, "{statement}");
    }
}
