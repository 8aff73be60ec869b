//! Divides a migration for a PostgreSQL into steps.
//!
//! Input: the text of a file. Output: the steps of the file and a note for each division that the user did not write as
//! `BEGIN … COMMIT`; or an error for each statement that is not allowed in a migration.
//!
//! The whole file is one step and one transaction, unless one of the following divides it:
//!
//! - `BEGIN … COMMIT` around statements: these statements are a separate transaction.
//! - A statement that PostgreSQL rejects in a transaction (`PreventInTransactionBlock`), such as CREATE INDEX
//!   CONCURRENTLY: it is a separate step, and the catalog shows whether it was applied.
//! - An UPDATE or DELETE that runs in batches: each batch is a transaction.
//! - `ALTER TYPE … ADD VALUE`, if a later statement uses the new value: PostgreSQL accepts the value only after COMMIT
//!   (unless the transaction also created the type), so the statement ends its transaction.
//!
//! A setting of the session would be lost when the session ends. Behind a pooler in transaction mode, another client
//! would get the session with this setting. So only settings that end with the transaction (`SET LOCAL`,
//! `set_config(…, true)`) are accepted, and the setting `check_function_bodies`, which `dsql-edge pull` writes into a
//! snapshot. `migrate` resets this setting, and a setting that a DO block or a function changes.

use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::dsql::transaction::{Part, is_last_commit, part};
use dsql_edge_compiler::session_effect;
use dsql_edge_compiler::source::{Lines, Span};
use dsql_edge_compiler::syntax::ast::{
    AlterAction, Name, ObjectKind, QualifiedName, StatementKind, TransactionStatement,
};
use dsql_edge_compiler::syntax::token::TokenKind;
use dsql_edge_compiler::syntax::{Parsed, ParsedStatement, lex};
use dsql_edge_compiler::transaction_control::command;
use dsql_edge_compiler::typed::SessionEffect;

use super::batches::{Batched, Markers};
use super::misplaced::misplaced_error;
use super::trace::Kind;
use super::{Job, NO_CHANGE, Step, Trace, Work, not_sql, open_transaction};
use crate::allow_comment::is_allowed;

/// The steps of a file.
pub struct Division {
    /// The steps, in the order of the file.
    pub steps: Vec<Step>,
    /// The reasons why the file is not one transaction.
    pub notes: Vec<String>,
}

/// Returns the steps of a file.
///
/// # Errors
/// Returns the syntax errors, or an error for each statement that is not allowed in a migration. A comment (`--
/// dsql-edge: allow syntax-error`) allows a statement that only a newer PostgreSQL can read.
pub fn steps(text: &str) -> Result<Division, Vec<Diagnostic>> {
    let (parsed, unread) = Parsed::readable(text, lex(&Source::script(text)));
    let (allowed, errors): (Vec<_>, Vec<_>) = unread.into_iter().partition(|(error, span)| {
        is_allowed(text, Code::SyntaxError.name(), [error.span.start, span.start])
    });
    if !errors.is_empty() {
        return Err(errors.into_iter().map(|(error, _)| error).collect());
    }
    let unread: Vec<Span> = allowed.into_iter().map(|(_, span)| span).collect();
    let mut divider = divided(&parsed, &unread);
    if divider.errors.is_empty() {
        Ok(Division { steps: divider.steps, notes: std::mem::take(&mut divider.notes) })
    } else {
        Err(divider.errors)
    }
}

/// Returns an error for each readable statement that is not allowed in a migration.
pub fn misplaced(file: &Parsed<'_>) -> Vec<Diagnostic> {
    divided(file, &[]).errors
}

/// A statement, or a part of the text that only a newer PostgreSQL can read.
#[derive(Clone, Copy)]
enum Item<'p> {
    Statement(ParsedStatement<'p>),
    Unread(Span),
}

impl Item<'_> {
    fn span(&self) -> Span {
        match self {
            Item::Statement(statement) => statement.span,
            Item::Unread(span) => *span,
        }
    }
}

struct Divider<'p> {
    text: &'p str,
    lines: Lines,
    steps: Vec<Step>,
    notes: Vec<String>,
    errors: Vec<Diagnostic>,
    /// The statements of the transaction that is not a step yet.
    open: Vec<Span>,
    markers: Markers,
}

