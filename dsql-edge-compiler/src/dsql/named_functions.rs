//! Finds functions that DSQL does not have and whose names are in the tokens of a statement, but not in an expression
//! of its tree.
//!
//! Input: a statement. Output: the functions that the statement calls, directly or by an operator or a cast, although
//! no expression of the syntax tree contains their names. `syntax::visit` finds the functions in expressions.
//!
//! In these tokens, a name is a function if arguments follow the name, or if the words before it require a function:
//! `FUNCTION = f`, `WITH FUNCTION f`, `HANDLER f`. Statements that only name a function as an object (`GRANT … ON
//! FUNCTION f(int)`, `DROP`, `COMMENT`) are not checked.

use super::{Finding, functions};
use crate::syntax::ParsedStatement;
use crate::syntax::ast::StatementKind;
use crate::syntax::token::{Token, TokenKind};

/// The words that precede the name of a function in a definition.
const BEFORE_FUNCTION: &[&str] = &["FUNCTION", "PROCEDURE", "HANDLER", "VALIDATOR", "INLINE", "SUPPORT"];

/// Searches the words of a statement for functions that DSQL does not have.
pub(super) fn named(statement: ParsedStatement<'_>, out: &mut Vec<Finding>) {
    let Some(tokens) = passed_over(statement) else { return };
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = function(statement.text, tokens, at, token) else { continue };
        out.extend(functions::by_name(name, token.span));
    }
}

/// Returns those tokens of a statement that may contain the name of a function outside the expressions of the tree.
fn passed_over<'p>(statement: ParsedStatement<'p>) -> Option<&'p [Token]> {
    let tokens = statement.own_tokens();
    let behind = |end: u32| tokens.get(tokens.partition_point(|token| token.span.start < end)..);
    let behind_word = |word: &str| {
        let at = tokens.iter().position(|token| is_word(statement.text, token, word))?;
        tokens.get(at + 1..)
    };
    match &statement.kind {
        StatementKind::CreateRule(table) => behind(table.span().end),
        StatementKind::CreateOperator(_) | StatementKind::CreateCast(_) => Some(tokens),
        StatementKind::Utility("COPY") => behind_word("WHERE"),
        StatementKind::Utility(words)
            if *words == "CALL" || words.starts_with("CREATE ") || words.starts_with("ALTER ") =>
        {
            Some(tokens)
        }
        _ => None,
    }
}

/// If this token is the name of a function, without a schema or with the schema `pg_catalog`, returns the name.
fn function<'t>(text: &str, tokens: &'t [Token], at: usize, token: &'t Token) -> Option<&'t str> {
    let before = |count: usize| at.checked_sub(count).and_then(|at| tokens.get(at));
    let is = |token: Option<&Token>, symbol: u8| {
        token.is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    };
    let name = match &token.kind {
        // `SFUNC = 'f'`
        TokenKind::String(name) if is(before(1), b'=') => return Some(name),
        kind => kind.name()?,
    };
    let mut first = 1;
    if is(before(1), b'.') {
        let schema = before(2).and_then(|token| token.kind.name());
        if schema != Some("pg_catalog") || is(before(3), b'.') {
            return None;
        }
        first = 3;
    }
    let defines = |token: &Token| {
        // A number before a name is the number of a support function in an operator class: `FUNCTION 1 f`.
        matches!(token.kind, TokenKind::Symbol(b'=') | TokenKind::Integer(_))
            || BEFORE_FUNCTION.iter().any(|word| is_word(text, token, word))
    };
    // `CREATE CONVERSION c FOR 'x' TO 'y' FROM f`
    let converts = |token: &Token| {
        is_word(text, token, "FROM") && tokens.iter().any(|token| is_word(text, token, "CONVERSION"))
    };
    let called = is(tokens.get(at + 1), b'(');
    let named = before(first).is_some_and(|token| defines(token) || converts(token));
    (called || named).then_some(name)
}

fn is_word(text: &str, token: &Token, word: &str) -> bool {
    token.span.text(text).eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use crate::dsql::refused;

    #[test]
    fn functions_that_a_statement_runs_are_found() {
        for sql in [
            // In these statements, the function's name is in an expression of the syntax tree.
            "ALTER TABLE t ALTER a SET DEFAULT pg_advisory_lock(1)",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (pg_backend_pid() > a) NOT VALID",
            "ALTER TABLE t ADD COLUMN b int CHECK (b > pg_backend_pid())",
            "CREATE TABLE t (a int DEFAULT pg_backend_pid())",
            "CREATE TABLE t (a int GENERATED ALWAYS AS (pg_backend_pid()) STORED)",
            "CREATE TABLE t (a int, CHECK (a > (SELECT pg_catalog.pg_backend_pid())))",
            "CREATE INDEX ASYNC i ON t (a) WHERE a > pg_backend_pid()",
            "CREATE DOMAIN d AS int DEFAULT pg_backend_pid()",
            "CREATE DOMAIN d AS int CHECK (VALUE > pg_backend_pid())",
            "ALTER DOMAIN d SET DEFAULT pg_backend_pid()",
            "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > pg_backend_pid()) NOT VALID",
            "CREATE FUNCTION f(a int DEFAULT pg_backend_pid()) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION f(a int = \"pg_backend_pid\"()) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA s CREATE TABLE t (a int DEFAULT pg_backend_pid())",
            "CREATE VIEW v AS SELECT pg_backend_pid()",
            "EXPLAIN SELECT pg_backend_pid()",
            // In these statements, the function's name is in the tokens, but not in an expression of the syntax tree.
            "CREATE OPERATOR ## (FUNCTION = pg_advisory_lock, RIGHTARG = bigint)",
            "CREATE OPERATOR ## (PROCEDURE = pg_catalog.pg_advisory_lock, RIGHTARG = bigint)",
            "CREATE OPERATOR ## (FUNCTION = 'pg_advisory_lock', RIGHTARG = bigint)",
            "CREATE OPERATOR ## (FUNCTION = f, RIGHTARG = bigint, RESTRICT = pg_advisory_lock)",
            "CREATE CAST (bigint AS text) WITH FUNCTION pg_advisory_lock(bigint)",
            "CREATE OPERATOR CLASS c FOR TYPE bigint USING btree AS FUNCTION 1 pg_advisory_lock(bigint)",
            "CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM pg_advisory_lock",
            "CREATE STATISTICS s ON a, (pg_backend_pid() + b) FROM t",
            "CALL sys.wait_for_job(pg_backend_pid()::text)",
            "COPY t FROM STDIN WHERE a > pg_backend_pid()",
        ] {
            assert!(refused(sql).contains(&"unsupported_function".to_owned()), "{sql}: {:?}", refused(sql));
        }
    }

    #[test]
    fn function_that_is_only_named_is_not_found() {
        for sql in [
            "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO r",
            "COMMENT ON FUNCTION pg_advisory_lock(bigint) IS 'x'",
            "DROP FUNCTION app.pg_advisory_lock(bigint)",
            "CREATE OPERATOR ## (FUNCTION = app.pg_advisory_lock, RIGHTARG = bigint)",
            "CREATE FUNCTION app.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TABLE pg_backend_pid (pg_backend_pid int CHECK (pg_backend_pid > 0))",
            "CREATE STATISTICS pg_backend_pid ON a, b FROM t",
            "CREATE ROLE pg_backend_pid",
            "COPY pg_backend_pid (a) FROM STDIN",
            "CALL app.pg_advisory_lock(1)",
        ] {
            assert_eq!(refused(sql), Vec::<String>::new(), "{sql}");
        }
    }
}
