//! Defines a flight, and writes it. `answer.rs` reads its answer.
//!
//! Input: statements whose arguments are encoded, and whether BEGIN and COMMIT are sent with them. Output: frames for
//! the session. Nothing here awaits.
//!
//! A flight ends with a Sync. If the flight begins with the COMMIT of the previous transaction, this COMMIT has its own
//! Sync. Outside a transaction, a flight is a single statement, several statements between BEGIN and COMMIT, or several
//! transactions. By the protocol, several statements before one Sync are one transaction even without BEGIN, but some
//! proxies and servers have committed each statement separately.

use std::sync::Arc;

use crate::arguments::Arguments;
use crate::client::key::{Key, Verdict};
use crate::error::{Error, Kind};
use crate::query::{KeyInsert, Request};
use crate::retry::{Payload, Signal};
use crate::row::DataRow;
use crate::session::Connection;
use crate::sqlstate::SqlState;
#[cfg(any(feature = "pool", feature = "postgres"))]
use crate::statement::SessionEffect;
use crate::statement::{Effect, StatementRef};
use crate::wire::{DatabaseError, Malformed, Parameters};

/// Receives the rows of one statement as they arrive.
pub trait Sink: Send {
    /// Takes a row. After an error, the rest of the answer is received, and the error is returned at the end.
    ///
    /// # Errors
    /// Returns an error if the row cannot be decoded, or is not expected.
    fn row(&mut self, row: &DataRow<'_>) -> Result<(), Error>;

    /// Records that all rows have arrived; `affected` is the server's count.
    fn done(&mut self, affected: u64);

    /// Discards the rows, because the statement may run again. Returns `false` if rows were already passed on.
    fn restart(&mut self) -> bool;

    /// Whether the sink keeps its rows in memory, so that `Config::max_result` limits them.
    fn keeps(&self) -> bool {
        true
    }

    /// Whether the sink cannot take another row now.
    fn is_full(&self) -> bool {
        false
    }
}

/// A statement that can be sent: all its arguments are encoded.
pub(crate) struct Prepared {
    pub(crate) statement: StatementRef,
    /// The arguments of each execution.
    pub(crate) arguments: Vec<Arguments>,
    pub(super) unchecked: bool,
    /// Set for the INSERT of an idempotency key.
    key: Option<Key>,
}

impl Prepared {
    pub(crate) fn new(request: Request) -> Result<Self, Error> {
        let Request { statement, mut arguments, unchecked } = request;
        match arguments.iter_mut().find_map(Arguments::take_error) {
            Some(error) => Err(error.at(&statement)),
            None => Ok(Prepared { statement, arguments, unchecked, key: None }),
        }
    }

    pub(crate) fn key(insert: KeyInsert) -> Result<Self, Error> {
        let key = Some(Key::of(&insert));
        Ok(Prepared { key, ..Prepared::new(insert.request)? })
    }

    /// The search_path that the statement was compiled for; empty for the server's default. `None` for `sql_unchecked!`
    /// and `dynamic`.
    fn search_path(&self) -> Option<&'static str> {
        (!self.unchecked).then_some(self.statement.search_path)
    }

    /// Returns an error if a name can mean one object on this connection, and meant another object when the query was
    /// compiled. `configured`: whether the user has set the connection's search_path. A query whose snapshot has no
    /// search_path accepts every search_path that the user has set.
    fn check(&self, search_path: &str, configured: bool) -> Result<(), Error> {
        let compiled = self.statement.search_path;
        if self.unchecked || compiled == search_path || (compiled.is_empty() && configured) {
            return Ok(());
        }
        let [compiled, search_path] =
            [compiled, search_path].map(|path| if path.is_empty() { "default" } else { path });
        let text = format!(
            "the query's search_path is {compiled}, and this connection's is {search_path}: set \
             Config::search_path, or use a Dsql for each schema"
        );
        Err(Error::config(text).at(&self.statement))
    }

    pub(super) fn write(&self, connection: &mut Connection) -> Result<(), Malformed> {
        let Some(first) = self.arguments.first() else { return Ok(()) };
        // A statement of `sql_unchecked!` does not declare the types of its parameters: the types come from the
        // arguments.
        let types = if first.types().is_empty() { self.statement.params } else { first.types() };
        connection.statement(self.statement.sql(), types)?;
        let mut described = true;
        for arguments in &self.arguments {
            connection.execute(arguments.parameters(), self.statement.formats, described)?;
            described = false;
        }
        Ok(())
    }
}

/// How a transaction begins.
#[derive(Clone)]
pub(crate) struct TransactionStart {
    pub(crate) begin: &'static str,
    /// The statement that inserts the idempotency key of the transaction.
    pub(crate) key: Option<Arc<Prepared>>,
}

