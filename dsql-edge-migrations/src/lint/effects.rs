//! Derives what a file does to the other files of the same run: whether all its effects are known, and which rewrites
//! must not be applied to the other files because of these effects.
//!
//! Input: the readable statements of a file. Output: [`Effects`]. SQL that may run is in statements and in the bodies
//! of functions. A statement of another file may call the functions of this file. A body in SQL is analyzed like a
//! separate file. A body in PL/pgSQL is read token by token, and its effect is unknown if it runs a string (`EXECUTE`).
//! The effect of a call is known if the function is PostgreSQL's and does not run SQL, or if a file of the run defines
//! the function.
//!
//! Example: `CREATE TABLE t (id serial)`, followed by `\i rest.sql`. The other file may contain `OVERRIDING USER
//! VALUE`. With this clause, an identity column stores another number than a column with a default does. So the linter
//! does not offer the rewrite of `serial` in this file. It would not be enough to check the statements that contain the
//! table's name: a view, an older function or a psql variable can reach the table without its name.

use std::collections::{BTreeMap, BTreeSet};

use dsql_edge_compiler::Source;
use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::syntax::ast::{CreateFunction, Set, StatementKind, TableSource};
use dsql_edge_compiler::syntax::keyword::{Class, Keyword};
use dsql_edge_compiler::syntax::token::{Token, TokenKind};
use dsql_edge_compiler::syntax::{Parsed, ParsedStatement, PsqlCommand, lex};

use super::calls::{is_alias, is_own_of_dsql, is_postgres, is_relation};
use super::psql::is_harmless;
use super::strings::changes_strings;

/// Settings at the head of a dump. In DSQL, a setting in this list always has this value, or has no effect.
const SETTINGS: &[(&str, &str)] = &[
    ("check_function_bodies", "false"),
    ("client_min_messages", "warning"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("default_toast_compression", "pglz"),
    ("idle_in_transaction_session_timeout", "0"),
    ("lock_timeout", "0"),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("transaction_timeout", "0"),
    ("xmloption", "content"),
];

/// The maximum nesting depth of function bodies: a body may create a function, which has a body too.
const MOST_BODIES: usize = 8;

/// PL/pgSQL words that a parenthesis may follow, and that are not keywords of SQL.
const WORDS_OF_PLPGSQL: &[&str] =
    &["assert", "elseif", "elsif", "foreach", "perform", "raise", "slice", "while"];

/// SQL keywords after which a parenthesis may follow, and which may be names of functions in other contexts.
const BEFORE_PARENTHESES: &[Keyword] = &[
    Keyword::By,
    Keyword::Columns,
    Keyword::Cube,
    Keyword::Filter,
    Keyword::Include,
    Keyword::Key,
    Keyword::Materialized,
    Keyword::Over,
    Keyword::Range,
    Keyword::Rollup,
    Keyword::Set,
    Keyword::Sets,
];

/// The changes that a function makes as a part of its caller's transaction, as far as they are known. The variants are
/// ordered; for a function that makes several changes, the greatest of these variants is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    #[default]
    Nothing,
    Rows,
    Schema,
    /// The body of the function calls a function that no file defines.
    CallsUnknown,
    /// This module does not read the body of the function.
    Unread,
    /// No file defines the function.
    Unknown,
}

/// The effects of all functions that have the same name.
#[derive(Clone, Default)]
struct Function {
    /// The change that the functions make with the statements in their own bodies, without the functions that they
    /// call.
    change: Change,
    /// The names of the functions that the bodies call; PostgreSQL's functions are not included.
    calls: BTreeSet<String>,
}

/// The combined effects of several files.
#[derive(Default)]
pub(super) struct Effects {
    /// Whether the files run something whose effect is unknown.
    is_unknown: bool,
    /// The functions that the files call, apart from PostgreSQL's.
    calls: BTreeSet<String>,
    /// The functions that the files define, by name.
    defines: BTreeMap<String, Function>,
    /// Whether a string literal may end at another position than `lint` assumes.
    pub(super) changes_strings: bool,
    /// Whether the files have `OVERRIDING USER VALUE`. With this clause, an INSERT ignores the given value of an
    /// identity column, but stores the given value of a column with a default.
    pub(super) overrides_user_values: bool,
    /// Whether the files add CYCLE to an existing sequence. Such a sequence begins again after its last value, and the
    /// last value depends on the sequence's type.
    pub(super) cycles_later: bool,
    /// The settings on which the files depend, or which the files set to other values.
    settings: BTreeSet<&'static str>,
}

impl Effects {
    /// Returns the effects of a file. `is_read` is true if every statement of the file can be read.
    pub(super) fn of(parsed: &Parsed<'_>, is_read: bool) -> Effects {
        let mut found =
            Effects { is_unknown: !is_read, changes_strings: changes_strings(parsed), ..Effects::default() };
        let is_known = |it: &PsqlCommand| is_harmless(it, &parsed.text) || copies_file(it, &parsed.text);
        found.is_unknown |= !parsed.tokens.commands.iter().all(is_known);
        parsed.iter().for_each(|statement| found.add(statement, 0));
        found
    }