fn divided<'p>(file: &'p Parsed<'_>, unread: &[Span]) -> Divider<'p> {
    let mut items: Vec<Item<'_>> = file.iter().map(Item::Statement).collect();
    items.extend(unread.iter().map(|span| Item::Unread(*span)));
    items.sort_by_key(|item| item.span());
    let mut divider = Divider {
        text: &file.text,
        lines: Lines::of(&file.text),
        steps: Vec::new(),
        notes: Vec::new(),
        errors: not_sql(file),
        open: Vec::new(),
        markers: Markers::of(file),
    };
    let mut rest = items.iter();
    while let Some(item) = rest.next() {
        match item {
            Item::Statement(statement) if part(*statement) == Part::Begin => {
                divider.end_transaction();
                divider.errors.extend(options(*statement));
                let mut is_closed = false;
                let inside: Vec<Item<'_>> = rest
                    .by_ref()
                    .take_while(|it| {
                        is_closed = matches!(it, Item::Statement(it) if is_last_commit(it));
                        !is_closed
                    })
                    .copied()
                    .collect();
                divider.block(statement.span, &inside, is_closed);
            }
            Item::Statement(statement) => divider.statement(*statement, rest.as_slice()),
            Item::Unread(span) => divider.open.push(*span),
        }
    }
    divider.end_transaction();
    let unused = divider.markers.unused(&divider.errors, |place| super::is_batches(&divider.steps, place));
    divider.errors.extend(unused);
    divider
}

impl Divider<'_> {
    fn end_transaction(&mut self) {
        if let (Some(first), Some(last)) = (self.open.first(), self.open.last()) {
            let span = first.to(*last);
            let work = Work::Transaction(std::mem::take(&mut self.open));
            self.steps.push(Step::of(self.steps.len(), span, self.text, work));
        }
    }

    /// Divides the statements between BEGIN and COMMIT into steps.
    fn block(&mut self, begin: Span, inside: &[Item<'_>], is_closed: bool) {
        let is_end = |it: &Item<'_>| matches!(it, Item::Statement(it) if part(*it) == Part::End);
        if !is_closed && !inside.iter().any(is_end) {
            self.errors.push(open_transaction(begin));
            return;
        }
        for item in inside {
            if let Item::Statement(statement) = item {
                let error = match alone(*statement) {
                    Some(_) => {
                        let hint =
                            "PostgreSQL runs it only outside a transaction: move it out of BEGIN … COMMIT";
                        Some(misplaced_error(statement.span, "this statement in a transaction", hint))
                    }
                    None => error(*statement),
                };
                self.errors.extend(error);
            }
        }
        self.open = inside.iter().map(Item::span).collect();
        self.end_transaction();
    }

    fn statement(&mut self, statement: ParsedStatement<'_>, after: &[Item<'_>]) {
        let (line, _) = self.lines.place(self.text, statement.span.start as usize);
        match self.markers.rows(statement).filter(|_| part(statement) == Part::Dml) {
            Some(Ok(rows)) => {
                self.end_transaction();
                self.steps.push(Step::of(
                    self.steps.len(),
                    statement.span,
                    self.text,
                    Work::Batches(Batched::of(rows)),
                ));
                self.notes.push(format!("each batch of the statement in line {line} is a transaction"));
                return;
            }
            Some(Err(error)) => return self.errors.push(error),
            None => {}
        }
        match alone(statement) {
            Some(Ok(work)) => {
                self.end_transaction();
                self.steps.push(Step::of(self.steps.len(), statement.span, self.text, work));
                self.notes
                    .push(format!("PostgreSQL runs the statement in line {line} only outside a transaction"));
                return;
            }
            Some(Err(error)) => return self.errors.push(error),
            None => {}
        }
        if let Some(error) = error(statement) {
            return self.errors.push(error);
        }
        self.open.push(statement.span);
        if let Some(label) = added_value(statement)
            && after.iter().any(|it| it.span().text(self.text).contains(&literal(label)))
        {
            self.end_transaction();
            self.notes.push(format!(
                "the value '{label}' that line {line} adds is used later, and PostgreSQL accepts it only after COMMIT"
            ));
        }
    }
}