pub(super) type WriteFlight = fn(&Flight<'_>, &mut Connection) -> Result<(), Malformed>;

/// The statements that are sent at once, up to a Sync.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flight<'f> {
    /// Whether the COMMIT of the previous transaction is sent first, followed by a separate Sync. `false` again once
    /// the server has committed.
    pub(crate) commits_previous: bool,
    /// BEGIN, if the transaction is not open yet.
    pub(crate) begin: Option<&'static str>,
    /// The statement that inserts the transaction's idempotency key.
    pub(crate) key: Option<&'f Prepared>,
    pub(crate) members: &'f [Prepared],
    pub(crate) commit: bool,
    /// Writes a flight of several transactions (`several.rs`).
    pub(crate) write: Option<WriteFlight>,
    /// Whether all members share one sink.
    pub(crate) has_one_sink: bool,
    /// Whether the flight is one of several flights of a transaction.
    pub(crate) in_transaction: bool,
}

pub(crate) const BEGIN: &str = "BEGIN";
pub(crate) const BEGIN_READ_ONLY: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
pub(crate) const COMMIT: &str = "COMMIT";

/// The part of a flight that the server answers next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The COMMIT of the previous transaction.
    Previous,
    /// The Sync after that COMMIT.
    PreviousSync,
    Begin,
    Key,
    Member(usize),
    Commit,
    /// Everything except the Sync is answered.
    Sync,
}

impl<'f> Flight<'f> {
    /// Makes a flight outside a transaction: a single statement, or several statements between BEGIN and COMMIT.
    pub(crate) fn alone(members: &'f [Prepared]) -> Self {
        let several = members.iter().map(|member| member.arguments.len()).sum::<usize>() > 1;
        let begin = if reads(members) { BEGIN_READ_ONLY } else { BEGIN };
        Flight { begin: several.then_some(begin), members, commit: several, ..Flight::default() }
    }

    /// A flight of a transaction. With `start`, the flight also begins the transaction.
    pub(crate) fn of_transaction(start: Option<&'f TransactionStart>, members: &'f [Prepared]) -> Self {
        Flight {
            begin: start.map(|start| start.begin),
            key: start.and_then(|start| start.key.as_deref()),
            members,
            in_transaction: true,
            ..Flight::default()
        }
    }

    pub(crate) fn payload(&self) -> Payload {
        if self.commits_previous && !seeded!(DeniesPreviousCommit) {
            return Payload::Commit;
        }
        if reads(self.members) && !self.in_transaction {
            return Payload::Reads;
        }
        if self.leaves_open() { Payload::Transaction } else { Payload::Commit }
    }

    /// Whether a transaction is open after the flight.
    pub(super) fn leaves_open(&self) -> bool {
        (self.begin.is_some() || self.in_transaction) && !self.commit
    }

    /// The search_path that the connection must have; `None` if no statement is checked against a snapshot.
    pub(crate) fn search_path(&self) -> Option<&'static str> {
        self.key.into_iter().chain(self.members).find_map(Prepared::search_path)
    }

    /// Returns the statement whose location an error gets if the error is not about a particular statement.
    pub(crate) fn first(&self) -> Option<&StatementRef> {
        self.members.first().or(self.key).map(|prepared| &prepared.statement)
    }

    /// Whether a statement may leave a change in the session: a setting, an advisory lock, a temporary table. If a
    /// statement may leave such a change, a pool must not lend the connection again.
    #[cfg(feature = "pool")]
    pub(crate) fn changes_session(&self) -> bool {
        self.has_effect(|effect| effect != SessionEffect::Keeps)
    }

    /// Whether a statement's purpose is to change the session.
    #[cfg(any(feature = "pool", feature = "postgres"))]
    pub(crate) fn is_for_session(&self) -> bool {
        self.has_effect(|effect| effect == SessionEffect::Changes)
    }

    #[cfg(any(feature = "pool", feature = "postgres"))]
    fn has_effect(&self, is: impl Fn(SessionEffect) -> bool) -> bool {
        self.key.into_iter().chain(self.members).any(|it| is(it.statement.session))
    }

    /// Writes the flight into the session, if the session has the search_path that the flight needs. After an error,
    /// the session contains none of the flight's bytes.
    pub(crate) fn write(
        &self,
        connection: &mut Connection,
        search_path: &str,
        configured: bool,
    ) -> Result<(), Error> {
        for prepared in self.key.into_iter().chain(self.members) {
            prepared.check(search_path, configured)?;
        }
        let checkpoint = connection.checkpoint();
        self.write_all(connection).map_err(|Malformed(reason)| {
            connection.abandon(&checkpoint);
            Error::new(Kind::Unsendable(reason))
        })
    }

    fn write_all(&self, connection: &mut Connection) -> Result<(), Malformed> {
        match self.write {
            Some(write) => write(self, connection),
            None => self.write_statements(connection),
        }
    }

    pub(super) fn write_statements(&self, connection: &mut Connection) -> Result<(), Malformed> {
        if let Some(begin) = self.begin {
            write_control(begin, connection)?;
        }
        if let Some(key) = self.key {
            key.write(connection)?;
        }
        for member in self.members {
            member.write(connection)?;
        }
        if self.commit {
            write_control(COMMIT, connection)?;
        }
        connection.sync()
    }

    pub(super) fn first_step(&self) -> Step {
        match self {
            Flight { commits_previous: true, .. } => Step::Previous,
            _ => self.after_previous(),
        }
    }

    pub(super) fn after_previous(&self) -> Step {
        match self {
            Flight { begin: Some(_), .. } => Step::Begin,
            _ => self.after_begin(),
        }
    }

    pub(super) fn after_begin(&self) -> Step {
        if self.key.is_some() { Step::Key } else { self.member(0) }
    }

    /// The index of a member's sink.
    pub(super) fn sink_of(&self, member: usize) -> usize {
        if self.has_one_sink { 0 } else { member }
    }

    /// Returns the step of the first member, from `index` on, that is executed at least once. If no later member is
    /// executed, returns the step of COMMIT or Sync.
    pub(super) fn member(&self, index: usize) -> Step {
        let rest = self.members.get(index..).unwrap_or_default();
        match rest.iter().position(|member| !member.arguments.is_empty()) {
            Some(further) => Step::Member(index + further),
            None if self.commit => Step::Commit,
            None => Step::Sync,
        }
    }
}

