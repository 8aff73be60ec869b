//! Finds the positions in a file at which statements may run that `lint` does not read.
//!
//! Input: a file. Output: a warning for each such position. A command of psql may run a shell or another file. A
//! function may change the schema or rows, and this change is then a part of the transaction that calls the function.
//! If a file changes how PostgreSQL reads backslashes in literals, a literal may end at another position than `lint`
//! assumes.

use crate::allow_comment::is_allowed;
use dsql_edge_compiler::builtin;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::TokenKind;
use dsql_edge_compiler::syntax::{Parsed, PsqlCommand};

use super::calls::{is_alias, is_own_of_dsql, is_postgres, is_relation};
use super::effects::Change;
use super::finding::Finding;
use super::psql::is_harmless;
use super::read::read;
use super::run::Run;
use super::script::Script;
use super::sent::Sent;
use super::strings::first_change;

/// A position at which statements may run that `lint` does not read.
struct Place {
    span: Span,
    statement: Span,
    /// The rest of the message that begins with "lint does not follow".
    message: String,
    hint: &'static str,
    /// Whether the statements that may run can change rows, but not the schema.
    only_rows: bool,
}

/// Returns the warnings for a file.
pub(super) fn warnings(script: &Script<'_>) -> Vec<Finding> {
    let of = |place: Place| {
        let message = format!("lint does not follow {}", place.message);
        let diagnostic = Diagnostic::warning(Code::UnfollowedStatement, place.span, message);
        let diagnostic = diagnostic.with_hint(place.hint);
        Finding { diagnostic, rule: None, fix: None, statement: place.statement }
    };
    places(script).into_iter().map(of).collect()
}

/// Returns the positions at which the schema may change although the SQL does not show this, each with the index of its
/// file. The files run one after the other. The result does not contain a position whose warning an `allow` comment
/// suppresses.
pub fn schema_changes(texts: &[&str]) -> Vec<(usize, Diagnostic)> {
    let run = Run::of(texts.iter().copied());
    let of_text = |(at, text): (usize, &&str)| {
        let (parsed, errors) = read(text);
        let unread = errors.iter().map(|error| error.statement).collect();
        let script = Script::new(&parsed, unread, Sent::OneByOne, (&run, at));
        let error = |place: Place| {
            let message = format!("check cannot follow {}", place.message);
            Diagnostic::error(Code::UnfollowedStatement, place.span, message).with_hint(place.hint)
        };
        let is_allowed = |place: &Place| {
            let name = Code::UnfollowedStatement.name();
            is_allowed(text, name, [place.span.start, place.statement.start])
        };
        let places = places(&script).into_iter().filter(|place| !place.only_rows && !is_allowed(place));
        places.map(|place| (at, error(place))).collect::<Vec<_>>()
    };
    texts.iter().enumerate().flat_map(of_text).collect()
}

fn places(script: &Script<'_>) -> Vec<Place> {
    let parsed = script.parsed;
    let commands = parsed.tokens.commands.iter().filter_map(|it| command(it, parsed, script));
    let mut out: Vec<Place> = commands.collect();
    let statements = script.statements();
    out.extend(statements.iter().filter_map(|statement| called(script, statement)));
    out.extend(first_change(parsed).map(other_strings));
    out
}

fn command(command: &PsqlCommand, parsed: &Parsed<'_>, script: &Script<'_>) -> Option<Place> {
    let text = command.span.text(&parsed.text);
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let has = |word: &str| words.iter().any(|it| it == word);
    let lint_it = "write the statements that it runs into a separate file, and lint that file";
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
            "in a transaction, DSQL accepts either one DDL statement or changes of rows: copy after COMMIT",
        ),
        "copy" => return None,
        "i" | "include" | "ir" | "include_relative" => {
            ("runs the statements of another file", "lint that file too, in its place")
        }
        "gexec" => ("runs the rows of a query as statements", lint_it),
        "if" => ("runs statements under a condition", "`lint` reads all branches as if each ran"),
        "q" | "quit" => ("ends psql", "`lint` reads the statements after it as if psql ran them"),
        "c" | "connect" => (
            "connects to another database",
            "move the statements after it to a separate file, and lint that file",
        ),
        "set" if !is_harmless(command, &parsed.text) => {
            ("changes where transactions begin and end", "write BEGIN and COMMIT instead")
        }
        "watch" => ("runs the statement again and again", "leave it out"),
        "e" | "edit" | "ef" | "ev" => ("runs statements from an editor", lint_it),
        _ => return None,
    };
    let message = format!("\\{}: it {what}", command.name);
    let only_rows = command.name == "copy" && !has("program");
    Some(Place { span: command.span, statement: command.span, message, hint, only_rows })
}

/// Returns the place of the first call of a function that may change the schema or rows, if the statement has one.
fn called(script: &Script<'_>, statement: &Statement) -> Option<Place> {
    let tokens = script.tokens(statement);
    let runs = match statement.kind {
        StatementKind::Utility("EXPLAIN") => {
            tokens.iter().any(|it| matches!(it.kind, TokenKind::Keyword(Keyword::Analyze | Keyword::Analyse)))
        }
        StatementKind::Query(_)
        | StatementKind::Insert(_)
        | StatementKind::Update(_)
        | StatementKind::Delete(_)
        | StatementKind::CreateTableAs(_)
        | StatementKind::Utility("COPY" | "DECLARE CURSOR") => true,
        _ => false,
    };
    if !runs {
        return None;
    }
    tokens.iter().enumerate().find_map(|(at, token)| {
        let is_called = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Symbol(b'('));
        let TokenKind::Identifier(name) = &token.kind else { return None };
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        // `set_config` changes a setting of the session, and does not run SQL.
        let is_harmless = is_own_of_dsql(tokens, at) || name == "set_config";
        if !is_called || is_harmless || is_relation(&statement.kind, tokens, at) || is_alias(before) {
            return None;
        }
        if is_postgres(name) && !script.defines_function(name) {
            return None;
        }
        let change = script.effects().change_of(name);
        let what = match change {
            Change::Nothing => return None,
            Change::Rows => "whose body changes rows in the transaction of its caller",
            Change::Schema => "whose body changes the schema in the transaction of its caller",
            Change::CallsUnknown => "whose body calls a function that is not in these files",
            Change::Unread => "whose body is not read",
            Change::Unknown if builtin::functions(name).next().is_some() => {
                "which runs SQL that it gets as text"
            }
            Change::Unknown => "which is not in these files, and may change the schema or rows",
        };
        let message = format!("{name}(), {what}");
        let hint = "write the statements of the function themselves, or allow this place: \
                    -- dsql-edge: allow unfollowed-statement";
        let only_rows = change == Change::Rows;
        Some(Place { span: token.span, statement: statement.span, message, hint, only_rows })
    })
}

/// Describes a position after which string literals may end elsewhere than `lint` assumes.
fn other_strings(place: Span) -> Place {
    let message =
        "the literals after this, which may end elsewhere: PostgreSQL may read a backslash as an escape"
            .to_owned();
    let hint = "leave it out: DSQL reads '\\' as a character, and E'\\n' as an escape; --fix changes nothing in this \
                file, nor in those after it";
    Place { span: place, statement: place, message, hint, only_rows: false }
}