/// Returns a value as it is written in a statement, or in the body of a function or a DO block.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Returns the error for a statement that chooses the isolation level of its transaction, or makes it read-only:
/// `migrate` begins the transaction, and the first statement in the transaction writes the step's row in the ledger.
fn options(statement: ParsedStatement<'_>) -> Option<Diagnostic> {
    let words = words(statement);
    let is_option = |word: &String| matches!(word.as_str(), "ISOLATION" | "READ" | "DEFERRABLE" | "SNAPSHOT");
    words.iter().any(is_option).then(|| {
        let hint = "leave it out: `dsql-edge migrate` begins the transaction itself; ALTER ROLE … SET \
                    default_transaction_isolation changes the level";
        misplaced_error(statement.span, "an option of a transaction", hint)
    })
}

/// Returns the value that the statement adds to an enum.
fn added_value(statement: ParsedStatement<'_>) -> Option<&str> {
    let StatementKind::AlterTable(alter) = &statement.tree.kind else { return None };
    alter.actions.iter().find_map(|action| match action {
        AlterAction::AddValue { label, .. } => Some(label.as_str()),
        _ => None,
    })
}

/// Returns the error for a statement that is not allowed in a transaction of a migration.
fn error(statement: ParsedStatement<'_>) -> Option<Diagnostic> {
    let span = statement.span;
    let words = words(statement);
    match &statement.kind {
        StatementKind::Transaction(
            TransactionStatement::Savepoint(_)
            | TransactionStatement::Release(_)
            | TransactionStatement::RollbackTo(_),
        ) => return None,
        StatementKind::Transaction(_) => {
            let hint = "BEGIN … COMMIT around statements makes them a transaction of their own; a migration is not rolled back";
            return Some(misplaced_error(span, &command(statement), hint));
        }
        StatementKind::Utility("SET TRANSACTION") => return options(statement),
        // A snapshot that `dsql-edge pull` has written contains this setting. `migrate` resets the setting at the end
        // of the transaction.
        StatementKind::Set(_) | StatementKind::Utility("SET")
            if words.get(1).is_some_and(|name| name == "CHECK_FUNCTION_BODIES") =>
        {
            return None;
        }
        StatementKind::Utility("COPY") => {
            return Some(misplaced_error(span, "COPY", "write INSERT instead"));
        }
        StatementKind::Utility(
            words @ ("EXPLAIN" | "SHOW" | "EXECUTE" | "FETCH" | "MOVE" | "CLOSE" | "DECLARE CURSOR"),
        ) => {
            return Some(misplaced_error(span, words, NO_CHANGE));
        }
        _ => {}
    }
    let ends_with_transaction = has(&words, &["ON", "COMMIT", "DROP"]);
    let sets_config = words.iter().position(|word| word == "SET_CONFIG").is_some_and(|at| {
        last_argument(words.get(at..).unwrap_or_default()).is_some_and(|last| last != "TRUE")
    });
    let is_session =
        session_effect::of_statement(statement) == SessionEffect::Changes && !ends_with_transaction;
    (is_session || sets_config).then(|| {
        let hint = "it lasts until the end of the session, which other clients may use: write SET LOCAL, or a temporary \
                    table with ON COMMIT DROP, which last until the end of the transaction";
        misplaced_error(span, "a change of the session", hint)
    })
}

