//! Names what `lint` cannot follow: statements that run where it does not look.
//!
//! Input: a file. Output: a warning for each place. A command of psql may run a shell or another file. A function may
//! change the schema or rows, and its caller's transaction then has that change too. A file that changes how PostgreSQL
//! reads backslashes in literals has another end of each literal than the one that `lint` reads.

use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};
use dsql_edge_compiler::syntax::{Parsed, PsqlCommand};
use dsql_edge_compiler::{Source, builtin};

use super::calls::{is_alias, is_own_of_dsql, is_postgres, is_relation};
use super::finding::Finding;
use super::script::{Script, is_harmless};

const STRINGS: &str = "standard_conforming_strings";

/// The warnings for a file.
pub(super) fn warnings(script: &Script<'_>) -> Vec<Finding> {
    let parsed = script.parsed;
    let commands = parsed.tokens.commands.iter().filter_map(|it| command(it, parsed, script));
    let mut out: Vec<Finding> = commands.collect();
    let statements = script.statements();
    out.extend(statements.iter().filter_map(|statement| called(script, statement)));
    out.extend(other_strings(parsed));
    out
}

fn warning(span: Span, statement: Span, message: String, hint: &str) -> Finding {
    let diagnostic = Diagnostic::warning(Code::UnfollowedStatement, span, message).with_hint(hint);
    Finding { diagnostic, rule: None, fix: None, statement }
}

fn command(command: &PsqlCommand, parsed: &Parsed<'_>, script: &Script<'_>) -> Option<Finding> {
    let text = command.span.text(&parsed.text);
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let has = |word: &str| words.iter().any(|it| it == word);
    let lint_it = "lint the statements that it runs as a file of their own";
    let (what, hint) = match command.name.as_str() {
        _ if text.contains('`') => ("runs a command of the shell", lint_it),
        "!" => ("runs a command of the shell", lint_it),
        "g" | "gx" | "o" | "out" | "w" | "write" if text.contains('|') => {
            ("sends its output to a command of the shell", lint_it)
        }
        "o" | "out" | "w" | "write" => return None,
        "copy" if has("program") => ("runs a command of the shell", lint_it),
        "copy" if has("from") && script.is_in_block(command.span.start) => (
            "writes rows in this transaction",
            "DSQL accepts one DDL statement or changes of rows in a transaction: copy after COMMIT",
        ),
        "copy" => return None,
        "i" | "include" | "ir" | "include_relative" => {
            ("runs the statements of another file", "lint that file too, in its place")
        }
        "gexec" => ("runs the rows of a query as statements", lint_it),
        "if" => ("runs statements under a condition", "`lint` reads all branches as if each ran"),
        "q" | "quit" => ("ends psql", "`lint` reads the statements after it as if they ran"),
        "c" | "connect" => {
            ("connects to another database", "lint the statements after it as a file of their own")
        }
        "set" if !is_harmless(command, &parsed.text) => {
            ("changes where transactions begin and end", "write BEGIN and COMMIT instead")
        }
        "watch" => ("runs the statement again and again", "leave it out"),
        "e" | "edit" | "ef" | "ev" => ("runs statements from an editor", lint_it),
        _ => return None,
    };
    let message = format!("lint does not follow \\{}: it {what}", command.name);
    Some(warning(command.span, command.span, message, hint))
}

/// A statement that calls a function which may change the schema or rows.
fn called(script: &Script<'_>, statement: &Statement) -> Option<Finding> {
    let runs = matches!(
        statement.kind,
        StatementKind::Query(_)
            | StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete(_)
            | StatementKind::CreateTableAs(_)
    );
    if !runs {
        return None;
    }
    let tokens = script.tokens(statement);
    tokens.iter().enumerate().find_map(|(at, token)| {
        let is_called = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Symbol(b'('));
        let TokenKind::Identifier(name) = &token.kind else { return None };
        if !is_called || is_relation(&statement.kind, tokens, at) || is_alias(tokens.get(at.checked_sub(1)?))
        {
            return None;
        }
        let what = match script.definition(name) {
            Some(definition) => changes(script, definition)?,
            // It changes a setting of the session, and runs nothing.
            None if name == "set_config" => return None,
            None if is_postgres(name) || is_own_of_dsql(tokens, at) => return None,
            None if builtin::functions(name).next().is_some() => "which runs SQL that it gets as text",
            None => "which is not in these files, and may change the schema or rows",
        };
        let message = format!("lint does not follow {name}(), {what}");
        let hint = "write the statements of the function themselves, or allow this place: \
                    -- dsql-edge: allow unfollowed-statement";
        Some(warning(token.span, statement.span, message, hint))
    })
}

/// What a function of the script changes, if it changes something.
fn changes(script: &Script<'_>, definition: &Statement) -> Option<&'static str> {
    let tokens = script.tokens(definition);
    let body = tokens.iter().rev().find_map(|token| match &token.kind {
        TokenKind::String(text) => Some(text.as_str()),
        _ => None,
    });
    let parts: Vec<Part> = match body {
        Some(body) => {
            let source = Source::numbered(body);
            let Ok(parsed) = Parsed::script(&source) else { return Some("whose body is not read") };
            parsed.iter().map(part).collect()
        }
        // `BEGIN ATOMIC` and RETURN accept no DDL.
        None => {
            let writes = tokens.iter().any(|token| {
                matches!(token.kind, TokenKind::Keyword(Keyword::Insert | Keyword::Update | Keyword::Delete))
            });
            if writes { vec![Part::Dml] } else { Vec::new() }
        }
    };
    if parts.contains(&Part::Ddl) {
        Some("whose body changes the schema in the transaction of its caller")
    } else if parts.contains(&Part::Dml) {
        Some("whose body changes rows in the transaction of its caller")
    } else {
        None
    }
}

/// The first place of a file that may change how PostgreSQL reads backslashes in literals.
fn other_strings(parsed: &Parsed<'_>) -> Option<Finding> {
    let mut places: Vec<Span> = Vec::new();
    for statement in &parsed.statements {
        let is_standard = match &statement.kind {
            StatementKind::Set(set) => {
                set.name.eq_ignore_ascii_case(STRINGS)
                    && matches!(set.values.as_slice(), [value] if matches!(value.to_ascii_lowercase().as_str(), "on" | "true" | "1" | "yes"))
            }
            StatementKind::Utility(words) => *words == "SHOW",
            _ => false,
        };
        if !is_standard {
            let names = |it: &&Token| match &it.kind {
                TokenKind::Identifier(text) | TokenKind::String(text) => mentions(text),
                _ => false,
            };
            places.extend(parsed.tokens.within(statement.span).iter().find(names).map(|_| statement.span));
        }
    }
    let commands = parsed.tokens.commands.iter().map(|command| command.span);
    places.extend(commands.filter(|span| mentions(span.text(&parsed.text))));
    let first = places.into_iter().min_by_key(|span| span.start)?;
    let message =
        "a literal after this may end elsewhere than lint reads it: PostgreSQL may read its backslashes as escapes".to_owned();
    let hint = "leave it out: DSQL reads '\\' as a character, and E'\\n' as an escape; --fix changes nothing in this file";
    Some(warning(first, first, message, hint))
}

/// Whether a file may have literals that end elsewhere, so that no rewrite of it is safe.
pub(super) fn has_other_strings(parsed: &Parsed<'_>) -> bool {
    other_strings(parsed).is_some()
}

fn mentions(text: &str) -> bool {
    text.to_ascii_lowercase().contains(STRINGS)
}