    /// Adds the effects of another file.
    pub(super) fn extend(&mut self, other: &Effects) {
        self.is_unknown |= other.is_unknown;
        self.changes_strings |= other.changes_strings;
        self.overrides_user_values |= other.overrides_user_values;
        self.cycles_later |= other.cycles_later;
        self.calls.extend(other.calls.iter().cloned());
        other.defines.iter().for_each(|(name, function)| self.define(name, function));
        self.settings.extend(&other.settings);
    }

    /// Whether everything that the files run is known.
    pub(super) fn is_known(&self) -> bool {
        !self.is_unknown && self.calls.iter().all(|name| self.defines.contains_key(name))
    }

    /// Returns the changes that a function makes, including the changes of the functions that it calls.
    pub(super) fn change_of(&self, name: &str) -> Change {
        let Some(function) = self.defines.get(name) else { return Change::Unknown };
        let (mut change, mut seen) = (function.change, BTreeSet::from([name]));
        let mut rest: Vec<&str> = function.calls.iter().map(String::as_str).collect();
        while let Some(name) = rest.pop() {
            if !seen.insert(name) {
                continue;
            }
            let Some(function) = self.defines.get(name) else {
                change = change.max(Change::CallsUnknown);
                continue;
            };
            change = change.max(function.change);
            rest.extend(function.calls.iter().map(String::as_str));
        }
        change
    }

    fn define(&mut self, name: &str, function: &Function) {
        let known = self.defines.entry(name.to_owned()).or_default();
        known.change = known.change.max(function.change);
        known.calls.extend(function.calls.iter().cloned());
    }

    /// Whether the files have the same effect without a setting.
    pub(super) fn is_needless(&self, set: &Set) -> bool {
        is_default(set) && !self.settings.contains(set.name.as_str())
    }

    fn add(&mut self, statement: ParsedStatement<'_>, level: usize) {
        let tokens = statement.own_tokens();
        self.is_unknown |= is_unknown(&statement.kind, tokens);
        self.add_settings(statement);
        self.add_code(&statement.kind, tokens);
        if let StatementKind::CreateFunction(function) = &statement.kind {
            self.settings.insert("check_function_bodies");
            let mut own = Effects::default();
            let change = own.add_body(function, statement, level);
            self.define(function.name.name(), &Function { change, calls: own.calls.clone() });
            self.extend(&own);
        }
    }

    fn add_settings(&mut self, statement: ParsedStatement<'_>) {
        let names = SETTINGS.iter().map(|(name, _)| *name);
        match &statement.kind {
            StatementKind::Set(set) if is_default(set) => {}
            StatementKind::Set(set) => self.settings.extend(names.filter(|name| *name == set.name)),
            StatementKind::CreateFunction(_) => {
                let text = statement.span.text(statement.text).to_ascii_lowercase();
                self.settings.extend(names.filter(|name| text.contains(name)));
            }
            _ => self.settings.extend(statement.own_tokens().iter().filter_map(|token| match &token.kind {
                TokenKind::Identifier(text) | TokenKind::String(text) => {
                    names.clone().find(|name| name.eq_ignore_ascii_case(text))
                }
                _ => None,
            })),
        }
    }

    /// Adds the effects of tokens.
    fn add_code(&mut self, kind: &StatementKind, tokens: &[Token]) {
        let is = |at: Option<usize>, keyword| {
            at.and_then(|at| tokens.get(at)).is_some_and(|it| it.kind == TokenKind::Keyword(keyword))
        };
        let creates = matches!(
            kind,
            StatementKind::CreateTable(_) | StatementKind::CreateSequence(_) | StatementKind::Query(_)
        );
        for (at, token) in tokens.iter().enumerate() {
            match &token.kind {
                TokenKind::Keyword(Keyword::Overriding) if !is(Some(at + 1), Keyword::System) => {
                    self.overrides_user_values = true;
                }
                TokenKind::Keyword(Keyword::Cycle) if !is(at.checked_sub(1), Keyword::No) && !creates => {
                    self.cycles_later = true;
                }
                _ => {}
            }
            if let Some(name) = called(kind, tokens, at) {
                self.calls.insert(name.to_owned());
            }
        }
    }