/// For a statement that PostgreSQL rejects in a transaction, returns the kind of the step, or an error; `None` for all
/// other statements.
fn alone(statement: ParsedStatement<'_>) -> Option<Result<Work, Diagnostic>> {
    let words = words(statement);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let named = |kind: Kind, at: usize, what: &str| Ok(existence(statement, kind, at, what));
    Some(match &statement.kind {
        StatementKind::CreateIndex(index) if index.concurrently => match &index.name {
            Some(name) => {
                Ok(Work::Job(Job::Concurrently { name: name.text.clone(), table: index.table.clone() }))
            }
            None => {
                let hint = "name it: after a failed run, the next run looks for the index by its name";
                Err(misplaced_error(statement.span, "an index without a name", hint))
            }
        },
        StatementKind::Drop(drop) if drop.object == ObjectKind::Index && word(2) == "CONCURRENTLY" => {
            match drop.names.as_slice() {
                [_] if drop.if_exists => Ok(Work::Repeatable),
                [name] => Ok(Work::Schema(Trace::existence(Kind::Index, name, "the index"))),
                _ => return None,
            }
        }
        StatementKind::Drop(_) if matches!(word(1), "DATABASE" | "TABLESPACE" | "SUBSCRIPTION") => {
            if word(2) == "IF" {
                return Some(Ok(Work::Repeatable));
            }
            match word(1) {
                "DATABASE" => named(Kind::Database, 2, "the database"),
                "TABLESPACE" => named(Kind::Tablespace, 2, "the tablespace"),
                _ => named(Kind::Subscription, 2, "the subscription"),
            }
        }
        StatementKind::Utility("CREATE DATABASE") => named(Kind::Database, 2, "the database"),
        StatementKind::Utility("CREATE TABLESPACE") => named(Kind::Tablespace, 2, "the tablespace"),
        StatementKind::Utility("CREATE SUBSCRIPTION") => named(Kind::Subscription, 2, "the subscription"),
        StatementKind::Utility("ALTER SUBSCRIPTION") if has(&words, &["PUBLICATION"]) => match word(3) {
            "SET" | "REFRESH" => Ok(Work::Repeatable),
            _ => Ok(Work::Schema(Trace::unseen("has the subscription these publications?".to_owned()))),
        },
        StatementKind::Utility("ALTER DATABASE") if has(&words, &["SET", "TABLESPACE"]) => {
            Ok(Work::Repeatable)
        }
        StatementKind::Utility("VACUUM" | "ALTER SYSTEM") => Ok(Work::Repeatable),
        StatementKind::Utility("CLUSTER") if words.len() <= 2 => Ok(Work::Repeatable),
        StatementKind::Utility("REINDEX")
            if has(&words, &["CONCURRENTLY"])
                || words.iter().any(|word| matches!(word.as_str(), "SCHEMA" | "DATABASE" | "SYSTEM")) =>
        {
            Ok(Work::Repeatable)
        }
        StatementKind::AlterTable(alter) if words.last().is_some_and(|last| last == "CONCURRENTLY") => {
            let detached = alter.actions.iter().find_map(|action| match action {
                AlterAction::DetachPartition(name) => Some(name),
                _ => None,
            });
            Ok(Work::Schema(Trace::existence(Kind::Partition, detached?, "the partition")))
        }
        _ => return None,
    })
}

/// Returns the kind of the step for a statement that creates or drops an object; the name of the object is the word
/// with the index `at`.
fn existence(statement: ParsedStatement<'_>, kind: Kind, at: usize, what: &str) -> Work {
    let name =
        statement.own_tokens().get(at).and_then(|token| Some((token.kind.name()?.to_owned(), token.span)));
    Work::Schema(match name {
        Some((text, span)) => {
            Trace::existence(kind, &QualifiedName { parts: vec![Name { text, span }] }, what)
        }
        None => Trace::unseen(format!("does {what} exist?")),
    })
}

/// Returns the last word of a call's last argument.
fn last_argument(call: &[String]) -> Option<&str> {
    let mut open = 0_usize;
    let end = call.iter().position(|word| {
        match word.as_str() {
            "(" => open += 1,
            ")" => open = open.saturating_sub(1),
            _ => {}
        }
        word == ")" && open == 0
    })?;
    call.get(..end)?.last().map(String::as_str)
}

/// Returns the tokens of a statement in capitals; a string is `'`.
fn words(statement: ParsedStatement<'_>) -> Vec<String> {
    let word = |token: &dsql_edge_compiler::syntax::token::Token| match token.kind {
        TokenKind::String(_) => "'".to_owned(),
        _ => token.span.text(statement.text).to_uppercase(),
    };
    statement.own_tokens().iter().map(word).collect()
}

/// Whether the words of a statement contain this sequence of words.
fn has(words: &[String], sequence: &[&str]) -> bool {
    words
        .windows(sequence.len())
        .any(|window| window.iter().zip(sequence).all(|(word, expected)| word == expected))
}
