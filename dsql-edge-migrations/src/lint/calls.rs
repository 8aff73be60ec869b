//! Decides whether a name before a parenthesis is a function, a relation or an alias.
//!
//! Input: tokens. Output: whether the name is a PostgreSQL function that does not run SQL, a relation, or an alias.

use dsql_edge_compiler::builtin;
use dsql_edge_compiler::schema::is_value_function;
use dsql_edge_compiler::syntax::ast::StatementKind;
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};

/// PostgreSQL's functions that run SQL or change settings.
const RUN_SQL: &[&str] = &[
    "cursor_to_xml",
    "database_to_xml",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "schema_to_xml",
    "set_config",
    "table_to_xml",
    "ts_rewrite",
    "ts_stat",
];

/// Whether a name before a parenthesis is a type, a PostgreSQL function that does not run SQL, or an extension's
/// function that only computes a value.
pub(super) fn is_postgres(name: &str) -> bool {
    let is_function = builtin::functions(name).next().is_some() && !RUN_SQL.contains(&name);
    is_function || builtin::type_by_name(name).is_some() || is_value_function(name)
}

/// Whether a name before a parenthesis is a relation with its columns (`INSERT INTO t (a)`), or an access method
/// (`USING btree (a)`).
pub(super) fn is_relation(statement: &StatementKind, tokens: &[Token], at: usize) -> bool {
    let mut first = at;
    while first >= 2 && tokens.get(first - 1).is_some_and(|it| it.kind == TokenKind::Symbol(b'.')) {
        first -= 2;
    }
    let before = first.checked_sub(1).and_then(|before| tokens.get(before));
    let Some(TokenKind::Keyword(before)) = before.map(|token| &token.kind) else { return false };
    match before {
        Keyword::Into
        | Keyword::References
        | Keyword::Table
        | Keyword::View
        | Keyword::Exists
        | Keyword::Only
        | Keyword::Copy => true,
        Keyword::On | Keyword::Using => matches!(statement, StatementKind::CreateIndex(_)),
        _ => false,
    }
}

/// Whether a parenthesis contains the columns of an alias (`AS t (a, b)`) or of a query (`WITH t (a) AS`).
pub(super) fn is_alias(before: Option<&Token>) -> bool {
    before.is_some_and(|before| match &before.kind {
        TokenKind::Keyword(keyword) => {
            matches!(keyword, Keyword::As | Keyword::With | Keyword::Recursive | Keyword::Over)
        }
        TokenKind::Symbol(symbol) => *symbol == b')',
        TokenKind::Identifier(_) => true,
        _ => false,
    })
}

/// Whether a function is in DSQL's schema `sys`: `sys.wait_for_job(…)`.
pub(super) fn is_own_of_dsql(tokens: &[Token], at: usize) -> bool {
    let schema = at.checked_sub(2).and_then(|at| tokens.get(at));
    schema.is_some_and(|schema| matches!(&schema.kind, TokenKind::Identifier(name) if name == "sys"))
}