    /// Adds the effects of the statements in a function's body; returns the change that these statements make.
    fn add_body(
        &mut self,
        function: &CreateFunction,
        statement: ParsedStatement<'_>,
        level: usize,
    ) -> Change {
        if function.aggregate.is_some() {
            return Change::Nothing;
        }
        let tokens = statement.own_tokens();
        let Some(body) = body(tokens) else {
            // A body that is not a literal (`BEGIN ATOMIC` or RETURN) can change rows, but not the schema: PostgreSQL
            // does not accept DDL in it.
            self.add_code(&statement.kind, tokens);
            let writes = [Keyword::Insert, Keyword::Update, Keyword::Delete];
            let is_write = |it: &Token| writes.iter().any(|keyword| it.kind == TokenKind::Keyword(*keyword));
            return if tokens.iter().any(is_write) { Change::Rows } else { Change::Nothing };
        };
        let source = Source::numbered(body);
        match (function.language.as_deref().unwrap_or("sql"), Parsed::script(&source)) {
            ("sql", Ok(parsed)) if level < MOST_BODIES => {
                parsed.iter().for_each(|statement| self.add(statement, level + 1));
                let of = |statement| match part(statement) {
                    Part::Ddl => Change::Schema,
                    Part::Dml => Change::Rows,
                    _ => Change::Nothing,
                };
                parsed.iter().map(of).max().unwrap_or_default()
            }
            ("plpgsql", _) => {
                let lexed = lex(&source);
                let runs_text = |it: &Token| it.kind == TokenKind::Keyword(Keyword::Execute);
                self.is_unknown |= lexed.error.is_some() || lexed.tokens.iter().any(runs_text);
                self.add_code(&StatementKind::Utility("DO"), &lexed.tokens);
                Change::Unread
            }
            _ => {
                self.is_unknown = true;
                Change::Unread
            }
        }
    }
}

/// Returns the literal after AS.
fn body(tokens: &[Token]) -> Option<&str> {
    tokens.windows(2).rev().find_map(|pair| match pair {
        [
            Token { kind: TokenKind::Keyword(Keyword::As), .. },
            Token { kind: TokenKind::String(text), .. },
        ] => Some(text.as_str()),
        _ => None,
    })
}

/// Whether a statement only sets one of the settings to the value that the setting always has in DSQL.
fn is_default(set: &Set) -> bool {
    set.values.len() == 1 && SETTINGS.contains(&(set.name.as_str(), set.values[0].as_str()))
}

/// Whether a psql command is a `\copy` that does not run a program.
fn copies_file(command: &PsqlCommand, text: &str) -> bool {
    command.name == "copy" && !command.span.text(text).to_ascii_lowercase().contains("program")
}

/// Whether a statement runs SQL that is not a part of the statement.
fn is_unknown(kind: &StatementKind, tokens: &[Token]) -> bool {
    let has = |keyword| tokens.iter().any(|token| token.kind == TokenKind::Keyword(keyword));
    match kind {
        StatementKind::Utility(
            "DO" | "EXECUTE" | "PREPARE" | "DISCARD" | "IMPORT FOREIGN SCHEMA" | "LOAD" | "REASSIGN OWNED",
        ) => true,
        StatementKind::Utility("EXPLAIN") => has(Keyword::Execute),
        StatementKind::Utility("COPY") => has(Keyword::Program),
        StatementKind::CreateTableAs(table) => matches!(table.source, TableSource::Execute(_)),
        _ => false,
    }
}

/// Returns the function that is called at a token, unless it is a PostgreSQL function that does not run SQL.
fn called<'t>(kind: &StatementKind, tokens: &'t [Token], at: usize) -> Option<&'t str> {
    let is_definition = matches!(
        kind,
        StatementKind::Drop(_)
            | StatementKind::AlterFunction(_)
            | StatementKind::Utility("COMMENT" | "GRANT" | "REVOKE")
    );
    let is_called = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Symbol(b'('));
    if is_definition || !is_called || is_relation(kind, tokens, at) || is_own_of_dsql(tokens, at) {
        return None;
    }
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let name = match &tokens.get(at)?.kind {
        TokenKind::Identifier(name) if WORDS_OF_PLPGSQL.contains(&name.as_str()) => return None,
        TokenKind::Identifier(name) => name.as_str(),
        TokenKind::Keyword(keyword) if keyword.class() == Class::Unreserved && is_of_rows(kind) => {
            if BEFORE_PARENTHESES.contains(keyword) {
                return None;
            }
            keyword.text()
        }
        _ => return None,
    };
    // If the setting's name is a literal, as in `set_config('name', …)`, `add_settings` handles the call.
    let is_setting = name == "set_config"
        && tokens.get(at + 2).is_some_and(|argument| matches!(argument.kind, TokenKind::String(_)));
    let is_word = |it: &Token| matches!(&it.kind, TokenKind::Identifier(word) if WORDS_OF_PLPGSQL.contains(&word.as_str()));
    let is_alias = is_alias(before) && !before.is_some_and(is_word);
    (!is_alias && !is_setting && !is_postgres(name)).then_some(name)
}

/// Whether a statement reads or writes rows; in such a statement, a keyword before a parenthesis may be the name of a
/// function.
fn is_of_rows(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::Query(_)
            | StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete(_)
    )
}
