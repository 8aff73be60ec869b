//! Finds statements that change roles. Roles belong to a whole PostgreSQL, not to one of its databases.
//!
//! Input: one or more SQL statements. Output: whether any of the statements creates, changes or drops a role, or makes
//! a role a member of another; or the names of the created roles. Privileges on objects (`GRANT SELECT ON t TO app`)
//! belong to the database.

use dsql_edge_compiler::Source;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::lex;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};

/// Whether a statement changes roles.
pub(crate) fn changes_roles(statement: ParsedStatement<'_>) -> bool {
    is_of_roles(statement.text, statement.own_tokens())
}

/// Whether a script contains a statement that changes roles, also in the body of a `DO`.
pub(crate) fn script_changes_roles(text: &str) -> bool {
    // Most scripts do not contain such a word, and need no lexer.
    let upper = text.to_ascii_uppercase();
    if !["ROLE", "USER", "GROUP", "GRANT", "REVOKE"].iter().any(|word| upper.contains(word)) {
        return false;
    }
    let lexed = lex(&Source::script(text));
    lexed.tokens.split(|token| token.kind == TokenKind::Symbol(b';')).any(|tokens| {
        let is_do = tokens.first().is_some_and(|first| first.span.text(text).eq_ignore_ascii_case("DO"));
        is_of_roles(text, tokens) || is_do && tokens.iter().any(|token| body_changes_roles(&token.kind))
    })
}

/// The names of the roles that a script creates.
pub fn created_roles(text: &str) -> Vec<String> {
    let lexed = lex(&Source::script(text));
    let statements = lexed.tokens.split(|token| token.kind == TokenKind::Symbol(b';'));
    statements
        .filter_map(|tokens| {
            let [create, role, name, ..] = tokens else { return None };
            let is = |token: &Token, word: &str| token.span.text(text).eq_ignore_ascii_case(word);
            let creates = is(create, "CREATE") && (is(role, "ROLE") || is(role, "USER"));
            let name = name.span.text(text);
            let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
            creates.then(|| unquoted.map_or_else(|| name.to_lowercase(), |name| name.replace("\"\"", "\"")))
        })
        .collect()
}

/// Whether a body in PL/pgSQL contains the words of a statement that changes roles, at any position: the bodies are not
/// parsed.
fn body_changes_roles(body: &TokenKind) -> bool {
    let TokenKind::String(body) = body else { return false };
    let lexed = lex(&Source::numbered(body.as_str()));
    (0..lexed.tokens.len())
        .filter_map(|start| lexed.tokens.get(start..start + 2))
        .any(|two| is_command(&words(body, two)))
}

fn words(text: &str, tokens: &[Token]) -> Vec<String> {
    tokens.iter().map(|token| token.span.text(text).to_ascii_uppercase()).collect()
}

fn is_of_roles(text: &str, tokens: &[Token]) -> bool {
    let first = words(text, tokens.get(..3).unwrap_or(tokens));
    let is_mapping = first.get(2).is_some_and(|word| word == "MAPPING");
    let is_membership = matches!(first.first().map(String::as_str), Some("GRANT" | "REVOKE"))
        && !tokens.iter().any(|token| token.span.text(text).eq_ignore_ascii_case("ON"));
    is_command(&first) && !is_mapping || is_membership
}

fn is_command(words: &[String]) -> bool {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    matches!(word(0), "CREATE" | "ALTER" | "DROP") && matches!(word(1), "ROLE" | "USER" | "GROUP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_roles_are_named_as_postgresql_names_them() {
        let text = "CREATE ROLE Worker LOGIN; create user \"A\"\"b\"; DROP ROLE x; SELECT 'CREATE ROLE y'";
        assert_eq!(created_roles(text), ["worker", "A\"b"]);
    }

    #[test]
    fn statements_about_roles_are_found() {
        for (text, expected) in [
            ("CREATE TABLE users (role text); SELECT 1", false),
            ("CREATE TABLE t (id int); CREATE ROLE app WITH LOGIN;", true),
            ("create user app", true),
            ("ALTER ROLE admin SET search_path = a", true),
            ("DROP GROUP app", true),
            ("DROP ROLE IF EXISTS app", true),
            ("GRANT app TO other", true),
            ("REVOKE app FROM other", true),
            ("GRANT SELECT ON t TO app", false),
            ("REVOKE ALL ON SCHEMA s FROM app", false),
            ("CREATE USER MAPPING FOR app SERVER s", false),
            ("-- CREATE ROLE app\nSELECT 'CREATE ROLE app'", false),
            ("DO $$ BEGIN IF true THEN CREATE ROLE app; END IF; END $$", true),
            ("DO $$ BEGIN UPDATE users SET role = 'x'; END $$", false),
            ("AWS IAM GRANT app TO 'arn:aws:iam::1:role/x'", false),
            ("", false),
        ] {
            assert_eq!(script_changes_roles(text), expected, "{text}");
        }
    }
}