/// Writes ROLLBACK as a separate flight.
pub(crate) fn write_rollback(connection: &mut Connection) -> Result<(), Malformed> {
    let checkpoint = connection.checkpoint();
    let written = write_control("ROLLBACK", connection).and_then(|()| connection.sync());
    if written.is_err() {
        connection.abandon(&checkpoint);
    }
    written
}

pub(super) fn write_control(sql: &str, connection: &mut Connection) -> Result<(), Malformed> {
    connection.statement(sql, &[])?;
    connection.execute(&Parameters::default(), &[], false)
}

/// Whether the statements only read.
pub(super) fn reads(members: &[Prepared]) -> bool {
    members.iter().all(|member| member.statement.effect == Effect::Read)
}

/// The codes with which the server reports an unknown outcome.
const UNKNOWN: &[SqlState] =
    &[SqlState::STATEMENT_COMPLETION_UNKNOWN, SqlState::TRANSACTION_RESOLUTION_UNKNOWN];

impl Flight<'_> {
    /// Returns the [`Signal`] for an error that the server sends at this step.
    pub(crate) fn signal(&self, error: &DatabaseError, step: Step) -> Signal {
        // PostgreSQL commits before it sends CommandComplete of COMMIT: no later error undoes the commit.
        if (self.commit && step == Step::Sync) || step == Step::PreviousSync {
            return Signal::Unsure;
        }
        if error.is_conflict() {
            return Signal::Conflict;
        }
        // Whether the statement may have been committed when this error was sent.
        let committing = match step {
            Step::Sync | Step::Commit | Step::Previous | Step::PreviousSync => true,
            Step::Begin | Step::Key => false,
            Step::Member(_) => self.begin.is_none() && !self.in_transaction,
        };
        if error.fatal && seeded!(TrustsFatalError) {
            return Signal::Answered;
        }
        if error.fatal || error.is_one_of(UNKNOWN) || (committing && error.is_of_the_system()) {
            Signal::Unsure
        } else if error.is_one_of(&[SqlState::INTERNAL_ERROR]) {
            Signal::Unavailable
        } else {
            Signal::Answered
        }
    }

    /// Interprets the answer to the INSERT of the flight's idempotency key: an error of the server, or no row. Returns
    /// `None` if the flight has no key.
    pub(super) fn judge_key(&self, violation: Option<&DatabaseError>) -> Option<Verdict> {
        self.key?.key.as_ref().map(|key| key.judge(violation))
    }

    /// The statement that is answered at this step. At BEGIN, COMMIT or Sync, it is the flight's first statement;
    /// `None` if the flight has several members.
    pub(crate) fn statement(&self, step: Step) -> Option<&StatementRef> {
        match step {
            Step::Member(at) => self.members.get(at).map(|member| &member.statement),
            Step::Key => self.key.map(|key| &key.statement),
            _ if self.members.len() < 2 => self.first(),
            _ => None,
        }
    }
}
